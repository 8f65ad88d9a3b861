/*
 * Decisions: why a request bypasses the cache, which requests share a page, and what a page is
 * worth as time goes by.
 */
#include "asking.h"

/* ------------------------------------------------------------------ bypasses */

#define LISTS                                                                                      \
	"'prefix': '/', 'bypass_headers': ['X-Preview', 'x-debug-*'], 'bypass_query': ['nocache'," \
	" 'preview*'], 'bypass_cookies': 'sess*', 'ignore_cookies': '_*'"

static const struct {
	const char *rule, *line;
	enum reason reason;
} inputs[] = {
    {"", "REQUEST_METHOD=GET", REASON_NONE},
    {"", "REQUEST_METHOD=HEAD", REASON_NONE},
    {"", "REQUEST_METHOD=POST", REASON_METHOD},
    {"", "REQUEST_METHOD=get", REASON_METHOD},
    {"", "REQUEST_METHOD=", REASON_METHOD},
    {"", "REQUEST_METHOD=OPTIONS", REASON_METHOD},
    {"", "CONTENT_LENGTH=0", REASON_NONE},
    {"", "CONTENT_LENGTH=", REASON_NONE},
    {"", "CONTENT_LENGTH=1", REASON_BODY},
    {"", "HTTP_UPGRADE=websocket", REASON_UPGRADE},
    {"", "HTTP_HOST=a b", REASON_HOST},
    {"", "HTTP_HOST=", REASON_HOST},
    {"", "HTTP_HOST=a:8080", REASON_NONE},
    {"", "REQUEST_URI=/../x", REASON_PATH},
    {"", "REQUEST_URI=/a%2fb", REASON_PATH},
    {"", "REQUEST_URI=//", REASON_PATH},
    {"", "REQUEST_URI=http://a/", REASON_PATH},
    {"", "REQUEST_URI=/%zz", REASON_PATH},
    {"", "REQUEST_URI=/?../%zz", REASON_NONE},
    {"'prefix': '/b/'", "REQUEST_URI=/b/c", REASON_NONE},
    {"'prefix': '/b/'", "REQUEST_URI=/c", REASON_NO_RULE},
    {"'host': 'b'", "REQUEST_URI=/c", REASON_NO_RULE},
    {"'host': 'b'", "HTTP_HOST=B:80", REASON_NONE},
    {"'cache': false", "REQUEST_URI=/", REASON_RULE},
    {LISTS, "REQUEST_URI=/?a=1", REASON_NONE},
    {LISTS, "HTTP_X_PREVIEW=", REASON_HEADER},
    {LISTS, "HTTP_X_DEBUG_ME=1", REASON_HEADER},
    {LISTS, "HTTP_X_DEBUG=1", REASON_NONE},
    {LISTS, "X_PREVIEW=1", REASON_NONE},
    {LISTS, "REQUEST_URI=/?a&nocache", REASON_QUERY},
    {LISTS, "REQUEST_URI=/?a=1&preview_id=2", REASON_QUERY},
    {LISTS, "REQUEST_URI=/?%6Eocache=1", REASON_QUERY},
    {LISTS, "REQUEST_URI=/?a=nocache", REASON_NONE},
    {LISTS, "REQUEST_URI=/?xnocache", REASON_NONE},
    {LISTS, "HTTP_COOKIE=_ga=1; session=2", REASON_COOKIE},
    {LISTS, "HTTP_COOKIE=unknown=1", REASON_COOKIE},
    {LISTS, "HTTP_COOKIE=_ga=1", REASON_NONE},
    {"'query': 'bypass'", "REQUEST_URI=/", REASON_NONE},
    {"'query': 'bypass'", "REQUEST_URI=/?", REASON_NONE},
    {"'query': 'bypass'", "REQUEST_URI=/?a", REASON_QUERY},
    {"'query': 'drop'", "REQUEST_URI=/?a", REASON_NONE},
};

static void why_a_request_bypasses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
		struct request *r = ASK(inputs[i].rule, inputs[i].line);
		bool cached = inputs[i].reason == REASON_NONE;

		if (r->plan.reason != inputs[i].reason)
			fail_msg("%s, %s: %.*s", inputs[i].rule, inputs[i].line,
				 STR_ARG(reason_name(r->plan.reason)));
		assert_int_equal(r->plan.lookup, cached);
		assert_int_equal(r->plan.store, cached && !r->is_head);
		request_free(&r);
	}
}

static void roles_and_bodies(void **state)
{
	struct client client = {.has_body = true};
	struct request *r = ask_as(NULL, FCGI_ROLE_AUTHORIZER, "", LINES("REQUEST_URI=/"));

	(void)state;
	assert_int_equal(r->plan.reason, REASON_ROLE);
	request_free(&r);
	r = ask_as(NULL, FCGI_ROLE_FILTER, "", LINES("REQUEST_URI=/"));
	assert_int_equal(r->plan.reason, REASON_ROLE);
	request_free(&r);
	r = ask_as(&client, FCGI_ROLE_RESPONDER, "", LINES("REQUEST_URI=/"));
	assert_int_equal(r->plan.reason, REASON_BODY);
	request_free(&r);
}

static void a_server_without_request_uri(void **state)
{
	struct request *r = ASK("", "REQUEST_URI=", "SCRIPT_NAME=/a", "PATH_INFO=/b",
				"QUERY_STRING=c=1"),
		       *same = ASK("", "REQUEST_URI=/a/b?c=1");

	(void)state;
	assert_int_equal(r->plan.reason, REASON_NONE);
	assert_str(r->plan.normal_path, "/a/b");
	assert_true(key_eq(&r->plan.key, &same->plan.key));
	request_free(&r);
	request_free(&same);
}

/* ------------------------------------------------------------------ keys */

#define KEYS "'key': '$host $path $arg_a $arg_b $http_x_h ${param_P} ${cookie_c}'"

static const struct {
	const char *rule;
	const char *a[3], *b[3];
	bool same;
} keys[] = {
    {"", {"REQUEST_URI=/"}, {"REQUEST_URI=/"}, true},
    {"", {"REQUEST_URI=/a"}, {"REQUEST_URI=/%61"}, true},
    {"", {"REQUEST_URI=/%c3"}, {"REQUEST_URI=/%C3"}, true},
    {"", {"REQUEST_URI=/a"}, {"REQUEST_URI=/a/"}, false},
    {"", {"REQUEST_URI=/a"}, {"REQUEST_URI=/A"}, false},
    {"", {"REQUEST_URI=/a"}, {"REQUEST_URI=/a?"}, true},
    {"", {"REQUEST_URI=/a?b"}, {"REQUEST_URI=/a%3Fb"}, false},
    {"", {"REQUEST_URI=/?a&b"}, {"REQUEST_URI=/?b&a"}, false},
    {"'sort_query': true", {"REQUEST_URI=/?a&b"}, {"REQUEST_URI=/?b&a"}, true},
    {"'drop_query': 'x'", {"REQUEST_URI=/?a&x=1"}, {"REQUEST_URI=/?x=2&a"}, true},
    {"'query': 'drop'", {"REQUEST_URI=/?a"}, {"REQUEST_URI=/"}, true},
    {"", {"HTTP_HOST=a"}, {"HTTP_HOST=A:80"}, true},
    {"", {"HTTP_HOST=a"}, {"HTTP_HOST=a:8080"}, false},
    {"", {"HTTP_HOST=a"}, {"HTTP_HOST=b"}, false},
    {"", {"HTTP_HOST=a"}, {"HTTP_HOST=a", "HTTPS=on"}, false},
    {"", {"HTTP_HOST=a"}, {"HTTP_HOST=a", "HTTPS=off"}, true},
    {"", {"HTTPS=on", "HTTP_HOST=a:443"}, {"REQUEST_SCHEME=https"}, true},
    {"", {"REQUEST_METHOD=GET"}, {"REQUEST_METHOD=HEAD"}, true},
    {"'key': '$method'", {"REQUEST_METHOD=GET"}, {"REQUEST_METHOD=HEAD"}, true},
    {"", {"HTTP_X_H=1"}, {"HTTP_X_H=2"}, true},
    {"'vary': 'X-H'", {"HTTP_X_H=1"}, {"HTTP_X_H=2"}, false},
    {"'vary': 'X-H'", {"HTTP_X_H=1", "HTTP_X_H=2"}, {"HTTP_X_H=1, 2"}, true},
    {"'vary': 'X-H'", {"HTTP_X_H=1"}, {"HTTP_X_H=1", "HTTP_X_H=2"}, false},
    {"'vary': 'Accept-Encoding'",
     {"HTTP_ACCEPT_ENCODING=gzip, br"},
     {"HTTP_ACCEPT_ENCODING=br;q=0.9,GZIP"},
     true},
    {"'key_cookies': 'c', 'ignore_cookies': '*'",
     {"HTTP_COOKIE=c=1; x=2"},
     {"HTTP_COOKIE=x=3; c=1"},
     true},
    {"'key_cookies': 'c', 'ignore_cookies': '*'", {"HTTP_COOKIE=c=1"}, {"HTTP_COOKIE=c=2"}, false},
    {"'key_cookies': 'c', 'ignore_cookies': '*'", {"HTTP_COOKIE=c=1"}, {"HTTP_COOKIE=x=1"}, false},
    {"'key_cookies': '*'", {"HTTP_COOKIE=a=1; b=2"}, {"HTTP_COOKIE=b=2; a=1"}, true},
    /* every variable of a template counts */
    {KEYS, {"REQUEST_URI=/?a=1"}, {"REQUEST_URI=/?a=2"}, false},
    {KEYS, {"REQUEST_URI=/?b=1"}, {"REQUEST_URI=/?a=1"}, false},
    {KEYS, {"HTTP_X_H=1"}, {"HTTP_X_H=2"}, false},
    {KEYS, {"P=1"}, {"P=2"}, false},
    {KEYS, {"HTTP_COOKIE=c=1"}, {"HTTP_COOKIE=c=2"}, false},
    {"'regex': '^/(..)/(.*)$', 'key': '$1'", {"REQUEST_URI=/de/a"}, {"REQUEST_URI=/de/b"}, true},
    {"'regex': '^/(..)/(.*)$', 'key': '$1'", {"REQUEST_URI=/de/a"}, {"REQUEST_URI=/en/a"}, false},
    /* no value forges what stands beside it */
    {KEYS, {"REQUEST_URI=/?a=1&b=2%203"}, {"REQUEST_URI=/?a=1%202&b=3"}, false},
    {KEYS, {"HTTP_X_H=1 2"}, {"HTTP_X_H=1", "P=2"}, false},
    {KEYS, {"HTTP_X_H=1", "P=2 3"}, {"HTTP_X_H=1 2", "P=3"}, false},
    {"'key': '$http_x_a$http_x_b'",
     {"HTTP_X_A=12", "HTTP_X_B=3"},
     {"HTTP_X_A=1", "HTTP_X_B=23"},
     false},
    {"'key': '$http_x_a$http_x_b'", {"HTTP_X_A=1"}, {"HTTP_X_B=1"}, false},
    {"'vary': ['X-A', 'X-B']", {"HTTP_X_A=1 x-b 2"}, {"HTTP_X_A=1", "HTTP_X_B=2"}, false},
    {"'vary': ['X-A', 'X-B']",
     {"HTTP_X_A=1 x-b ", "HTTP_X_B=2"},
     {"HTTP_X_A=1", "HTTP_X_B=2"},
     false},
    {"'vary': 'X-A', 'key_cookies': '*'",
     {"HTTP_COOKIE=c=1", "HTTP_X_A=2"},
     {"HTTP_COOKIE=c=1 x-a 2"},
     false},
    {"'key_cookies': '*'",
     {"REQUEST_URI=/?q cookie c=1"},
     {"REQUEST_URI=/?q", "HTTP_COOKIE=c=1"},
     false},
    {"", {"HTTP_HOST=a", "REQUEST_URI=/b"}, {"HTTP_HOST=ab", "REQUEST_URI=/"}, false},
};

static void same_and_other_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct request *a = ask_as(NULL, FCGI_ROLE_RESPONDER, keys[i].rule, keys[i].a),
			       *b = ask_as(NULL, FCGI_ROLE_RESPONDER, keys[i].rule, keys[i].b);

		assert_int_equal(a->plan.reason, REASON_NONE);
		assert_int_equal(b->plan.reason, REASON_NONE);
		assert_true(key_eq(&a->plan.key, &a->plan.primary));
		if (str_eq(a->plan.key.bytes, b->plan.key.bytes) != keys[i].same)
			fail_msg("%s: %s %s, %s %s", keys[i].rule, keys[i].a[0],
				 keys[i].a[1] ? keys[i].a[1] : "", keys[i].b[0],
				 keys[i].b[1] ? keys[i].b[1] : "");
		request_free(&a);
		request_free(&b);
	}
}

#define ARG "'query': 'drop', 'key': '$path?$arg_a'"

/* What the key does not tell apart, but the application can: never the same page. */
static const struct {
	const char *rule;
	const char *a[3], *b[3];
} twins[] = {
    {ARG, {"REQUEST_URI=/"}, {"REQUEST_URI=/?%61=x", "QUERY_STRING=%61=x"}},
    {ARG,
     {"REQUEST_URI=/?a=1", "QUERY_STRING=a=1"},
     {"REQUEST_URI=/?a=1&a=2", "QUERY_STRING=a=1&a=2"}},
    {ARG, {"REQUEST_URI=/"}, {"REQUEST_URI=/?a=", "QUERY_STRING=a="}},
    {"'key': '$path $http_x_h'", {"HTTP_X_H=1"}, {"HTTP_X_H=1", "HTTP_X_H=2"}},
    {"'key': '$path $param_P'", {"P=1"}, {"P=1", "P=2"}},
};

static void what_the_application_sees_makes_another_page(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(twins); i++) {
		struct request *a = ask_as(NULL, FCGI_ROLE_RESPONDER, twins[i].rule, twins[i].a),
			       *b = ask_as(NULL, FCGI_ROLE_RESPONDER, twins[i].rule, twins[i].b);

		if (b->plan.lookup && key_eq(&a->plan.key, &b->plan.key) &&
		    a->plan.origin == b->plan.origin) {
			print_error("one page for %s and %s\n", twins[i].a[0], twins[i].b[1]);
			wrong++;
		}
		request_free(&a);
		request_free(&b);
	}
	assert_int_equal(wrong, 0);
}

/* The key's prefix is a part of its own. */
static void prefixes(void **state)
{
	static const char *const prefixes_[] = {"", "x", "http"};
	struct str bytes[3];
	struct request *r[3];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char text[128];

		snprintf(text, sizeof(text), "{" APP "'key_prefix': '%s', 'rules': [{}]}",
			 prefixes_[i]);
		r[i] = ASK("", "REQUEST_URI=/");
		ruleset_unref(&r[i]->rules);
		r[i]->rules = parse(text);
		memset(&r[i]->plan, 0, sizeof(r[i]->plan));
		assert_true(decide_plan(r[i]));
		bytes[i] = r[i]->plan.key.bytes;
	}
	assert_false(str_eq(bytes[0], bytes[1]) || str_eq(bytes[1], bytes[2]));
	for (size_t i = 0; i < 3; i++)
		request_free(&r[i]);
}

/* ------------------------------------------------------------------ verdicts */

/* Stored at 1000. */
static struct object *page(const struct request *r, struct object_head head)
{
	struct key key = key_make(STR("k"));
	struct object *o;

	head.status = 200;
	head.origin = r->plan.origin;
	o = object_new(&key, &head, 0);
	assert_non_null(o);
	object_seal(o);
	return o;
}

#define LIFE       .born = 1000, .lifetime = 100, .grace = 50, .stale_if_error = 200
#define RULE_LIFE  LIFE, .rule_lifetime = true, .rule_grace = true, .rule_error = true
#define BOUND      .must_revalidate = true
#define LONG_GRACE .born = 1000, .lifetime = 100, .grace = 5000
#define HEARS      "'client_control': true"
#define ALWAYS     "'validate': 'always'"
#define SHORT      "'ttl': '50ms', 'grace': '10ms', 'stale_if_error': '20ms'"

/* survives: it may be the answer when the application fails. */
static const struct {
	const char *rule, *control; /* the client's Cache-Control */
	struct object_head head;
	int64_t age;
	enum verdict verdict;
	bool survives;
} worth[] = {
    {"", "", {LIFE}, 0, VERDICT_FRESH, true},
    {"", "", {LIFE}, 99, VERDICT_FRESH, true},
    {"", "", {LIFE}, 100, VERDICT_STALE, true},
    {"", "", {LIFE}, 149, VERDICT_STALE, true},
    {"", "", {LIFE}, 150, VERDICT_CHECK, true},
    {"", "", {LIFE}, 299, VERDICT_CHECK, true},
    {"", "", {LIFE}, 300, VERDICT_CHECK, false},
    {"", "", {LIFE}, 1000000, VERDICT_CHECK, false},
    {"", "", {LIFE, BOUND}, 99, VERDICT_FRESH, true},
    {"", "", {LIFE, BOUND}, 100, VERDICT_CHECK, false},
    {"", "", {.born = 1000, .grace = 50}, 0, VERDICT_STALE, false},
    {"", "", {.born = 1000, .stale_if_error = 50}, 0, VERDICT_CHECK, true},
    {"", "", {.born = 1000, .stale_if_error = 50}, 49, VERDICT_CHECK, true},
    {"", "", {.born = 1000, .stale_if_error = 50}, 50, VERDICT_CHECK, false},
    /* to be checked before each use, however young */
    {"", "", {LIFE, .no_cache = true}, 0, VERDICT_CHECK, false},
    {"", "", {LIFE, .no_cache = true}, 100, VERDICT_CHECK, false},
    {HEARS, "max-stale", {LIFE, .no_cache = true}, 0, VERDICT_CHECK, false},
    {ALWAYS, "", {LIFE}, 0, VERDICT_CHECK, false},
    {ALWAYS, "", {LIFE}, 120, VERDICT_CHECK, false},
    {ALWAYS ", 'ttl': '1h', 'grace': '1h'", "", {RULE_LIFE}, 0, VERDICT_CHECK, false},
    {ALWAYS ", " HEARS, "max-stale", {LIFE}, 0, VERDICT_CHECK, false},
    {"'validate': 'stale'", "", {LIFE}, 0, VERDICT_FRESH, true},
    /* the response's own times stand, the rule's are the rule's of now */
    {"'ttl': '500ms'", "", {LIFE}, 100, VERDICT_STALE, true},
    {"'ttl': '500ms'", "", {RULE_LIFE}, 499, VERDICT_FRESH, true},
    {"'ttl': '500ms'", "", {RULE_LIFE}, 500, VERDICT_CHECK, false},
    {SHORT, "", {RULE_LIFE}, 49, VERDICT_FRESH, true},
    {SHORT, "", {RULE_LIFE}, 59, VERDICT_STALE, true},
    {SHORT, "", {RULE_LIFE}, 69, VERDICT_CHECK, true},
    {SHORT, "", {RULE_LIFE}, 70, VERDICT_CHECK, false},
    {"'ttl': 0", "", {RULE_LIFE}, 0, VERDICT_CHECK, false},
    {"'statuses': {'200': '5s'}", "", {RULE_LIFE}, 4999, VERDICT_FRESH, true},
    {"'statuses': {'404': '5s'}, 'ttl': '1s'", "", {RULE_LIFE}, 1000, VERDICT_CHECK, false},
    /* the client is heard only where the rule says so */
    {"", "no-cache", {LIFE}, 0, VERDICT_FRESH, true},
    {"", "no-store", {LIFE}, 0, VERDICT_FRESH, true},
    {"", "max-age=0", {LIFE}, 50, VERDICT_FRESH, true},
    {"", "max-age=5", {LIFE}, 120, VERDICT_STALE, true},
    {"", "max-stale", {LIFE}, 160, VERDICT_CHECK, true},
    {HEARS, "no-cache", {LIFE}, 0, VERDICT_CHECK, true},
    {HEARS, "no-store", {LIFE}, 0, VERDICT_CHECK, true},
    {HEARS, "no-store", {LIFE}, 120, VERDICT_CHECK, true},
    {HEARS, "max-age=0", {LIFE}, 0, VERDICT_CHECK, true},
    {HEARS, "max-age=0", {LIFE}, 1, VERDICT_CHECK, true},
    {HEARS, "max-age=1", {LIFE}, 99, VERDICT_FRESH, true},
    {HEARS, "min-fresh=1", {LIFE}, 0, VERDICT_CHECK, true},
    {HEARS, "min-fresh=1", {.born = 1000, .lifetime = 1000}, 0, VERDICT_FRESH, true},
    {HEARS, "min-fresh=1", {.born = 1000, .lifetime = 1000}, 1, VERDICT_CHECK, true},
    {HEARS, "min-fresh=0", {LIFE}, 99, VERDICT_FRESH, true},
    /* a stale page is for clients who name no age, or say that they bear it */
    {HEARS, "", {LIFE}, 120, VERDICT_STALE, true},
    {HEARS, "x-unknown", {LIFE}, 120, VERDICT_STALE, true},
    {HEARS, "min-fresh=0", {LIFE}, 120, VERDICT_CHECK, true},
    {HEARS, "max-age=5", {LIFE}, 120, VERDICT_CHECK, true},
    {HEARS, "max-age=5", {LIFE, .immutable = true}, 120, VERDICT_CHECK, true},
    {HEARS, "max-age=5, max-stale", {LIFE}, 120, VERDICT_STALE, true},
    {HEARS, "max-age=0, max-stale", {LIFE}, 120, VERDICT_CHECK, true},
    {HEARS, "max-stale", {LIFE}, 160, VERDICT_STALE, true},
    {HEARS, "max-stale", {LIFE}, 1000000, VERDICT_STALE, false},
    {HEARS, "max-stale=1", {LIFE}, 1100, VERDICT_STALE, false},
    {HEARS, "max-stale=1", {LIFE}, 1101, VERDICT_CHECK, false},
    /* no more than they say they bear, grace or not */
    {HEARS, "max-stale=0", {LIFE}, 99, VERDICT_FRESH, true},
    {HEARS, "max-stale=0", {LIFE}, 101, VERDICT_CHECK, true},
    {HEARS, "max-stale=0", {LIFE}, 120, VERDICT_CHECK, true},
    {HEARS, "max-stale=0", {LIFE}, 160, VERDICT_CHECK, true},
    {HEARS, "max-stale=1", {LONG_GRACE}, 1100, VERDICT_STALE, false},
    {HEARS, "max-stale=1", {LONG_GRACE}, 1101, VERDICT_CHECK, false},
    {HEARS, "max-age=5, max-stale=1", {LONG_GRACE}, 1100, VERDICT_STALE, false},
    {HEARS, "max-age=5, max-stale=1", {LONG_GRACE}, 1101, VERDICT_CHECK, false},
    {HEARS, "max-stale=9", {LONG_GRACE}, 5101, VERDICT_STALE, false},
    {"", "max-stale=0", {LIFE}, 120, VERDICT_STALE, true},
    {HEARS, "max-stale", {LIFE, BOUND}, 100, VERDICT_CHECK, false},
    {HEARS, "max-stale, no-cache", {LIFE}, 120, VERDICT_CHECK, true},
    {HEARS, "max-stale, min-fresh=1", {LIFE}, 120, VERDICT_CHECK, true},
    /* a reload does not count against what never changes; all else does */
    {HEARS, "max-age=0", {LIFE, .immutable = true}, 0, VERDICT_FRESH, true},
    {HEARS, "max-age=0", {LIFE, .immutable = true}, 99, VERDICT_FRESH, true},
    {HEARS, "max-age=0, max-stale", {LIFE, .immutable = true}, 99, VERDICT_FRESH, true},
    {HEARS, "max-age=0, max-stale", {LIFE, .immutable = true}, 120, VERDICT_CHECK, true},
    {HEARS, "max-age=0, no-cache", {LIFE, .immutable = true}, 0, VERDICT_CHECK, true},
    {HEARS, "max-age=0", {LIFE, .immutable = true}, 100, VERDICT_CHECK, true},
    {HEARS, "no-cache", {LIFE, .immutable = true}, 0, VERDICT_CHECK, true},
    {HEARS,
     "max-age=1",
     {.born = 1000, .lifetime = 5000, .immutable = true},
     1001,
     VERDICT_CHECK,
     true},
    /* too old for anything stays too old, whatever the client asks */
    {HEARS, "no-cache", {LIFE}, 1000000, VERDICT_CHECK, false},
    {HEARS, "max-age=1", {LIFE}, 1000000, VERDICT_CHECK, false},
    {HEARS, "no-cache", {LIFE, BOUND}, 100, VERDICT_CHECK, false},
};

static void what_a_page_is_worth(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(worth); i++) {
		int64_t now = 1000 + worth[i].age;
		char line[64];
		struct request *r;
		struct object *o;
		enum verdict verdict;
		bool survives;

		snprintf(line, sizeof(line), "HTTP_CACHE_CONTROL=%s", worth[i].control);
		r = ASK(worth[i].rule, line);
		o = page(r, worth[i].head);
		verdict = decide_object(r, o, now);
		survives = decide_survives(r, o, now);
		if (verdict != worth[i].verdict || survives != worth[i].survives) {
			print_error("case %zu: %s, %s, age %lld: %d %d\n", i, worth[i].rule,
				    worth[i].control, (long long)worth[i].age, verdict, survives);
			wrong++;
		}
		object_unref(&o);
		request_free(&r);
	}
	assert_int_equal(wrong, 0);
}

/* One fetch for all who wait: what each would have to check again is nobody else's. */
static void what_is_shared_among_those_who_wait(void **state)
{
	static const struct {
		const char *rule;
		struct object_head head;
		int64_t age;
		bool shares;
	} cases[] = {
	    {"", {LIFE}, 0, true},
	    {"", {LIFE}, 149, true},
	    {"", {LIFE}, 150, false},
	    {"", {LIFE, BOUND}, 99, true},
	    {"", {LIFE, BOUND}, 100, false},
	    {"", {.born = 1000}, 0, false},
	    {"", {.born = 1000, .stale_if_error = 50, .keep = 50}, 0, false},
	    {"", {LIFE, .no_cache = true}, 0, false},
	    {ALWAYS, {LIFE}, 0, false},
	    {"'ttl': '500ms'", {RULE_LIFE}, 499, true},
	    {"'ttl': '500ms'", {RULE_LIFE}, 500, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request *r = ASK(cases[i].rule, "REQUEST_URI=/");
		struct object *o = page(r, cases[i].head);

		if (decide_shares(r, o, 1000 + cases[i].age) != cases[i].shares)
			fail_msg("case %zu", i);
		object_unref(&o);
		request_free(&r);
	}
}

static void freshness_left(void **state)
{
	struct request *r = ASK("'ttl': '500ms'", "REQUEST_URI=/");
	struct object *own = page(r, (struct object_head){LIFE}),
		      *rules = page(r, (struct object_head){RULE_LIFE});

	(void)state;
	assert_int_equal(decide_ttl(r, own, 1000), 100);
	assert_int_equal(decide_ttl(r, own, 1100), 0);
	assert_true(decide_ttl(r, own, 1150) == -50);
	assert_int_equal(decide_ttl(r, rules, 1000), 500);
	object_unref(&own);
	object_unref(&rules);
	request_free(&r);
}

/* ------------------------------------------------------------------ whose page it is */

static void another_script_is_another_page(void **state)
{
	static const char *const others[] = {"SCRIPT_FILENAME=/s/b.php", "DOCUMENT_ROOT=/other",
					     "PATH_INFO=/x", "SCRIPT_NAME=/b",
					     "QUERY_STRING=page=2"};
	struct request *r = ASK("", "REQUEST_URI=/p"), *same, *other;
	struct object *o = page(r, (struct object_head){LIFE});

	(void)state;
	same = ASK("", "REQUEST_URI=/p", "HTTP_X_OTHER=1");
	assert_true(decide_fits(same, o));
	request_free(&same);
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		other = ASK("", "REQUEST_URI=/p", others[i]);
		assert_false(decide_fits(other, o));
		assert_int_equal(decide_object(other, o, 1000), VERDICT_USELESS);
		assert_false(decide_survives(other, o, 1000));
		request_free(&other);
	}
	object_unref(&o);
	request_free(&r);
}

static void a_marker_is_no_page(void **state)
{
	struct request *r = ASK("", "REQUEST_URI=/");
	struct object *o = page(r, (struct object_head){LIFE, .kind = OBJECT_MARKER});

	(void)state;
	assert_false(decide_fits(r, o));
	assert_int_equal(decide_object(r, o, 1000), VERDICT_USELESS);
	object_unref(&o);
	request_free(&r);
}

static void authorization_needs_a_shared_page(void **state)
{
	struct request *r = ASK("", "HTTP_AUTHORIZATION=Basic x"), *user = ASK("", "REMOTE_USER=u");
	struct object *own = page(r, (struct object_head){LIFE}),
		      *shared = page(r, (struct object_head){LIFE, .shared = true});

	(void)state;
	assert_true(r->plan.authorized && user->plan.authorized && r->plan.lookup);
	assert_int_equal(decide_object(r, own, 1000), VERDICT_USELESS);
	assert_int_equal(decide_object(user, own, 1000), VERDICT_USELESS);
	assert_int_equal(decide_object(r, shared, 1000), VERDICT_FRESH);
	object_unref(&own);
	object_unref(&shared);
	request_free(&r);
	request_free(&user);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(why_a_request_bypasses),
	    cmocka_unit_test(roles_and_bodies),
	    cmocka_unit_test(a_server_without_request_uri),
	    cmocka_unit_test(same_and_other_keys),
	    cmocka_unit_test(what_the_application_sees_makes_another_page),
	    cmocka_unit_test(prefixes),
	    cmocka_unit_test(what_a_page_is_worth),
	    cmocka_unit_test(what_is_shared_among_those_who_wait),
	    cmocka_unit_test(freshness_left),
	    cmocka_unit_test(another_script_is_another_page),
	    cmocka_unit_test(a_marker_is_no_page),
	    cmocka_unit_test(authorization_needs_a_shared_page),
	};

	return cmocka_run_group_tests(tests, asking_start, NULL);
}
