/*
 * Structured fields: each bare item in every place where one may stand, then whole fields.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/check.h"
#include "http/structured.h"

#define FIELD STR("Field")

typedef bool next_fn(const struct headers *h, struct str name, struct sf_iter *it,
		     struct sf_member *member);

/* All members as "{key kind text}", or "malformed". */
static void write_out(next_fn *next, const struct headers *h, char out[512])
{
	struct sf_iter it = {0};
	struct sf_member m;
	int n = 0;

	out[0] = '\0';
	while (next(h, FIELD, &it, &m)) {
		n += snprintf(out + n, 512 - (size_t)n, "{%.*s %c %.*s}", STR_ARG(m.key),
			      "?isfto"[m.kind], STR_ARG(m.text));
		assert_true(n < 512);
	}
	if (it.malformed)
		strcpy(out, "malformed");
}

/* Lines are separated by LF. */
static void assert_field(next_fn *next, const char *lines, const char *wanted)
{
	struct str rest = str_of(lines), line;
	struct headers h = {0};
	struct arena a;
	char got[512];

	arena_init(&a);
	assert_true(headers_add(&h, &a, STR("Fiel"), STR("no")));
	while (str_split(&rest, '\n', &line)) {
		assert_true(headers_add(&h, &a, STR("fIELD"), line));
		assert_true(headers_add(&h, &a, STR("X"), STR("=")));
	}
	write_out(next, &h, got);
	if (strcmp(got, wanted) != 0)
		fail_msg("\"%s\": got %s, wanted %s", lines, got, wanted);
	arena_fini(&a);
}

/* In every place where a bare item may stand. */
static void assert_item(const char *item, bool well_formed)
{
	static const struct {
		next_fn *next;
		const char *before, *after;
	} places[] = {
	    {sf_list_next, "", ""},
	    {sf_list_next, "1\t,  ", "\t, 2;x"},
	    {sf_list_next, "a;x=", ";y"},
	    {sf_list_next, "(", ")"},
	    {sf_list_next, "(  1 ", ";x  2 );x"},
	    {sf_list_next, "(1;x=", ")"},
	    {sf_dictionary_next, "x=", ""},
	    {sf_dictionary_next, "x, y=", ",z"},
	    {sf_dictionary_next, "x;x=", ", y"},
	    {sf_dictionary_next, "x=(", " 1)"},
	};

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		char field[128], got[512];
		struct header line = {FIELD, {field, 0}};
		struct headers h = {&line, 1, 1};

		line.value.n = (size_t)snprintf(field, sizeof(field), "%s%s%s", places[i].before,
						item, places[i].after);
		write_out(places[i].next, &h, got);
		if ((strcmp(got, "malformed") != 0) != well_formed)
			fail_msg("\"%s\": %s", field, got);
	}
}

static void bare_items(void **state)
{
	static const char *const items[] = {
	    /* numbers */
	    "0", "-0", "123456789012345", "-123456789012345", "1.5", "-15.125", "123456789012.1",
	    /* Strings and Tokens */
	    "\"\"", "\"a, ;)\"", "\" ~\"", "\"\\\"\\\\\"", "*", "tok/en:1", "A!#$%&'*+-.^_`|~",
	    /* Byte Sequences */
	    "::", ":YWI=:", ":+/09azAZ:",
	    /* Booleans, Dates, Display Strings */
	    "?0", "?1", "@1659578233", "@-1", "%\"\"", "%\"f%c3%bc\\\""};
	static const char *const none[] = {
	    /* numbers */
	    "-", "--1", "+1", "1.", ".5", "1.1234", "1234567890123456", "1234567890123.1", "1 .5",
	    /* Strings */
	    "\"", "\"a", "\"a\\", "\"a\\\"", "\"a\\b\"", "\"a\tb\"", "\"a\x7f\"", "\"caf\xc3\xa9\"",
	    "\"a\"\"b\"", "\"a\"b", "'a'",
	    /* Tokens */
	    "_a", "a\"", "a@", "{}",
	    /* Byte Sequences */
	    ":YQ", ":Y Q:", ":Y-:",
	    /* Booleans and Dates */
	    "?", "?2", "?10", "?true", "@", "@a", "@1.5",
	    /* Display Strings */
	    "%a", "%\"", "%\"a", "%\"%\"", "%\"%c\"", "%\"%C3\"", "%\"\xc3\"", "%\"\t\""};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(items); i++)
		assert_item(items[i], true);
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		assert_item(none[i], false);
}

static void lists(void **state)
{
	static const char *const cases[][2] = {
	    {"1", "{ i 1}"},
	    {" -1, 1.5 ,\"a\\\"\";x, b\t,\t?0,?1;x, @1", "{ i -1}{ o 1.5}{ s a\\\"}{ o b}{ f ?0}"
							 "{ t ?1}{ o @1}"},
	    {"(), ( 1  \"a\";x );y, \"\"", "{ o ()}{ o ( 1  \"a\";x )}{ s }"},
	    {"1;*k_-.*9=1;x;  y=?0, 2", "{ i 1}{ i 2}"},
	    {"1\n2;x, 3", "{ i 1}{ i 2}{ i 3}"},
	};
	static const char *const none[] = {
	    "1,",  ",1",     "1,,2",  "1 2",      "a=1",    "1;",      "1 ;x",
	    "1;X", "1;1",    "1;x=",  "1;x =1",   "1;x= 1", "1;x=(1)", "(",
	    "(1",  "(1\t2)", "(1,2)", "(1\"a\")", ")",      "((1))",   "(1;)",
	    "()1", "1,\n2",  "1\n,2", "\"a\nb\"", "(1\n2)", "1\n ",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_field(sf_list_next, cases[i][0], cases[i][1]);
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		assert_field(sf_list_next, none[i], "malformed");
	assert_field(sf_list_next, "", "");
}

static void dictionaries(void **state)
{
	static const char *const cases[][2] = {
	    {"a", "{a t }"},
	    {"a=1, b;x=2\t, *c_-.9=\"d\";x", "{a i 1}{b t }{*c_-.9 s d}"},
	    {"a=?0, a=?1, a=(1 2);x, a=b", "{a f ?0}{a t ?1}{a o (1 2)}{a o b}"},
	    {"a=1\na=2, b\nc", "{a i 1}{a i 2}{b t }{c t }"},
	};
	static const char *const none[] = {
	    "a,", ",a",   "a,,b", "a b",   "A",  "1",    "\"a\"",  "-a",  "=1",
	    "a=", "a =1", "a= 1", "a=1=2", "a;", "a;x=", "a=1 ;x", "a=(", "a,\nb",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_field(sf_dictionary_next, cases[i][0], cases[i][1]);
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		assert_field(sf_dictionary_next, none[i], "malformed");
	assert_field(sf_dictionary_next, "", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bare_items),
	    cmocka_unit_test(lists),
	    cmocka_unit_test(dictionaries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
