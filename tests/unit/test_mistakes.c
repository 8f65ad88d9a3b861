/*
 * Mistakes in the rules file: what exactly is said of the usual ones, and of all of them at once.
 */
#include "rules_file.h"

static void later_versions(void **state)
{
	static const char *const top[] = {"control", "status", "purge", "warm"};
	static const char *const rule[] = {"tags",          "publish",  "directory_index",
					   "content_types", "compress", "esi"};
	char text[256], expected[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(top); i++) {
		snprintf(text, sizeof(text), TOP("'%s': {}"), top[i]);
		snprintf(expected, sizeof(expected), "F: %s: not in this version\n", top[i]);
		assert_mistakes(text, expected);
	}
	for (size_t i = 0; i < ARRAY_LEN(rule); i++) {
		snprintf(text, sizeof(text), RULE("'%s': 'x'"), rule[i]);
		snprintf(expected, sizeof(expected), "F: rules[0].%s: not in this version\n",
			 rule[i]);
		assert_mistakes(text, expected);
	}
	assert_mistakes(TOP("'store': ['memory:///', 'null:///']"),
			"F: store: more than one store: not in this version\n");
}

/* Broken JSON: where, and then jansson's words, which vary with its version. */
static void broken_json(void **state)
{
	static const char *const cases[][2] = {
	    {"{" APP "\n'rules': [{'ttl': 1,}]}", "F:2:21: string or '}' expected near "},
	    {"[1, 2", "F:1:5: ']' expected near end of file\n"},
	    {"{'a': 1} x", "F:1:10: end of file expected near 'x'\n"},
	    {" \n", "F:2:0: '[' or '{' expected near end of file\n"},
	    {"{'a': NaN}", "F:1:9: invalid token near "},
	    {"{'a': 9223372036854775808}", "F:1:25: too big integer"},
	    {"{'a': 1,\n 'a': 2}", "F:2:4: duplicate object key near "},
	    {"{'//': 1, '//': 2}", "F:1:14: duplicate object key near '\"//\"'; comments in one "
				   "object need different keys\n"},
	    {"\xef\xbb\xbf{}", "F:1:1: '[' or '{' expected near "},
	    {"{'a': '\xff'}", "F:1:7: unable to decode byte 0xff near "},
	    {"{'a': '\\ud800'}", "F:1:14: invalid Unicode "},
	    {"{'a': '\x01'}", "F:1:7: control character 0x1 near "},
	    {"{'a': '\\u0000'}", "F:1:14: a string with \\u0000 is not allowed\n"},
	    {"{'\\u0000': 1}", "F:1:9: a string with \\u0000 is not allowed\n"},
	    {"// a comment\n{}", "F:1:1: '[' or '{' expected near "},
	    {"{'a': 1 /* b */}", "F:1:9: '}' expected near "},
	    {"5", "F:1:1: '[' or '{' expected near "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *said = mistakes(cases[i][0]);

		if (strncmp(said, cases[i][1], strlen(cases[i][1])) != 0)
			fail_msg("%s\nsays\n%s", cases[i][0], said);
	}
	assert_mistakes("", "F: is empty\n");
}

#define DURATION_HOW                                                                               \
	"; write seconds as a whole number, or \"250ms\", \"10s\", \"5m\", \"1h\", \"30d\"\n"

/* A file, and all that is said of it. */
static const char *const files_and_lines[][2] = {
    /* Kinds. */
    {"[]", "F: not an object: a list\n"},
    {"{}", "F: application: missing; write where it listens: \"unix:/path\" or "
	   "\"tcp:host:port\"\n"
	   "F: rules: missing; write a list of rules\n"},
    {"{" APP "'rules': {}}", "F: rules: not a list of rules: an object\n"},
    {"{" APP "'rules': [{}, 1, null]}",
     "F: rules[1]: not an object: 1\nF: rules[2]: not an object: null\n"},
    {"{'rules': [], 'application': 9000}", "F: application: not an address or an object: 9000\n"},
    {"{'rules': [], 'application': {}}",
     "F: application.address: missing; write where the application listens: "
     "\"unix:/path\" or \"tcp:host:port\"\n"},
    {"{'rules': [], 'application': {'address': []}}",
     "F: application.address: is empty; at least one address is needed\n"},
    {"{'rules': [], 'application': '/run/x.sock'}",
     "F: application: \"/run/x.sock\" is not an address; a socket's path is written "
     "\"unix:/path\"\n"},
    {"{'rules': [], 'application': {'address': ['unix:/a', '127.0.0.1:9000', 5]}}",
     "F: application.address[1]: \"127.0.0.1:9000\" is not an address; host and port are "
     "written \"tcp:host:port\"\n"
     "F: application.address[2]: not a string: 5\n"},
    {APPL("'max_connections': 5, 'keep_alive': 6"),
     "F: application.keep_alive: more than max_connections: 6; that is 5\n"},

    {RULE("'cache': 'no'"), "F: rules[0].cache: not true or false: \"no\"\n"},
    {RULE("'ttl': '10x'"), "F: rules[0].ttl: not a duration: \"10x\"" DURATION_HOW},
    {RULE("'ttl': 1e3"), "F: rules[0].ttl: not a duration: a number with a point or an "
			 "exponent" DURATION_HOW},
    {RULE("'ttl': '10'"), "F: rules[0].ttl: has no unit: \"10\"; seconds are a number "
			  "without quotes\n"},
    {RULE("'ttl': -1"), "F: rules[0].ttl: out of range: -1; from 0 to 3650d\n"},
    {RULE("'ttl': '11000d'"), "F: rules[0].ttl: out of range: \"11000d\"; from 0 to 3650d\n"},
    {RULE("'ttl': 9223372036854775807"),
     "F: rules[0].ttl: out of range: 9223372036854775807; from 0 to 3650d\n"},
    {RULE("'max_object': 'big'"),
     "F: rules[0].max_object: not a size: \"big\"; write bytes as a whole number, or "
     "\"64k\", \"8m\", \"1g\"\n"},
    {TOP("'limits': {'max_header': '1g'}"),
     "F: limits.max_header: out of range: \"1g\"; from 1k to 16m\n"},
    {RULE("'min_uses': 1e3"), "F: rules[0].min_uses: not a whole number: a number with a "
			      "point or an exponent\n"},
    {RULE("'min_uses': 0"), "F: rules[0].min_uses: out of range: 0; from 1 to 1000000\n"},
    {RULE("'query': 'keep'"), "F: rules[0].query: not \"key\", \"bypass\" or \"drop\": \"keep\"\n"},
    {RULE("'override': 'yes'"), "F: rules[0].override: not false, true or \"force\": \"yes\"\n"},
    {RULE("'validate': 'x'"), "F: rules[0].validate: not \"stale\" or \"always\": \"x\"\n"},
    {RULE("'validate': true"), "F: rules[0].validate: not \"stale\" or \"always\": true\n"},
    {TOP("'defaults': {'validate': 'never'}"),
     "F: defaults.validate: not \"stale\" or \"always\": \"never\"\n"},
    {RULE("'client_cache': 'always'"),
     "F: rules[0].client_cache: not a duration: \"always\"" DURATION_HOW},
    {RULE("'client_cache': '60'"), "F: rules[0].client_cache: has no unit: \"60\"; seconds are a "
				   "number without quotes\n"},
    {RULE("'client_cache': '-1s'"),
     "F: rules[0].client_cache: not a duration: \"-1s\"" DURATION_HOW},
    {RULE("'etag': 'weak'"), "F: rules[0].etag: not true or false: \"weak\"\n"},
    {RULE("'etag': 1"), "F: rules[0].etag: not true or false: 1\n"},
    {TOP("'charset': 'latin1'"), "F: charset: not \"utf-8\" or \"bytes\": \"latin1\"\n"},
    {RULE("'ignore_cookies': [1, '']"), "F: rules[0].ignore_cookies[0]: not a string: 1\n"
					"F: rules[0].ignore_cookies[1]: \"\" is empty\n"},
    {RULE("'vary': ['Accept Language']"),
     "F: rules[0].vary[0]: \"Accept Language\" is no header's name\n"},
    {RULE("'statuses': {'40x': 1, '404': '1'}"),
     "F: rules[0].statuses.40x: not a status; write \"404\", or \"5xx\" for all of them\n"
     "F: rules[0].statuses.404: has no unit: \"1\"; seconds are a number without quotes\n"},
    {TOP("'access_log': '/a', 'log': {'access_log': '/b'}"),
     "F: log.access_log: given twice, at the top level and in \"log\"\n"},
    {TOP("'log': {'access_log': '/b'}, 'access_log': '/b'"),
     "F: access_log: given twice, at the top level and in \"log\"\n"},
    {TOP("'log': {'to': 'console'}"),
     "F: log.to: \"console\" is neither \"stderr\" nor \"syslog\" nor a path that begins "
     "with \"/\"\n"},

    /* Matchers and the key. */
    {RULE("'prefix': 'static/'"), "F: rules[0].prefix: \"static/\" does not begin with \"/\"\n"},
    {RULE("'glob': 'a/*'"), "F: rules[0].glob: \"a/*\" matches no path: it begins with "
			    "neither \"/\" nor \"*\"\n"},
    {RULE("'prefix': '/', 'regex': 'x'"),
     "F: rules[0].regex: the rule has \"prefix\" already; at most one of prefix, path, "
     "suffix, glob and regex\n"},
    {RULE("'regex': '^/(a'"), "F: rules[0].regex: missing closing parenthesis (at byte 4)\n"},
    {RULE("'host': 'https://example.org'"),
     "F: rules[0].host: \"https://example.org\" is not a host; write the name alone, "
     "without scheme, port or path\n"},
    {RULE("'key': '$path$1'"),
     "F: rules[0].key: $1 is a group of a regex, and the rule has none\n"},
    {RULE("'key': '$1$3', 'regex': '(a)'"), "F: rules[0].key: $3: the regex has 1 group\n"},
    {RULE("'key': '$1', 'regex': 'a'"), "F: rules[0].key: $1: the regex has 0 groups\n"},
    {"{" APP "'rules': [{'prefix': '/'}], 'defaults': {'key': '$1'}}",
     "F: rules[0].key: $1 of \"defaults\" is a group of a regex, and the rule has "
     "none\n"},
    {TOP("'defaults': {'prefix': '/'}"), "F: defaults.prefix: does not belong in \"defaults\"\n"},

    /* Keys. */
    {TOP("'rulez': []"), "F: rulez: unknown key; did you mean \"rules\"?\n"},
    {RULE("'tttl': 1"), "F: rules[0].tttl: unknown key; did you mean \"ttl\"?\n"},
    {RULE("'stale-if-error': 1"),
     "F: rules[0].stale-if-error: unknown key; did you mean \"stale_if_error\"?\n"},
    {RULE("'colour': 1"), "F: rules[0].colour: unknown key\n"},
    {RULE("'etags': 1"), "F: rules[0].etags: unknown key; did you mean \"etag\"?\n"},
    {RULE("'client-cache': 1"),
     "F: rules[0].client-cache: unknown key; did you mean \"client_cache\"?\n"},
    {TOP("'validate': 'always'"),
     "F: validate: unknown key here; it belongs in a rule or \"defaults\"\n"},
    {TOP("'ttl': 1"), "F: ttl: unknown key here; it belongs in a rule or \"defaults\"\n"},
    {TOP("'read_timeout': 1"),
     "F: read_timeout: unknown key here; it belongs in \"application\"\n"},
    {TOP("'log': {'max_header': 1}"),
     "F: log.max_header: unknown key here; it belongs in \"limits\"\n"},
    {RULE("'application': 1"),
     "F: rules[0].application: unknown key here; it belongs in the top level\n"},
    {RULE("'a b': 1, '': 2, '/': 3, '\\u001b[31m': 4, '\\u009b': 5"),
     "F: rules[0].\"a b\": unknown key\nF: rules[0].\"\": unknown key\n"
     "F: rules[0].\"/\": unknown key\nF: rules[0].\"\\x1b[31m\": unknown key\n"
     "F: rules[0].\"\\xc2\\x9b\": unknown key\n"},
    {RULE("'query': 'a\\nF: forged'"),
     "F: rules[0].query: not \"key\", \"bypass\" or \"drop\": \"a\\x0aF: forged\"\n"},
};

static void exact_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files_and_lines); i++)
		assert_mistakes(files_and_lines[i][0], files_and_lines[i][1]);
}

static void all_mistakes_at_once(void **state)
{
	(void)state;
	assert_mistakes(
	    "{'workers': 0, 'control': 'x', 'applicaton': 'unix:/a',\n"
	    " 'rules': [{'prefix': '/', 'ttl': -1}, {'regex': '('}, {'grace': true,"
	    " 'key': '$foo1'}], 'limits': {'max_objekt': 1}}",
	    "F: workers: out of range: 0; from 1 to 1024\n"
	    "F: control: not in this version\n"
	    "F: applicaton: unknown key; did you mean \"application\"?\n"
	    "F: limits.max_objekt: unknown key; did you mean \"max_object\"?\n"
	    "F: application: missing; write where it listens: \"unix:/path\" or "
	    "\"tcp:host:port\"\n"
	    "F: rules[0].ttl: out of range: -1; from 0 to 3650d\n"
	    "F: rules[1].regex: missing closing parenthesis (at byte 1)\n"
	    "F: rules[2].grace: not a duration: true" DURATION_HOW
	    "F: rules[2].key: unknown variable \"foo1\"; the variables are $scheme, $host, $path, "
	    "$query, $method, $uri, $arg_NAME, $cookie_NAME, $http_NAME, $param_NAME, $1 to $9\n");
}

static void too_many_mistakes(void **state)
{
	char text[32768] = "{" APP "'rules': [1";
	struct report report = {0};
	struct str said;

	(void)state;
	for (int i = 0; i < 999; i++)
		strcat(text, ", 1");
	strcat(text, "]}");
	assert_null(ruleset_parse("F", quotes(text), &report));
	said = buf_str(&report.text);
	assert_int_equal(report.errors, 1000);
	assert_true(str_ends(said, STR("F: rules[199]: not an object: 1\nF: and 800 more\n")));
	report_fini(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(later_versions),    cmocka_unit_test(broken_json),
	    cmocka_unit_test(exact_lines),       cmocka_unit_test(all_mistakes_at_once),
	    cmocka_unit_test(too_many_mistakes),
	};

	rules_start();
	if (!log_open("/dev/null", LOG_LEVEL_WARNING, NULL))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
