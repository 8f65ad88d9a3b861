/*
 * Conditional requests: entity-tags, lists of them, and the order of RFC 9110 section 13.2.2.
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

/* When the page came: RECEIVED and most of a second. */
#define RECEIVED_MS INT64_C(1709164700999)
#define JUST_BEFORE "Wed, 28 Feb 2024 23:58:19 GMT"
#define RECEIVED    "Wed, 28 Feb 2024 23:58:20 GMT"
#define JUST_AFTER  "Wed, 28 Feb 2024 23:58:21 GMT"

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
    {"\"\x7f\"", "\"\x7f\"x", false, false},
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
    {"a", "\"b\"", false, false},
    {"\"a\", b", "\"a\"", false, false},
    {"\"a\", b", "\"b\"", false, false},
    {"\"a\", b", "b", false, false},
    {"a, b", "a", false, false},
    {"b, \"a\"", "\"a\"", false, false},
    {"\"a", "\"a\"", false, false},
    {"a\"", "\"a\"", false, false},
    {"\"a\" \"b\"", "\"a\"", false, false},
    {"\"a\"\"b\"", "\"a\"", false, false},
    {"\"a\"x", "\"a\"", false, false},
    {"\"a b\"", "\"a\"", false, false},
    {"\"a b\", \"c\"", "\"a b\"", false, false},
    {"W/ \"a\"", "\"a\"", false, false},
    {"W/", "\"a\"", false, false},
    {"W/\"", "\"a\"", false, false},
    {"\"", "\"a\"", false, false},
    {"'a'", "\"a\"", false, false},
    /* a stored tag that is none, or is not there */
    {"\"a\"", "", false, false},
    {"", "", false, false},
    {"\"a\"", "\"a\"b", false, false},
    {"\"a\"", "\"a\" ", false, false},
    /* quotes forgotten by the application, by the client, by both */
    {"\"a\"", "a", true, false},
    {"W/\"a\"", "a", true, false},
    {"\"b\", W/\"a\"", "a", true, false},
    {" a ", "\"a\"", true, false},
    {"a", "W/\"a\"", true, false},
    {"a", "a", true, false},
    {"'a'", "'a'", true, false},
    {"a", "b", false, false},
    {"a", "A", false, false},
    {"W/a", "\"a\"", false, false},
    /* the weakness flag written oddly: the same bytes alone, and as the whole field */
    {"w/\"a\"", "w/\"a\"", true, false},
    {" w/\"a\"\t", "w/\"a\"", true, false},
    {"W\"a\"", "W\"a\"", true, false},
    {"W/a", "W/a", true, false},
    {"w/\"a\"", "W/\"a\"", false, false},
    {"W/\"a\"", "w/\"a\"", false, false},
    {"W\"a\"", "w/\"a\"", false, false},
    {"w/\"a\", \"b\"", "w/\"a\"", false, false},
    /* no word: the same bytes, or nothing */
    {"a,b", "a,b", true, false},
    {"\"a,b\"", "a,b", false, false},
    {"a*", "a*", true, false},
    {"\"a*\"", "a*", false, false},
    {"\"*\"", "*", false, false},
    {"a b", "a b", true, false},
    {"a b", "\"a b\"", false, false},
    {"\"a b\"", "\"a b\"", true, false},
    {"\"a", "\"a", true, false},
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

static void test_equal(void **state)
{
	static const struct {
		const char *a, *b;
		bool weakly, strongly;
	} pairs[] = {
	    {"\"a\"", "\"a\"", true, true},
	    {"\"\"", "\"\"", true, true},
	    {"\"a\"", "W/\"a\"", true, false},
	    {"W/\"a\"", "W/\"a\"", true, false},
	    {"\"a\"", "\"b\"", false, false},
	    {"\"a\"", "a", true, false},
	    {"W/\"a\"", "a", true, false},
	    {"a", "a", true, false},
	    {"w/\"a\"", "w/\"a\"", true, false},
	    {"w/\"a\"", "\"a\"", false, false},
	    {"*", "\"a\"", false, false},
	    {"*", "\"*\"", false, false},
	    {"\"a\", \"b\"", "\"a\"", false, false},
	    {"", "", false, false},
	    {"", "\"\"", false, false},
	    {NULL, NULL, false, false},
	    {NULL, "\"a\"", false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs) * 2; i++) {
		struct str a = str_of(pairs[i / 2].a), b = str_of(pairs[i / 2].b);

		if (cond_etags_equal(i % 2 ? a : b, i % 2 ? b : a, true) != pairs[i / 2].weakly)
			fail_msg("%s and %s, weakly", pairs[i / 2].a, pairs[i / 2].b);
		if (cond_etags_equal(i % 2 ? a : b, i % 2 ? b : a, false) != pairs[i / 2].strongly)
			fail_msg("%s and %s, strongly", pairs[i / 2].a, pairs[i / 2].b);
	}
}

static void test_strong(void **state)
{
	static const char *const strong[] = {"\"a\"", "\"\"", "\"W/a\"", "\"a,b\"", "\"*\""};
	static const char *const others[] = {"W/\"a\"", "w/\"a\"", "a",       "\"a",          "a\"",
					     "*",       "",        "\"a b\"", "\"a\", \"b\"", NULL};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(strong); i++)
		if (!cond_is_strong(str_of(strong[i])))
			fail_msg("%s", strong[i]);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (cond_is_strong(str_of(others[i])))
			fail_msg("%s", others[i]);
}

/* Nothing that says yes to everything. */
static void test_askable(void **state)
{
	static const char *const askable[] = {"\"a\"",   "W/\"a\"", "\"\"",    "\"*\"", "W/\"*\"",
					      "\"a*b\"", "a",       "w/\"a\"", "a b",   "\"a"};
	static const char *const others[] = {"",    "*",      " *",       "a*b", "*a",
					     "W/*", "\"a\"*", "\"a\", *", "\"*", "w/\"*\""};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(askable); i++)
		if (!cond_is_askable(str_of(askable[i])))
			fail_msg("%s", askable[i]);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (cond_is_askable(str_of(others[i])))
			fail_msg("%s", others[i]);
}

/* What an application is asked. */
static void test_list_etags(void **state)
{
	static const struct {
		const char *etags[6];
		const char *list;
	} cases[] = {
	    {{NULL}, NULL},
	    {{"", "", NULL}, NULL},
	    {{"\"a\""}, "\"a\""},
	    {{"\"a\"", "\"b\""}, "\"a\", \"b\""},
	    {{"\"b\"", "W/\"a\""}, "\"b\", W/\"a\""},
	    {{"\"a\"", "", "\"b\"", ""}, "\"a\", \"b\""},
	    {{"", "\"a\""}, "\"a\""},
	    {{"\"a\"", "\"b\"", "\"a\"", "\"b\"", "\"c\""}, "\"a\", \"b\", \"c\""},
	    {{"\"a\"", "W/\"a\"", "a"}, "\"a\", W/\"a\", a"}, /* other bytes, each */
	    {{"abc"}, "abc"},
	    {{"w/\"a\"", "\"b\""}, "w/\"a\", \"b\""},
	    {{"*"}, NULL}, /* would be answered 304 whatever has changed */
	    {{"*", "\"a\""}, "\"a\""},
	    {{"a, *", "\"*\""}, "\"*\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str etags[6], list = STR("?");
		struct arena a;

		for (size_t k = 0; k < ARRAY_LEN(etags); k++)
			etags[k] = str_of(cases[i].etags[k]);
		arena_init(&a);
		assert_true(cond_list_etags(&a, etags, ARRAY_LEN(etags), &list));
		assert_true((list.p == NULL) == (cases[i].list == NULL));
		if (!str_eq(list, str_of(cases[i].list)))
			fail_msg("%.*s is not %s", STR_ARG(list), cases[i].list);
		assert_true(cond_list_etags(&a, NULL, 0, &list));
		assert_null(list.p);
		arena_fini(&a);
	}
}

static const struct cond_case {
	const char *name;
	const char *match, *none_match, *modified_since, *unmodified_since;
	const char *etag, *last_modified, *date;
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
    {"broken list", .none_match = "\"a\", b", .etag = "\"a\"", .answer = COND_SEND},
    {"empty field", .none_match = "", .etag = "\"a\"", .answer = COND_SEND},
    {"empty field, no tag stored", .none_match = "", .answer = COND_SEND},

    {"no quotes in the page", .none_match = "\"a\"", .etag = "a", .answer = COND_NOT_MODIFIED},
    {"no quotes in the request", .none_match = "a", .etag = "\"a\"", .answer = COND_NOT_MODIFIED},
    {"no quotes", .none_match = "a", .etag = "a", .answer = COND_NOT_MODIFIED},
    {"an odd flag", .none_match = "w/\"a\"", .etag = "w/\"a\"", .answer = COND_NOT_MODIFIED},
    {"no slash", .none_match = "W\"a\"", .etag = "W\"a\"", .answer = COND_NOT_MODIFIED},
    {"an odd flag, put right", .none_match = "W/\"a\"", .etag = "w/\"a\"", .answer = COND_SEND},

    {"the same time", .modified_since = MODIFIED, .last_modified = MODIFIED,
     .answer = COND_NOT_MODIFIED},
    {"a later time", .modified_since = AFTER, .last_modified = MODIFIED,
     .answer = COND_NOT_MODIFIED},
    {"an earlier time", .modified_since = BEFORE, .last_modified = MODIFIED, .answer = COND_SEND},
    {"later than now", .modified_since = "Thu, 31 Dec 2099 23:59:59 GMT", .last_modified = MODIFIED,
     .answer = COND_NOT_MODIFIED},
    {"another form of date", .modified_since = "Sunday, 06-Nov-94 08:49:37 GMT",
     .last_modified = "Sun Nov  6 08:49:37 1994", .answer = COND_NOT_MODIFIED},
    {"a date that is none", .modified_since = "yesterday", .last_modified = MODIFIED,
     .answer = COND_SEND},
    {"two dates", .modified_since = AFTER ", " AFTER, .last_modified = MODIFIED,
     .answer = COND_SEND},
    {"a Last-Modified that is none", .modified_since = AFTER, .last_modified = "0",
     .answer = COND_SEND},
    {"a Last-Modified that is none, with a Date", .modified_since = AFTER, .last_modified = "0",
     .date = MODIFIED, .answer = COND_SEND},
    {"a tag stored, none asked for", .modified_since = AFTER, .etag = "\"a\"",
     .last_modified = MODIFIED, .answer = COND_NOT_MODIFIED},

    {"Date for Last-Modified", .modified_since = MODIFIED, .date = MODIFIED,
     .answer = COND_NOT_MODIFIED},
    {"Date for Last-Modified, later", .modified_since = BEFORE, .date = MODIFIED,
     .answer = COND_SEND},
    {"Last-Modified, not Date", .modified_since = MODIFIED, .last_modified = MODIFIED,
     .date = AFTER, .answer = COND_NOT_MODIFIED},
    {"Date, not when it was received", .modified_since = RECEIVED, .date = JUST_AFTER,
     .answer = COND_SEND},
    {"when it was received", .modified_since = RECEIVED, .answer = COND_NOT_MODIFIED},
    {"later than it was received", .modified_since = JUST_AFTER, .answer = COND_NOT_MODIFIED},
    {"earlier than it was received", .modified_since = JUST_BEFORE, .answer = COND_SEND},
    {"a Date that is none", .modified_since = RECEIVED, .date = "0", .answer = COND_NOT_MODIFIED},
    {"a Date that is none, received later", .modified_since = JUST_BEFORE, .date = "0",
     .answer = COND_SEND},
    {"nothing to measure a bad date by", .modified_since = "0", .answer = COND_SEND},

    {"If-None-Match silences If-Modified-Since", .none_match = "\"b\"", .modified_since = AFTER,
     .etag = "\"a\"", .last_modified = MODIFIED, .answer = COND_SEND},
    {"a broken If-None-Match too", .none_match = "b,", .modified_since = AFTER, .etag = "\"a\"",
     .last_modified = MODIFIED, .answer = COND_SEND},
    {"an empty one too", .none_match = "", .modified_since = AFTER, .etag = "\"a\"",
     .last_modified = MODIFIED, .answer = COND_SEND},
    {"If-None-Match hits, the date does not", .none_match = "\"a\"", .modified_since = BEFORE,
     .etag = "\"a\"", .last_modified = MODIFIED, .answer = COND_NOT_MODIFIED},

    {"If-Match hits", .match = "\"a\"", .etag = "\"a\"", .answer = COND_SEND},
    {"If-Match misses", .match = "\"b\"", .etag = "\"a\"", .answer = COND_FAILED},
    {"If-Match compares strongly", .match = "W/\"a\"", .etag = "W/\"a\"", .answer = COND_FAILED},
    {"If-Match: *", .match = "*", .answer = COND_SEND},
    {"If-Match, no tag stored", .match = "\"a\"", .answer = COND_FAILED},
    {"If-Match, no quotes in the page", .match = "\"a\"", .etag = "a", .answer = COND_FAILED},
    {"a broken If-Match", .match = "a", .etag = "\"b\"", .answer = COND_SEND},

    {"not modified since", .unmodified_since = AFTER, .last_modified = MODIFIED,
     .answer = COND_SEND},
    {"not modified since just then", .unmodified_since = MODIFIED, .last_modified = MODIFIED,
     .answer = COND_SEND},
    {"modified since", .unmodified_since = BEFORE, .last_modified = MODIFIED,
     .answer = COND_FAILED},
    {"If-Unmodified-Since, no date stored", .unmodified_since = BEFORE, .answer = COND_SEND},
    {"If-Unmodified-Since, no Date for it", .unmodified_since = BEFORE, .date = MODIFIED,
     .answer = COND_SEND},
    {"If-Unmodified-Since that is none", .unmodified_since = "0", .last_modified = MODIFIED,
     .answer = COND_SEND},
    {"If-Unmodified-Since, a stored one that is none", .unmodified_since = BEFORE,
     .last_modified = "0", .answer = COND_SEND},
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
		struct cond_page page = {str_of(c->etag), str_of(c->last_modified), str_of(c->date),
					 RECEIVED_MS};
		struct cond_request r = {
		    .if_match = str_of(c->match),
		    .if_none_match = str_of(c->none_match),
		    .if_modified_since = str_of(c->modified_since),
		    .if_unmodified_since = str_of(c->unmodified_since),
		};

		if (cond_evaluate(&r, &page, NOW_MS) != c->answer)
			fail_msg("%s", c->name);
	}
}

/* If-Range: RFC 9110 sections 13.1.5 and 8.8.2.2 */
static void test_range_applies(void **state)
{
	static const struct {
		const char *if_range;
		const char *etag, *last_modified, *date;
		bool applies;
	} ranges[] = {
	    {NULL, NULL, NULL, NULL, true},
	    {NULL, "\"a\"", MODIFIED, AFTER, true},
	    {"", "\"a\"", MODIFIED, AFTER, false},
	    /* entity-tags */
	    {"\"a\"", "\"a\"", NULL, NULL, true},
	    {" \"a\"\t", "\"a\"", NULL, NULL, true},
	    {"\"a\"", "\"b\"", NULL, NULL, false},
	    {"\"a\"", NULL, MODIFIED, AFTER, false},
	    {"\"a\"", "W/\"a\"", NULL, NULL, false},
	    {"W/\"a\"", "\"a\"", NULL, NULL, false},
	    {"W/\"a\"", "W/\"a\"", NULL, NULL, false},
	    {"a", "a", NULL, NULL, false},
	    {"a", "\"a\"", NULL, NULL, false},
	    {"\"a\"", "a", NULL, NULL, false},
	    {"w/\"a\"", "w/\"a\"", NULL, NULL, false},
	    {"*", "\"a\"", NULL, NULL, false},
	    {"\"a\", \"b\"", "\"a\"", NULL, NULL, false}, /* a list it is not */
	    /* dates */
	    {MODIFIED, NULL, MODIFIED, AFTER, true},
	    {MODIFIED, "\"a\"", MODIFIED, AFTER, true},
	    {MODIFIED, NULL, MODIFIED, "Sun, 06 Nov 1994 08:49:38 GMT", true},
	    {MODIFIED, NULL, MODIFIED, MODIFIED, false}, /* sent in the second it was modified */
	    {MODIFIED, NULL, MODIFIED, BEFORE, false},
	    {MODIFIED, NULL, MODIFIED, NULL, false},
	    {MODIFIED, NULL, MODIFIED, "0", false},
	    {MODIFIED, NULL, NULL, AFTER, false},
	    {MODIFIED, NULL, "0", AFTER, false},
	    {BEFORE, NULL, MODIFIED, AFTER, false},
	    {AFTER, NULL, MODIFIED, AFTER, false}, /* exactly, not at most */
	    {"Sunday, 06-Nov-94 08:49:37 GMT", NULL, MODIFIED, AFTER, true},
	    {MODIFIED, NULL, "Sun Nov  6 08:49:37 1994", AFTER, true},
	    {"yesterday", NULL, "yesterday", AFTER, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		struct cond_page page = {str_of(ranges[i].etag), str_of(ranges[i].last_modified),
					 str_of(ranges[i].date), RECEIVED_MS};

		if (cond_range_applies(str_of(ranges[i].if_range), &page, NOW_MS) !=
		    ranges[i].applies)
			fail_msg("%zu: %s", i, ranges[i].if_range);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lists),         cmocka_unit_test(test_equal),
	    cmocka_unit_test(test_strong),        cmocka_unit_test(test_askable),
	    cmocka_unit_test(test_list_etags),    cmocka_unit_test(test_evaluate),
	    cmocka_unit_test(test_range_applies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
