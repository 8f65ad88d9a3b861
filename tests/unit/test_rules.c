/*
 * The rules file: what a set holds, every key with right and wrong values, files that are none,
 * and a set's life.
 */
#include "rules_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

/* ------------------------------------------------------------------------------- defaults */

static void default_settings(void **state)
{
	struct ruleset *set = parse("{" APP "'rules': []}");
	const struct settings *s = &set->settings;

	(void)state;
	assert_int_equal(s->application.addresses.n, 1);
	assert_str(s->application.addresses.v[0], "unix:/a");
	assert_int_equal(s->application.connect_timeout, 5000);
	assert_int_equal(s->application.send_timeout, 30000);
	assert_int_equal(s->application.read_timeout, 60000);
	assert_int_equal(s->application.total_timeout, 3600000);
	assert_int_equal(s->application.queue_timeout, 30000);
	assert_int_equal(s->application.max_connections, 64);
	assert_int_equal(s->application.keep_alive, 0);
	assert_str(s->store, "memory:///?max_size=256m");
	assert_str(s->key_prefix, "");
	assert_true(s->charset_utf8);
	assert_str(s->log_to, "stderr");
	assert_int_equal(s->log_level, LOG_LEVEL_INFO);
	assert_str(s->access_log, "");
	assert_true(s->workers >= 4);
	assert_int_equal(s->max_object, 8 << 20);
	assert_int_equal(s->max_header, 64 << 10);
	assert_int_equal(s->max_request_params, 64 << 10);
	assert_int_equal(s->idle_timeout, 60000);
	assert_int_equal(s->shutdown_timeout, 10000);
	assert_int_equal(set->n_rules, 0);
	ruleset_unref(&set);
	assert_null(set);
}

static void default_rule(void **state)
{
	struct ruleset *set = parse("{" APP "'rules': [{}]}");
	const struct rule *rule = &set->rules[0];

	(void)state;
	assert_int_equal(set->n_rules, 1);
	assert_int_equal(rule->kind, MATCH_ALL);
	assert_int_equal(rule->host.n, 0);
	assert_true(rule->cache);
	assert_int_equal(rule->policy.ttl, 0);
	assert_int_equal(rule->policy.grace, 0);
	assert_int_equal(rule->policy.stale_if_error, 0);
	assert_int_equal(rule->policy.override, OVERRIDE_NO);
	assert_false(rule->policy.heuristic);
	assert_int_equal(rule->policy.n_statuses, 0);
	assert_int_equal(rule->policy.set_cookie, SET_COOKIE_BYPASS);
	assert_false(rule->client_control);
	assert_int_equal(rule->policy.validate, VALIDATE_STALE);
	assert_false(rule->policy.validate == VALIDATE_ALWAYS);
	assert_int_equal(rule->client_cache, 0);
	assert_false(rule->etag);
	assert_int_equal(rule->query, QUERY_KEY);
	assert_int_equal(rule->drop_query.n, 0);
	assert_false(rule->sort_query);
	assert_int_equal(rule->bypass_cookies.n + rule->key_cookies.n + rule->ignore_cookies.n, 0);
	assert_int_equal(rule->bypass_headers.n + rule->bypass_query.n + rule->vary.n, 0);
	assert_int_equal(rule->key.n, 6);
	assert_int_equal(rule->key.v[5].kind, KEY_QUERY);
	assert_int_equal(rule->min_uses, 1);
	assert_true(rule->coalesce);
	assert_int_equal(rule->coalesce_timeout, 5000);
	assert_int_equal(rule->on_timeout, ON_TIMEOUT_PASS);
	assert_int_equal(rule->max_object, 8 << 20);
	ruleset_unref(&set);
	assert_null(set);
}

static void every_setting(void **state)
{
	struct ruleset *set =
	    parse("{'application': {'address': ['tcp:h:1', 'unix:/b'], 'connect_timeout': '1s',"
		  " 'send_timeout': 2, 'read_timeout': '3s', 'total_timeout': '4m',"
		  " 'queue_timeout': '5s', 'max_connections': 10000, 'keep_alive': 7},"
		  " 'store': ['null:///'], 'key_prefix': 'a:', 'charset': 'bytes', 'rules': [],"
		  " 'log': {'to': 'syslog', 'level': 'debug', '//': 0, 'access_log': '/var/log/a'},"
		  " 'workers': 9, 'limits': {'max_object': '1k', 'max_header': 2048,"
		  " 'max_request_params': '3k', 'idle_timeout': '4ms', 'shutdown_timeout': 0}}");
	const struct settings *s = &set->settings;

	(void)state;
	assert_int_equal(s->application.addresses.n, 2);
	assert_str(s->application.addresses.v[1], "unix:/b");
	assert_int_equal(s->application.connect_timeout, 1000);
	assert_int_equal(s->application.send_timeout, 2000);
	assert_int_equal(s->application.read_timeout, 3000);
	assert_int_equal(s->application.total_timeout, 240000);
	assert_int_equal(s->application.queue_timeout, 5000);
	assert_int_equal(s->application.max_connections, 10000);
	assert_int_equal(s->application.keep_alive, 7);
	assert_str(s->store, "null:///");
	assert_str(s->key_prefix, "a:");
	assert_false(s->charset_utf8);
	assert_str(s->log_to, "syslog");
	assert_int_equal(s->log_level, LOG_LEVEL_DEBUG);
	assert_str(s->access_log, "/var/log/a");
	assert_int_equal(s->workers, 9);
	assert_int_equal(s->max_object, 1024);
	assert_int_equal(s->max_header, 2048);
	assert_int_equal(s->max_request_params, 3072);
	assert_int_equal(s->idle_timeout, 4);
	assert_int_equal(s->shutdown_timeout, 0);
	ruleset_unref(&set);
}

static void every_rule_key(void **state)
{
	struct ruleset *set = parse(RULE(
	    "'prefix': '/a', 'host': ['EXAMPLE.org', '*.example.org'], 'cache': false, 'ttl': 1,"
	    " 'grace': '2s', 'stale_if_error': '3s', 'override': 'force', 'heuristic': true,"
	    " 'statuses': {'404': '30s', '//': 'x', '5xx': 0}, 'set_cookie': 'strip',"
	    " 'client_control': true, 'validate': 'always', 'client_cache': '4m', 'etag': true,"
	    " 'query': 'drop', 'drop_query': ['x', 'tracking', 'y*'],"
	    " 'sort_query': true, 'bypass_cookies': ['a'], 'key_cookies': 'b',"
	    " 'ignore_cookies': ['*', 'd'], 'bypass_headers': ['X-A'], 'bypass_query': ['q'],"
	    " 'key': '$path', 'vary': ['Accept-Language'], 'min_uses': 1000000,"
	    " 'coalesce': false, 'coalesce_timeout': '250ms', 'on_timeout': '503',"
	    " 'max_object': '64g'"));
	const struct rule *rule = &set->rules[0];

	(void)state;
	assert_int_equal(rule->kind, MATCH_PREFIX);
	assert_str(rule->match, "/a");
	assert_int_equal(rule->host.n, 2);
	assert_str(rule->host.v[0], "example.org");
	assert_false(rule->cache);
	assert_int_equal(rule->policy.ttl, 1000);
	assert_int_equal(rule->policy.grace, 2000);
	assert_int_equal(rule->policy.stale_if_error, 3000);
	assert_int_equal(rule->policy.override, OVERRIDE_FORCE);
	assert_true(rule->policy.heuristic);
	assert_int_equal(rule->policy.n_statuses, 2);
	assert_int_equal(rule->policy.statuses[0].code, 404);
	assert_int_equal(rule->policy.statuses[0].ttl, 30000);
	assert_int_equal(rule->policy.statuses[1].code, 5);
	assert_int_equal(rule->policy.statuses[1].ttl, 0);
	assert_int_equal(rule->policy.set_cookie, SET_COOKIE_STRIP);
	assert_true(rule->client_control);
	assert_int_equal(rule->policy.validate, VALIDATE_ALWAYS);
	assert_true(rule->policy.validate == VALIDATE_ALWAYS);
	assert_int_equal(rule->client_cache, 240000);
	assert_true(rule->etag);
	assert_int_equal(rule->query, QUERY_DROP);
	assert_true(rule->drop_query.n > 30);
	assert_true(words_match(&rule->drop_query, STR("utm_source")));
	assert_true(words_match(&rule->drop_query, STR("epik")));
	assert_true(words_match(&rule->drop_query, STR("pk_content")));
	assert_true(words_match(&rule->drop_query, STR("yes")));
	assert_false(words_match(&rule->drop_query, STR("tracking")));
	assert_false(words_match(&rule->drop_query, STR("page")));
	assert_true(rule->sort_query);
	assert_str(rule->bypass_cookies.v[0], "a");
	assert_str(rule->key_cookies.v[0], "b");
	assert_int_equal(rule->ignore_cookies.n, 2);
	assert_true(words_imatch(&rule->bypass_headers, STR("x-a")));
	assert_str(rule->bypass_query.v[0], "q");
	assert_int_equal(rule->key.n, 1);
	assert_str(rule->vary.v[0], "accept-language");
	assert_int_equal(rule->min_uses, 1000000);
	assert_false(rule->coalesce);
	assert_int_equal(rule->coalesce_timeout, 250);
	assert_int_equal(rule->on_timeout, ON_TIMEOUT_503);
	assert_true(rule->max_object == (size_t)64 << 30);
	ruleset_unref(&set);
}

/* "defaults" may stand behind the rules; so may limits. */
static void rules_start_from_defaults(void **state)
{
	struct ruleset *set =
	    parse("{'rules': [{}, {'grace': 0, 'ignore_cookies': ['b'], 'key': '$uri',"
		  " 'statuses': {}, 'max_object': '9k', 'validate': 'stale', 'etag': false},"
		  " {'regex': '(a)(b)'}], " APP
		  "'defaults': {'ttl': '1m', 'grace': '2m', 'ignore_cookies': ['a', 'c'],"
		  " 'key': '$host$1$2', 'statuses': {'200': 5}, 'cache': false, '//': 1,"
		  " 'validate': 'always', 'etag': true, 'client_cache': 9},"
		  " 'limits': {'max_object': '7k'}}");

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(set->rules[i].index, i);
		assert_int_equal(set->rules[i].policy.ttl, 60000);
		assert_false(set->rules[i].cache);
		assert_int_equal(set->rules[i].client_cache, 9000);
		assert_int_equal(set->rules[i].etag, i != 1);
		assert_int_equal(set->rules[i].policy.validate == VALIDATE_ALWAYS, i != 1);
	}
	assert_int_equal(set->rules[0].policy.grace, 120000);
	assert_int_equal(set->rules[0].ignore_cookies.n, 2);
	assert_int_equal(set->rules[0].key.n, 3);
	assert_int_equal(set->rules[0].policy.n_statuses, 1);
	assert_int_equal(set->rules[0].max_object, 7 << 10);
	assert_int_equal(set->rules[1].policy.grace, 0);
	assert_int_equal(set->rules[1].ignore_cookies.n, 1);
	assert_int_equal(set->rules[1].key.v[0].kind, KEY_URI);
	assert_int_equal(set->rules[1].policy.n_statuses, 0);
	assert_int_equal(set->rules[1].max_object, 9 << 10);
	ruleset_unref(&set);
	set = parse("{" APP "'rules': [{}], 'defaults': {'max_object': 5}, 'limits':"
		    " {'max_object': 6}}");
	assert_int_equal(set->rules[0].max_object, 5);
	ruleset_unref(&set);
}

/* A rule that lets clients steer bears failures of the application for an hour, unless it says. */
static void stale_if_error_where_nobody_says(void **state)
{
	static const struct {
		const char *defaults, *rule;
		int64_t stale_if_error;
	} cases[] = {
	    {"", "", 0},
	    {"", "'client_control': false", 0},
	    {"", "'client_control': true", 3600000},
	    {"", "'client_control': true, 'stale_if_error': 0", 0},
	    {"", "'stale_if_error': '0s', 'client_control': true", 0},
	    {"", "'client_control': true, 'stale_if_error': '5s'", 5000},
	    {"", "'client_control': true, 'grace': '5s'", 3600000},
	    {"'client_control': true", "", 3600000},
	    {"'client_control': true", "'client_control': false", 0},
	    {"'client_control': true", "'stale_if_error': 0", 0},
	    {"'stale_if_error': 0", "'client_control': true", 0},
	    {"'stale_if_error': 0, 'client_control': true", "", 0},
	    {"'stale_if_error': '5s'", "'client_control': true", 5000},
	    {"'stale_if_error': '5s'", "", 5000},
	    {"'stale_if_error': '5s'", "'client_control': true, 'stale_if_error': 0", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[256];
		struct ruleset *set;

		snprintf(text, sizeof(text), "{" APP "'defaults': {%s}, 'rules': [{%s}]}",
			 cases[i].defaults, cases[i].rule);
		set = parse(text);
		if (set->rules[0].policy.stale_if_error != cases[i].stale_if_error)
			fail_msg("%s: %lld", text, (long long)set->rules[0].policy.stale_if_error);
		ruleset_unref(&set);
	}
}

static void comments_everywhere(void **state)
{
	struct ruleset *set =
	    parse("{'//': 'a', '// b': null, 'application': {'//': 1, 'address': 'unix:/a'},"
		  " 'defaults': {'//': []}, 'log': {'//': {}}, 'limits': {'//x': 1},"
		  " 'rules': [{'//': 'x', '//ttl': 'y', 'statuses': {'//': 'z'}}]}");

	(void)state;
	ruleset_unref(&set);
}

/* ------------------------------------------------------------------------------- keys */

struct key_case {
	const char *good[4]; /* values; up to NULL */
	const char *bad[12];
	const char *key;
};

#define DURATIONS_BAD                                                                              \
	"'10'", "'10x'", "-1", "1e3", "1.5", "true", "null", "[]", "{}", "315360001", "'3651d'"

static const struct key_case rule_keys[] = {
    {{"'/'", "'/a b'"}, {"''", "'a'", "1", "null", "['/']"}, "prefix"},
    {{"'/'", "'/\\u00e4'"}, {"''", "'a'", "1", "'\\u0000'"}, "path"},
    {{"'.css'", "'/'"}, {"''", "1", "false"}, "suffix"},
    {{"'/*'", "'*'", "'?a'", "'\\\\/'"}, {"''", "'a*'", "'/\\\\'", "1"}, "glob"},
    {{"'^/a$'", "''"}, {"'('", "'[a'", "'a**'", "'(*NO_SUCH)'", "1", "'\\\\C'"}, "regex"},
    {{"'a'", "['*.a', 'b']", "'[::1]'"}, {"[]", "''", "'a:80'", "'a/'", "[1]", "{}"}, "host"},
    {{"true", "false"}, {"1", "0", "'true'", "null", "[]"}, "cache"},
    {{"0", "'250ms'", "315360000"}, {DURATIONS_BAD}, "ttl"},
    {{"0", "'1h'", "'3650d'"}, {DURATIONS_BAD}, "grace"},
    {{"0", "'1h'"}, {DURATIONS_BAD}, "stale_if_error"},
    {{"true", "false", "'force'"}, {"'yes'", "1", "null", "'FORCE'"}, "override"},
    {{"true", "false"}, {"1", "'true'"}, "heuristic"},
    {{"{}", "{'200': 1, '9xx': '1s'}", "{'// a': []}"},
     {"[]", "{'99': 1}", "{'1000': 1}", "{'5XX': 1}", "{'0xx': 1}", "{'': 1}", "{'404': '1'}",
      "{'40x': 1}", "{'404': -1}", "{'404 ': 1}", "404"},
     "statuses"},
    {{"'bypass'", "'strip'", "'drop'", "'store'"}, {"'no'", "''", "true", "1"}, "set_cookie"},
    {{"true", "false"}, {"'false'"}, "client_control"},
    {{"'stale'", "'always'"}, {"'x'", "''", "'Always'", "true", "0", "null"}, "validate"},
    {{"0", "'250ms'", "'1h'", "'3650d'"}, {DURATIONS_BAD}, "client_cache"},
    {{"true", "false"}, {"1", "'true'", "'weak'", "null"}, "etag"},
    {{"'key'", "'bypass'", "'drop'"}, {"'keep'", "false", "null", "['key']"}, "query"},
    {{"[]", "['a*']", "'tracking'", "['tracking', 'tracking']"},
     {"['']", "[1]", "['a', ['b']]", "{}", "['\\\\']"},
     "drop_query"},
    {{"true", "false"}, {"'name'"}, "sort_query"},
    {{"[]", "['a*', 'b']"}, {"['']", "[1]", "{}", "true", "null"}, "bypass_cookies"},
    {{"[]", "'lang'"}, {"['']", "''", "[null]"}, "key_cookies"},
    {{"['*']"}, {"['\\\\']", "7"}, "ignore_cookies"},
    {{"['X-Preview', 'X-*']"}, {"['']", "7"}, "bypass_headers"},
    {{"['preview']", "'s'"}, {"['']", "7"}, "bypass_query"},
    {{"'$path'", "'a'", "'$$'"}, {"''", "'$'", "'$1'", "'$foo'", "'${a'", "7", "['$path']"}, "key"},
    {{"[]", "['Accept']", "'X-A'"}, {"['']", "['*']", "['a b']", "['a:']", "[1]"}, "vary"},
    {{"1", "1000000"},
     {"0", "-1", "1000001", "'1'", "1.0", "1e0", "4294967297", "-4294967295", "true",
      "9223372036854775807", "-9223372036854775808"},
     "min_uses"},
    {{"true", "false"}, {"0"}, "coalesce"},
    {{"0", "'5s'"}, {DURATIONS_BAD}, "coalesce_timeout"},
    {{"'pass'", "'stale'", "'503'"}, {"503", "'fail'", "null"}, "on_timeout"},
    {{"1", "'64k'", "'64g'"},
     {"0", "-1", "'0k'", "'64'", "'65g'", "'64K'", "1e3", "true", "'9223372036854775807g'",
      "9223372036854775807"},
     "max_object"},
};

static const struct key_case top_keys[] = {
    {{"'memory:///'", "['null:///']"},
     {"''", "[]", "['a', 'b']", "1", "{}", "[1]", "['']"},
     "store"},
    {{"''", "'wiki:'"}, {"1", "null"}, "key_prefix"},
    {{"'utf-8'", "'bytes'"}, {"'UTF-8'", "'latin1'", "''", "false", "0"}, "charset"},
    {{"{}", "{'ttl': 1}"},
     {"[]", "null", "{'prefix': '/'}", "{'regex': 'a'}", "{'host': 'a'}", "{'ttl': -1}"},
     "defaults"},
    {{"{}", "{'to': '/a', 'level': 'error'}", "{'to': 'stderr'}", "{'level': 'warning'}"},
     {"[]", "'stderr'", "{'to': 'a'}", "{'to': 1}", "{'level': 'warn'}", "{'level': 1}",
      "{'access_log': 'x'}", "{'too': 'stderr'}"},
     "log"},
    {{"'/a'"}, {"''", "'a'", "true", "null"}, "access_log"},
    {{"1", "1024"}, {"0", "1025", "-1", "'2'", "2.0", "null"}, "workers"},
    {{"{}", "{'// x': 1}"}, {"[]", "null", "{'max_objects': 1}"}, "limits"},
    {{"{'max_object': 1}", "{'max_object': '64g'}"},
     {"{'max_object': 0}", "{'max_object': '65g'}", "{'max_object': -1}", "{'max_object': '1'}"},
     "limits"},
    {{"{'max_header': '1k'}", "{'max_header': '16m'}"},
     {"{'max_header': 1023}", "{'max_header': '17m'}", "{'max_header': true}"},
     "limits"},
    {{"{'max_request_params': '1k'}", "{'max_request_params': '16m'}"},
     {"{'max_request_params': 1023}", "{'max_request_params': '17m'}"},
     "limits"},
    {{"{'idle_timeout': '1ms'}"}, {"{'idle_timeout': 0}", "{'idle_timeout': '1'}"}, "limits"},
    {{"{'shutdown_timeout': 0}"}, {"{'shutdown_timeout': -1}"}, "limits"},
};

static const struct key_case application_keys[] = {
    {{"'1ms'", "1"}, {"0", "'0s'", "-1", "'1'", "1.0"}, "connect_timeout"},
    {{"'1ms'"}, {"0", "'x'"}, "send_timeout"},
    {{"'1ms'"}, {"0", "[]"}, "read_timeout"},
    {{"'1ms'"}, {"0", "{}"}, "total_timeout"},
    {{"0", "1"}, {"-1", "null"}, "queue_timeout"},
    {{"1", "10000"}, {"0", "10001", "'64'", "1e1"}, "max_connections"},
    {{"0", "64"}, {"-1", "65", "10001", "'0'"}, "keep_alive"},
};

/* Each value in a file that is right but for it; a wrong one is named by its place. */
static void try_keys(const struct key_case *cases, size_t n, const char *before, const char *after,
		     const char *place)
{
	char text[1024], start[128];

	for (size_t i = 0; i < n; i++) {
		snprintf(start, sizeof(start), "F: %s%s", place, cases[i].key);
		for (size_t j = 0; j < ARRAY_LEN(cases[i].good) && cases[i].good[j]; j++) {
			struct ruleset *set;

			snprintf(text, sizeof(text), "%s'%s': %s%s", before, cases[i].key,
				 cases[i].good[j], after);
			set = parse(text);
			ruleset_unref(&set);
		}
		for (size_t j = 0; j < ARRAY_LEN(cases[i].bad) && cases[i].bad[j]; j++) {
			const char *said;

			snprintf(text, sizeof(text), "%s'%s': %s%s", before, cases[i].key,
				 cases[i].bad[j], after);
			said = mistakes(text);
			if (strncmp(said, start, strlen(start)) != 0 && !strstr(text, "u0000"))
				fail_msg("%s\nsays\n%s", text, said);
		}
	}
}

static void every_key(void **state)
{
	(void)state;
	try_keys(rule_keys, ARRAY_LEN(rule_keys), "{" APP "'rules': [{", "}]}", "rules[0].");
	try_keys(top_keys, ARRAY_LEN(top_keys), "{" APP "'rules': [], ", "}", "");
	try_keys(application_keys, ARRAY_LEN(application_keys),
		 "{'rules': [], 'application': {'address': 'unix:/a', ", "}}", "application.");
}

/* Each key with a letter doubled: refused, and the right one named. */
static void every_key_misspelt(void **state)
{
	char text[256], expected[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rule_keys); i++) {
		const char *key = rule_keys[i].key;

		snprintf(text, sizeof(text), RULE("'%s%c': 1"), key, key[strlen(key) - 1]);
		snprintf(expected, sizeof(expected),
			 "F: rules[0].%s%c: unknown key; did you mean \"%s\"?\n", key,
			 key[strlen(key) - 1], key);
		assert_mistakes(text, expected);
	}
}

/* ------------------------------------------------------------------------------- files */

static char dir[64], path[96];

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_rules.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/rules.json", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	rmdir(path);
	rmdir(dir);
	return 0;
}

static void write_file(const char *bytes, size_t n)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
}

/* The load says PATH, then this. */
static void assert_load_says(const char *expected)
{
	struct report report = {0};
	struct str said;

	assert_null(ruleset_load(path, &report));
	assert_int_equal(report.errors, 1);
	said = buf_str(&report.text);
	assert_true(str_starts(said, str_of(path)));
	assert_str(str_sub(said, strlen(path), said.n), expected);
	report_fini(&report);
}

static void files(void **state)
{
	struct report report = {0};
	struct ruleset *set;
	struct str text = quotes("{" APP "'rules': [{'prefix': '/'}]}");

	(void)state;
	assert_load_says(": cannot be opened: No such file or directory\n");
	assert_int_equal(mkdir(path, 0700), 0);
	assert_load_says(": is a directory\n");
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_load_says(": is not a regular file\n");
	assert_int_equal(unlink(path), 0);
	write_file("", 0);
	assert_load_says(": is empty\n");
	write_file(text.p, text.n / 2);
	assert_load_says(":1:27: string or '}' expected near end of file\n");
	assert_int_equal(truncate(path, (16 << 20) + 1), 0);
	assert_load_says(": has 16777217 bytes; at most 16777216 are read\n");
	write_file(text.p, text.n);
	if (geteuid() != 0) {
		assert_int_equal(chmod(path, 0), 0);
		assert_load_says(": cannot be opened: Permission denied\n");
		assert_int_equal(chmod(path, 0600), 0);
	}
	set = ruleset_load(path, &report);
	assert_non_null(set);
	assert_int_equal(report.errors, 0);
	assert_int_equal(set->n_rules, 1);
	ruleset_unref(&set);
	report_fini(&report);
}

static void deep_nesting(void **state)
{
	const size_t n = 100000;
	char *bytes = malloc(n);

	(void)state;
	assert_non_null(bytes);
	memset(bytes, '[', n);
	write_file(bytes, n);
	free(bytes);
	assert_load_says(":1:2049: maximum parsing depth reached near '['\n");
}

/* ------------------------------------------------------------------------------- life */

static void references(void **state)
{
	struct ruleset *set = parse(RULE("'regex': 'a'")), *other = ruleset_ref(set);

	(void)state;
	assert_ptr_equal(set, other);
	ruleset_unref(&set);
	assert_null(set);
	assert_int_equal(other->n_rules, 1);
	ruleset_unref(&other);
	ruleset_unref(&other);
}

static void restart_needed(void **state)
{
	struct ruleset *a = parse(TOP("'workers': 4, 'store': 'null:///'"));
	struct ruleset *b = parse(TOP("'workers': 5, 'store': 'memory:///'"));
	struct buf out;

	(void)state;
	buf_init(&out, 0);
	assert_false(settings_restart_needed(&a->settings, &a->settings, &out));
	assert_int_equal(out.n, 0);
	assert_true(settings_restart_needed(&a->settings, &b->settings, &out));
	assert_str(buf_str(&out),
		   "store: a restart is needed to change \"null:///\" to \"memory:///\"\n"
		   "workers: a restart is needed to change 4 to 5\n");
	buf_fini(&out);
	ruleset_unref(&a);
	ruleset_unref(&b);
}

/* jansson's allocations fail, each in its turn. */
static long allocations_left;

static void *failing_malloc(size_t n)
{
	return allocations_left-- > 0 ? malloc(n) : NULL;
}

static void out_of_memory(void **state)
{
	struct str text = quotes(RULE("'prefix': '/a', 'ttl': '1m', 'ignore_cookies': ['a', 'b']"));
	struct ruleset *set = NULL;

	(void)state;
	json_set_alloc_funcs(failing_malloc, free);
	for (long n = 0; !set; n++) {
		struct report report = {0};

		assert_true(n < 1000);
		allocations_left = n;
		set = ruleset_parse("F", text, &report);
		if (!set)
			assert_int_equal(report.errors, 1);
		report_fini(&report);
	}
	rules_start();
	ruleset_unref(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(default_settings),
	    cmocka_unit_test(default_rule),
	    cmocka_unit_test(every_setting),
	    cmocka_unit_test(every_rule_key),
	    cmocka_unit_test(rules_start_from_defaults),
	    cmocka_unit_test(stale_if_error_where_nobody_says),
	    cmocka_unit_test(comments_everywhere),
	    cmocka_unit_test(every_key),
	    cmocka_unit_test(every_key_misspelt),
	    cmocka_unit_test_setup_teardown(files, make_dir, remove_dir),
	    cmocka_unit_test_setup_teardown(deep_nesting, make_dir, remove_dir),
	    cmocka_unit_test(references),
	    cmocka_unit_test(restart_needed),
	    cmocka_unit_test(out_of_memory),
	};

	rules_start();
	if (!log_open("/dev/null", LOG_LEVEL_WARNING, NULL))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
