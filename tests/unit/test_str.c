/*
 * Slices: comparing, cutting, splitting, numbers, and globs that must not take ages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <time.h>

#include "base/check.h"
#include "base/str.h"

static const struct str none = {NULL, 0};

static void assert_str(struct str got, const char *wanted, const char *where)
{
	if (!str_eq(got, str_of(wanted)))
		fail_msg("%s: got \"%.*s\", wanted \"%s\"", where, STR_ARG(got), wanted);
}

static int sign(int n)
{
	return n < 0 ? -1 : n > 0;
}

/* ------------------------------------------------------------------ comparing */

static void an_empty_slice_needs_no_bytes(void **state)
{
	(void)state;
	assert_int_equal(str_of(NULL).n, 0);
	assert_true(str_eq(none, STR("")) && str_ieq(none, STR("")));
	assert_true(str_starts(none, none) && str_ends(none, none) && str_istarts(none, none));
	assert_false(str_starts(none, STR("a")) || str_ends(none, STR("a")));
	assert_int_equal(str_find(none, 'a'), 0);
	assert_int_equal(str_cmp(none, STR("")), 0);
	assert_true(str_cmp(none, STR("a")) < 0);
	assert_int_equal(str_trim(none).n, 0);
	assert_int_equal(str_sub(none, 0, 5).n, 0);
	assert_int_equal(str_sub(none, 3, 5).n, 0);
	assert_true(glob_match(none, none) && glob_match(STR("**"), none));
	assert_false(glob_match(none, STR("a")) || glob_match(STR("?"), none));
}

static void equal_but_for_case(void **state)
{
	static const struct {
		const char *a, *b;
		bool same, same_letters;
	} cases[] = {
	    {"", "", true, true},
	    {"a", "a", true, true},
	    {"a", "A", false, true},
	    {"Content-TYPE", "content-type", false, true},
	    {"a", "ab", false, false},
	    {"@", "`", false, false},
	    {"[", "{", false, false},
	    {"\xc4", "\xe4", false, false},
	    {"K", "\xe2\x84\xaa", false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str a = str_of(cases[i].a), b = str_of(cases[i].b);

		assert_int_equal(str_eq(a, b), cases[i].same);
		assert_int_equal(str_ieq(a, b), cases[i].same_letters);
		assert_int_equal(str_ieq(b, a), cases[i].same_letters);
	}
	assert_false(str_eq(str_make("a\0b", 3), str_make("a\0c", 3)));
}

static void starts_and_ends(void **state)
{
	(void)state;
	assert_true(str_starts(STR("abc"), STR("")) && str_ends(STR("abc"), STR("")));
	assert_true(str_starts(STR("abc"), STR("ab")) && str_ends(STR("abc"), STR("bc")));
	assert_true(str_starts(STR("abc"), STR("abc")) && str_ends(STR("abc"), STR("abc")));
	assert_false(str_starts(STR("abc"), STR("Ab")) || str_ends(STR("abc"), STR("Bc")));
	assert_false(str_starts(STR("ab"), STR("abc")) || str_ends(STR("bc"), STR("abc")));
	assert_true(str_istarts(STR("MAX-age=1"), STR("max-AGE=")));
	assert_false(str_istarts(STR("max"), STR("max-age")));
}

static void an_order(void **state)
{
	static const struct {
		const char *a, *b;
		int order;
	} cases[] = {
	    {"", "", 0},    {"", "a", -1},     {"a", "b", -1}, {"a", "aa", -1},
	    {"b", "aa", 1}, {"a", "\xff", -1}, {"A", "a", -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str a = str_of(cases[i].a), b = str_of(cases[i].b);

		assert_int_equal(sign(str_cmp(a, b)), cases[i].order);
		assert_int_equal(sign(str_cmp(b, a)), -cases[i].order);
	}
}

static void hexadecimal_digits(void **state)
{
	static const char digits[] = "0123456789abcdef", capitals[] = "0123456789ABCDEF";

	(void)state;
	for (int c = 0; c < 256; c++) {
		const char *at = c ? strchr(digits, c) : NULL;

		if (!at && c)
			at = strchr(capitals, c) ? strchr(capitals, c) - capitals + digits : NULL;
		assert_int_equal(ascii_hex((char)c), at ? (int)(at - digits) : -1);
	}
}

/* ------------------------------------------------------------------ cutting */

static void a_part_is_clipped(void **state)
{
	static const struct {
		size_t from, to;
		const char *part;
	} cases[] = {
	    {0, 3, "abc"}, {0, 0, ""}, {1, 2, "b"}, {1, 9, "bc"},      {0, SIZE_MAX, "abc"},
	    {3, 3, ""},    {2, 1, ""}, {4, 9, ""},  {SIZE_MAX, 0, ""}, {SIZE_MAX, SIZE_MAX, ""},
	};
	struct str s = STR("abc");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str part = str_sub(s, cases[i].from, cases[i].to);

		assert_str(part, cases[i].part, "sub");
		assert_true(part.p >= s.p && part.p + part.n <= s.p + s.n);
	}
}

static void trimming(void **state)
{
	static const char *const cases[][2] = {
	    {"", ""},       {" ", ""},        {" \t \t", ""},       {"a", "a"},
	    {" a", "a"},    {"a\t", "a"},     {"\t a b \t", "a b"}, {"\na\r", "\na\r"},
	    {"\va", "\va"}, {"\xa0", "\xa0"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_str(str_trim(str_of(cases[i][0])), cases[i][1], cases[i][0]);
}

static void splitting(void **state)
{
	static const char *const cases[][2] = {
	    {"", ""},
	    {"a", "[a]"},
	    {"a,b", "[a][b]"},
	    {"a,,b", "[a][][b]"},
	    {"a,", "[a]"},
	    {",a", "[][a]"},
	    {",", "[]"},
	    {",,", "[][]"},
	    {" a , b ", "[ a ][ b ]"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str rest = str_of(cases[i][0]), part;
		char got[64] = "";
		size_t n = 0;

		while (str_split(&rest, ',', &part))
			n += (size_t)snprintf(got + n, sizeof(got) - n, "[%.*s]", STR_ARG(part));
		assert_string_equal(got, cases[i][1]);
		assert_int_equal(rest.n, 0);
		assert_false(str_split(&rest, ',', &part));
	}
}

static void finding(void **state)
{
	(void)state;
	assert_int_equal(str_find(STR("abca"), 'a'), 0);
	assert_int_equal(str_find(STR("abca"), 'c'), 2);
	assert_int_equal(str_find(STR("abca"), 'x'), 4);
	assert_int_equal(str_find(str_make("a\0b", 3), '\0'), 1);
}

/* ------------------------------------------------------------------ numbers */

static void numbers(void **state)
{
	static const struct {
		const char *text;
		bool is_number;
		uint64_t value;
	} cases[] = {
	    {"0", true, 0},
	    {"7", true, 7},
	    {"0000000000000000000000000007", true, 7},
	    {"4294967296", true, UINT64_C(4294967296)},
	    {"9223372036854775808", true, UINT64_C(9223372036854775808)},
	    {"18446744073709551615", true, UINT64_MAX},
	    {"18446744073709551616", false, 0},
	    {"18446744073709551620", false, 0},
	    {"28446744073709551615", false, 0},
	    {"184467440737095516150", false, 0},
	    {"99999999999999999999999999999999999999", false, 0},
	    {"", false, 0},
	    {" 1", false, 0},
	    {"1 ", false, 0},
	    {"+1", false, 0},
	    {"-1", false, 0},
	    {"0x1", false, 0},
	    {"1e3", false, 0},
	    {"1.0", false, 0},
	    {"1,000", false, 0},
	    {"\xd9\xa1", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t value = 4711;

		if (str_to_u64(str_of(cases[i].text), &value) != cases[i].is_number)
			fail_msg("\"%s\"", cases[i].text);
		assert_true(value == (cases[i].is_number ? cases[i].value : 4711));
	}
	assert_false(str_to_u64(str_make("1\0", 2), &(uint64_t){0}));
	assert_false(str_to_u64(none, &(uint64_t){0}));
}

/* ------------------------------------------------------------------ globs */

static const struct {
	const char *pattern, *s;
	bool matches;
} globs[] = {
    {"", "", true},
    {"", "a", false},
    {"a", "", false},
    {"a", "a", true},
    {"a", "A", false},
    {"a", "ab", false},
    {"ab", "a", false},
    {"*", "", true},
    {"*", "anything/at all", true},
    {"***", "", true},
    {"**a**", "a", true},
    {"a*", "a", true},
    {"a*", "ab", true},
    {"a*", "ba", false},
    {"*a", "ba", true},
    {"*a", "ab", false},
    {"*a", "aab", false},
    {"*a", "aba", true},
    {"a*b*c", "abc", true},
    {"a*b*c", "a1b2b3c", true},
    {"a*b*c", "acb", false},
    {"*ab", "aab", true},
    {"*aab*", "aaaab", true},
    {"/*/feed", "/a/b/feed", true},
    {"/*/feed", "/feed", false},
    {"?", "a", true},
    {"?", "", false},
    {"?", "ab", false},
    {"?", "\xff", true},
    {"??", "\xc3\xa4", true},
    {"a?c", "abc", true},
    {"a?c", "ac", false},
    {"*?", "", false},
    {"*?", "a", true},
    {"?*?", "a", false},
    {"?*?", "ab", true},
    {"\\*", "*", true},
    {"\\*", "a", false},
    {"\\?", "?", true},
    {"\\?", "a", false},
    {"\\\\", "\\", true},
    {"\\a", "a", true},
    {"a\\*b*", "a*bc", true},
    {"a\\*b*", "axbc", false},
    {"*\\*", "ab*", true},
    {"*\\*", "ab", false},
    {"\\", "\\", true},
    {"\\", "a", false},
    {"a\\", "a\\", true},
    {"[a]", "a", false},
    {"[a]", "[a]", true},
    {"{a,b}", "a", false},
};

static void glob_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(globs); i++) {
		struct str pattern = str_of(globs[i].pattern), s = str_of(globs[i].s);

		if (glob_match(pattern, s) != globs[i].matches)
			fail_msg("\"%s\" \"%s\"", globs[i].pattern, globs[i].s);
		if (globs[i].matches && !glob_imatch(pattern, s))
			fail_msg("\"%s\" \"%s\" without case", globs[i].pattern, globs[i].s);
	}
	assert_true(glob_match(STR("a?b"), str_make("a\0b", 3)));
	assert_true(glob_match(STR("a*b"), str_make("a\0\0b", 4)));
}

static void glob_without_case(void **state)
{
	(void)state;
	assert_true(glob_imatch(STR("x-*"), STR("X-Preview")));
	assert_true(glob_imatch(STR("X-PREVIEW"), STR("x-preview")));
	assert_true(glob_imatch(STR("\\A"), STR("a")));
	assert_false(glob_match(STR("x-*"), STR("X-Preview")));
	assert_false(glob_imatch(STR("["), STR("{")));
	assert_false(glob_imatch(STR("\xc4"), STR("\xe4")));
}

/* What a textbook does, exponential: the truth for short patterns. */
static bool glob_slowly(const char *pattern, const char *s)
{
	if (*pattern == '*')
		return glob_slowly(pattern + 1, s) || (*s && glob_slowly(pattern, s + 1));
	if (*pattern == '\0' || *s == '\0')
		return *pattern == *s;
	if (*pattern == '\\' && pattern[1])
		pattern++;
	else if (*pattern == '?')
		return glob_slowly(pattern + 1, s + 1);
	return *pattern == *s && glob_slowly(pattern + 1, s + 1);
}

/* Every short pattern against every short text of a small alphabet. */
static void globs_as_a_textbook_has_them(void **state)
{
	static const char letters[] = "ab*?\\";
	char pattern[6], s[6];

	(void)state;
	for (unsigned i = 0; i < 5 * 5 * 5 * 5 * 5; i++) {
		for (unsigned k = 0, n = i; k < 5; k++, n /= 5)
			pattern[k] = letters[n % 5];
		pattern[i % 6] = '\0';
		pattern[5] = '\0';
		for (unsigned j = 0; j < 3 * 3 * 3 * 3 * 3; j++) {
			for (unsigned k = 0, n = j; k < 5; k++, n /= 3)
				s[k] = letters[n % 3];
			s[j % 6] = '\0';
			s[5] = '\0';
			if (glob_match(str_of(pattern), str_of(s)) != glob_slowly(pattern, s))
				fail_msg("\"%s\" \"%s\"", pattern, s);
		}
	}
}

/* Patterns that take a backtracking matcher longer than the universe lasts. */
static void globs_end_soon(void **state)
{
	enum { N = 8192 };
	static char pattern[2 * 60 + 2], s[N];
	struct timespec start, end;

	(void)state;
	memset(s, 'a', sizeof(s));
	for (size_t i = 0; i < 60; i++)
		memcpy(pattern + 2 * i, "*a", 2);
	pattern[120] = '*';
	pattern[121] = 'b';
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
	assert_false(glob_match(str_make(pattern, 122), str_make(s, N)));
	assert_false(glob_imatch(str_make(pattern, 122), str_make(s, N)));
	assert_true(glob_match(str_make(pattern, 121), str_make(s, N)));
	assert_false(glob_match(STR("*?*?*?*?*?*?*?*?*?*b"), str_make(s, N)));
	assert_false(glob_match(str_make(s, N), str_make(s, N - 1)));
	memset(s, '*', sizeof(s));
	assert_true(glob_match(str_make(s, N), str_make(s, N)));
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
	assert_true(end.tv_sec - start.tv_sec < 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_slice_needs_no_bytes),
	    cmocka_unit_test(equal_but_for_case),
	    cmocka_unit_test(starts_and_ends),
	    cmocka_unit_test(an_order),
	    cmocka_unit_test(hexadecimal_digits),
	    cmocka_unit_test(a_part_is_clipped),
	    cmocka_unit_test(trimming),
	    cmocka_unit_test(splitting),
	    cmocka_unit_test(finding),
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(glob_table),
	    cmocka_unit_test(glob_without_case),
	    cmocka_unit_test(globs_as_a_textbook_has_them),
	    cmocka_unit_test(globs_end_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
