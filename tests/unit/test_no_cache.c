/*
 * no-cache: pages that are stored to be checked before each use, lists of fields that are not
 * stored, and how both are written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy_case.h"

/* RFC 9111 section 5.2.2.4 */
static const struct policy_case no_cache_cases[] = {
    /* of use where there is something to check by */
    {ETAG "Cache-Control: no-cache\n", TTL(10), STORED(0), CHECKED},
    {LAST_MODIFIED "Cache-Control: No-Cache\n", STORED(0), CHECKED},
    {ETAG "Cache-Control: no-cache, max-age=60\n", STORED(60), CHECKED},
    {ETAG "Cache-Control: no-cache, max-age=60\nAge: 7\n", STORED(60), .age = S(7), CHECKED},
    {ETAG "Cache-Control: max-age=0\nCache-Control: no-cache\n", STORED(0), CHECKED},
    {ETAG "Cache-Control: no-cache, s-maxage=60, max-age=90\n", STORED(60), CHECKED,
     .shared = true},
    {ETAG "Cache-Control: no-cache\nExpires: Fri, 31 Dec 9999 23:59:59 GMT\n", STORED(0), CHECKED},
    {ETAG "Cache-Control: no-cache\n", .rule = {.grace = S(20), .stale_if_error = S(30)}, STORED(0),
     CHECKED},
    {ETAG "CDN-Cache-Control: no-cache, max-age=60\n", STORED(60), CHECKED},
    {ETAG "Surrogate-Control: no-cache\nCache-Control: max-age=60\n", STORED(0), CHECKED},
    {ETAG "Surrogate-Control: no-cache=\"a\", max-age=60\n", STORED(60), CHECKED},
    {ETAG "Cache-Control: no-cache\nAge: 86399\n", STORED(0), .age = S(86399), CHECKED},
    {ETAG "Cache-Control: no-cache\nAge: 86400\n", .age = S(86400), .reason = REASON_NO_LIFETIME},
    {ETAG "Cache-Control: no-cache\n", .authorized = true, .reason = REASON_AUTHORIZATION},
    {ETAG "Cache-Control: no-cache, no-store\n", .reason = REASON_NO_STORE},
    /* and where there is not */
    {"Cache-Control: no-cache\n", TTL(10), .reason = REASON_NO_CACHE},
    {"Cache-Control: NO-CACHE, max-age=60\n", .reason = REASON_NO_CACHE},
    {"Cache-Control: s-maxage=60, no-cache\n", .reason = REASON_NO_CACHE},
    {"Cache-Control: no-cache, no-cache\n", .rule = {.grace = S(60)}, .reason = REASON_NO_CACHE},
    {"Cache-Control: no-cache;, max-age=60\n", .reason = REASON_NO_CACHE},
    {"Last-Modified: 0\nETag:\nCache-Control: no-cache\n", .reason = REASON_NO_CACHE},
    {"Surrogate-Control: no-cache\nCache-Control: max-age=60\n", .reason = REASON_NO_CACHE},
    {"CDN-Cache-Control: no-cache, max-age=60\n", .reason = REASON_NO_CACHE},
    /* a source that comes before it */
    {ETAG "X-Accel-Expires: 60\nCache-Control: no-cache\n", STORED(60), .must_revalidate = true,
     KEPT},
    {ETAG "Surrogate-Control: max-age=60\nCache-Control: no-cache\n", STORED(60),
     .must_revalidate = true, KEPT},
    {ETAG "CDN-Cache-Control: max-age=60\nCache-Control: no-cache\n", STORED(60), KEPT},
    /* Pragma, without Cache-Control, where nothing else speaks (5.4) */
    {ETAG "Pragma: no-cache\n", TTL(10), STORED(0), CHECKED},
    {ETAG "Pragma: no-cache\nCache-Control:\n", TTL(10), STORED(0), CHECKED},
    {"Pragma: no-cache\n", TTL(10), .reason = REASON_NO_CACHE},
    {"Pragma: x, No-Cache\n", TTL(10), .reason = REASON_NO_CACHE},
    {"Pragma: x\nPragma: no-cache\n", TTL(10), .reason = REASON_NO_CACHE},
    {"Pragma: no-cache, x\n", TTL(10), .reason = REASON_NO_CACHE},
    {"Pragma: no-cache\nCache-Control: public\n", TTL(10), STORED(10), .shared = true},
    {"Pragma: no-cache\nCache-Control: foo\n", TTL(10), STORED(10)},
    {"Pragma: no-cache\nCache-Control: max-age=60\n", STORED(60)},
    {"Pragma: no-cache\nExpires: Sun, 06 Nov 1994 08:50:37 GMT\n", .lifetime = S(59) + 400},
    {"Pragma: no-cache\nSurrogate-Control: max-age=60\n", STORED(60)},
    {"Pragma: cache\n", TTL(10), STORED(10)},
    {"Pragma: no-cache=1\n", TTL(10), STORED(10)},
};

static void test_no_cache(void **state)
{
	CHECK_ALL(no_cache_cases);
}

/* Stored less the fields that it lists; what lists nothing well counts as one without a list. */
static const struct policy_case qualified_cases[] = {
    {"Cache-Control: no-cache=\"Set-Cookie\", max-age=60\n", STORED(60)},
    {"Cache-Control: max-age=60, no-cache=\" a ,, b\t,\"\n", STORED(60)},
    {"Cache-Control: no-cache=a, max-age=60\n", STORED(60)},
    {"Cache-Control: no-cache=\"a\"\nCache-Control: No-Cache=\"b\", max-age=60\n", STORED(60)},
    {"Cache-Control: no-cache=\"a\"\n", TTL(10), STORED(10)},
    {"Cache-Control: no-cache=\"a\"\n", .reason = REASON_NO_LIFETIME},
    {"Cache-Control: no-cache=\"a\", max-age=60\n", .rule = {.grace = S(5)}, STORED(60),
     .grace = S(5)},
    {"CDN-Cache-Control: no-cache=\"a, b\", max-age=60\n", STORED(60)},
    {"CDN-Cache-Control: no-cache, no-cache=\"a\", max-age=60\n", STORED(60)},
    {ETAG "CDN-Cache-Control: no-cache=\"a\", no-cache, max-age=60\n", STORED(60), CHECKED},
    /* with and without */
    {ETAG "Cache-Control: no-cache=\"a\", no-cache, max-age=60\n", STORED(60), CHECKED},
    {ETAG "Cache-Control: no-cache, no-cache=\"a\", max-age=60\n", STORED(60), CHECKED},
    /* no lists */
    {ETAG "Cache-Control: no-cache=\"\", max-age=60\n", STORED(60), CHECKED},
    {ETAG "Cache-Control: no-cache=, max-age=60\n", STORED(60), CHECKED},
    {ETAG "Cache-Control: no-cache=\", ,\", max-age=60\n", STORED(60), CHECKED},
    {ETAG "Cache-Control: no-cache=\"a b\", max-age=60\n", STORED(60), CHECKED},
    {ETAG "Cache-Control: no-cache=\"a\\b\", max-age=60\n", STORED(60), CHECKED},
    {ETAG "Cache-Control: no-cache=\"a\"b, max-age=60\n", STORED(60), CHECKED},
    {ETAG "Cache-Control: no-cache=\"a\" \"b\", max-age=60\n", STORED(60), CHECKED},
    {ETAG "Cache-Control: no-cache=a b, max-age=60\n", STORED(60), CHECKED},
    {ETAG "Cache-Control: no-cache =\"a\", max-age=60\n", STORED(60), CHECKED},
    {ETAG "Cache-Control: no-cache= \"a\", max-age=60\n", STORED(60), CHECKED},
    {ETAG "Cache-Control: no-cache;=\"a\", max-age=60\n", STORED(60), CHECKED},
    {ETAG "Cache-Control: max-age=60, no-cache=\"a, b\n", STORED(60), CHECKED},
    {ETAG "Cache-Control: max-age=60, x=\"y, no-cache=\"a\"\n", STORED(60), CHECKED},
    {ETAG "CDN-Cache-Control: no-cache=a, max-age=60\n", STORED(60), CHECKED},
    {ETAG "CDN-Cache-Control: no-cache=(\"a\"), max-age=60\n", STORED(60), CHECKED},
    {ETAG "CDN-Cache-Control: no-cache=\"\", max-age=60\n", STORED(60), CHECKED},
    {ETAG "CDN-Cache-Control: no-cache=\"a\\\"\", max-age=60\n", STORED(60), CHECKED},
    /* lists of what cannot be left out */
    {ETAG "Cache-Control: no-cache=\"a, content-encoding\", max-age=60\n", STORED(60), CHECKED},
    {ETAG "Cache-Control: no-cache=Vary, max-age=60\n", STORED(60), CHECKED},
    {"Cache-Control: no-cache=Content-Type, max-age=60\n", .reason = REASON_NO_CACHE},
    /* more lists than are remembered */
    {ETAG "Cache-Control: no-cache=a, no-cache=b, no-cache=c, no-cache=d, no-cache=e, no-cache=f, "
	  "no-cache=g, no-cache=h, max-age=60\n",
     STORED(60), KEPT},
    {ETAG "Cache-Control: no-cache=a, no-cache=b, no-cache=c, no-cache=d, no-cache=e, no-cache=f, "
	  "no-cache=g, no-cache=h, no-cache=i, max-age=60\n",
     STORED(60), CHECKED},
};

/* The rule's heuristic reads lists. */
static void test_qualified_no_cache(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(qualified_cases); i++) {
		struct policy_case c = qualified_cases[i];

		c.rule.heuristic = true;
		check(&c);
	}
}

/* Without it a list counts for nothing: whoever wrote it wanted something to be checked. */
static const struct policy_case listed_cases[] = {
    {ETAG "Cache-Control: no-cache=\"Set-Cookie\", max-age=60\n", STORED(60), CHECKED},
    {ETAG "Cache-Control: max-age=60, no-cache=a\n", STORED(60), CHECKED},
    {ETAG "Cache-Control: no-cache=\"a\"\nCache-Control: No-Cache=\"b\", max-age=60\n", STORED(60),
     CHECKED},
    {ETAG "Cache-Control: no-cache=\"a\", no-cache, max-age=60\n", STORED(60), CHECKED},
    {ETAG "Cache-Control: no-cache=\"a\"\n", TTL(10), STORED(0), CHECKED},
    {LAST_MODIFIED "Cache-Control: no-cache=\"a\"\n", STORED(0), CHECKED},
    {ETAG "Cache-Control: no-cache=\"a\", max-age=60\n",
     .rule = {.grace = S(5), .stale_if_error = S(7)}, STORED(60), CHECKED},
    {ETAG "CDN-Cache-Control: no-cache=\"a, b\", max-age=60\n", STORED(60), CHECKED},
    {"Cache-Control: no-cache=\"Set-Cookie\", max-age=60\n", .reason = REASON_NO_CACHE},
    {"Cache-Control: no-cache=a\n", TTL(10), .reason = REASON_NO_CACHE},
    {"CDN-Cache-Control: no-cache=\"a\", max-age=60\n", .reason = REASON_NO_CACHE},
    /* a source that comes before it, or a field that counts instead */
    {ETAG "X-Accel-Expires: 60\nCache-Control: no-cache=\"a\"\n", STORED(60),
     .must_revalidate = true, KEPT},
    {ETAG "CDN-Cache-Control: max-age=60\nCache-Control: no-cache=\"a\"\n", STORED(60), KEPT},
    {ETAG "CDN-Cache-Control: no-cache=\"a\", no-cache=?0, max-age=60\n", STORED(60), KEPT},
};

static void test_lists_without_heuristic(void **state)
{
	CHECK_ALL(listed_cases);
}

/* And so it withholds nothing: what it lists is stored, and to be checked by. */
static const struct policy_case listed_validator_cases[] = {
    {ETAG "Cache-Control: no-cache=etag, max-age=60\n", STORED(60), CHECKED},
    {LAST_MODIFIED "Cache-Control: no-cache=\"Last-Modified\"\n", STORED(0), CHECKED},
    {ETAG "Cache-Control: no-cache=\"ETag\"\n", .rule = {.validate = VALIDATE_ALWAYS}, STORED(0),
     CHECKED},
};

static void test_listed_validators(void **state)
{
	CHECK_ALL(listed_validator_cases);
}

static void test_withholds(void **state)
{
	static const struct {
		const char *head, *yes, *no; /* names, separated by blanks */
	} cases[] = {
	    {"Cache-Control: no-cache=\"Set-Cookie, b\"\n", "set-cookie B", "a Cache-Control c"},
	    {"Cache-Control: no-cache=a\ncache-control: x, NO-CACHE=\"b,, C\"\n", "a b c", "x"},
	    {"Cache-Control: no-cache=\"a\", no-cache\n", "a", "b"},
	    {"Cache-Control: no-cache\n", "", "no-cache a"},
	    {"Cache-Control: no-cache=\"a b\", no-cache=c\n", "c", "a b"},
	    {"Cache-Control: private=\"a\", x=\"no-cache=b\"\n", "", "a b"},
	    {"Cache-Control: no-cache=\"a\n", "", "a"},
	    {"Cache-Control: no-cache=\"Content-Type, a, VARY\"\n", "a", "content-type Vary"},
	    {"Surrogate-Control: no-cache=\"a\"\n", "", "a"},
	    {"X: y\n", "", "x a"},
	    /* the field that counts */
	    {"CDN-Cache-Control: no-cache=\"a, b\"\nCache-Control: no-cache=c\n", "a b", "c"},
	    {"CDN-Cache-Control: no-cache=\"a\", no-cache=\"b\"\n", "b", "a"},
	    {"CDN-Cache-Control: no-cache=\"a\", no-cache=?0\n", "", "a"},
	    {"CDN-Cache-Control: no-cache=a\n", "", "a"},
	    {"CDN-Cache-Control: No-Cache=\"a\"\nCache-Control: no-cache=c\n", "c", "a"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str yes = str_of(cases[i].yes), no = str_of(cases[i].no), name;
		struct directives control = {0};
		struct cgi_head head;
		struct arena a;

		arena_init(&a);
		parse_case(cases[i].head, &a, &head);
		directives_read_response(&control, &head.headers);
		while (str_split(&yes, ' ', &name))
			if (!policy_withholds(&control, name))
				fail_msg("%.*s of %s", STR_ARG(name), cases[i].head);
		while (str_split(&no, ' ', &name))
			if (policy_withholds(&control, name))
				fail_msg("not %.*s of %s", STR_ARG(name), cases[i].head);
		assert_false(policy_withholds(&control, STR("")));
		arena_fini(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_no_cache),
	    cmocka_unit_test(test_qualified_no_cache),
	    cmocka_unit_test(test_lists_without_heuristic),
	    cmocka_unit_test(test_listed_validators),
	    cmocka_unit_test(test_withholds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
