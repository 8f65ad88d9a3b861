/*
 * Invalidation: what a page is known by, and which pages the application's answers invalidate.
 */
#include "asking.h"

#include "flow/invalidate.h"
#include "http/groups.h"

/* ------------------------------------------------------------------ labels */

/* The order of a page's labels. */
enum { BY_URL, BY_KEY, BY_GROUP };

static uint64_t label(struct str labels, size_t i)
{
	uint64_t one;

	assert_true(labels.n >= (i + 1) * sizeof(one));
	memcpy(&one, labels.p + i * sizeof(one), sizeof(one));
	return one;
}

/* The labels of an answer with these fields. */
static struct str labels_of(struct request *r, const char *fields)
{
	struct str labels;

	assert_true(invalidate_labels(r, &answer(r, fields)->head.headers, &labels));
	return labels;
}

#define DROPS  "'drop_query': 'x', 'sort_query': true"
#define KEYED  "'key_cookies': '*', 'vary': ['Accept-Language'], 'key': '$path $http_x_a'"
#define CHECKS "'validate': 'always'"

/* Whatever tells the pages of a URL apart, they are all the URL's. */
static void labels_of_a_url(void **state)
{
	static const struct {
		const char *rule, *a[3], *b[3];
		bool same;
	} cases[] = {
	    {"", {"REQUEST_URI=/"}, {"REQUEST_URI=/"}, true},
	    {"", {"REQUEST_URI=/a"}, {"REQUEST_URI=/%61"}, true},
	    {"", {"HTTP_HOST=a"}, {"HTTP_HOST=A:80"}, true},
	    {"", {"HTTPS=on"}, {"HTTPS=off"}, true},
	    {"", {"REQUEST_METHOD=GET"}, {"REQUEST_METHOD=HEAD"}, true},
	    {"", {"HTTP_X_A=1"}, {"HTTP_X_A=2"}, true},
	    {"", {"SCRIPT_FILENAME=/a"}, {"SCRIPT_FILENAME=/b"}, true},
	    {KEYED, {"HTTP_COOKIE=a=1"}, {"HTTP_COOKIE=b=2"}, true},
	    {KEYED, {"HTTP_ACCEPT_LANGUAGE=de"}, {"HTTP_ACCEPT_LANGUAGE=en"}, true},
	    {KEYED, {"HTTP_X_A=1"}, {"HTTP_X_A=2"}, true},
	    {CHECKS, {"HTTP_COOKIE=a=1"}, {"HTTP_COOKIE=b=2"}, true},
	    {DROPS, {"REQUEST_URI=/?b&x=1&a"}, {"REQUEST_URI=/?a&b"}, true},
	    {"'query': 'drop'", {"REQUEST_URI=/?a"}, {"REQUEST_URI=/"}, true},
	    {"", {"REQUEST_URI=/?"}, {"REQUEST_URI=/"}, true},
	    {"", {"REQUEST_URI=/a"}, {"REQUEST_URI=/b"}, false},
	    {"", {"REQUEST_URI=/a"}, {"REQUEST_URI=/a/"}, false},
	    {"", {"REQUEST_URI=/?a"}, {"REQUEST_URI=/?b"}, false},
	    {"", {"REQUEST_URI=/?a"}, {"REQUEST_URI=/"}, false},
	    {"", {"REQUEST_URI=/a?b"}, {"REQUEST_URI=/a%3Fb"}, false},
	    {"", {"HTTP_HOST=a"}, {"HTTP_HOST=b"}, false},
	    {"", {"HTTP_HOST=a"}, {"HTTP_HOST=a:8080"}, false},
	    {"", {"HTTP_HOST=a", "REQUEST_URI=/b"}, {"HTTP_HOST=ab", "REQUEST_URI=/"}, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request *a = ask_as(NULL, FCGI_ROLE_RESPONDER, cases[i].rule, cases[i].a),
			       *b = ask_as(NULL, FCGI_ROLE_RESPONDER, cases[i].rule, cases[i].b);
		struct str one = labels_of(a, "ETag: \"a\"\n"), other = labels_of(b, "Vary: X-A\n");

		assert_int_equal(one.n, BY_GROUP * sizeof(uint64_t));
		if ((label(one, BY_URL) == label(other, BY_URL)) != cases[i].same)
			fail_msg("%s, %s", cases[i].a[0], cases[i].b[0]);
		request_free(&a);
		request_free(&b);
	}
}

#define LANGUAGES "'regex': '^/(..)/(.*)$', 'key': '$1'"

/* What the template of its key gives, and nothing besides: other URLs may store the same page. */
static void labels_of_a_key(void **state)
{
	static const struct {
		const char *rule, *a[3], *b[3];
		bool same;
	} cases[] = {
	    {"", {"REQUEST_URI=/a?b"}, {"REQUEST_URI=/%61?b"}, true},
	    {"", {"REQUEST_METHOD=GET"}, {"REQUEST_METHOD=HEAD"}, true},
	    {"", {"HTTP_X_A=1"}, {"HTTP_X_A=2"}, true},
	    {"", {"SCRIPT_FILENAME=/a"}, {"SCRIPT_FILENAME=/b"}, true},
	    {"", {"HTTPS=on"}, {"HTTPS=off"}, false},
	    {"", {"HTTP_HOST=a"}, {"HTTP_HOST=b"}, false},
	    {"", {"REQUEST_URI=/a"}, {"REQUEST_URI=/b"}, false},
	    {"", {"REQUEST_URI=/?a"}, {"REQUEST_URI=/?b"}, false},
	    {DROPS, {"REQUEST_URI=/?b&x=1&a"}, {"REQUEST_URI=/?a&b"}, true},
	    {KEYED, {"HTTP_COOKIE=a=1"}, {"HTTP_COOKIE=b=2"}, true},
	    {KEYED, {"HTTP_ACCEPT_LANGUAGE=de"}, {"HTTP_ACCEPT_LANGUAGE=en"}, true},
	    {KEYED, {"HTTP_X_A=1"}, {"HTTP_X_A=2"}, false},
	    {KEYED, {"HTTP_HOST=a"}, {"HTTP_HOST=b"}, true},
	    {KEYED, {"REQUEST_URI=/?a"}, {"REQUEST_URI=/?b"}, true},
	    {"'key': '$host'", {"REQUEST_URI=/a"}, {"REQUEST_URI=/b"}, true},
	    {LANGUAGES, {"REQUEST_URI=/de/a"}, {"REQUEST_URI=/de/b"}, true},
	    {LANGUAGES, {"REQUEST_URI=/de/a"}, {"REQUEST_URI=/en/a"}, false},
	    {"'key': '$http_x_a$http_x_b'", {"HTTP_X_A=1"}, {"HTTP_X_B=1"}, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request *a = ask_as(NULL, FCGI_ROLE_RESPONDER, cases[i].rule, cases[i].a),
			       *b = ask_as(NULL, FCGI_ROLE_RESPONDER, cases[i].rule, cases[i].b);
		struct str one = labels_of(a, "ETag: \"a\"\n"), other = labels_of(b, "Vary: X-A\n");
		uint64_t alone;

		if ((label(one, BY_KEY) == label(other, BY_KEY)) != cases[i].same)
			fail_msg("%s: %s, %s", cases[i].rule, cases[i].a[0], cases[i].b[0]);
		assert_true(label(one, BY_KEY) != label(one, BY_URL));
		assert_true(decide_label(a, &alone));
		assert_true(label(one, BY_KEY) == alone);
		request_free(&a);
		request_free(&b);
	}
}

/* A group is its origin's alone (RFC 9875 section 2.1), and never taken for a URL. */
static void labels_of_groups(void **state)
{
	static const char fields[] = "Cache-Groups: \"g\", \"h\"\nCache-Groups: \"g\";a=1\n";
	struct request *r = ASK("", "REQUEST_URI=/"), *same = ASK("", "REQUEST_URI=/b?c"),
		       *secure = ASK("", "HTTPS=on"), *host = ASK("", "HTTP_HOST=b"),
		       *url = ASK("", "REQUEST_URI=/g");
	struct str of_r = labels_of(r, fields), of_same = labels_of(same, fields);

	(void)state;
	assert_int_equal(of_r.n, (BY_GROUP + 3) * sizeof(uint64_t));
	assert_true(label(of_r, BY_GROUP) != label(of_r, BY_GROUP + 1));
	assert_true(label(of_r, BY_GROUP) == label(of_r, BY_GROUP + 2));
	assert_true(label(of_r, BY_URL) != label(of_same, BY_URL));
	assert_true(label(of_r, BY_KEY) != label(of_same, BY_KEY));
	assert_true(str_eq(str_sub(of_r, 16, of_r.n), str_sub(of_same, 16, of_same.n)));
	assert_true(label(labels_of(secure, fields), BY_GROUP) != label(of_r, BY_GROUP));
	assert_true(label(labels_of(host, fields), BY_GROUP) != label(of_r, BY_GROUP));
	assert_true(label(labels_of(url, fields), BY_URL) !=
		    label(labels_of(url, "Cache-Groups: \"/g\"\n"), BY_GROUP));
	/* no list, no groups */
	assert_int_equal(labels_of(r, "Cache-Groups: g\n").n, BY_GROUP * sizeof(uint64_t));
	assert_int_equal(labels_of(r, "Cache-Groups: \"g\n").n, BY_GROUP * sizeof(uint64_t));
	request_free(&r);
	request_free(&same);
	request_free(&secure);
	request_free(&host);
	request_free(&url);
}

/* A page in more groups than can be remembered is not kept: it would survive one of them. */
static void too_many_groups(void **state)
{
	struct request *r = ASK("", "REQUEST_URI=/");
	char fields[16 * GROUPS_MAX] = "Cache-Groups: \"g\"";
	struct str labels;

	(void)state;
	for (unsigned i = 1; i < GROUPS_MAX; i++)
		strcat(fields, ", \"h\"");
	strcat(fields, "\n");
	assert_int_equal(labels_of(r, fields).n, (BY_GROUP + GROUPS_MAX) * sizeof(uint64_t));
	strcat(fields, "Cache-Groups: \"i\"\n");
	assert_false(invalidate_labels(r, &answer(r, fields)->head.headers, &labels));
	assert_null(page_open(r, &answer(r, fields)->source, 0, &labels));
	request_free(&r);
}

/* Machines that share a store agree on these. */
static void labels_on_every_machine(void **state)
{
	struct request *r = ASK("", "HTTP_HOST=Example.org", "REQUEST_URI=/a%2Db?c=1");
	struct str labels = labels_of(r, "Cache-Groups: \"news\"\n");

	(void)state;
	assert_true(label(labels, BY_URL) == UINT64_C(0xdee9aedd3866ea76));
	assert_true(label(labels, BY_KEY) == UINT64_C(0xf9dad441c6751856));
	assert_true(label(labels, BY_GROUP) == UINT64_C(0xc9b4da7f842c3c04));
	request_free(&r);
}

/* ------------------------------------------------------------------ what invalidates what */

/* Whether a page, as it is asked for by these lines, is invalidated by an answer to these. */
static bool invalidates(const char *rule, const char *const *lines, const char *fields,
			const char *const *page_lines, const char *page_fields)
{
	struct request *r = ask_as(NULL, FCGI_ROLE_RESPONDER, rule, lines),
		       *wanted = ask_as(NULL, FCGI_ROLE_RESPONDER, rule, page_lines);
	struct object *o = page_of(wanted, page_fields, "");
	bool held;

	bans_forget();
	assert_false(invalidate_holds(o));
	invalidate_after(r, &answer(r, fields)->head);
	held = invalidate_holds(o);
	object_unref(&o);
	request_free(&r);
	request_free(&wanted);
	return held;
}

static void methods(void **state)
{
	static const struct {
		const char *line;
		bool invalidates;
	} cases[] = {
	    {"REQUEST_METHOD=POST", true},    {"REQUEST_METHOD=PUT", true},
	    {"REQUEST_METHOD=DELETE", true},  {"REQUEST_METHOD=PATCH", true},
	    {"REQUEST_METHOD=MKCOL", true},   {"REQUEST_METHOD=PROPPATCH", true},
	    {"REQUEST_METHOD=PURGE", true},   {"REQUEST_METHOD=get", true},
	    {"REQUEST_METHOD=GETS", true},    {"REQUEST_METHOD=GET", false},
	    {"REQUEST_METHOD=HEAD", false},   {"REQUEST_METHOD=OPTIONS", false},
	    {"REQUEST_METHOD=TRACE", false},  {"REQUEST_METHOD=PROPFIND", false},
	    {"REQUEST_METHOD=REPORT", false}, {"REQUEST_METHOD=SEARCH", false},
	    {"REQUEST_METHOD=QUERY", false},
	};
	static const char fields[] = "Location: /l\nContent-Location: /c\n"
				     "Cache-Group-Invalidation: \"g\"\n";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *const *lines = LINES(cases[i].line);

		if (invalidates("", lines, fields, LINES("REQUEST_URI=/"), "") !=
			cases[i].invalidates ||
		    bans_count() != (cases[i].invalidates ? 5 : 0))
			fail_msg("%s", cases[i].line);
	}
}

static void statuses(void **state)
{
	static const struct {
		const char *fields;
		bool invalidates;
	} cases[] = {
	    {"", true},
	    {"Status: 201\n", true},
	    {"Status: 204\n", true},
	    {"Status: 299\n", true},
	    {"Status: 303\nLocation: /b\n", true},
	    {"Status: 304\n", true},
	    {"Status: 399\n", true},
	    {"Status: 400\n", false},
	    {"Status: 404\nCache-Group-Invalidation: \"g\"\n", false},
	    {"Status: 500\nLocation: /\n", false},
	    {"Status: 999\n", false},
	};
	static const char *const post[] = {"REQUEST_METHOD=POST", NULL};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (invalidates("", post, cases[i].fields, LINES("REQUEST_URI=/"),
				"Cache-Groups: \"g\"\n") != cases[i].invalidates)
			fail_msg("%s", cases[i].fields);
}

/* Every page behind its URL, and every page of its key; no other. */
static void the_target(void **state)
{
	static const struct {
		const char *rule, *lines[3], *page[3];
		bool invalidates;
	} cases[] = {
	    {"", {"REQUEST_URI=/a"}, {"REQUEST_URI=/a"}, true},
	    {"", {"REQUEST_URI=/%61"}, {"REQUEST_URI=/a"}, true},
	    {"", {"REQUEST_URI=/a?b=1"}, {"REQUEST_URI=/a?b=1"}, true},
	    {"", {"REQUEST_URI=/a?b=1"}, {"REQUEST_URI=/a"}, false},
	    {"", {"REQUEST_URI=/a"}, {"REQUEST_URI=/a?b=1"}, false},
	    {"", {"REQUEST_URI=/a"}, {"REQUEST_URI=/b"}, false},
	    {"", {"REQUEST_URI=/a"}, {"REQUEST_URI=/a", "HTTP_HOST=b"}, false},
	    {"", {"REQUEST_URI=/a"}, {"REQUEST_URI=/a", "HTTPS=on"}, true},
	    {"", {"REQUEST_URI=/a"}, {"REQUEST_URI=/a", "HTTP_X_A=1"}, true},
	    {KEYED, {"REQUEST_URI=/a"}, {"REQUEST_URI=/a", "HTTP_COOKIE=a=1"}, true},
	    {KEYED, {"REQUEST_URI=/a", "HTTP_COOKIE=a=1"}, {"REQUEST_URI=/a"}, true},
	    {DROPS, {"REQUEST_URI=/a?x=1&b&a"}, {"REQUEST_URI=/a?a&b&x=2"}, true},
	    {"'query': 'drop'", {"REQUEST_URI=/a?x=1"}, {"REQUEST_URI=/a"}, true},
	    /* what another URL has stored under its key */
	    {"'key': '$host'", {"REQUEST_URI=/a"}, {"REQUEST_URI=/b"}, true},
	    {"'key': '$host'", {"REQUEST_URI=/a"}, {"REQUEST_URI=/b", "HTTP_HOST=b"}, false},
	    {"'key': '$path'", {"REQUEST_URI=/a"}, {"REQUEST_URI=/a", "HTTP_HOST=b"}, true},
	    {LANGUAGES, {"REQUEST_URI=/de/a?b"}, {"REQUEST_URI=/de/c"}, true},
	    {LANGUAGES, {"REQUEST_URI=/de/a"}, {"REQUEST_URI=/en/a"}, false},
	    {KEYED, {"REQUEST_URI=/a"}, {"REQUEST_URI=/a?b", "HTTP_COOKIE=a=1"}, true},
	    {KEYED, {"REQUEST_URI=/a", "HTTP_X_A=1"}, {"REQUEST_URI=/a?b", "HTTP_X_A=1"}, true},
	    {KEYED, {"REQUEST_URI=/a", "HTTP_X_A=1"}, {"REQUEST_URI=/a?b"}, false},
	    {DROPS ", 'key': '?$query'", {"REQUEST_URI=/a?x=1&b&a"}, {"REQUEST_URI=/c?a&b"}, true},
	    /* past the cache for more reasons than its method */
	    {"", {"REQUEST_URI=/a", "HTTP_COOKIE=a=1"}, {"REQUEST_URI=/a"}, true},
	    {"", {"REQUEST_URI=/a", "HTTP_UPGRADE=x"}, {"REQUEST_URI=/a"}, true},
	    {"", {"REQUEST_URI=", "SCRIPT_NAME=/a"}, {"REQUEST_URI=/a"}, true},
	    {"",
	     {"REQUEST_URI=", "SCRIPT_NAME=/a", "QUERY_STRING=b=1"},
	     {"REQUEST_URI=/a?b=1"},
	     true},
	    /* whose page it would be cannot be told */
	    {"", {"REQUEST_URI=/a", "HTTP_HOST=a b"}, {"REQUEST_URI=/a"}, false},
	    {"", {"REQUEST_URI=/b/../a"}, {"REQUEST_URI=/a"}, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *const lines[] = {"REQUEST_METHOD=POST", cases[i].lines[0],
					     cases[i].lines[1], cases[i].lines[2], NULL};

		if (invalidates(cases[i].rule, lines, "", cases[i].page, "") !=
		    cases[i].invalidates)
			fail_msg("case %zu: %s, %s", i, cases[i].lines[0], cases[i].page[0]);
	}
}

/* A key with cookies in it is known as well. */
static void the_target_of_a_key_with_cookies(void **state)
{
	static const char *const post[] = {"REQUEST_METHOD=POST", "REQUEST_URI=/a",
					   "HTTP_COOKIE=c=1", NULL};

	(void)state;
	assert_true(invalidates("'key': '${cookie_c}'", post, "",
				LINES("REQUEST_URI=/b", "HTTP_COOKIE=c=1"), ""));
	assert_false(invalidates("'key': '${cookie_c}'", post, "",
				 LINES("REQUEST_URI=/b", "HTTP_COOKIE=c=2"), ""));
}

/* ------------------------------------------------------------------ no answer */

/* Nobody knows what it changed, so the target goes; what an answer would have named does not. */
static void no_answer(void **state)
{
	static const struct {
		const char *lines[3];
		size_t bans;
		bool invalidates;
	} cases[] = {
	    {{"REQUEST_METHOD=POST"}, 2, true},
	    {{"REQUEST_METHOD=DELETE", "HTTP_COOKIE=a=1"}, 2, true},
	    {{"REQUEST_METHOD=POST", "REQUEST_URI=/b"}, 2, false},
	    {{"REQUEST_METHOD=GET"}, 0, false},
	    {{"REQUEST_METHOD=GET", "HTTP_COOKIE=a=1"}, 0, false},
	    {{"REQUEST_METHOD=HEAD"}, 0, false},
	    {{"REQUEST_METHOD=OPTIONS"}, 0, false},
	    /* whose page it would be cannot be told */
	    {{"REQUEST_METHOD=POST", "HTTP_HOST=a b"}, 0, false},
	    {{"REQUEST_METHOD=POST", "REQUEST_URI=/../"}, 0, false},
	};
	struct request *wanted = ASK("", "REQUEST_URI=/");
	struct object *o = page_of(wanted, "Cache-Groups: \"g\"\n", "");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request *r = ask_as(NULL, FCGI_ROLE_RESPONDER, "", cases[i].lines);

		bans_forget();
		invalidate_in_doubt(r);
		if (invalidate_holds(o) != cases[i].invalidates || bans_count() != cases[i].bans)
			fail_msg("%s", cases[i].lines[0]);
		request_free(&r);
	}
	object_unref(&o);
	request_free(&wanted);
}

/* ------------------------------------------------------------------ references */

/* An answer to POST http://a/dir/form?f=1 names another page of the same origin. */
static const struct {
	const char *rule, *reference, *page;
	bool invalidates;
} references[] = {
    {"", "/b", "REQUEST_URI=/b", true},
    {"", "b", "REQUEST_URI=/dir/b", true},
    {"", "../b", "REQUEST_URI=/b", true},
    {"", "./", "REQUEST_URI=/dir/", true},
    {"", "?g=1", "REQUEST_URI=/dir/form?g=1", true},
    {"", "/b?c=1", "REQUEST_URI=/b?c=1", true},
    {"", "/b?c=1", "REQUEST_URI=/b", false},
    {"", "/b#c", "REQUEST_URI=/b", true},
    {"", "/%62", "REQUEST_URI=/b", true},
    {"", "/b", "REQUEST_URI=/b/", false},
    {"", "/b", "REQUEST_URI=/dir/b", false},
    /* of this origin, however it is written */
    {"", "http://a/b", "REQUEST_URI=/b", true},
    {"", "HTTP://A:80/b", "REQUEST_URI=/b", true},
    {"", "http://a:/b", "REQUEST_URI=/b", true},
    {"", "//a/b", "REQUEST_URI=/b", true},
    {"", "http://a", "REQUEST_URI=/", true},
    /* of another: never (RFC 9111 section 4.4) */
    {"", "https://a/b", "REQUEST_URI=/b", false},
    {"", "https://a:80/b", "REQUEST_URI=/b", false},
    {"", "http://a:8080/b", "REQUEST_URI=/b", false},
    {"", "http://b/b", "REQUEST_URI=/b", false},
    {"", "//b/b", "REQUEST_URI=/b", false},
    {"", "http://a.b/b", "REQUEST_URI=/b", false},
    {"", "ftp://a/b", "REQUEST_URI=/b", false},
    /* none, or an odd one */
    {"", "http:///b", "REQUEST_URI=/b", false},
    {"", "http://u@a/b", "REQUEST_URI=/b", false},
    {"", "/b c", "REQUEST_URI=/b", false},
    {"", "/c%2f..%2fb", "REQUEST_URI=/b", false},
    {"", "//a//b", "REQUEST_URI=/b", false},
    /* what a rule drops of a query tells no pages apart */
    {DROPS, "/b?x=1&b&a", "REQUEST_URI=/b?a&b", true},
    {DROPS, "/b?x=1", "REQUEST_URI=/b?x=2", true},
    {DROPS, "/b?c", "REQUEST_URI=/b", false},
    {"'query': 'drop'", "/b?c", "REQUEST_URI=/b", true},
    {"'prefix': '/b', 'drop_query': 'x'", "/b?x=1", "REQUEST_URI=/b", true},
};

static void location_and_content_location(void **state)
{
	static const char *const names[] = {"Location", "Content-Location"};
	static const char *const post[] = {"REQUEST_METHOD=POST", "REQUEST_URI=/dir/form?f=1",
					   NULL};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(references); i++) {
		for (size_t k = 0; k < ARRAY_LEN(names); k++) {
			const char *const page[] = {references[i].page, NULL};
			char fields[128];

			snprintf(fields, sizeof(fields), "Status: 200\n%s: %s\n", names[k],
				 references[i].reference);
			if (invalidates(references[i].rule, post, fields, page, "") !=
			    references[i].invalidates)
				fail_msg("%s, %s", fields, references[i].page);
		}
	}
}

/* Both, and the target besides. */
static void all_that_is_named(void **state)
{
	static const char *const pages[] = {"REQUEST_URI=/dir/form", "REQUEST_URI=/l",
					    "REQUEST_URI=/c"};
	static const char *const post[] = {"REQUEST_METHOD=POST", "REQUEST_URI=/dir/form", NULL};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		assert_true(invalidates("", post, "Content-Location: /c\nLocation: /l\n",
					LINES(pages[i]), ""));
		assert_int_equal(bans_count(), 4);
	}
}

/* A secure page's other port, and another scheme, are other origins. */
static void references_between_schemes(void **state)
{
	static const struct {
		const char *reference;
		bool invalidates;
	} cases[] = {
	    {"https://a/b", true},       {"https://a:443/b", true}, {"/b", true},
	    {"https://a:8443/b", false}, {"http://a/b", false},     {"http://a:443/b", false},
	};
	static const char *const post[] = {"REQUEST_METHOD=POST", "HTTPS=on", NULL};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char fields[128];

		snprintf(fields, sizeof(fields), "Status: 201\nLocation: %s\n", cases[i].reference);
		if (invalidates("", post, fields, LINES("HTTPS=on", "REQUEST_URI=/b"), "") !=
		    cases[i].invalidates)
			fail_msg("%s", cases[i].reference);
	}
}

/* ------------------------------------------------------------------ groups */

static void groups(void **state)
{
	static const struct {
		const char *invalidation, *page[3], *groups;
		bool invalidates;
	} cases[] = {
	    {"\"g\"", {"REQUEST_URI=/b"}, "\"g\"", true},
	    {"\"g\"", {"REQUEST_URI=/b?c", "HTTP_COOKIE=a=1"}, "\"f\", \"g\"", true},
	    {"\"f\", \"g\"", {"REQUEST_URI=/b"}, "\"g\"", true},
	    {"\"g\";a=1", {"REQUEST_URI=/b"}, "\"g\"", true},
	    {"\"g\"", {"REQUEST_URI=/b"}, "\"G\"", false},
	    {"\"g\"", {"REQUEST_URI=/b"}, "\"f\"", false},
	    {"\"g\"", {"REQUEST_URI=/b"}, "", false},
	    {"\"/b\"", {"REQUEST_URI=/b"}, "", false},
	    {"", {"REQUEST_URI=/b"}, "\"\"", false},
	    /* another origin's group of the same name */
	    {"\"g\"", {"REQUEST_URI=/b", "HTTP_HOST=b"}, "\"g\"", false},
	    {"\"g\"", {"REQUEST_URI=/b", "HTTP_HOST=a:8080"}, "\"g\"", false},
	    {"\"g\"", {"REQUEST_URI=/b", "HTTPS=on"}, "\"g\"", false},
	    /* no list of strings: nothing is said */
	    {"g", {"REQUEST_URI=/b"}, "\"g\"", false},
	    {"\"g\", f", {"REQUEST_URI=/b"}, "\"g\"", false},
	    {"\"g\"", {"REQUEST_URI=/b"}, "g", false},
	};
	static const char *const post[] = {"REQUEST_METHOD=POST", NULL};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char fields[128], page[128];

		snprintf(fields, sizeof(fields), "Cache-Group-Invalidation: %s\n",
			 cases[i].invalidation);
		snprintf(page, sizeof(page), "Cache-Groups: %s\n", cases[i].groups);
		if (invalidates("'ignore_cookies': '*'", post, fields, cases[i].page, page) !=
		    cases[i].invalidates)
			fail_msg("case %zu: %s, %s", i, cases[i].invalidation, cases[i].groups);
	}
}

/* ------------------------------------------------------------------ when */

/* A page that was under way when it was invalidated is caught; one that was asked for later is not.
 */
static void before_and_after(void **state)
{
	static const struct {
		int64_t asked; /* us after the ban */
		bool held;
	} cases[] = {{-1000000, true}, {-1, true}, {60000000, false}};
	struct request *r = ASK("", "REQUEST_METHOD=POST"), *wanted = ASK("", "REQUEST_URI=/");
	int64_t before = clock_now_us(), after;

	(void)state;
	invalidate_after(r, &answer(r, "")->head);
	after = clock_now_us();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct answer *a = answer(wanted, "");
		struct object *o;
		struct str vary;

		a->source.asked = (cases[i].asked < 0 ? before : after) + cases[i].asked;
		o = page_open(wanted, &a->source, 0, &vary);
		assert_non_null(o);
		page_seal(o);
		assert_int_equal(invalidate_holds(o), cases[i].held);
		object_unref(&o);
	}
	request_free(&r);
	request_free(&wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(labels_of_a_url),
	    cmocka_unit_test(labels_of_a_key),
	    cmocka_unit_test(labels_of_groups),
	    cmocka_unit_test(too_many_groups),
	    cmocka_unit_test(labels_on_every_machine),
	    cmocka_unit_test_setup(methods, asking_setup),
	    cmocka_unit_test_setup(statuses, asking_setup),
	    cmocka_unit_test_setup(the_target, asking_setup),
	    cmocka_unit_test_setup(the_target_of_a_key_with_cookies, asking_setup),
	    cmocka_unit_test_setup(no_answer, asking_setup),
	    cmocka_unit_test_setup(location_and_content_location, asking_setup),
	    cmocka_unit_test_setup(all_that_is_named, asking_setup),
	    cmocka_unit_test_setup(references_between_schemes, asking_setup),
	    cmocka_unit_test_setup(groups, asking_setup),
	    cmocka_unit_test_setup(before_and_after, asking_setup),
	};

	return cmocka_run_group_tests(tests, asking_start, NULL);
}
