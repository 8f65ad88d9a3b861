/*
 * Key templates: the pieces that a text gives, and what is said of a wrong one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "config/template.h"

static struct arena arena;
static struct report report;
static struct reading reading;
static const struct place file = {.up = NULL};
static const struct place at = {.up = &file, .key = "key"};

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena);
	report = (struct report){0};
	reading = (struct reading){.file = "F", .report = &report, .arena = &arena};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	report_fini(&report);
	arena_fini(&arena);
	return 0;
}

/* Pieces as text: 'literal' <kind> <kind name>. In a buffer that the next call reuses. */
static const char *print(const struct key_template *t)
{
	static const char *const kinds[] = {
	    [KEY_SCHEME] = "scheme", [KEY_HOST] = "host",       [KEY_PATH] = "path",
	    [KEY_QUERY] = "query",   [KEY_METHOD] = "method",   [KEY_URI] = "uri",
	    [KEY_ARG] = "arg",       [KEY_COOKIE] = "cookie",   [KEY_HTTP] = "http",
	    [KEY_PARAM] = "param",   [KEY_CAPTURE] = "capture",
	};
	static char out[1024];
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < t->n; i++) {
		const struct key_part *part = &t->v[i];

		if (part->kind == KEY_LITERAL)
			n += (size_t)snprintf(out + n, sizeof(out) - n, "'%.*s'",
					      STR_ARG(part->text));
		else if (part->kind == KEY_CAPTURE)
			n += (size_t)snprintf(out + n, sizeof(out) - n, "<%d>", part->index);
		else
			n += (size_t)snprintf(out + n, sizeof(out) - n, "<%s%s%.*s>",
					      kinds[part->kind], part->text.n ? " " : "",
					      STR_ARG(part->text));
	}
	return out;
}

static void pieces(void **state)
{
	static const struct {
		const char *text, *pieces;
	} cases[] = {
	    {"$scheme://$host$path?$query", "<scheme>'://'<host><path>'?'<query>"},
	    {"$method$uri", "<method><uri>"},
	    {"plain", "'plain'"},
	    {"a$$b", "'a$b'"},
	    {"$$", "'$'"},
	    {"$$$$", "'$$'"},
	    {"$$path", "'$path'"},
	    {"$$$path", "'$'<path>"},
	    {"${path}s", "<path>'s'"},
	    {"x${host}y${path}z", "'x'<host>'y'<path>'z'"},
	    {"$1$2-$9", "<1><2>'-'<9>"},
	    {"${1}0", "<1>'0'"},
	    {"$1x", "<1>'x'"},
	    {"$arg_page", "<arg page>"},
	    {"$arg_page&$arg_id", "<arg page>'&'<arg id>"},
	    {"${arg_a-b}", "<arg a-b>"},
	    {"${arg_a[]}", "<arg a[]>"},
	    {"$cookie_lang|", "<cookie lang>'|'"},
	    {"${cookie_my.cookie}", "<cookie my.cookie>"},
	    {"$cookie_A", "<cookie A>"},
	    {"$http_accept_language", "<http HTTP_ACCEPT_LANGUAGE>"},
	    {"$http_Accept-Language", "<http HTTP_ACCEPT_LANGUAGE>"},
	    {"${http_x-device}", "<http HTTP_X_DEVICE>"},
	    {"$http_x-$path", "<http HTTP_X>'-'<path>"},
	    {"$http_x-", "<http HTTP_X>'-'"},
	    {"$arg_a-b", "<arg a>'-b'"},
	    {"$host-x", "<host>'-x'"},
	    {"$param_HTTPS", "<param HTTPS>"},
	    {"$param_GEOIP_COUNTRY/", "<param GEOIP_COUNTRY>'/'"},
	    {"{$path}", "'{'<path>'}'"},
	    {"\xc3\xa4$path\xc3\xa4", "'\xc3\xa4'<path>'\xc3\xa4'"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct key_template t;

		if (!template_compile(&reading, &at, str_of(cases[i].text), &t))
			fail_msg("\"%s\": %.*s", cases[i].text, STR_ARG(buf_str(&report.text)));
		assert_string_equal(print(&t), cases[i].pieces);
	}
	assert_int_equal(report.errors, 0);
}

#define VARIABLES                                                                                  \
	"the variables are $scheme, $host, $path, $query, $method, $uri, $arg_NAME, "              \
	"$cookie_NAME, $http_NAME, $param_NAME, $1 to $9\n"

static void mistakes(void **state)
{
	static const struct {
		const char *text, *errors;
	} cases[] = {
	    {"", "F: key: is empty: all pages would be one\n"},
	    {"$", "F: key: \"$\" without a name; write \"$$\" for a dollar sign\n"},
	    {"a$ b", "F: key: \"$\" without a name; write \"$$\" for a dollar sign\n"},
	    {"$-x", "F: key: \"$\" without a name; write \"$$\" for a dollar sign\n"},
	    {"${path", "F: key: \"${\" without \"}\"\n"},
	    {"${}", "F: key: \"${}\" without a name\n"},
	    {"$10", "F: key: captures are $1 to $9; write \"${1}\" where another digit follows\n"},
	    {"$0", "F: key: unknown variable \"0\"; " VARIABLES},
	    {"${10}", "F: key: unknown variable \"10\"; " VARIABLES},
	    {"$hots", "F: key: unknown variable \"hots\"; did you mean \"$host\"? The variables "
		      "are $scheme, "
		      "$host, $path, $query, $method, $uri, $arg_NAME, $cookie_NAME, $http_NAME, "
		      "$param_NAME, $1 to $9\n"},
	    {"$request_body", "F: key: unknown variable \"request_body\"; " VARIABLES},
	    {"$arg_", "F: key: unknown variable \"arg_\"; " VARIABLES},
	    {"${http_}", "F: key: unknown variable \"http_\"; " VARIABLES},
	    {"${http_a b}", "F: key: a header's name in $http_NAME has letters, digits, \"-\" and "
			    "\"_\" only\n"},
	    /* All of a template's mistakes. */
	    {"$zzzzzzzz$", "F: key: unknown variable \"zzzzzzzz\"; " VARIABLES
			   "F: key: \"$\" without a name; write \"$$\" for a dollar sign\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct key_template t = {.n = 42};
		char text[1024];

		assert_false(template_compile(&reading, &at, str_of(cases[i].text), &t));
		assert_int_equal(t.n, 42);
		snprintf(text, sizeof(text), "%.*s", STR_ARG(buf_str(&report.text)));
		assert_string_equal(text, cases[i].errors);
		report_fini(&report);
	}
}

static void captures(void **state)
{
	static const struct {
		const char *text;
		int highest;
	} cases[] = {{"$path", 0}, {"x", 0}, {"$1", 1}, {"$9$2", 9}, {"$2${3}$1", 3}, {"$$3", 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct key_template t;

		assert_true(template_compile(&reading, &at, str_of(cases[i].text), &t));
		assert_int_equal(template_captures(&t), cases[i].highest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(pieces, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(mistakes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(captures, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
