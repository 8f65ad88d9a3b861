/*
 * Filters: the query, the cookies and the headers that a request keeps under a rule.
 */
#include "rules_file.h"

#include "flow/decide.h"
#include "flow/filter.h"

/* ------------------------------------------------------------------ a request of a few words */

static struct param params[32];
static size_t n_params;

/* NAME=VALUE lines, on top of a plain GET. The texts must live on. */
static struct request *ask(const char *rule, const char *uri, const char *const *lines)
{
	char text[4096];
	struct request *r;

	snprintf(text, sizeof(text), RULE("'ttl': '1m', %s"), rule[0] ? rule : "'cache': true");
	r = request_new(NULL, parse(text));
	assert_non_null(r);
	n_params = 0;
	params[n_params++] = (struct param){STR("REQUEST_METHOD"), STR("GET")};
	params[n_params++] = (struct param){STR("REQUEST_URI"), str_of(uri)};
	for (; *lines; lines++) {
		struct str line = str_of(*lines);
		size_t equals = str_find(line, '=');

		params[n_params++] =
		    (struct param){str_sub(line, 0, equals), str_sub(line, equals + 1, line.n)};
	}
	params[n_params++] = (struct param){STR("SERVER_NAME"), STR("a")};
	assert_true(request_set_params(r, params, n_params, FCGI_ROLE_RESPONDER));
	assert_true(decide_plan(r));
	return r;
}

#define ASK(rule, uri, ...) ask(rule, uri, (const char *const[]){__VA_ARGS__, NULL})

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
	struct request *r = ASK("'drop_query': 'x', 'sort_query': true", "/%61?b=1&x=2&a=3",
				"QUERY_STRING=b=1&x=2&a=3", "REDIRECT_URI=/%61?x=2&b=1",
				"REDIRECT_QUERY_STRING=x=2&b=1", "SCRIPT_NAME=/a");

	(void)state;
	assert_sent(r, "REQUEST_URI", "/a?a=3&b=1");
	assert_sent(r, "QUERY_STRING", "a=3&b=1");
	assert_sent(r, "REDIRECT_URI", "/%61?b=1");
	assert_sent(r, "REDIRECT_QUERY_STRING", "b=1");
	assert_sent(r, "SCRIPT_NAME", "/a");
	request_free(&r);
	r = ASK("'query': 'drop'", "/a?b=1", "QUERY_STRING=b=1");
	assert_sent(r, "REQUEST_URI", "/a");
	assert_sent(r, "QUERY_STRING", "");
	request_free(&r);
}

/* A web server that rewrites: what it added stays, what was asked for and dropped goes. */
static void a_rewritten_query(void **state)
{
	struct request *r =
	    ASK("'drop_query': ['x', 'page']", "/p?x=1&y=2", "QUERY_STRING=page=p&x=1&y=2");

	(void)state;
	assert_sent(r, "QUERY_STRING", "page=p&y=2");
	assert_sent(r, "REQUEST_URI", "/p?y=2");
	request_free(&r);
	r = ASK("'query': 'drop'", "/p?%78=1", "QUERY_STRING=page=p&x=1");
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
		struct request *r = ASK(cases[i].rule, "/", cases[i].header);

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

/* ------------------------------------------------------------------ headers */

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
	for (size_t i = 0; i < ARRAY_LEN(back) + ARRAY_LEN(through); i++) {
		bool goes = i >= ARRAY_LEN(back);
		const char *line = goes ? through[i - ARRAY_LEN(back)] : back[i];
		struct request *r = ASK("", "/", line);
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(line, "="), line);
		assert_sent(r, name, goes ? "x" : NULL);
		request_free(&r);
	}
}

/* What the key names goes through; HTTP_PROXY never does. */
static void headers_in_the_key(void **state)
{
	struct request *r = ASK("'vary': ['X-Forwarded-Proto', 'Proxy'], "
				"'key': '$path $http_x_forwarded_host $param_HTTP_X_HOST'",
				"/", "HTTP_X_FORWARDED_PROTO=p", "HTTP_X_FORWARDED_HOST=h",
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
	struct request *r = ASK("'cache': false", "/%61?b=1", "QUERY_STRING=b=1", "HTTP_RANGE=x",
				"HTTP_X_FORWARDED_FOR=f", "HTTP_ACCEPT_ENCODING=gzip;q=1, x",
				"HTTP_COOKIE=a=1", "HTTP_PROXY=x");

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
		struct request *r = ASK("", "/", cases[i][0]);
		struct str value;

		assert_sent(r, "HTTP_ACCEPT_ENCODING", cases[i][1]);
		assert_true(filter_vary_value(r, STR("accept-encoding"), &value));
		assert_str(value, cases[i][1] ? cases[i][1] : "");
		request_free(&r);
	}
}

/* ------------------------------------------------------------------ values for Vary */

static void vary_values(void **state)
{
	static const char *const cases[][2] = {
	    {"accept-language", "de, en"},
	    {"x-twice", "1, 2"},
	    {"x-empty", ""},
	    {"x-missing", ""},
	    {"accept", ""},
	    {"range", ""}, /* kept back: it does not count */
	    {"cookie", "lang=de"},
	    {"accept-encoding", "gzip"},
	    {"x_twice", ""},
	};
	struct request *r =
	    ASK("'key_cookies': 'lang', 'ignore_cookies': '*'", "/", "HTTP_ACCEPT_LANGUAGE=de, en",
		"HTTP_X_TWICE=1", "HTTP_X_EMPTY=", "HTTP_X_TWICE=2", "HTTP_RANGE=bytes=0-1",
		"HTTP_COOKIE=_ga=1; lang=de", "HTTP_ACCEPT_ENCODING=x, gzip");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str value;

		assert_true(filter_vary_value(r, str_of(cases[i][0]), &value));
		assert_str(value, cases[i][1]);
	}
	request_free(&r);
}

static int start(void **state)
{
	(void)state;
	rules_start();
	return key_start() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(queries),
	    cmocka_unit_test(the_target_as_it_is_sent),
	    cmocka_unit_test(a_rewritten_query),
	    cmocka_unit_test(cookies),
	    cmocka_unit_test(headers_kept_back),
	    cmocka_unit_test(headers_in_the_key),
	    cmocka_unit_test(what_bypasses_goes_as_it_came),
	    cmocka_unit_test(accept_encoding_in_one_spelling),
	    cmocka_unit_test(vary_values),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
