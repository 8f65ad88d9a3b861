/*
 * Cache groups: Lists of Strings, whole or not at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "http/groups.h"

#define FIELD STR("Cache-Groups")

/* Lines of the field, one after another, among others. */
static struct headers make_headers(struct arena *a, const char *const *lines)
{
	struct headers h = {0};

	assert_true(headers_add(&h, a, STR("Cache-Group"), STR("\"no\"")));
	for (; *lines; lines++) {
		assert_true(headers_add(&h, a, STR("CACHE-groups"), str_of(*lines)));
		assert_true(headers_add(&h, a, STR("X"), STR("\"no\"")));
	}
	return h;
}

static void assert_groups(const char *const *lines, const char *wanted)
{
	char got[4096] = "";
	struct headers h;
	struct str *v;
	struct arena a;
	size_t n, used = 0;

	arena_init(&a);
	h = make_headers(&a, lines);
	assert_true(groups_read(&h, FIELD, &a, &v, &n));
	assert_int_equal(n == 0, v == NULL);
	for (size_t i = 0; i < n; i++)
		used += (size_t)snprintf(got + used, sizeof(got) - used, "{%.*s}", STR_ARG(v[i]));
	if (strcmp(got, wanted) != 0)
		fail_msg("%s: got %s, wanted %s", lines[0] ? lines[0] : "no line", got, wanted);
	arena_fini(&a);
}

static void lists_of_strings(void **state)
{
	static const char *const cases[][2] = {
	    {"\"a\"", "{a}"},
	    {"\"scripts\", \"styles\"", "{scripts}{styles}"},
	    {"\"a\",\"b\"\t,\t \"c\" ", "{a}{b}{c}"},
	    {"\"a\", \"a\", \"A\"", "{a}{a}{A}"},
	    {"\"\"", "{}"},
	    {"\"a b, c;d\"", "{a b, c;d}"},
	    {"\" ~\"", "{ ~}"},
	    {"\"\\\"\\\\\"", "{\"\\}"},
	    {"\"a\\\\\", \"b\\\"c\"", "{a\\}{b\"c}"},
	    /* parameters say nothing */
	    {"\"a\";x", "{a}"},
	    {"\"a\";x;  y=?0, \"b\";z=\"c, \\\"\"", "{a}{b}"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_groups((const char *const[]){cases[i][0], NULL}, cases[i][1]);
}

/* One thing wrong, and nothing was said. */
static void no_lists_of_strings(void **state)
{
	static const char *const cases[] = {
	    "",    "a",   "\"a\", b", "1",      "?1",         "(\"a\" \"b\")", "\"a\", (\"b\")",
	    "'a'", "\"a", "\"",       "\"a\",", "\"a\";x=?2",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_groups((const char *const[]){cases[i], NULL}, "");
}

static void several_lines(void **state)
{
	(void)state;
	assert_groups((const char *const[]){NULL}, "");
	assert_groups((const char *const[]){"\"a\"", "\"b\";x, \"c\"", NULL}, "{a}{b}{c}");
	/* joined there would be a comma with nothing beside it */
	assert_groups((const char *const[]){"\"a\"", "", "\"b\"", NULL}, "");
	assert_groups((const char *const[]){"\"a\",", "\"b\"", NULL}, "");
	assert_groups((const char *const[]){"\"a\"", "b", NULL}, "");
	assert_groups((const char *const[]){"\"a", "b\"", NULL}, "");
}

static void what_is_none_takes_no_memory(void **state)
{
	struct header line = {FIELD, STR("\"a\\\\\", \"b\", c")};
	struct headers h = {&line, 1, 1};
	struct str *v;
	struct arena a;
	size_t n;

	(void)state;
	arena_init(&a);
	assert_true(groups_read(&h, FIELD, &a, &v, &n));
	assert_null(v);
	assert_true(groups_read(&h, STR("Cache-Group-Invalidation"), &a, &v, &n));
	assert_int_equal(n, 0);
	assert_null(a.blocks);
	arena_fini(&a);
}

/* Many names, all of them given: none may be missed by its invalidation. */
static void many_groups(void **state)
{
	char text[GROUPS_MAX * 16 * 8];
	struct header line = {FIELD, {text, 0}};
	struct headers h = {&line, 1, 1};
	struct str *v;
	struct arena a;
	size_t n;

	(void)state;
	for (unsigned i = 0; i < GROUPS_MAX * 8; i++)
		line.value.n += (size_t)snprintf(text + line.value.n, sizeof(text) - line.value.n,
						 "%s\"%u\"", i ? ", " : "", i);
	arena_init(&a);
	assert_true(groups_read(&h, FIELD, &a, &v, &n));
	assert_int_equal(n, GROUPS_MAX * 8);
	assert_true(str_eq(v[0], STR("0")));
	assert_true(str_eq(v[n - 1], STR("1023")));
	arena_fini(&a);
}

/* Cut off where the limit is, escapes not counted: what begins alike is one. */
static void long_names(void **state)
{
	char text[GROUP_LENGTH_MAX * 2 + 8];
	struct header line = {FIELD, {text, 0}};
	struct headers h = {&line, 1, 1};
	struct str *v;
	struct arena a;
	size_t n;

	(void)state;
	for (size_t length = GROUP_LENGTH_MAX - 1; length <= GROUP_LENGTH_MAX + 1; length++) {
		size_t kept = length < GROUP_LENGTH_MAX ? length : GROUP_LENGTH_MAX;

		arena_init(&a);
		text[0] = '"';
		memset(text + 1, 'x', length);
		text[length + 1] = '"';
		line.value.n = length + 2;
		assert_true(groups_read(&h, FIELD, &a, &v, &n));
		assert_int_equal(n, 1);
		assert_int_equal(v[0].n, kept);
		memset(text + 1, '\\', length * 2);
		text[length * 2 + 1] = '"';
		line.value.n = length * 2 + 2;
		assert_true(groups_read(&h, FIELD, &a, &v, &n));
		assert_int_equal(n, 1);
		assert_int_equal(v[0].n, kept);
		arena_fini(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lists_of_strings), cmocka_unit_test(no_lists_of_strings),
	    cmocka_unit_test(several_lines),    cmocka_unit_test(what_is_none_takes_no_memory),
	    cmocka_unit_test(many_groups),      cmocka_unit_test(long_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
