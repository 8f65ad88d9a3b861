/*
 * Matching requests to rules: every matcher, captures, charsets, and patterns that would take ages.
 */
#include "rules_file.h"

#include <pthread.h>
#include <time.h>

/* The index of the rule that matches, or -1. */
static int match(const struct ruleset *set, const char *host, const char *where)
{
	struct captures captures;
	const struct rule *rule = ruleset_match(set, str_of(host), str_of(where), &captures);

	return rule ? (int)rule->index : -1;
}

static void first_match_wins(void **state)
{
	struct ruleset *set = parse("{" APP "'rules': ["
				    "{'path': '/'},"
				    "{'prefix': '/admin/'},"
				    "{'suffix': '.css', 'host': 'static.example.org'},"
				    "{'glob': '/*/feed'},"
				    "{'regex': '^/(\\\\d+)$'},"
				    "{'host': ['*.example.org', 'other']},"
				    "{'prefix': '/\\u00e4'}"
				    "]}");
	static const struct {
		const char *host, *path;
		int rule;
	} cases[] = {
	    {"h", "/", 0},
	    {"h", "/admin/", 1},
	    {"h", "/admin", -1},
	    {"h", "/admin/x.css", 1},
	    {"static.example.org", "/x.css", 2},
	    {"h", "/x.css", -1},
	    {"h", "/a/b/feed", 3},
	    {"h", "/feed", -1},
	    {"h", "/123", 4},
	    {"h", "/123/", -1},
	    {"h", "/123\n", -1},
	    {"www.example.org", "/x", 5},
	    {"other", "/x", 5},
	    {"example.org", "/x", -1},
	    {"h", "/\xc3\xa4/b", 6},
	    {"h", "/\xc3\xb6", -1},
	    {"", "/x", -1},
	    {"h", "", -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int found = match(set, cases[i].host, cases[i].path);

		if (found != cases[i].rule)
			fail_msg("%s %s: rule %d", cases[i].host, cases[i].path, found);
	}
	ruleset_unref(&set);
}

static void captures(void **state)
{
	struct ruleset *set =
	    parse("{" APP "'rules': [{'regex': '^/no(.)$'}, {'regex': '^/(a+)(b)?(c)'},"
		  " {'regex': '(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)$'}, {}]}");
	struct captures c;
	const struct rule *rule;

	(void)state;
	rule = ruleset_match(set, STR("h"), STR("/aacx"), &c);
	assert_int_equal(rule->index, 1);
	assert_str(c.v[0], "/aac");
	assert_str(c.v[1], "aa");
	assert_str(c.v[2], "");
	assert_str(c.v[3], "c");
	assert_str(c.v[4], "");
	/* More groups than are kept. */
	rule = ruleset_match(set, STR("h"), STR("/bcdefghijklm"), &c);
	assert_int_equal(rule->index, 2);
	assert_str(c.v[1], "c");
	assert_str(c.v[9], "k");
	/* What an earlier rule captured is gone. */
	rule = ruleset_match(set, STR("h"), STR("/"), &c);
	assert_int_equal(rule->index, 3);
	for (size_t i = 0; i < ARRAY_LEN(c.v); i++)
		assert_str(c.v[i], "");
	ruleset_unref(&set);
}

static void charset(void **state)
{
	static const char rules[] =
	    "'rules': [{'regex': '^/.$'}, {'regex': 'x|^'}, {'prefix': '/'}]}";
	char text[256];
	struct ruleset *set;

	(void)state;
	snprintf(text, sizeof(text), "{" APP "%s", rules);
	set = parse(text);
	assert_int_equal(match(set, "h", "/\xc3\xa4"), 0);
	assert_int_equal(match(set, "h", "/ab"), 1);
	assert_int_equal(match(set, "h", "/\xe4"), 2);
	assert_int_equal(match(set, "h", "/\xed\xa0\x80"), 2);
	ruleset_unref(&set);
	snprintf(text, sizeof(text), "{'charset': 'bytes', " APP "%s", rules);
	set = parse(text);
	assert_int_equal(match(set, "h", "/\xc3\xa4"), 1);
	assert_int_equal(match(set, "h", "/\xe4"), 0);
	ruleset_unref(&set);
	assert_mistakes(
	    "{'charset': 'bytes', " APP "'rules': [{'regex': '(*UTF)a'}]}",
	    "F: rules[0].regex: using UTF is disabled by the application (at byte 6)\n");
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

/* Patterns that would take ages end at once, with JIT and without, and then do not match. */
static void catastrophic_patterns(void **state)
{
	static const char *const patterns[] = {
	    "^/(a+)+$",
	    "(*NO_JIT)^/(a+)+$",
	    "^/(a|aa)+$",
	    "^/(.*)*\\\\1x$",
	    "(*NO_JIT)^/(a?){60}a{60}$",
	    "^/((a|b)*)*c(?R)?$",
	    "^/(?:a|(?R))+$",
	    "(*NO_JIT)(?:(?:(?:a?)*)*)*x$",
	};
	char subject[8001] = "/";

	(void)state;
	memset(subject + 1, 'a', sizeof(subject) - 2);
	subject[sizeof(subject) - 2] = '!';
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		char text[256];
		struct ruleset *set;
		int64_t start, took;

		snprintf(text, sizeof(text), RULE("'regex': '%s'"), patterns[i]);
		set = parse(text);
		start = now_us();
		assert_int_equal(match(set, "h", subject), -1);
		took = now_us() - start;
		if (took > 100000)
			fail_msg("%s: %lld us", patterns[i], (long long)took);
		ruleset_unref(&set);
	}
}

/* A long path is no reason to give up; one that no web server lets through is. */
static void long_paths(void **state)
{
	static const char *const patterns[] = {"^/(a|b)+$", "(*NO_JIT)^/(a|b)+$", "^/(.*)/(.*)a$"};
	static char subject[8194];

	(void)state;
	memset(subject, 'a', sizeof(subject) - 1);
	subject[0] = '/';
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		char text[256];
		struct ruleset *set;
		size_t slash = i == 2 ? 4000 : 1;

		snprintf(text, sizeof(text), RULE("'regex': '%s'"), patterns[i]);
		set = parse(text);
		subject[slash] = i == 2 ? '/' : 'a';
		subject[8192] = '\0';
		assert_int_equal(match(set, "h", subject), 0);
		subject[8192] = 'a';
		assert_int_equal(match(set, "h", subject), -1);
		ruleset_unref(&set);
	}
}

static void *match_often(void *arg)
{
	struct ruleset *set = arg;

	for (int i = 0; i < 1000; i++) {
		struct ruleset *mine = ruleset_ref(set);

		if (match(mine, "h", i % 2 ? "/page/12" : "/other") != i % 2)
			return set;
		ruleset_unref(&mine);
	}
	return NULL;
}

static void threads_share_a_set(void **state)
{
	struct ruleset *set = parse("{" APP "'rules': [{'regex': '^/(?!page)'},"
				    " {'regex': '^/page/([0-9]+)$'}]}");
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, match_often, set), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		void *wrong;

		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
	ruleset_unref(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(first_match_wins), cmocka_unit_test(captures),
	    cmocka_unit_test(charset),          cmocka_unit_test(catastrophic_patterns),
	    cmocka_unit_test(long_paths),       cmocka_unit_test(threads_share_a_set),
	};

	rules_start();
	if (!log_open("/dev/null", LOG_LEVEL_WARNING, NULL))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
