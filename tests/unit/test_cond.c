/*
 * Conditional requests: lists of entity-tags, and the order of RFC 9110 section 13.2.2.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "http/cond.h"

#define NOW_MS   INT64_C(1709164800000)
#define BEFORE   "Sat, 05 Nov 1994 08:49:37 GMT"
#define MODIFIED "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER    "Mon, 07 Nov 1994 08:49:37 GMT"

static const struct {
	const char *tags, *etag;
	bool weakly, strongly;
} lists[] = {
    /* RFC 9110 section 8.8.3.2 */
    {"W/\"1\"", "W/\"1\"", true, false},
    {"W/\"1\"", "W/\"2\"", false, false},
    {"W/\"1\"", "\"1\"", true, false},
    {"\"1\"", "W/\"1\"", true, false},
    {"\"1\"", "\"1\"", true, true},
    {"\"1\"", "\"2\"", false, false},
    /* lists */
    {"\"a\", \"b\", \"c\"", "\"a\"", true, true},
    {"\"a\", \"b\", \"c\"", "\"b\"", true, true},
    {"\"a\", \"b\", \"c\"", "\"c\"", true, true},
    {"\"a\", \"b\", \"c\"", "\"d\"", false, false},
    {"\"a\",\"b\"", "\"b\"", true, true},
    {"\"a\"\t,\t W/\"b\" ", "\"b\"", true, false},
    {",, \"a\",,\"b\", ,", "\"b\"", true, true},
    {" \"a\" ", "\"a\"", true, true},
    /* what may stand in a tag */
    {"\"\"", "\"\"", true, true},
    {"\"a,b\"", "\"a,b\"", true, true},
    {"\"a,b\"", "\"a\"", false, false},
    {"\"a\\\", \"b\"", "\"b\"", true, true}, /* a backslash escapes nothing */
    {"\"a\\\"", "\"a\\\"", true, true},
    {"\"\xe9\"", "\"\xe9\"", true, true},
    {"\"W/1\"", "\"W/1\"", true, true},
    {"\"*\"", "\"1\"", false, false},
    {"\"!#~\"", "\"!#~\"", true, true},
    {"\"\x7f\"", "\"\x7f\"", false, false},
    /* case matters */
    {"\"A\"", "\"a\"", false, false},
    {"w/\"a\"", "\"a\"", false, false},
    /* any */
    {"*", "\"a\"", true, true},
    {" * ", "W/\"a\"", true, true},
    {"*", "", true, true},
    {"*, \"a\"", "\"a\"", false, false},
    {"\"a\", *", "\"a\"", false, false},
    /* one broken member, and the list is none */
    {"", "\"a\"", false, false},
    {", ,", "\"a\"", false, false},
    {"a", "a", false, false},
    {"a", "\"a\"", false, false},
    {"\"a\", b", "\"a\"", false, false},
    {"b, \"a\"", "\"a\"", false, false},
    {"\"a", "\"a\"", false, false},
    {"a\"", "\"a\"", false, false},
    {"\"a\" \"b\"", "\"a\"", false, false},
    {"\"a\"\"b\"", "\"a\"", false, false},
    {"\"a\"x", "\"a\"", false, false},
    {"\"a b\"", "\"a b\"", false, false},
    {"W/ \"a\"", "\"a\"", false, false},
    {"W/", "\"a\"", false, false},
    {"W/\"", "\"a\"", false, false},
    {"\"", "\"a\"", false, false},
    {"'a'", "'a'", false, false},
    /* a stored tag that is none, or is not there */
    {"\"a\"", "", false, false},
    {"\"a\"", "a", false, false},
    {"\"a\"", "\"a\"b", false, false},
    {"\"a\"", "\"a\" ", false, false},
};

static void test_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		struct str tags = str_of(lists[i].tags), etag = str_of(lists[i].etag);

		if (cond_etag_listed(tags, etag, true) != lists[i].weakly)
			fail_msg("%s in %s, weakly", lists[i].etag, lists[i].tags);
		if (cond_etag_listed(tags, etag, false) != lists[i].strongly)
			fail_msg("%s in %s, strongly", lists[i].etag, lists[i].tags);
	}
	assert_false(cond_etag_listed(str_make(NULL, 0), str_make(NULL, 0), true));
}

static const struct cond_case {
	const char *name;
	const char *match, *none_match, *modified_since, *unmodified_since;
	const char *etag, *last_modified;
	enum cond_answer answer;
} cases[] = {
    {"nothing asked", .etag = "\"a\"", .last_modified = MODIFIED, .answer = COND_SEND},

    {"If-None-Match hits", .none_match = "\"a\"", .etag = "\"a\"", .answer = COND_NOT_MODIFIED},
    {"compares weakly", .none_match = "\"a\"", .etag = "W/\"a\"", .answer = COND_NOT_MODIFIED},
    {"in a list", .none_match = "\"b\", \"a\"", .etag = "\"a\"", .answer = COND_NOT_MODIFIED},
    {"any", .none_match = "*", .etag = "\"a\"", .answer = COND_NOT_MODIFIED},
    {"any, without a tag", .none_match = "*", .answer = COND_NOT_MODIFIED},
    {"misses", .none_match = "\"b\"", .etag = "\"a\"", .answer = COND_SEND},
    {"no tag stored", .none_match = "\"a\"", .answer = COND_SEND},
    {"broken list", .none_match = "a", .etag = "\"a\"", .answer = COND_SEND},
    {"empty field", .none_match = "", .etag = "\"a\"", .answer = COND_SEND},

    {"the same time", .modified_since = MODIFIED, .last_modified = MODIFIED,
     .answer = COND_NOT_MODIFIED},
    {"a later time", .modified_since = AFTER, .last_modified = MODIFIED,
     .answer = COND_NOT_MODIFIED},
    {"an earlier time", .modified_since = BEFORE, .last_modified = MODIFIED, .answer = COND_SEND},
    {"another form of date", .modified_since = "Sunday, 06-Nov-94 08:49:37 GMT",
     .last_modified = "Sun Nov  6 08:49:37 1994", .answer = COND_NOT_MODIFIED},
    {"a date that is none", .modified_since = "yesterday", .last_modified = MODIFIED,
     .answer = COND_SEND},
    {"two dates", .modified_since = AFTER ", " AFTER, .last_modified = MODIFIED,
     .answer = COND_SEND},
    {"no Last-Modified", .modified_since = AFTER, .answer = COND_SEND},
    {"a Last-Modified that is none", .modified_since = AFTER, .last_modified = "0",
     .answer = COND_SEND},
    {"a tag stored, none asked for", .modified_since = AFTER, .etag = "\"a\"",
     .last_modified = MODIFIED, .answer = COND_NOT_MODIFIED},

    {"If-None-Match silences If-Modified-Since", .none_match = "\"b\"", .modified_since = AFTER,
     .etag = "\"a\"", .last_modified = MODIFIED, .answer = COND_SEND},
    {"a broken If-None-Match too", .none_match = "b", .modified_since = AFTER, .etag = "\"a\"",
     .last_modified = MODIFIED, .answer = COND_SEND},
    {"If-None-Match hits, the date does not", .none_match = "\"a\"", .modified_since = BEFORE,
     .etag = "\"a\"", .last_modified = MODIFIED, .answer = COND_NOT_MODIFIED},

    {"If-Match hits", .match = "\"a\"", .etag = "\"a\"", .answer = COND_SEND},
    {"If-Match misses", .match = "\"b\"", .etag = "\"a\"", .answer = COND_FAILED},
    {"If-Match compares strongly", .match = "W/\"a\"", .etag = "W/\"a\"", .answer = COND_FAILED},
    {"If-Match: *", .match = "*", .answer = COND_SEND},
    {"If-Match, no tag stored", .match = "\"a\"", .answer = COND_FAILED},
    {"a broken If-Match", .match = "a", .etag = "\"b\"", .answer = COND_SEND},

    {"not modified since", .unmodified_since = AFTER, .last_modified = MODIFIED,
     .answer = COND_SEND},
    {"not modified since just then", .unmodified_since = MODIFIED, .last_modified = MODIFIED,
     .answer = COND_SEND},
    {"modified since", .unmodified_since = BEFORE, .last_modified = MODIFIED,
     .answer = COND_FAILED},
    {"If-Unmodified-Since, no date stored", .unmodified_since = BEFORE, .answer = COND_SEND},
    {"If-Unmodified-Since that is none", .unmodified_since = "0", .last_modified = MODIFIED,
     .answer = COND_SEND},
    {"If-Match silences If-Unmodified-Since", .match = "\"a\"", .unmodified_since = BEFORE,
     .etag = "\"a\"", .last_modified = MODIFIED, .answer = COND_SEND},

    {"first If-Match, then If-None-Match", .match = "\"a\"", .none_match = "\"a\"", .etag = "\"a\"",
     .answer = COND_NOT_MODIFIED},
    {"If-Match fails first", .match = "\"b\"", .none_match = "\"a\"", .etag = "\"a\"",
     .answer = COND_FAILED},
    {"both dates", .modified_since = MODIFIED, .unmodified_since = MODIFIED,
     .last_modified = MODIFIED, .answer = COND_NOT_MODIFIED},
    {"both dates, the first fails", .modified_since = AFTER, .unmodified_since = BEFORE,
     .last_modified = MODIFIED, .answer = COND_FAILED},
};

static void test_evaluate(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct cond_case *c = &cases[i];
		struct cond_request r = {str_of(c->match), str_of(c->none_match),
					 str_of(c->modified_since), str_of(c->unmodified_since)};

		if (cond_evaluate(&r, str_of(c->etag), str_of(c->last_modified), NOW_MS) !=
		    c->answer)
			fail_msg("%s", c->name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_evaluate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
