/*
 * Policy: each rule of its contract as a line of a table (lifetimes: test_lifetime.c). What the
 * application and the rule say goes in; what is stored comes out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy_case.h"

static const struct status_ttl statuses[] = {{404, S(30)}, {503, S(5)}};
#define STATUSES .statuses = statuses, .n_statuses = ARRAY_LEN(statuses)

/* ------------------------------------------------------------------ what is never or seldom stored
 */

static const struct policy_case kind_cases[] = {
    {"HTTP/1.1 200 OK\nCache-Control: max-age=60\n", .reason = REASON_NPH},
    {"HTTP/1.1 200 OK\n", .rule = {.ttl = S(9), .override = OVERRIDE_FORCE}, .reason = REASON_NPH},
    /* files that the web server fetches itself */
    {"X-Accel-Redirect: /a\n", TTL(10), .reason = REASON_X_ACCEL_REDIRECT},
    {"x-sendfile: /a\n", TTL(10), .reason = REASON_X_ACCEL_REDIRECT},
    {"X-Sendfile2: /a 0-1\n", TTL(10), .reason = REASON_X_ACCEL_REDIRECT},
    {"X-LIGHTTPD-send-file: /a\n", TTL(10), .reason = REASON_X_ACCEL_REDIRECT},
    {"X-LIGHTTPD-send-file2: /a\n", TTL(10), .reason = REASON_X_ACCEL_REDIRECT},
    {"X-REPROXY-URL: http://a/\n", TTL(10), .reason = REASON_X_ACCEL_REDIRECT},
    {"X-Accel-Redirect: /a\n", .rule = {.ttl = S(9), .override = OVERRIDE_YES}, STORED(9)},
    /* streams */
    {"X-Accel-Buffering: no\n", TTL(10), .reason = REASON_STREAM},
    {"x-accel-buffering: NO\n", TTL(10), .reason = REASON_STREAM},
    {"X-Accel-Buffering: yes\n", TTL(10), STORED(10)},
    {"Content-Type: text/event-stream\n", TTL(10), .reason = REASON_STREAM},
    {"Content-Type: Text/Event-Stream ; charset=utf-8\n", TTL(10), .reason = REASON_STREAM},
    {"Content-Type: text/event-stream-not\n", TTL(10), STORED(10)},
    {"Content-Type: text/event-stream\n", .rule = {.ttl = S(9), .override = OVERRIDE_FORCE},
     .reason = REASON_STREAM},
};

static void test_kinds(void **state)
{
	CHECK_ALL(kind_cases);
}

static const struct policy_case forbidding_cases[] = {
    {"Cache-Control: no-store\n", TTL(10), .reason = REASON_NO_STORE},
    {"cache-control: NO-STORE\n", TTL(10), .reason = REASON_NO_STORE},
    {"Cache-Control: max-age=60, no-store\n", TTL(10), .reason = REASON_NO_STORE},
    {"Cache-Control: a=b ,\t No-Store ,c\n", TTL(10), .reason = REASON_NO_STORE},
    {"Cache-Control: public\nCache-Control: no-store\n", TTL(10), .reason = REASON_NO_STORE},
    {"Cache-Control: no-store, no-store\n", TTL(10), .reason = REASON_NO_STORE},
    {"Cache-Control: ,,no-store,,\n", TTL(10), .reason = REASON_NO_STORE},
    {"Cache-Control: no-store=1\n", TTL(10), .reason = REASON_NO_STORE},
    {"Cache-Control: no-store;\n", TTL(10), .reason = REASON_NO_STORE},
    {"Cache-Control: \"no-store\"\n", TTL(10), .reason = REASON_NO_STORE},
    {"Cache-Control: \"max-age=60, no-store\n", TTL(10), .reason = REASON_NO_STORE},
    {"Cache-Control: ext=\"a, no-store\n", TTL(10), .reason = REASON_NO_STORE},
    {"Cache-Control: ext=\"a\\\", no-store\n", TTL(10), .reason = REASON_NO_STORE},
    /* but not inside a value, nor as a part of a name */
    {"Cache-Control: ext=\"no-store\"\n", TTL(10), STORED(10)},
    {"Cache-Control: ext=\"a, no-store\", b\n", TTL(10), STORED(10)},
    {"Cache-Control: ext=\"a\\\", no-store\", b\n", TTL(10), STORED(10)},
    {"Cache-Control: no-store-remote, x-no-store\n", TTL(10), STORED(10)},
    {"X-Cache-Control: no-store\n", TTL(10), STORED(10)},

    {"Cache-Control: private\n", TTL(10), .reason = REASON_PRIVATE},
    {"Cache-Control: PRIVATE, max-age=60\n", TTL(10), .reason = REASON_PRIVATE},
    {"Cache-Control: private=\"Set-Cookie, X-User\", max-age=60\n", .reason = REASON_PRIVATE},
    {"Cache-Control: private=X-User, max-age=60\n", .reason = REASON_PRIVATE},
    {"Cache-Control: private = \"a\", max-age=60\n", .reason = REASON_PRIVATE},
    {"Cache-Control: private; max-age=60\n", TTL(10), .reason = REASON_PRIVATE},
    {"Cache-Control: private=\"a, max-age=60\n", TTL(10), .reason = REASON_PRIVATE},
    {"Cache-Control: no-store, private\n", TTL(10), .reason = REASON_NO_STORE},
    {"Cache-Control: private, max-age=60, s-maxage=60, public\n", .reason = REASON_PRIVATE},

    {"Vary: *\n", TTL(10), .reason = REASON_VARY_STAR},
    {"Vary: Accept, *\n", TTL(10), .reason = REASON_VARY_STAR},
    {"Vary: Accept\nVary: *\n", TTL(10), .reason = REASON_VARY_STAR},
    {"Vary: Accept Encoding\n", TTL(10), .reason = REASON_VARY_STAR},
    {"Vary: \"Accept\"\n", TTL(10), .reason = REASON_VARY_STAR},
    {"Vary: Accept, Cookie\nVary:\n", TTL(10), STORED(10)},
    {"Vary: x*y\n", TTL(10), STORED(10)}, /* a token */

    {"Set-Cookie: a=1\n", TTL(10), .reason = REASON_SET_COOKIE},
    {"SET-COOKIE:\n", TTL(10), .reason = REASON_SET_COOKIE},
    {"A: 1\nSet-Cookie: a=1\nset-cookie: b=1\n", TTL(10), .reason = REASON_SET_COOKIE},
    {"Status: 301\nLocation: /\nSet-Cookie: a\n", TTL(10), .reason = REASON_SET_COOKIE},
    {"Set-Cookie: a=1\n", .rule = {.ttl = S(9), .set_cookie = SET_COOKIE_STRIP}, STORED(9)},
    {"Set-Cookie: a=1\n", .rule = {.ttl = S(9), .set_cookie = SET_COOKIE_DROP}, STORED(9)},
    {"Set-Cookie: a=1\n", .rule = {.ttl = S(9), .set_cookie = SET_COOKIE_STORE}, STORED(9)},
    {"Set-Cookie: a=1\n", .rule = {.ttl = S(9), .override = OVERRIDE_FORCE},
     .reason = REASON_SET_COOKIE},

    /* the order of the reasons */
    {"Status: 500\nCache-Control: private\nSet-Cookie: a\n", TTL(10), .reason = REASON_STATUS},
    {"Cache-Control: private\nVary: *\nSet-Cookie: a\n", TTL(10), .reason = REASON_PRIVATE,
     .authorized = true},
    {"Vary: *\nSet-Cookie: a\n", TTL(10), .reason = REASON_VARY_STAR, .authorized = true},
    {"Set-Cookie: a\n", .reason = REASON_SET_COOKIE, .authorized = true},
    {"A: b\n", .reason = REASON_AUTHORIZATION, .authorized = true},
};

static void test_forbidding(void **state)
{
	CHECK_ALL(forbidding_cases);
}

static const struct policy_case asker_cases[] = {
    {"A: b\n", TTL(10), .authorized = true, .reason = REASON_AUTHORIZATION},
    {"Cache-Control: max-age=60\n", .authorized = true, .reason = REASON_AUTHORIZATION},
    {"Cache-Control: proxy-revalidate, max-age=60\n", .authorized = true,
     .reason = REASON_AUTHORIZATION},
    {"Cache-Control: public, max-age=60\n", .authorized = true, STORED(60), .shared = true},
    {"Cache-Control: s-maxage=60\n", .authorized = true, STORED(60), .must_revalidate = true,
     .shared = true},
    {"Cache-Control: must-revalidate, max-age=60\n", .authorized = true, STORED(60),
     .must_revalidate = true, .shared = true},
    {"Cache-Control: public\n", TTL(10), .authorized = true, STORED(10), .shared = true},
    {"Cache-Control: Public\n", TTL(10), STORED(10), .shared = true},
    {"Cache-Control: public, private\n", TTL(10), .authorized = true, .reason = REASON_PRIVATE},
    {"Cache-Control: public;, max-age=60\n", .authorized = true, .reason = REASON_AUTHORIZATION},
    {"Cache-Control: \"public\", max-age=60\n", .authorized = true, .reason = REASON_AUTHORIZATION},
    {"Cache-Control: max-age=60, ext=\"a, public\n", .authorized = true,
     .reason = REASON_AUTHORIZATION},
    {"Cache-Control: ext=\"public\", max-age=60\n", .authorized = true,
     .reason = REASON_AUTHORIZATION},
    {"A: b\n", .rule = {.ttl = S(9), .override = OVERRIDE_YES}, .authorized = true,
     .reason = REASON_AUTHORIZATION},
    {"A: b\n", .rule = {.ttl = S(9), .override = OVERRIDE_FORCE}, .authorized = true, STORED(9),
     .shared = true},
    {"Cache-Control: max-age=60\n", .client_no_store = true, .reason = REASON_CLIENT_NO_STORE},
    {"A: b\n", .rule = {.ttl = S(9), .override = OVERRIDE_FORCE}, .client_no_store = true,
     .reason = REASON_CLIENT_NO_STORE},
};

static void test_askers(void **state)
{
	CHECK_ALL(asker_cases);
}

/* ------------------------------------------------------------------ staleness */

#define STALE .rule = {.ttl = S(10), .grace = S(20), .stale_if_error = S(30)}

static const struct policy_case stale_cases[] = {
    {"A: b\n", STALE, STORED(10), .grace = S(20), .stale_if_error = S(30)},
    {"Cache-Control: max-age=60\n", STALE, STORED(60), .grace = S(20), .stale_if_error = S(30)},
    /* the response's replace the rule's */
    {"Cache-Control: max-age=60, stale-while-revalidate=5\n", STALE, STORED(60), .grace = S(5),
     .stale_if_error = S(30)},
    {"Cache-Control: max-age=60, Stale-If-Error=\"7\"\n", STALE, STORED(60), .grace = S(20),
     .stale_if_error = S(7)},
    {"Cache-Control: stale-while-revalidate=0, stale-if-error=0\n", STALE, STORED(10)},
    {"Cache-Control: stale-while-revalidate=x, stale-if-error\n", STALE, STORED(10)},
    {"Cache-Control: stale-while-revalidate=50, stale-while-revalidate=5\n", STALE, STORED(10),
     .grace = S(5), .stale_if_error = S(30)},
    {"Cache-Control: stale-while-revalidate=99999999999\n", STALE, STORED(10), .grace = MAX,
     .stale_if_error = S(30)},
    {"Cache-Control: max-age=60, stale-while-revalidate=5\n", STORED(60), .grace = S(5)},
    /* never stale */
    {"Cache-Control: must-revalidate\n", STALE, STORED(10), .must_revalidate = true,
     .shared = true},
    {"Cache-Control: MUST-REVALIDATE, stale-while-revalidate=5, stale-if-error=5\n", STALE,
     STORED(10), .must_revalidate = true, .shared = true},
    {"Cache-Control: proxy-revalidate\n", STALE, STORED(10), .must_revalidate = true},
    {"Cache-Control: s-maxage=60, stale-while-revalidate=5\n", STALE, STORED(60),
     .must_revalidate = true, .shared = true},
    {"Cache-Control: s-maxage=x\n", STALE, .reason = REASON_NO_LIFETIME},
    /* over already: stored as long as it may be served stale */
    {"Cache-Control: max-age=0\n", STALE, STORED(0), .grace = S(20), .stale_if_error = S(30)},
    {"Cache-Control: max-age=0, stale-while-revalidate=60\n", STORED(0), .grace = S(60)},
    {"Cache-Control: max-age=0, stale-if-error=60\n", STORED(0), .stale_if_error = S(60)},
    {"Cache-Control: max-age=0, must-revalidate\n", STALE, .reason = REASON_NO_LIFETIME},
    {"Cache-Control: s-maxage=0\n", STALE, .reason = REASON_NO_LIFETIME},
    {"Expires: 0\n", STALE, STORED(0), .grace = S(20), .stale_if_error = S(30)},
    {"Cache-Control: max-age=60\nAge: 70\n", STALE, STORED(60), .age = S(70), .grace = S(20),
     .stale_if_error = S(30)},
    {"Cache-Control: max-age=60\nAge: 89\n", STALE, STORED(60), .age = S(89), .grace = S(20),
     .stale_if_error = S(30)},
    {"Cache-Control: max-age=60\nAge: 90\n", STALE, .age = S(90), .reason = REASON_NO_LIFETIME},
    /* or checked with the application */
    {"Cache-Control: max-age=0\nETag: \"a\"\n", STORED(0), KEPT},
    {"Cache-Control: max-age=0\nETag: \"a\"\n", STALE, STORED(0), .grace = S(20),
     .stale_if_error = S(30), KEPT},
    {"Cache-Control: max-age=0, must-revalidate\nETag: W/\"a\"\n", STALE, STORED(0),
     .must_revalidate = true, .shared = true, KEPT},
    {"Cache-Control: s-maxage=0\nETag: \"a\"\n", STALE, STORED(0), .must_revalidate = true,
     .shared = true, KEPT},
    {"Cache-Control: max-age=x\nLast-Modified: Sun, 06 Nov 1994 08:32:57 GMT\n", STORED(0), KEPT},
    {"Expires: 0\nETag: \"a\"\n", STORED(0), KEPT},
    {"Cache-Control: max-age=60\nAge: 86459\nETag: \"a\"\n", STORED(60), .age = S(86459), KEPT},
    {"Cache-Control: max-age=60\nAge: 86460\nETag: \"a\"\n", .age = S(86460),
     .reason = REASON_NO_LIFETIME},
    {"X-Accel-Expires: 0\nETag: \"a\"\n", .reason = REASON_NO_LIFETIME},
    {"Cache-Control: max-age=2\n", .rule = {.grace = S(20)}, .took = S(3), STORED(2), .age = S(3),
     .grace = S(20)},
    /* a grace alone is no lifetime */
    {"A: b\n", .rule = {.grace = S(20), .stale_if_error = S(30)}, .reason = REASON_NO_LIFETIME},
    {"Cache-Control: stale-while-revalidate=60\n", .reason = REASON_NO_LIFETIME},
    {"ETag: \"a\"\n", .rule = {.grace = S(20)}, .reason = REASON_NO_LIFETIME},
    {"Cache-Control: no-cache, stale-while-revalidate=60\n", STALE, .reason = REASON_NO_CACHE},
    {"Cache-Control: no-cache, stale-while-revalidate=60\nETag: \"a\"\n", STALE, CHECKED},
};

static void test_staleness(void **state)
{
	CHECK_ALL(stale_cases);
}

#define GUESSED .rule = {.ttl = S(10), .heuristic = true}

static const struct policy_case keep_cases[] = {
    {"ETag: \"a\"\n", TTL(10), STORED(10), KEPT},
    {"etag: W/\"a\"\n", TTL(10), STORED(10), KEPT},
    {"ETag: \"\"\n", TTL(10), STORED(10), KEPT},
    {LAST_MODIFIED, TTL(10), STORED(10), KEPT},
    {"Last-Modified: Sunday, 06-Nov-94 08:32:57 GMT\n", TTL(10), STORED(10), KEPT},
    {"Last-Modified: Sun Nov  6 08:32:57 1994\n", TTL(10), STORED(10), KEPT},
    {"ETag: \"a\"\nLast-Modified: never\n", TTL(10), STORED(10), KEPT},
    {"ETag:\n", TTL(10), STORED(10)},
    {"ETag: \t\n", TTL(10), STORED(10)},
    {"Last-Modified: never\n", TTL(10), STORED(10)},
    {"Last-Modified: 0\n", TTL(10), STORED(10)},
    {"Last-Modified:\n", TTL(10), STORED(10)},
    {"Date: Sun, 06 Nov 1994 08:49:37 GMT\n", TTL(10), STORED(10)},
    /* a validator that is withheld is none */
    {"ETag: \"a\"\nCache-Control: no-cache=etag\n", GUESSED, STORED(10)},
    {LAST_MODIFIED "Cache-Control: no-cache=\"Last-Modified\"\n", GUESSED, STORED(10)},
    {LAST_MODIFIED "ETag: \"a\"\nCache-Control: no-cache=etag\n", GUESSED, STORED(10), KEPT},
    {"ETag: \"a\"\nCache-Control: no-cache=\"etag, vary\"\n", GUESSED, .reason = REASON_NO_CACHE},
};

static void test_keep(void **state)
{
	CHECK_ALL(keep_cases);
}

#define ALWAYS .rule = {.validate = VALIDATE_ALWAYS}

static const struct policy_case always_cases[] = {
    /* with an ETag, whatever the lifetime */
    {"ETag: \"a\"\n", ALWAYS, STORED(0), KEPT},
    {"ETag: \"a\"\nCache-Control: max-age=60\n", ALWAYS, STORED(60), KEPT},
    {"ETag: \"a\"\nCache-Control: max-age=0\n", ALWAYS, STORED(0), KEPT},
    {"ETag: \"a\"\nExpires: 0\n", ALWAYS, STORED(0), KEPT},
    {"ETag: \"a\"\nCache-Control: no-cache\n", ALWAYS, STORED(0), CHECKED},
    {"ETag: \"a\"\n", .rule = {.validate = VALIDATE_ALWAYS, .ttl = S(10), .stale_if_error = S(30)},
     STORED(10), .stale_if_error = S(30), KEPT},
    {"Status: 404\nETag: \"a\"\n", .rule = {.validate = VALIDATE_ALWAYS, .ttl = S(10)}, STORED(0),
     KEPT},
    /* without one never */
    {"A: b\n", ALWAYS, .reason = REASON_NO_ETAG},
    {"ETag:\n", ALWAYS, .reason = REASON_NO_ETAG},
    {LAST_MODIFIED, .rule = {.validate = VALIDATE_ALWAYS, .ttl = S(10)}, .reason = REASON_NO_ETAG},
    {"Cache-Control: max-age=60\n", ALWAYS, .reason = REASON_NO_ETAG},
    {"Cache-Control: no-cache\n", ALWAYS, .reason = REASON_NO_ETAG},
    {"ETag: \"a\"\nCache-Control: no-cache=\"ETag\"\n",
     .rule = {.validate = VALIDATE_ALWAYS, .heuristic = true}, .reason = REASON_NO_ETAG},
    {"ETag: \"a\"\nCache-Control: no-cache=\"X-A\"\n", ALWAYS, STORED(0), CHECKED},
    /* what forbids holds */
    {"ETag: \"a\"\nCache-Control: no-store\n", ALWAYS, .reason = REASON_NO_STORE},
    {"ETag: \"a\"\nCache-Control: private\n", ALWAYS, .reason = REASON_PRIVATE},
    {"ETag: \"a\"\nSet-Cookie: a\n", ALWAYS, .reason = REASON_SET_COOKIE},
    {"ETag: \"a\"\nVary: *\n", ALWAYS, .reason = REASON_VARY_STAR},
    {"ETag: \"a\"\nStatus: 500\n", ALWAYS, .reason = REASON_STATUS},
    {"ETag: \"a\"\nX-Accel-Expires: 0\n", ALWAYS, .reason = REASON_NO_LIFETIME},
    {"ETag: \"a\"\n", ALWAYS, .authorized = true, .reason = REASON_AUTHORIZATION},
    {"ETag: \"a\"\n", ALWAYS, .client_no_store = true, .reason = REASON_CLIENT_NO_STORE},
};

static void test_validate_always(void **state)
{
	CHECK_ALL(always_cases);
}

/* RFC 8246 */
static const struct policy_case immutable_cases[] = {
    {"Cache-Control: max-age=60, immutable\n", STORED(60), .immutable = true},
    {"Cache-Control: IMMUTABLE, max-age=60, immutable\n", STORED(60), .immutable = true},
    {"Cache-Control: max-age=60, immutable=1\n", STORED(60), .immutable = true},
    {"CDN-Cache-Control: max-age=60, immutable\n", STORED(60), .immutable = true},
    {"CDN-Cache-Control: max-age=60\nCache-Control: immutable\n", STORED(60)},
    {"CDN-Cache-Control: max-age=60, immutable=?0\n", STORED(60)},
    {"Cache-Control: max-age=60, immutables, x=\"immutable\"\n", STORED(60)},
    {"Cache-Control: immutable\n", TTL(10), STORED(10), .immutable = true},
};

static void test_immutable(void **state)
{
	CHECK_ALL(immutable_cases);
}

/* Which times the rule in force may change afterwards. */
static void test_origin_of_times(void **state)
{
	static const struct {
		struct policy_case c;
		bool lifetime, grace, error;
	} cases[] = {
	    {{"A: b\n", STALE}, true, true, true},
	    {{"Cache-Control: max-age=60\n", STALE}, false, true, true},
	    {{"Cache-Control: stale-while-revalidate=5\n", STALE}, true, false, true},
	    {{"Cache-Control: max-age=60, stale-if-error=5\n", STALE}, false, true, false},
	    {{"X-Accel-Expires: 5\n", STALE}, false, true, true},
	    {{"Cache-Control: max-age=60, stale-if-error=5\n",
	      .rule = {.ttl = S(9), .override = OVERRIDE_YES}},
	     true,
	     true,
	     true},
	};
	struct policy_verdict v;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		judge(&cases[i].c, &v);
		assert_true(v.store);
		assert_int_equal(v.rule_lifetime, cases[i].lifetime);
		assert_int_equal(v.rule_grace, cases[i].grace);
		assert_int_equal(v.rule_error, cases[i].error);
	}
}

/* ------------------------------------------------------------------ override */

#define YES .rule = {.ttl = S(9), .grace = S(20), .stale_if_error = S(30), .override = OVERRIDE_YES}
#define FORCE                                                                                      \
	.rule = {.ttl = S(9), .grace = S(20), .stale_if_error = S(30), .override = OVERRIDE_FORCE}
#define NINE STORED(9), .grace = S(20), .stale_if_error = S(30)

static const struct policy_case override_cases[] = {
    /* the rule's ttl wins over lifetimes */
    {"A: b\n", YES, NINE},
    {"Cache-Control: max-age=60\n", YES, NINE},
    {"Cache-Control: max-age=0\n", YES, NINE},
    {"Cache-Control: no-cache\n", YES, NINE},
    {"Cache-Control: no-cache\nETag: \"a\"\n", YES, NINE, KEPT},
    {"Cache-Control: no-cache=\"a\", max-age=0\n", YES, NINE},
    {"Cache-Control: no-cache=\"vary\", max-age=0\n", YES, NINE},
    {"Cache-Control: s-maxage=60\n", YES, NINE, .shared = true},
    {"Cache-Control: s-maxage=0\n", YES, NINE, .shared = true},
    {"Cache-Control: stale-while-revalidate=1, stale-if-error=1\n", YES, NINE},
    {"Expires: 0\n", YES, NINE},
    {"Pragma: no-cache\n", YES, NINE},
    {"X-Accel-Expires: 0\n", YES, NINE},
    {"X-Accel-Expires: 60\n", YES, NINE},
    {"CDN-Cache-Control: no-cache\n", YES, NINE},
    {"Surrogate-Control: max-age=0\n", YES, NINE},
    /* but not over an age, nor over what must not be stale */
    {"Age: 3\n", YES, NINE, .age = S(3)},
    {"Cache-Control: max-age=60, must-revalidate\n", YES, STORED(9), .must_revalidate = true,
     .shared = true},
    {"Cache-Control: max-age=60, proxy-revalidate\n", YES, STORED(9), .must_revalidate = true},
    /* nor over what forbids */
    {"Cache-Control: no-store\n", YES, .reason = REASON_NO_STORE},
    {"Cache-Control: no-store, no-cache, must-revalidate\n", YES, .reason = REASON_NO_STORE},
    {"Cache-Control: private\n", YES, .reason = REASON_PRIVATE},
    {"Cache-Control: private=\"a\"\n", YES, .reason = REASON_PRIVATE},
    {"CDN-Cache-Control: private\n", YES, .reason = REASON_PRIVATE},
    {"Surrogate-Control: no-store\n", YES, .reason = REASON_NO_STORE},
    {"Vary: *\n", YES, .reason = REASON_VARY_STAR},
    {"Set-Cookie: a\n", YES, .reason = REASON_SET_COOKIE},
    {"Status: 500\n", YES, .reason = REASON_STATUS},
    {"Status: 206\n", YES, .reason = REASON_PARTIAL},
    {"Content-Range: bytes 0-4/10\n", YES, .reason = REASON_PARTIAL},
    /* with force over nearly all */
    {"Cache-Control: no-store, no-cache, must-revalidate, max-age=0\nPragma: no-cache\n"
     "Expires: Thu, 19 Nov 1981 08:52:00 GMT\n",
     FORCE, NINE, .shared = true},
    {"Cache-Control: private\n", FORCE, NINE, .shared = true},
    {"Vary: *\n", FORCE, NINE, .shared = true},
    {"Surrogate-Control: no-store\n", FORCE, NINE, .shared = true},
    {"X-Accel-Redirect: /a\n", FORCE, NINE, .shared = true},
    {"Set-Cookie: a\n", FORCE, .reason = REASON_SET_COOKIE},
    {"Status: 500\n", FORCE, .reason = REASON_STATUS},
    {"Content-Range: bytes 0-4/10\n", FORCE, .reason = REASON_PARTIAL},
    /* for the statuses that it has a ttl for; the others obey the response */
    {"Status: 404\nCache-Control: max-age=60\n", YES, STORED(60), .grace = S(20),
     .stale_if_error = S(30)},
    {"Status: 404\nCache-Control: no-cache\n", YES, .reason = REASON_NO_CACHE},
    {"Status: 404\nCache-Control: no-cache=\"a\", max-age=60\n", YES, .reason = REASON_NO_CACHE},
    {"Status: 404\nCache-Control: no-cache\nETag: \"a\"\n", YES, CHECKED},
    {"Status: 404\nCache-Control: max-age=60\n",
     .rule = {.ttl = S(9), .override = OVERRIDE_YES, STATUSES}, STORED(30)},
    {"Status: 503\nCache-Control: no-cache\n", .rule = {.override = OVERRIDE_YES, STATUSES},
     STORED(5)},
    {"Cache-Control: max-age=60\n", .rule = {.override = OVERRIDE_YES}, STORED(60)},
    {"Cache-Control: max-age=60, stale-while-revalidate=5\n",
     .rule = {.grace = S(20), .override = OVERRIDE_YES}, STORED(60), .grace = S(5)},
    {"Cache-Control: s-maxage=60\n", .rule = {.grace = S(20), .override = OVERRIDE_YES}, STORED(60),
     .must_revalidate = true, .shared = true},
    {"Cache-Control: no-store\n", .rule = {.override = OVERRIDE_FORCE},
     .reason = REASON_NO_LIFETIME},
    {"Cache-Control: private, max-age=60\n", .rule = {.override = OVERRIDE_FORCE}, STORED(60),
     .shared = true},
};

static void test_override(void **state)
{
	CHECK_ALL(override_cases);
}

/* ------------------------------------------------------------------ names, and the client */

static void test_control_fields(void **state)
{
	static const char *const control[] = {"X-Accel-Expires", "surrogate-control",
					      "SURROGATE-KEY", "Cache-Tag"};
	static const char *const other[] = {
	    "CDN-Cache-Control", "Cache-Control", "Expires", "X-Accel-Redirect",
	    "X-Accel-Buffering", "Age",           ""};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(control); i++)
		assert_true(policy_is_control(str_of(control[i])));
	for (size_t i = 0; i < ARRAY_LEN(other); i++)
		assert_false(policy_is_control(str_of(other[i])));
}

#define NOT_GIVEN .max_age = -1, .min_fresh = -1, .max_stale = -1

static void test_client(void **state)
{
	static const struct {
		const char *cache_control, *pragma;
		struct policy_client wanted;
	} cases[] = {
	    {NULL, NULL, {NOT_GIVEN}},
	    {"", "", {NOT_GIVEN}},
	    {"no-store", NULL, {.no_store = true, NOT_GIVEN}},
	    {"No-Cache", NULL, {.no_cache = true, NOT_GIVEN}},
	    {"no-cache=a", NULL, {.no_cache = true, NOT_GIVEN}},
	    {"no-cache=\"a, b\"", NULL, {.no_cache = true, NOT_GIVEN}},
	    {"no-cache=x y", NULL, {.no_cache = true, NOT_GIVEN}},
	    {"no-transform, foo=\"no-cache\"", NULL, {NOT_GIVEN}},
	    {"only-if-cached", NULL, {.only_if_cached = true, NOT_GIVEN}},
	    {"foo, only-if-cached ,no-cache",
	     NULL,
	     {.only_if_cached = true, .no_cache = true, NOT_GIVEN}},
	    {"max-age=0", NULL, {.max_age = 0, .min_fresh = -1, .max_stale = -1}},
	    {"max-age=60", NULL, {.max_age = S(60), .min_fresh = -1, .max_stale = -1}},
	    {"max-age=60, max-age=5", NULL, {.max_age = S(5), .min_fresh = -1, .max_stale = -1}},
	    {"max-age=60.5", NULL, {.max_age = S(60), .min_fresh = -1, .max_stale = -1}},
	    {"max-age=0.5", NULL, {.max_age = 0, .min_fresh = -1, .max_stale = -1}},
	    {"max-age=60.", NULL, {.max_age = 0, .min_fresh = -1, .max_stale = -1}},
	    {"max-age=x", NULL, {.max_age = 0, .min_fresh = -1, .max_stale = -1}},
	    {"max-age", NULL, {.max_age = 0, .min_fresh = -1, .max_stale = -1}},
	    {"max-age =60", NULL, {.max_age = 0, .min_fresh = -1, .max_stale = -1}},
	    {"max-age= 60", NULL, {.max_age = 0, .min_fresh = -1, .max_stale = -1}},
	    {"max-age=-1", NULL, {.max_age = 0, .min_fresh = -1, .max_stale = -1}},
	    {"max-age=\"60\"", NULL, {.max_age = S(60), .min_fresh = -1, .max_stale = -1}},
	    {"max-age=99999999999", NULL, {.max_age = MAX, .min_fresh = -1, .max_stale = -1}},
	    {"min-fresh=5", NULL, {.max_age = -1, .min_fresh = S(5), .max_stale = -1}},
	    {"min-fresh=5, min-fresh=9", NULL, {.max_age = -1, .min_fresh = S(9), .max_stale = -1}},
	    {"min-fresh=x", NULL, {.max_age = -1, .min_fresh = 0, .max_stale = -1}},
	    {"min-fresh", NULL, {.max_age = -1, .min_fresh = 0, .max_stale = -1}},
	    {"min-fresh=x, min-fresh=9", NULL, {.max_age = -1, .min_fresh = S(9), .max_stale = -1}},
	    {"min-fresh=99999999999", NULL, {.max_age = -1, .min_fresh = MAX, .max_stale = -1}},
	    {"max-stale=5", NULL, {.max_age = -1, .min_fresh = -1, .max_stale = S(5)}},
	    {"max-stale", NULL, {.max_age = -1, .min_fresh = -1, .max_stale = MAX}},
	    {"max-stale;", NULL, {.max_age = -1, .min_fresh = -1, .max_stale = 0}},
	    {"max-stale=", NULL, {.max_age = -1, .min_fresh = -1, .max_stale = 0}},
	    {"max-stale =5", NULL, {.max_age = -1, .min_fresh = -1, .max_stale = 0}},
	    {"max-age=60, max-stale", NULL, {.max_age = S(60), .min_fresh = -1, .max_stale = MAX}},
	    {"max-stale=x", NULL, {.max_age = -1, .min_fresh = -1, .max_stale = 0}},
	    {"max-stale, max-stale=5", NULL, {.max_age = -1, .min_fresh = -1, .max_stale = S(5)}},
	    {"MAX-STALE=\"5\"", NULL, {.max_age = -1, .min_fresh = -1, .max_stale = S(5)}},
	    /* Pragma: only without Cache-Control */
	    {NULL, "no-cache", {.no_cache = true, NOT_GIVEN}},
	    {" ", "x, NO-CACHE", {.no_cache = true, NOT_GIVEN}},
	    {NULL, "no-cachet", {NOT_GIVEN}},
	    {"max-age=60", "no-cache", {.max_age = S(60), .min_fresh = -1, .max_stale = -1}},
	    {"foo", "no-cache", {NOT_GIVEN}},
	};
	struct policy_client got;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct policy_client *wanted = &cases[i].wanted;

		policy_client_parse(str_of(cases[i].cache_control), str_of(cases[i].pragma), &got);
		if (got.no_store != wanted->no_store || got.no_cache != wanted->no_cache ||
		    got.only_if_cached != wanted->only_if_cached ||
		    got.max_age != wanted->max_age || got.min_fresh != wanted->min_fresh ||
		    got.max_stale != wanted->max_stale)
			fail_msg("\"%s\", \"%s\"", cases[i].cache_control, cases[i].pragma);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kinds),     cmocka_unit_test(test_forbidding),
	    cmocka_unit_test(test_askers),    cmocka_unit_test(test_staleness),
	    cmocka_unit_test(test_keep),      cmocka_unit_test(test_validate_always),
	    cmocka_unit_test(test_immutable), cmocka_unit_test(test_origin_of_times),
	    cmocka_unit_test(test_override),  cmocka_unit_test(test_control_fields),
	    cmocka_unit_test(test_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
