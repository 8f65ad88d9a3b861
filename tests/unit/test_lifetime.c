/*
 * Lifetimes and ages: who says how long a response is fresh, how it is written, and what is broken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy_case.h"

static const struct policy_case cache_control_cases[] = {
    /* s-maxage, max-age, the rule */
    {"Cache-Control: max-age=60\n", STORED(60)},
    {"Cache-Control: max-age=60\n", TTL(10), STORED(60)},
    {"Cache-Control: max-age=60, s-maxage=30\n", STORED(30), .must_revalidate = true,
     .shared = true},
    {"Cache-Control: s-maxage=90, max-age=0\n", STORED(90), .must_revalidate = true,
     .shared = true},
    {"Cache-Control: s-maxage=0, max-age=60\n", .reason = REASON_NO_LIFETIME},
    {"A: b\n", .reason = REASON_NO_LIFETIME},
    {"Cache-Control: immutable\n", .reason = REASON_NO_LIFETIME},
    {"Cache-Control:\n", TTL(10), STORED(10)},
    /* how it is written */
    {"CACHE-CONTROL: MAX-AGE=60\n", STORED(60)},
    {"Cache-Control:  max-age=60 ,foo, bar=1\n", STORED(60)},
    {"Cache-Control: foo=\"a, b\", max-age=60\n", STORED(60)},
    {"Cache-Control: foo, , max-age=60,\n", STORED(60)},
    {"Cache-Control: max-age=\"60\"\n", STORED(60)},
    {"Cache-Control: max-age=0060\n", STORED(60)},
    {"Cache-Control: foo\nCache-Control: max-age=60\n", STORED(60)},
    {"Cache-Control: ext=\"max-age=60\", max-age=10\n", STORED(10)},
    {"Cache-Control: max-age=10, ext=\"max-age=60\"\n", STORED(10)},
    {"Cache-Control: x-max-age=60, max-ages=60\n", TTL(10), STORED(10)},
    /* twice */
    {"Cache-Control: max-age=60, max-age=60\n", STORED(60)},
    {"Cache-Control: max-age=60, max-age=30\n", STORED(30)},
    {"Cache-Control: max-age=30, max-age=60\n", STORED(30)},
    {"Cache-Control: max-age=60\nCache-Control: max-age=0\n", .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=60, max-age=x\n", .reason = REASON_NO_LIFETIME},
    {"Cache-Control: s-maxage=60, s-maxage=5\n", STORED(5), .must_revalidate = true,
     .shared = true},
    /* too large */
    {"Cache-Control: max-age=2147483647\n", STORED(2147483647)},
    {"Cache-Control: max-age=2147483648\n", .lifetime = MAX},
    {"Cache-Control: max-age=2147483649\n", .lifetime = MAX},
    {"Cache-Control: max-age=4294967296\n", .lifetime = MAX},
    {"Cache-Control: max-age=9223372036854775807\n", .lifetime = MAX},
    {"Cache-Control: max-age=18446744073709551615\n", .lifetime = MAX},
    {"Cache-Control: max-age=18446744073709551616\n", .lifetime = MAX},
    {"Cache-Control: max-age=99999999999999999999999999999999999999\n", .lifetime = MAX},
    /* whole seconds */
    {"Cache-Control: max-age=60.0\n", TTL(10), STORED(60)},
    {"Cache-Control: max-age=60.5\n", TTL(10), STORED(60)},
    {"Cache-Control: max-age=90, s-maxage=\"60.5\"\n", STORED(60), .must_revalidate = true,
     .shared = true},
    {"Cache-Control: max-age=60, stale-while-revalidate=5.5\n", STORED(60), .grace = S(5)},
    /* broken: 0, and not the rule's ttl either */
    {"Cache-Control: max-age=0\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=\"0\"\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=-1\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=+60\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=60.\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=.5\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=6.x\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=0.5\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=1e3\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=0x3c\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=60s\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=one minute\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age='60'\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=\"60\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=\"\"\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age =60\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age = 60\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age\t=60\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=\" 60\"\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: \"max-age=60\"\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: \"max-age=60\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: s-maxage =90, max-age=60\n", .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age= 60\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=60; private\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age:60\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: s-maxage=x, max-age=60\n", TTL(10), .reason = REASON_NO_LIFETIME},
    /* a quote that never closes hides nothing */
    {"Cache-Control: a=\",b, max-age=1\n", TTL(10), STORED(1)},
};

static void test_cache_control(void **state)
{
	CHECK_ALL(cache_control_cases);
}

#define DATE "Date: Sun, 06 Nov 1994 08:49:37 GMT\n"

static const struct policy_case expires_cases[] = {
    /* in the three forms */
    {DATE "Expires: Sun, 06 Nov 1994 08:50:37 GMT\n", STORED(60)},
    {DATE "Expires: Sunday, 06-Nov-94 08:50:37 GMT\n", STORED(60)},
    {DATE "Expires: Sun Nov  6 08:50:37 1994\n", STORED(60)},
    {DATE "Expires: sun, 06 nov 1994 08:50:37 gmt\n", STORED(60)},
    /* Date missing or none: from now */
    {"Expires: Sun, 06 Nov 1994 08:50:37 GMT\n", .lifetime = S(59) + 400},
    {"Date: 0\nExpires: Sun, 06 Nov 1994 08:50:37 GMT\n", .lifetime = S(59) + 400},
    {"Date: now\nExpires: Sun, 06 Nov 1994 08:50:37 GMT\n", .lifetime = S(59) + 400},
    /* Date wrong: the lifetime is Expires less Date, the age is what it seems to be */
    {"Date: Sun, 06 Nov 1994 08:49:27 GMT\nExpires: Sun, 06 Nov 1994 08:50:37 GMT\n",
     .lifetime = S(70), .age = S(10)},
    {"Date: Sun, 06 Nov 1994 09:49:37 GMT\nExpires: Sun, 06 Nov 1994 09:49:47 GMT\n",
     .lifetime = S(10)},
    {"Date: Sun, 06 Nov 1994 09:49:37 GMT\nExpires: Sun, 06 Nov 1994 09:00:00 GMT\n",
     .reason = REASON_NO_LIFETIME},
    /* over, now or never: not the rule's ttl */
    {DATE "Expires: Sun, 06 Nov 1994 08:49:37 GMT\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {DATE "Expires: Thu, 19 Nov 1981 08:52:00 GMT\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Expires: Thu, 01 Jan 1970 00:00:00 GMT\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Expires: 0\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Expires: -1\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Expires:\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Expires: tomorrow\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Expires: 2099-01-01T00:00:00Z\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Expires: Sun, 06 Nov 1994 08:50:37 UTC\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Expires: Sun, 06 Nov 1994 08:50:37 PST\n", TTL(10), .reason = REASON_NO_LIFETIME},
    /* far away */
    {"Expires: Fri, 31 Dec 9999 23:59:59 GMT\n", .lifetime = MAX},
    {"Date: Sat, 01 Jan 0000 00:00:00 GMT\nExpires: Fri, 31 Dec 9999 23:59:59 GMT\n", .age = MAX,
     .reason = REASON_NO_LIFETIME},
    /* twice: the earliest */
    {DATE "Expires: Sun, 06 Nov 1994 08:50:37 GMT\nExpires: Sun, 06 Nov 1994 08:49:47 GMT\n",
     STORED(10)},
    {DATE "Expires: 0\nExpires: Sun, 06 Nov 1994 08:50:37 GMT\n", .reason = REASON_NO_LIFETIME},
    {DATE "Expires: Sun, 06 Nov 1994 08:50:37 GMT, Sun, 06 Nov 1994 08:50:37 GMT\n",
     .reason = REASON_NO_LIFETIME},
    /* Cache-Control comes first if it speaks */
    {"Expires: 0\nCache-Control: max-age=60\n", STORED(60)},
    {"Expires: Fri, 31 Dec 9999 23:59:59 GMT\nCache-Control: max-age=0\n",
     .reason = REASON_NO_LIFETIME},
    {DATE "Expires: Sun, 06 Nov 1994 08:50:37 GMT\nCache-Control: public\n", STORED(60),
     .shared = true},
};

static void test_expires(void **state)
{
	CHECK_ALL(expires_cases);
}

/* RFC 9111 section 4.2.3 */
static const struct policy_case age_cases[] = {
    {DATE "Cache-Control: max-age=60\n", STORED(60)},
    {"Cache-Control: max-age=60\nAge: 0\n", STORED(60)},
    {"Cache-Control: max-age=60\nAge: 59\n", STORED(60), .age = S(59)},
    {"Cache-Control: max-age=60\nAge: 60\n", .age = S(60), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=60\nAge: 61\n", .age = S(61), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=60\nAge: 2147483648\n", .age = MAX, .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=60\nAge: 18446744073709551617\n", .age = MAX,
     .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=2147483648\nAge: 2147483648\n", .age = MAX,
     .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=2147483648\nAge: 2147483647\n", .lifetime = MAX, .age = S(2147483647)},
    /* an Age that is no number is ignored; of several the first counts (5.1) */
    {"Cache-Control: max-age=60\nAge: -10\n", STORED(60)},
    {"Cache-Control: max-age=60\nAge: old\n", STORED(60)},
    {"Cache-Control: max-age=60\nAge: 1.5\n", STORED(60)},
    {"Cache-Control: max-age=60\nAge:\n", STORED(60)},
    {"Cache-Control: max-age=60\nAge: +7\n", STORED(60)},
    {"Cache-Control: max-age=60\nAge: \"7\"\n", STORED(60)},
    {"Cache-Control: max-age=60\nAge: x, 7\n", STORED(60)},
    {"Cache-Control: max-age=60\nAge: -1\nAge: 7\n", STORED(60)},
    {"Cache-Control: max-age=60\nAge: 007\n", STORED(60), .age = S(7)},
    {"Cache-Control: max-age=60\nAge: 0, 7200\n", STORED(60)},
    {"Cache-Control: max-age=60\nAge: 7200, 0\n", .age = S(7200), .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=60\nAge: 7, 100\n", STORED(60), .age = S(7)},
    {"Cache-Control: max-age=60\nAge: 7\nAge: 100\n", STORED(60), .age = S(7)},
    /* parameters behind the number are not read */
    {"Cache-Control: max-age=60\nAge: 7200;foo=bar\n", .age = S(7200),
     .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=60\nAge: 7;foo=bar;baz\n", STORED(60), .age = S(7)},
    {"Cache-Control: max-age=60\nAge: 7;a=\"1, 2\", 100\n", STORED(60), .age = S(7)},
    {"Cache-Control: max-age=60\nAge: 7;\n", STORED(60), .age = S(7)},
    {"Cache-Control: max-age=60\nAge: ;7\n", STORED(60)},
    {"Cache-Control: max-age=60\nAge: x;a=7\n", STORED(60)},
    {"Cache-Control: max-age=60\nAge: \"7;a=1\"\n", STORED(60)},
    /* what the application took to answer is added */
    {"Cache-Control: max-age=60\n", .took = 2500, STORED(60), .age = 2500},
    {"Cache-Control: max-age=60\nAge: 7\n", .took = 2500, STORED(60), .age = 9500},
    {"Cache-Control: max-age=2\n", .took = 2500, .age = 2500, .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=60\n", .took = -5000, STORED(60)},
    {"Cache-Control: max-age=2147483648\nAge: 2147483647\n", .took = 999, .lifetime = MAX,
     .age = MAX - 1},
    {"Cache-Control: max-age=2147483648\n", .took = INT64_C(4000000000000), .age = MAX,
     .reason = REASON_NO_LIFETIME},
    /* the apparent age, if that is more; in whole seconds */
    {"Date: Sun, 06 Nov 1994 08:49:36 GMT\nCache-Control: max-age=60\n", STORED(60), .age = S(1)},
    {"Date: Sun, 06 Nov 1994 08:49:30 GMT\nAge: 3\nCache-Control: max-age=60\n", STORED(60),
     .age = S(7)},
    {"Date: Sun, 06 Nov 1994 08:49:30 GMT\nAge: 30\nCache-Control: max-age=60\n", STORED(60),
     .age = S(30)},
    {"Date: Sun, 06 Nov 1994 08:49:30 GMT\nCache-Control: max-age=60\n", .took = S(9), STORED(60),
     .age = S(9)},
    {"Date: Sun, 06 Nov 1994 08:49:38 GMT\nCache-Control: max-age=60\n", STORED(60)},
    {"Date: Mon, 06 Nov 2034 08:49:38 GMT\nCache-Control: max-age=60\n", STORED(60)},
    {"Date: Sun, 06 Nov 1994 08:48:37 GMT\nCache-Control: max-age=60\n", .age = S(60),
     .reason = REASON_NO_LIFETIME},
    {"Date: Sat, 01 Jan 0000 00:00:00 GMT\nCache-Control: max-age=2147483648\n", .age = MAX,
     .reason = REASON_NO_LIFETIME},
    {"Date: Sunday, 06-Nov-94 08:49:30 GMT\nCache-Control: max-age=60\n", STORED(60), .age = S(7)},
    /* the rule's ttl counts from the arrival, but not against an Age or a Date */
    {"A: b\n", TTL(2), .took = 2500, STORED(2)},
    {"Age: 1\n", TTL(2), .took = 2500, STORED(2), .age = S(1)},
    {"Age: 2\n", TTL(2), .age = S(2), .reason = REASON_NO_LIFETIME},
    /* and is told of what is not stored too */
    {"Age: 7\n", .age = S(7), .reason = REASON_NO_LIFETIME},
    {"Age: 7\nCache-Control: no-store\n", .age = S(7), .reason = REASON_NO_STORE},
    {"Age: 7\nStatus: 500\n", .age = S(7), .reason = REASON_STATUS},
    {"Age: 7\nCache-Control: private\n", TTL(10), .took = 2500, .age = S(7),
     .reason = REASON_PRIVATE},
    {"Age: 7\nCache-Control: private, max-age=60\n", TTL(10), .took = 2500, .age = 9500,
     .reason = REASON_PRIVATE},
    {"Date: Sun, 06 Nov 1994 08:49:30 GMT\nSet-Cookie: a\n", .age = S(7),
     .reason = REASON_SET_COOKIE},
    {"A: b\n", .took = 2500, .age = 2500, .reason = REASON_NO_LIFETIME},
};

static void test_age(void **state)
{
	CHECK_ALL(age_cases);
}

static const struct policy_case x_accel_expires_cases[] = {
    {"X-Accel-Expires: 60\n", STORED(60)},
    {"x-accel-expires: 60\nCache-Control: max-age=10\nExpires: 0\n", TTL(5), STORED(60)},
    {"X-Accel-Expires: 60\nCDN-Cache-Control: max-age=30\nSurrogate-Control: max-age=20\n",
     STORED(60)},
    {"X-Accel-Expires: 60\nPragma: no-cache\n", STORED(60)},
    {"X-Accel-Expires: 60\nCache-Control: no-cache\n", .rule = {.grace = S(5)}, STORED(60),
     .must_revalidate = true},
    {"X-Accel-Expires: 1\n", .took = 2500, STORED(1)},
    {"X-Accel-Expires: 60.5\n", TTL(5), .reason = REASON_NO_LIFETIME},
    {"X-Accel-Expires: 99999999999\n", .lifetime = MAX},
    /* absolute */
    {"X-Accel-Expires: @784111837\n", .lifetime = S(59) + 400},
    {"X-Accel-Expires: @18446744073709551615\n", .lifetime = MAX},
    {"X-Accel-Expires: @9223372036854775807\n", .lifetime = MAX},
    /* off, whatever else is said */
    {"X-Accel-Expires: 0\n", TTL(5), .reason = REASON_NO_LIFETIME},
    {"X-Accel-Expires: 0\nCache-Control: max-age=60\n", .rule = {.grace = S(60)},
     .reason = REASON_NO_LIFETIME},
    {"X-Accel-Expires: @784111777\n", .rule = {.ttl = S(5), .grace = S(60)},
     .reason = REASON_NO_LIFETIME},
    {"X-Accel-Expires: @0\n", TTL(5), .reason = REASON_NO_LIFETIME},
    {"X-Accel-Expires: off\n", TTL(5), .reason = REASON_NO_LIFETIME},
    {"X-Accel-Expires:\n", TTL(5), .reason = REASON_NO_LIFETIME},
    {"X-Accel-Expires: -1\n", TTL(5), .reason = REASON_NO_LIFETIME},
    {"X-Accel-Expires: @\n", TTL(5), .reason = REASON_NO_LIFETIME},
    {"X-Accel-Expires: @x\n", TTL(5), .reason = REASON_NO_LIFETIME},
    {"X-Accel-Expires: @99999999999999999999\n", TTL(5), .reason = REASON_NO_LIFETIME},
    /* no-store and private hold */
    {"X-Accel-Expires: 60\nCache-Control: no-store\n", .reason = REASON_NO_STORE},
    {"X-Accel-Expires: 60\nCache-Control: private\n", .reason = REASON_PRIVATE},
};

static void test_x_accel_expires(void **state)
{
	CHECK_ALL(x_accel_expires_cases);
}

static const struct policy_case cdn_cases[] = {
    /* it stands in for Cache-Control, Expires and Pragma, forbidden or allowed */
    {"CDN-Cache-Control: max-age=60\n", STORED(60)},
    {"CDN-Cache-Control: max-age=60\nCache-Control: max-age=10\n", STORED(60)},
    {"CDN-Cache-Control: max-age=60\nCache-Control: no-store\n", STORED(60)},
    {"CDN-Cache-Control: max-age=60\nCache-Control: private, no-cache\n", STORED(60)},
    {"CDN-Cache-Control: max-age=60\nCache-Control: s-maxage=5, stale-if-error=5\n", STORED(60)},
    {"CDN-Cache-Control: max-age=60\nPragma: no-cache\nExpires: 0\n", STORED(60)},
    {"CDN-Cache-Control: no-store\nCache-Control: max-age=60\n", .reason = REASON_NO_STORE},
    {"CDN-Cache-Control: private\nCache-Control: max-age=60\n", .reason = REASON_PRIVATE},
    {"CDN-Cache-Control: no-cache\nCache-Control: max-age=60\n", .reason = REASON_NO_CACHE},
    {"CDN-Cache-Control: none\nCache-Control: no-store\n", TTL(10), STORED(10)},
    {"CDN-Cache-Control: none\nExpires: 0\nPragma: no-cache\n", TTL(10), STORED(10)},
    {"CDN-Cache-Control: max-age=0\nCache-Control: max-age=60\n", .reason = REASON_NO_LIFETIME},
    {"CDN-Cache-Control: max-age=60, s-maxage=30\n", STORED(30), .must_revalidate = true,
     .shared = true},
    {"CDN-Cache-Control: max-age=60, must-revalidate\n", .rule = {.grace = S(9)}, STORED(60),
     .must_revalidate = true, .shared = true},
    {"CDN-Cache-Control: max-age=60, stale-while-revalidate=5, stale-if-error=7\n", STORED(60),
     .grace = S(5), .stale_if_error = S(7)},
    {"CDN-Cache-Control: public, max-age=60\n", .authorized = true, STORED(60), .shared = true},
    {"CDN-Cache-Control: max-age=60\nCache-Control: public\n", .authorized = true,
     .reason = REASON_AUTHORIZATION},
    {"CDN-Cache-Control: max-age=60\nSurrogate-Control: max-age=10\n", STORED(60)},
    {"CDN-Cache-Control: max-age=60\nAge: 59\n", STORED(60), .age = S(59)},
    {"CDN-Cache-Control: max-age=60\n", .rule = {.ttl = S(9), .override = OVERRIDE_YES}, STORED(9)},
    /* several lines are one dictionary; the last of two wins */
    {"CDN-Cache-Control: a\nCDN-Cache-Control: max-age=60\n", STORED(60)},
    {"CDN-Cache-Control: max-age=60, max-age=90\n", STORED(90)},
    {"CDN-Cache-Control: no-store, no-store=?0, max-age=60\n", STORED(60)},
    /* every kind of value, and parameters, which do not count */
    {"CDN-Cache-Control: a=1, b=-1.5, c=?1, d=tok*en:/, e=\"s\\\"\\\\,=\", f=:YQ==:, max-age=60\n",
     STORED(60)},
    {"CDN-Cache-Control: a=(1 \"b\" c;d=1  ?0);e, f=(), max-age=60\n", STORED(60)},
    {"CDN-Cache-Control: max-age=60;a;b=1; c=\"max-age=5\"\n", STORED(60)},
    {"CDN-Cache-Control: z=123456789012.123, a=\" x~\", b=-1, max-age=60\n", STORED(60)},
    {"CDN-Cache-Control: *a.b_c-d=1, max-age=60\t ,\t b\n", STORED(60)},
    {"CDN-Cache-Control: max-age=60, no-cache=?0, private=?0\n", STORED(60)},
    /* numbers */
    {"CDN-Cache-Control: max-age=0060\n", STORED(60)},
    {"CDN-Cache-Control: max-age=999999999999999\n", .lifetime = MAX},
    {"CDN-Cache-Control: max-age=2147483648\n", .lifetime = MAX},
    /* values of another type: less is stored */
    {"CDN-Cache-Control: max-age=-1\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"CDN-Cache-Control: max-age=60.0\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"CDN-Cache-Control: max-age=\"60\"\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"CDN-Cache-Control: max-age=a60\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"CDN-Cache-Control: max-age=(60)\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"CDN-Cache-Control: max-age\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"CDN-Cache-Control: no-store=0, max-age=60\n", .reason = REASON_NO_STORE},
    {"CDN-Cache-Control: private=\"a\", max-age=60\n", .reason = REASON_PRIVATE},
    {"CDN-Cache-Control: no-cache=1, max-age=60\n", .reason = REASON_NO_CACHE},
    {"CDN-Cache-Control: public=1, max-age=60\n", .authorized = true,
     .reason = REASON_AUTHORIZATION},
};

static void test_cdn_cache_control(void **state)
{
	CHECK_ALL(cdn_cases);
}

/* What is no dictionary is as if it were not there. */
static void test_cdn_cache_control_malformed(void **state)
{
	static const char *const values[] = {
	    "",
	    ",",
	    "max-age=60,",
	    ",max-age=60",
	    "max-age=60,,a",
	    "max-age=60 a",
	    "max-age=60; ",
	    "max-age=60;A",
	    "max-age=60;a=",
	    "Max-Age=60",
	    "MAX-AGE=60",
	    "1a, max-age=60",
	    "-a, max-age=60",
	    "max-age=",
	    "max-age= 60",
	    "max-age =60",
	    "max-age=60s",
	    "max-age='60'",
	    "max-age=+60",
	    "max-age=-",
	    "max-age=--1",
	    "max-age=60.",
	    "max-age=60.1234",
	    "max-age=1234567890123.1",
	    "max-age=1234567890123456",
	    "max-age=\"60",
	    "max-age=60, a=\"\\n\"",
	    "max-age=60, a=\"\\",
	    "max-age=60, a=\"caf\xe9\"",
	    "max-age=60, a=\"b\tc\"",
	    "max-age=60, a=?2",
	    "max-age=60, a=?",
	    "max-age=60, a=?10",
	    "max-age=60, a=:Y_Q:",
	    "max-age=60, a=:YQ==",
	    "max-age=60, a=(1 2",
	    "max-age=60, a=(1,2)",
	    "max-age=60, a=(1\"b\")",
	    "max-age=60, a=(",
	    "max-age=60, a=(1)b",
	    "max-age=60, a=@x",
	    "max-age=60, a={}",
	    "max-age=60, \x80",
	    "max-age=60, &&&",
	};
	char head[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct policy_case c = {.head = head, .rule = {.ttl = S(5)}, STORED(10)};

		snprintf(head, sizeof(head), "CDN-Cache-Control: %s\nCache-Control: max-age=10\n",
			 values[i]);
		check(&c);
		snprintf(head, sizeof(head), "CDN-Cache-Control: %s\n", values[i]);
		c.lifetime = S(5);
		check(&c);
		/* a good line does not mend a bad one */
		snprintf(head, sizeof(head), "CDN-Cache-Control: a\nCDN-Cache-Control: %s\n",
			 values[i]);
		check(&c);
	}
}

static const struct policy_case surrogate_cases[] = {
    {"Surrogate-Control: max-age=60\n", STORED(60)},
    {"surrogate-control: content=\"ESI/1.0\", MAX-AGE=60\n", STORED(60)},
    {"Surrogate-Control: max-age=60\nCache-Control: max-age=10\nExpires: 0\n", STORED(60)},
    {"Surrogate-Control: max-age=60\nCache-Control: no-cache\n", STORED(60),
     .must_revalidate = true},
    {"Surrogate-Control: content=\"ESI/1.0\"\nCache-Control: max-age=10\n", STORED(10)},
    {"Surrogate-Control: max-age=0\nCache-Control: max-age=10\n", .reason = REASON_NO_LIFETIME},
    {"Surrogate-Control: max-age=x\nCache-Control: max-age=10\n", .reason = REASON_NO_LIFETIME},
    {"Surrogate-Control: max-age=60, max-age=30\n", STORED(30)},
    {"Surrogate-Control: a\nSurrogate-Control: max-age=60\n", STORED(60)},
    /* the second number: stale so long */
    {"Surrogate-Control: max-age=60+30\n", STORED(60), .grace = S(30)},
    {"Surrogate-Control: max-age=60+x\n", .rule = {.grace = S(5)}, STORED(60)},
    {"Surrogate-Control: max-age=+30\n", STORED(0), .grace = S(30)},
    {"Surrogate-Control: max-age=60, stale-while-revalidate=5\n", STORED(60), .grace = S(5)},
    {"Surrogate-Control: max-age=60, stale-if-error=7\nCache-Control: stale-if-error=8\n",
     STORED(60), .stale_if_error = S(7)},
    /* for a surrogate by name */
    {"Surrogate-Control: max-age=60;abc, max-age=30\n", STORED(30)},
    {"Surrogate-Control: no-store;abc\nCache-Control: max-age=10\n", STORED(10)},
    /* forbidding, here or there */
    {"Surrogate-Control: no-store\nCache-Control: max-age=10\n", .reason = REASON_NO_STORE},
    {"Surrogate-Control: max-age=60\nCache-Control: no-store\n", .reason = REASON_NO_STORE},
    {"Surrogate-Control: max-age=60\nCache-Control: private\n", .reason = REASON_PRIVATE},
    {"Surrogate-Control: no-store-remote, max-age=60\n", STORED(60)},
};

static void test_surrogate_control(void **state)
{
	CHECK_ALL(surrogate_cases);
}

#define HEURISTIC .rule = {.heuristic = true}

static const struct policy_case heuristic_cases[] = {
    /* a tenth of 1000 s */
    {DATE LAST_MODIFIED, HEURISTIC, STORED(100), KEPT},
    {DATE "Last-Modified: Sunday, 06-Nov-94 08:32:57 GMT\n", HEURISTIC, STORED(100), KEPT},
    {LAST_MODIFIED, HEURISTIC, .lifetime = S(100) + 60, KEPT},
    {DATE LAST_MODIFIED "Age: 30\n", HEURISTIC, STORED(100), .age = S(30), KEPT},
    /* at most a day */
    {DATE "Last-Modified: Thu, 06 Nov 1980 08:32:57 GMT\n", HEURISTIC, STORED(86400), KEPT},
    {DATE "Last-Modified: Sat, 01 Jan 0000 00:00:00 GMT\n", HEURISTIC, STORED(86400), KEPT},
    /* of nothing nothing */
    {DATE "Last-Modified: Mon, 07 Nov 1994 08:32:57 GMT\n", HEURISTIC,
     .reason = REASON_NO_LIFETIME},
    {DATE "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\n", HEURISTIC,
     .reason = REASON_NO_LIFETIME},
    {DATE "Last-Modified: 0\n", HEURISTIC, .reason = REASON_NO_LIFETIME},
    {DATE, HEURISTIC, .reason = REASON_NO_LIFETIME},
    {DATE ETAG, HEURISTIC, .reason = REASON_NO_LIFETIME},
    /* only where it is switched on, and nothing else speaks */
    {DATE LAST_MODIFIED, .reason = REASON_NO_LIFETIME},
    {DATE LAST_MODIFIED, .rule = {.heuristic = true, .ttl = S(10)}, STORED(10), KEPT},
    {DATE LAST_MODIFIED "Cache-Control: max-age=5\n", HEURISTIC, STORED(5), KEPT},
    {DATE LAST_MODIFIED "Cache-Control: max-age=0\n", HEURISTIC, STORED(0), KEPT},
    {DATE LAST_MODIFIED "Cache-Control: max-age=x\n", HEURISTIC, STORED(0), KEPT},
    {DATE LAST_MODIFIED "Expires: 0\n", HEURISTIC, STORED(0), KEPT},
    {DATE LAST_MODIFIED "Pragma: no-cache\n", HEURISTIC, STORED(0), CHECKED},
    {DATE LAST_MODIFIED "Cache-Control: no-cache\n", HEURISTIC, STORED(0), CHECKED},
    {DATE LAST_MODIFIED "X-Accel-Expires: 0\n", HEURISTIC, .reason = REASON_NO_LIFETIME},
    /* statuses of RFC 9110 section 15.1 */
    {DATE "Status: 404\n" LAST_MODIFIED, HEURISTIC, STORED(100), KEPT},
    {DATE "Status: 501\n" LAST_MODIFIED, HEURISTIC, STORED(100), KEPT},
    {DATE "Status: 501\n" LAST_MODIFIED, .reason = REASON_STATUS},
    {DATE "Status: 302\n" LAST_MODIFIED, HEURISTIC, .reason = REASON_NO_LIFETIME},
    {DATE "Status: 201\n" LAST_MODIFIED, HEURISTIC, .reason = REASON_STATUS},
    {DATE "Status: 500\n" LAST_MODIFIED, HEURISTIC, .reason = REASON_STATUS},
    /* and of what is public (RFC 9111 section 5.2.2.9) */
    {DATE "Status: 599\nCache-Control: public\n" LAST_MODIFIED, HEURISTIC, STORED(100),
     .shared = true, KEPT},
    {DATE "Status: 302\nCache-Control: public\n" LAST_MODIFIED, HEURISTIC, STORED(100),
     .shared = true, KEPT},
    {DATE "Status: 599\nCDN-Cache-Control: public\n" LAST_MODIFIED, HEURISTIC, STORED(100),
     .shared = true, KEPT},
    {DATE "Status: 599\nCache-Control: public\n", HEURISTIC, .reason = REASON_NO_LIFETIME},
    {DATE "Status: 599\nCache-Control: public\n" LAST_MODIFIED, .reason = REASON_STATUS},
    {DATE "Status: 302\nCache-Control: public\n" LAST_MODIFIED, .reason = REASON_NO_LIFETIME},
    {DATE "Status: 600\nCache-Control: public\n" LAST_MODIFIED, HEURISTIC, .reason = REASON_STATUS},
};

static void test_heuristic(void **state)
{
	CHECK_ALL(heuristic_cases);
}

/* Rules and clocks that make no sense do no harm. */
static void test_odd_numbers(void **state)
{
	static const int64_t times[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, NOW, INT64_MAX};
	static const char *const heads[] = {
	    "Cache-Control: max-age=60\n",
	    DATE "Expires: 0\n",
	    "Expires: Fri, 31 Dec 9999 23:59:59 GMT\n",
	    "X-Accel-Expires: @9999999999\n",
	    "Date: Sat, 01 Jan 0000 00:00:00 GMT\nAge: 99999999999\n",
	    "A: b\n"};
	struct policy_request request = {.authorized = false};
	struct policy_verdict v;
	struct cgi_head head;
	struct arena a;
	struct str bytes;

	(void)state;
	arena_init(&a);
	for (size_t h = 0; h < ARRAY_LEN(heads); h++) {
		assert_true(arena_printf(&a, &bytes, "%s\n", heads[h]));
		assert_int_equal(cgi_head_parse(bytes, 65536, &a, &head), HEAD_DONE);
		for (size_t i = 0; i < ARRAY_LEN(times) * ARRAY_LEN(times); i++) {
			int64_t now = times[i % ARRAY_LEN(times)],
				asked = times[i / ARRAY_LEN(times)];
			struct policy_rule rule = {
			    .ttl = asked, .grace = now, .stale_if_error = asked, .heuristic = true};

			policy_judge(&head, &rule, &request, asked, now, &v);
			assert_int_equal(v.store, v.reason == REASON_NONE);
			assert_in_range(v.lifetime, 0, MAX);
			assert_in_range(v.age, 0, MAX);
			assert_in_range(v.grace, 0, MAX);
			assert_in_range(v.stale_if_error, 0, MAX);
		}
	}
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cache_control),
	    cmocka_unit_test(test_expires),
	    cmocka_unit_test(test_age),
	    cmocka_unit_test(test_x_accel_expires),
	    cmocka_unit_test(test_cdn_cache_control),
	    cmocka_unit_test(test_cdn_cache_control_malformed),
	    cmocka_unit_test(test_surrogate_control),
	    cmocka_unit_test(test_heuristic),
	    cmocka_unit_test(test_odd_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
