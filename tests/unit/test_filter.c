/*
 * Filters: the query, the cookies and the headers that a request keeps under a rule.
 */
#include "asking.h"

#include "flow/filter.h"

/* A parameter as the application gets it; p NULL if it does not. */
static struct str sent(struct request *r, const char *name)
{
	struct param *out;
	size_t n;

	assert_true(filter_params(r, &out, &n));
	for (size_t i = 0; i < n; i++)
		if (str_eq(out[i].name, str_of(name)))
			return out[i].value;
	return str_make(NULL, 0);
}

static void assert_sent(struct request *r, const char *name, const char *expected)
{
	struct str value = sent(r, name);

	if (!expected ? value.p != NULL : !value.p || !str_eq(value, str_of(expected)))
		fail_msg("%s: \"%.*s\", wanted \"%s\"", name, STR_ARG(value),
			 expected ? expected : "nothing");
}

/* ------------------------------------------------------------------ queries */

static void queries(void **state)
{
	static const struct {
		const char *rule, *query, *kept; /* kept NULL: as it is, not copied */
	} cases[] = {
	    {"", "b=1&a=2", NULL},
	    {"'drop_query': 'x'", "a=1", NULL},
	    {"'drop_query': 'x'", "a=1&x=2&b=3", "a=1&b=3"},
	    {"'drop_query': 'x'", "x", ""},
	    {"'drop_query': 'x'", "x=1&x=2&xx=3", "xx=3"},
	    {"'drop_query': 'utm_*'", "utm_source=a&id=1&utm_=b&UTM_X=c", "id=1&UTM_X=c"},
	    {"'drop_query': 'utm_*'", "utm%5Fsource=a&%75tm_x&id=1", "id=1"},
	    {"'drop_query': 'a b'", "a+b=1&a%20b=2&c", "c"},
	    {"'drop_query': 'x'", "a=1&&x=2&", "a=1&"},
	    {"'drop_query': 'x'", "utm;x=1", NULL},
	    {"'drop_query': 'tracking'", "fbclid=1&gclid=2&p=3", "p=3"},
	    {"'sort_query': true", "b=1&a=2&c=0", "a=2&b=1&c=0"},
	    {"'sort_query': true", "a=2&b=0&a=1", "a=2&a=1&b=0"},
	    {"'sort_query': true", "a", "a"},
	    {"'sort_query': true, 'drop_query': 'b'", "c&b&a", "a&c"},
	    {"'query': 'drop'", "a=1&b=2", ""},
	    {"'query': 'drop', 'key': '$path$arg_id'", "a=1&id=2&b", "id=2"},
	    {"'drop_query': '*', 'key': '$path$arg_id'", "a=1&id=2&b", "id=2"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[256];
		struct ruleset *set;
		struct arena a;
		struct str raw = str_of(cases[i].query), out;

		snprintf(text, sizeof(text), RULE("%s"), cases[i].rule);
		set = parse(text);
		arena_init(&a);
		assert_true(filter_query(&set->rules[0], raw, &a, &out));
		if (!cases[i].kept)
			assert_true(out.p == raw.p && out.n == raw.n);
		else
			assert_str(out, cases[i].kept);
		arena_fini(&a);
		ruleset_unref(&set);
	}
}

/* What the application gets of the target and of its copies. */
static void the_target_as_it_is_sent(void **state)
{
	struct request *r =
	    ASK("'drop_query': 'x', 'sort_query': true", "REQUEST_URI=/%61?b=1&x=2&a=3",
		"QUERY_STRING=b=1&x=2&a=3", "REDIRECT_URI=/%61?x=2&b=1",
		"REDIRECT_QUERY_STRING=x=2&b=1", "SCRIPT_NAME=/a");

	(void)state;
	assert_sent(r, "REQUEST_URI", "/a?a=3&b=1");
	assert_sent(r, "QUERY_STRING", "a=3&b=1");
	assert_sent(r, "REDIRECT_URI", "/%61?b=1");
	assert_sent(r, "REDIRECT_QUERY_STRING", "b=1");
	assert_sent(r, "SCRIPT_NAME", "/a");
	request_free(&r);
	r = ASK("'query': 'drop'", "REQUEST_URI=/a?b=1", "QUERY_STRING=b=1");
	assert_sent(r, "REQUEST_URI", "/a");
	assert_sent(r, "QUERY_STRING", "");
	request_free(&r);
}

/* A web server that rewrites: what it added stays, what was asked for and dropped goes. */
static void a_rewritten_query(void **state)
{
	struct request *r = ASK("'drop_query': ['x', 'page']", "REQUEST_URI=/p?x=1&y=2",
				"QUERY_STRING=page=p&x=1&y=2");

	(void)state;
	assert_sent(r, "QUERY_STRING", "page=p&y=2");
	assert_sent(r, "REQUEST_URI", "/p?y=2");
	request_free(&r);
	r = ASK("'query': 'drop'", "REQUEST_URI=/p?%78=1", "QUERY_STRING=page=p&x=1");
	assert_sent(r, "QUERY_STRING", "page=p");
	request_free(&r);
}

/* ------------------------------------------------------------------ cookies */

static void cookies(void **state)
{
	static const char lists[] =
	    "'bypass_cookies': ['sess*'], 'key_cookies': ['lang', 'v?'], 'ignore_cookies': ['_g*']";
	static const char all[] = "'ignore_cookies': '*', 'key_cookies': 'lang'";
	static const struct {
		const char *rule, *header;
		const char *kept, *bypass; /* bypass: the cookie's name, or NULL */
	} cases[] = {
	    {lists, "HTTP_COOKIE=", "", NULL},
	    {lists, "HTTP_COOKIE=_ga=1", "", NULL},
	    {lists, "HTTP_COOKIE=lang=de", "lang=de", NULL},
	    {lists, "HTTP_COOKIE=v2=b; _gid=3;lang=de ; v1=a", "lang=de; v1=a; v2=b", NULL},
	    {lists, "HTTP_COOKIE=lang=de; v1=x; lang=en", "lang=de; lang=en; v1=x", NULL},
	    {lists, "HTTP_COOKIE=lang", NULL, ""}, /* a value without a name */
	    {lists, "HTTP_COOKIE=lang=de; session=1", NULL, "session"},
	    {lists, "HTTP_COOKIE=other=1", NULL, "other"},
	    {lists, "HTTP_COOKIE=LANG=de", NULL, "LANG"},
	    {lists, "HTTP_COOKIE==v", NULL, ""},
	    {"", "HTTP_COOKIE=a=1", NULL, "a"},
	    {all, "HTTP_COOKIE=a=1; lang=de; session=2", "lang=de", NULL},
	    {"'bypass_cookies': 'a', 'key_cookies': 'a', 'ignore_cookies': 'a'", "HTTP_COOKIE=a=1",
	     NULL, "a"},
	    {"'key': '$path ${cookie_c}'", "HTTP_COOKIE=c=1", "c=1", NULL},
	    {"'key': '$path ${cookie_c}'", "HTTP_COOKIE=d=1", NULL, "d"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request *r = ASK(cases[i].rule, "REQUEST_URI=/", cases[i].header);

		if (cases[i].bypass) {
			assert_int_equal(r->plan.reason, REASON_COOKIE);
			assert_str(r->plan.reason_arg, cases[i].bypass);
			assert_false(r->plan.lookup || r->plan.store);
			/* it goes as it came */
			assert_sent(r, "HTTP_COOKIE", strchr(cases[i].header, '=') + 1);
		} else {
			assert_int_equal(r->plan.reason, REASON_NONE);
			assert_str(r->plan.cookies, cases[i].kept);
			assert_sent(r, "HTTP_COOKIE", cases[i].kept[0] ? cases[i].kept : NULL);
		}
		request_free(&r);
	}
}

/* The application is asked each time anyway: cookies that nobody named reach it, out of the key. */
static void cookies_where_all_is_checked(void **state)
{
	static const char lists[] = "'validate': 'always', 'bypass_cookies': 'sess*',"
				    " 'key_cookies': 'lang', 'ignore_cookies': '_*'";
	static const struct {
		const char *rule, *header, *kept, *keyed;
		bool bypass;
	} cases[] = {
	    {lists, "HTTP_COOKIE=x=1", "x=1", ""},
	    {lists, "HTTP_COOKIE=lang=de", "lang=de", "lang=de"},
	    {lists, "HTTP_COOKIE=x=1; lang=de; _ga=2; a=3", "a=3; lang=de; x=1", "lang=de"},
	    {lists, "HTTP_COOKIE=_ga=2", "", ""},
	    {lists, "HTTP_COOKIE=x=1; session=2", "", "", true},
	    {"'validate': 'always'", "HTTP_COOKIE=b=1; a=2", "a=2; b=1", ""},
	    {"'validate': 'always', 'key': '$path ${cookie_c}'", "HTTP_COOKIE=d=1; c=2", "c=2; d=1",
	     "c=2"},
	    {"'validate': 'stale'", "HTTP_COOKIE=x=1", "", "", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request *r = ASK(cases[i].rule, cases[i].header);

		assert_int_equal(r->plan.reason, cases[i].bypass ? REASON_COOKIE : REASON_NONE);
		if (!cases[i].bypass) {
			assert_str(r->plan.cookies, cases[i].kept);
			assert_str(r->plan.key_cookies, cases[i].keyed);
			assert_sent(r, "HTTP_COOKIE", cases[i].kept[0] ? cases[i].kept : NULL);
		}
		request_free(&r);
	}
}

/* ------------------------------------------------------------------ headers */

/* NAME=x */
static void assert_goes(const char *line, bool goes)
{
	struct request *r = ASK("", line);
	char name[64] = "";

	memcpy(name, line, strlen(line) - strlen("=x"));
	assert_sent(r, name, goes ? "x" : NULL);
	request_free(&r);
}

static void headers_kept_back(void **state)
{
	static const char *const back[] = {
	    "HTTP_CACHE_CONTROL=x",   "HTTP_RANGE=x",           "HTTP_IF_NONE_MATCH=x",
	    "HTTP_CONNECTION=x",      "HTTP_FORWARDED=x",       "HTTP_X_FORWARDED_HOST=x",
	    "HTTP_X_FORWARDED=x",     "HTTP_X_FORWARDED_FOR=x", "HTTP_X_ORIGINAL_URL=x",
	    "HTTP_X_REWRITE_URL=x",   "HTTP_X_HTTP_METHOD=x",   "HTTP_X_HTTP_METHOD_OVERRIDE=x",
	    "HTTP_X_HOST=x",          "HTTP_PROXY=x",           "HTTP_TRANSFER_ENCODING=x",
	    "HTTP_X_ACCEL_MAPPING=x",
	};
	static const char *const through[] = {
	    "HTTP_USER_AGENT=x", "HTTP_ACCEPT=x",     "HTTP_ACCEPT_LANGUAGE=x",
	    "HTTP_X_OTHER=x",    "HTTP_X_HOSTNAME=x", "HTTP_RANGER=x",
	    "HTTPS=x",           "CACHE_CONTROL=x",   "HTTP_AUTHORIZATION=x",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(back); i++)
		assert_goes(back[i], false);
	for (size_t i = 0; i < ARRAY_LEN(through); i++)
		assert_goes(through[i], true);
}

/* What the key names goes through; HTTP_PROXY never does. */
static void headers_in_the_key(void **state)
{
	struct request *r =
	    ASK("'vary': ['X-Forwarded-Proto', 'Proxy'], "
		"'key': '$path $http_x_forwarded_host $param_HTTP_X_HOST'",
		"REQUEST_URI=/", "HTTP_X_FORWARDED_PROTO=p", "HTTP_X_FORWARDED_HOST=h",
		"HTTP_X_HOST=i", "HTTP_X_FORWARDED_FOR=f", "HTTP_PROXY=x");

	(void)state;
	assert_sent(r, "HTTP_X_FORWARDED_PROTO", "p");
	assert_sent(r, "HTTP_X_FORWARDED_HOST", "h");
	assert_sent(r, "HTTP_X_HOST", "i");
	assert_sent(r, "HTTP_X_FORWARDED_FOR", NULL);
	assert_sent(r, "HTTP_PROXY", NULL);
	request_free(&r);
}

static void what_bypasses_goes_as_it_came(void **state)
{
	struct request *r =
	    ASK("'cache': false", "REQUEST_URI=/%61?b=1", "QUERY_STRING=b=1", "HTTP_RANGE=x",
		"HTTP_X_FORWARDED_FOR=f", "HTTP_ACCEPT_ENCODING=gzip;q=1, x", "HTTP_COOKIE=a=1",
		"HTTP_PROXY=x");

	(void)state;
	assert_false(r->plan.store);
	assert_sent(r, "REQUEST_URI", "/%61?b=1");
	assert_sent(r, "HTTP_RANGE", "x");
	assert_sent(r, "HTTP_X_FORWARDED_FOR", "f");
	assert_sent(r, "HTTP_ACCEPT_ENCODING", "gzip;q=1, x");
	assert_sent(r, "HTTP_COOKIE", "a=1");
	assert_sent(r, "HTTP_PROXY", NULL);
	request_free(&r);
}

static void accept_encoding_in_one_spelling(void **state)
{
	static const char *const cases[][2] = {
	    {"HTTP_ACCEPT_ENCODING=", NULL},
	    {"HTTP_ACCEPT_ENCODING=gzip", "gzip"},
	    {"HTTP_ACCEPT_ENCODING=GZIP", "gzip"},
	    {"HTTP_ACCEPT_ENCODING=gzip, deflate, br", "br, gzip, deflate"},
	    {"HTTP_ACCEPT_ENCODING=br;q=1.0,gzip;q=0.8,*;q=0.1", "br, gzip"},
	    {"HTTP_ACCEPT_ENCODING=zstd , br ;q=0.5", "br, zstd"},
	    {"HTTP_ACCEPT_ENCODING=gzip;q=0", NULL},
	    {"HTTP_ACCEPT_ENCODING=gzip; Q=0.000, br", "br"},
	    {"HTTP_ACCEPT_ENCODING=gzip;q=0.001", "gzip"},
	    {"HTTP_ACCEPT_ENCODING=gzip;x=1;q=0", NULL},
	    {"HTTP_ACCEPT_ENCODING=identity", NULL},
	    {"HTTP_ACCEPT_ENCODING=*", NULL},
	    {"HTTP_ACCEPT_ENCODING=gzipped, xgzip", NULL},
	    {"HTTP_ACCEPT_ENCODING=,,gzip,", "gzip"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request *r = ASK("", "REQUEST_URI=/", cases[i][0]);
		struct str value;

		assert_sent(r, "HTTP_ACCEPT_ENCODING", cases[i][1]);
		assert_true(filter_vary_value(r, STR("accept-encoding"), &value));
		assert_str(value, cases[i][1] ? cases[i][1] : "");
		request_free(&r);
	}
}

/* Several lines are one header (RFC 9110 section 5.3), and go as one. */
static void headers_in_several_lines(void **state)
{
	static const struct {
		const char *name, *lines[4], *sent; /* sent NULL: not at all */
	} cases[] = {
	    {"HTTP_X_H", {"HTTP_X_H=1", "HTTP_X_H=2"}, "1, 2"},
	    {"HTTP_X_H", {"HTTP_X_H=2", "HTTP_X_O=0", "HTTP_X_H=1"}, "2, 1"},
	    {"HTTP_X_H", {"HTTP_X_H=", "HTTP_X_H=1", "HTTP_X_H= "}, "1"},
	    {"HTTP_X_H", {"HTTP_X_H=1 ,2", "HTTP_X_H=3"}, "1, 2, 3"},
	    {"HTTP_ACCEPT_LANGUAGE",
	     {"HTTP_ACCEPT_LANGUAGE=EN;q=0.5", "HTTP_ACCEPT_LANGUAGE=de"},
	     "de, en;q=0.5"},
	    {"HTTP_ACCEPT_ENCODING",
	     {"HTTP_ACCEPT_ENCODING=gzip", "HTTP_ACCEPT_ENCODING=br"},
	     "br, gzip"},
	    {"HTTP_ACCEPT_ENCODING",
	     {"HTTP_ACCEPT_ENCODING=gzip;q=0", "HTTP_ACCEPT_ENCODING=x"},
	     NULL},
	    {"HTTP_ACCEPT",
	     {"HTTP_ACCEPT=text/HTML;q=0.5", "HTTP_ACCEPT=*/*"},
	     "text/html;q=0.5, */*"},
	    {"HTTP_USER_AGENT", {"HTTP_USER_AGENT=a ,b", "HTTP_USER_AGENT=c"}, "a ,b, c"},
	    {"HTTP_RANGE", {"HTTP_RANGE=bytes=0-1", "HTTP_RANGE=bytes=2-3"}, NULL},
	    {"HTTP_PROXY", {"HTTP_PROXY=a", "HTTP_PROXY=b"}, NULL},
	    {"P", {"P=1"}, "1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request *r = ask_as(NULL, FCGI_ROLE_RESPONDER, "", cases[i].lines);
		struct str name = str_of(cases[i].name), value;
		struct param *out;
		size_t n, found = 0;

		assert_sent(r, cases[i].name, cases[i].sent);
		assert_true(filter_params(r, &out, &n));
		for (size_t k = 0; k < n; k++)
			found += str_eq(out[k].name, name);
		assert_int_equal(found, cases[i].sent ? 1 : 0);
		assert_true(filter_values(r, name, &value));
		assert_str(value, cases[i].sent ? cases[i].sent : "");
		request_free(&r);
	}
}

/* What is no header goes as often as it came, in its place. */
static void parameters_given_twice(void **state)
{
	static const char *const names[] = {"P", "HTTP_X_H", "P", "Q"};
	struct request *r = ASK("", "P=1", "HTTP_X_H=1", "P=2", "HTTP_X_H=2", "Q=1");
	struct param *out;
	struct str value;
	size_t n;

	(void)state;
	assert_true(filter_params(r, &out, &n));
	assert_int_equal(n, ARRAY_LEN(names) + 3);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_str(out[i].name, names[i]);
	assert_str(out[0].value, "1");
	assert_str(out[2].value, "2");
	assert_true(filter_values(r, STR("P"), &value));
	assert_str(value, "1, 2");
	assert_true(filter_values(r, STR("NONE"), &value));
	assert_null(value.p);
	request_free(&r);
}

/* ------------------------------------------------------------------ what is asked */

static struct object *tagged_page(struct request *r)
{
	return page_of(r, "ETag: \"a\"\nCache-Control: max-age=60\n", "body");
}

/* Conditions are ours, not the client's, and stand behind all that came. */
static void conditions_come_last(void **state)
{
	struct request *r =
	    ASK("", "HTTP_IF_NONE_MATCH=\"x\"", "HTTP_IF_MODIFIED_SINCE=" DATE, "HTTP_X_H=1");
	struct param *out;
	size_t n;

	(void)state;
	assert_sent(r, "HTTP_IF_NONE_MATCH", NULL);
	r->check = tagged_page(r);
	assert_true(filter_params(r, &out, &n));
	assert_int_equal(n, 5);
	assert_str(out[4].name, "HTTP_IF_NONE_MATCH");
	assert_str(out[4].value, "\"a\"");
	assert_sent(r, "HTTP_IF_MODIFIED_SINCE", NULL);
	request_free(&r);
}

/* A HEAD goes as it came, unless it is to tell something of a stored page. */
static void conditions_of_a_head(void **state)
{
	struct request *r = ASK("", "REQUEST_METHOD=HEAD", "HTTP_IF_NONE_MATCH=\"x\"",
				"HTTP_ACCEPT_ENCODING=gzip;q=1");

	(void)state;
	assert_sent(r, "HTTP_IF_NONE_MATCH", "\"x\"");
	assert_sent(r, "HTTP_ACCEPT_ENCODING", "gzip;q=1");
	r->check = tagged_page(r);
	assert_sent(r, "HTTP_IF_NONE_MATCH", "\"a\"");
	assert_sent(r, "HTTP_ACCEPT_ENCODING", "gzip");
	assert_sent(r, "REQUEST_METHOD", "HEAD");
	request_free(&r);
}

/* ------------------------------------------------------------------ values for Vary */

static void vary_values(void **state)
{
	static const char *const cases[][2] = {
	    {"accept-language", "de, en"},
	    {"x-twice", "1, 2"},
	    {"x-thrice", "a, b, c"},
	    {"x-empty", ""},
	    {"x-missing", ""},
	    {"accept", ""},
	    {"range", ""}, /* kept back: it does not count */
	    {"cookie", "lang=de"},
	    {"accept-encoding", "gzip"},
	    {"x_twice", ""},
	};
	struct request *r =
	    ASK("'key_cookies': 'lang', 'ignore_cookies': '*'", "REQUEST_URI=/",
		"HTTP_ACCEPT_LANGUAGE=de, en", "HTTP_X_TWICE=1", "HTTP_X_EMPTY=", "HTTP_X_TWICE=2",
		"HTTP_X_THRICE=a,b", "HTTP_X_THRICE=", "HTTP_X_THRICE=c", "HTTP_RANGE=bytes=0-1",
		"HTTP_COOKIE=_ga=1; lang=de", "HTTP_ACCEPT_ENCODING=x, gzip");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str value;

		assert_true(filter_vary_value(r, str_of(cases[i][0]), &value));
		assert_str(value, cases[i][1]);
	}
	request_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(queries),
	    cmocka_unit_test(the_target_as_it_is_sent),
	    cmocka_unit_test(a_rewritten_query),
	    cmocka_unit_test(cookies),
	    cmocka_unit_test(cookies_where_all_is_checked),
	    cmocka_unit_test(headers_kept_back),
	    cmocka_unit_test(headers_in_the_key),
	    cmocka_unit_test(what_bypasses_goes_as_it_came),
	    cmocka_unit_test(accept_encoding_in_one_spelling),
	    cmocka_unit_test(headers_in_several_lines),
	    cmocka_unit_test(parameters_given_twice),
	    cmocka_unit_test(conditions_come_last),
	    cmocka_unit_test(conditions_of_a_head),
	    cmocka_unit_test(vary_values),
	};

	return cmocka_run_group_tests(tests, asking_start, NULL);
}
