/*
 * Ranges: what is asked for, what is sent of it, and several parts in one body.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "http/range.h"

#define FIFTEEN "0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,"
#define LARGEST "18446744073709551615" /* 2^64-1 */
#define BEYOND  "18446744073709551616"

/* "0-4 9-9", to compare with. */
static struct str text_of(struct arena *a, const struct range *v, size_t n)
{
	struct str text = STR("");

	for (size_t i = 0; i < n; i++)
		assert_true(arena_printf(a, &text, "%.*s%s%" PRIu64 "-%" PRIu64, STR_ARG(text),
					 i ? " " : "", v[i].first, v[i].last));
	return text;
}

static const struct range_case {
	const char *value;
	uint64_t length;
	enum range_answer answer;
	const char *ranges; /* with RANGE_SOME */
} cases[] = {
    /* one: the examples of RFC 9110 section 14.1.2 */
    {"bytes=0-499", 10000, RANGE_SOME, "0-499"},
    {"bytes=500-999", 10000, RANGE_SOME, "500-999"},
    {"bytes=-500", 10000, RANGE_SOME, "9500-9999"},
    {"bytes=9500-", 10000, RANGE_SOME, "9500-9999"},
    {"bytes=0-0,-1", 10000, RANGE_SOME, "0-0 9999-9999"},
    {"bytes= 0-999, 4500-5499, -1000", 10000, RANGE_SOME, "0-999 4500-5499 9000-9999"},
    {"bytes=500-600,601-999", 10000, RANGE_SOME, "500-999"},
    {"bytes=500-700,601-999", 10000, RANGE_SOME, "500-999"},

    /* first-last */
    {"bytes=0-0", 10, RANGE_SOME, "0-0"},
    {"bytes=9-9", 10, RANGE_SOME, "9-9"},
    {"bytes=3-5", 10, RANGE_SOME, "3-5"},
    {"bytes=0-9", 10, RANGE_SOME, "0-9"}, /* all of it, and asked for alone */
    {"bytes=3-10", 10, RANGE_SOME, "3-9"},
    {"bytes=3-999", 10, RANGE_SOME, "3-9"},
    {"bytes=0003-0005", 10, RANGE_SOME, "3-5"},
    {"bytes=9-", 10, RANGE_SOME, "9-9"},
    {"bytes=0-", 10, RANGE_SOME, "0-9"},
    {"bytes=0-", 1, RANGE_SOME, "0-0"},
    /* the last so many */
    {"bytes=-1", 10, RANGE_SOME, "9-9"},
    {"bytes=-10", 10, RANGE_SOME, "0-9"},
    {"bytes=-11", 10, RANGE_SOME, "0-9"},
    {"bytes=-0", 10, RANGE_UNSATISFIED, NULL},
    {"bytes=-000", 10, RANGE_UNSATISFIED, NULL},
    /* past the end */
    {"bytes=10-", 10, RANGE_UNSATISFIED, NULL},
    {"bytes=10-10", 10, RANGE_UNSATISFIED, NULL},
    {"bytes=10-12, 20-, -0", 10, RANGE_UNSATISFIED, NULL},
    {"bytes=10-12, 3-4, -0", 10, RANGE_SOME, "3-4"},
    /* numbers of any size */
    {"bytes=3-" LARGEST, 10, RANGE_SOME, "3-9"},
    {"bytes=3-" BEYOND, 10, RANGE_SOME, "3-9"},
    {"bytes=3-99999999999999999999999999999999999999999999", 10, RANGE_SOME, "3-9"},
    {"bytes=00000000000000000000000000000000000000003-4", 10, RANGE_SOME, "3-4"},
    {"bytes=-" BEYOND, 10, RANGE_SOME, "0-9"},
    {"bytes=" LARGEST "-", 10, RANGE_UNSATISFIED, NULL},
    {"bytes=" BEYOND "-", UINT64_MAX, RANGE_UNSATISFIED, NULL},
    {"bytes=" BEYOND "-" BEYOND "0", 10, RANGE_UNSATISFIED, NULL},
    {"bytes=" BEYOND "-9", 10, RANGE_WHOLE, NULL},
    {"bytes=18446744073709551614-", UINT64_MAX, RANGE_SOME,
     "18446744073709551614-18446744073709551614"},
    {"bytes=0-", UINT64_MAX, RANGE_SOME, "0-18446744073709551614"},
    {"bytes=-" LARGEST, UINT64_MAX, RANGE_SOME, "0-18446744073709551614"},

    /* several, as they were asked for */
    {"bytes=0-1,4-5,8-9", 10, RANGE_SOME, "0-1 4-5 8-9"},
    {"bytes=8-9,4-5,0-1", 10, RANGE_SOME, "8-9 4-5 0-1"},
    {"bytes=-1,0-0", 10, RANGE_SOME, "9-9 0-0"},
    /* that overlap, or touch */
    {"bytes=0-3,2-5", 10, RANGE_SOME, "0-5"},
    {"bytes=2-5,0-3", 10, RANGE_SOME, "0-5"},
    {"bytes=0-3,4-5", 10, RANGE_SOME, "0-5"},
    {"bytes=4-5,0-3", 10, RANGE_SOME, "0-5"},
    {"bytes=0-3,5-6", 10, RANGE_SOME, "0-3 5-6"}, /* one byte between them */
    {"bytes=2-5,2-5", 10, RANGE_SOME, "2-5"},
    {"bytes=1-8,3-4", 10, RANGE_SOME, "1-8"},
    {"bytes=3-4,1-8", 10, RANGE_SOME, "1-8"},
    {"bytes=5-,-2", 10, RANGE_SOME, "5-9"},
    {"bytes=-2,5-", 10, RANGE_SOME, "5-9"},
    {"bytes=-2,-3", 10, RANGE_SOME, "7-9"},
    /* the place is that of the first one */
    {"bytes=8-8,0-1,9-9", 10, RANGE_SOME, "8-9 0-1"},
    {"bytes=0-1,8-8,2-3", 10, RANGE_SOME, "0-3 8-8"},
    {"bytes=6-7,0-1,9-9,3-4", 10, RANGE_SOME, "6-7 0-1 9-9 3-4"},
    /* one that bridges others */
    {"bytes=0-1,6-7,2-5", 10, RANGE_SOME, "0-7"},
    {"bytes=6-7,0-1,2-5,9-9", 10, RANGE_SOME, "0-7 9-9"},
    {"bytes=6-7,9-9,0-1,2-5", 10, RANGE_SOME, "0-7 9-9"},
    {"bytes=9-9,6-7,0-1,2-5", 10, RANGE_SOME, "9-9 0-7"},
    {"bytes=9-9,1-1,3-3,5-5,7-7,0-6", 10, RANGE_SOME, "9-9 0-7"},
    /* all of it together */
    {"bytes=0-4,5-9", 10, RANGE_WHOLE, NULL},
    {"bytes=5-9,0-4", 10, RANGE_WHOLE, NULL},
    {"bytes=0-,0-", 10, RANGE_WHOLE, NULL},
    {"bytes=0-,-5", 10, RANGE_WHOLE, NULL},
    {"bytes=0-2,6-9,3-5", 10, RANGE_WHOLE, NULL},
    {"bytes=0-9,20-", 10, RANGE_WHOLE, NULL},
    {"bytes=0-4,6-9", 10, RANGE_SOME, "0-4 6-9"},

    /* too many */
    {"bytes=" FIFTEEN "30-30", 100, RANGE_SOME,
     "0-0 2-2 4-4 6-6 8-8 10-10 12-12 14-14 16-16 18-18 20-20 22-22 24-24 26-26 28-28 30-30"},
    {"bytes=" FIFTEEN "30-30,,", 20, RANGE_SOME,
     "0-0 2-2 4-4 6-6 8-8 10-10 12-12 14-14 16-16 18-18"},
    {"bytes=" FIFTEEN "30-30,32-32", 100, RANGE_WHOLE, NULL},
    {"bytes=" FIFTEEN "30-30,30-30", 100, RANGE_WHOLE, NULL}, /* counted as they are asked for */
    {"bytes=" FIFTEEN "30-30,900-", 100, RANGE_WHOLE, NULL},
    {"bytes=" FIFTEEN "30-30,32-32", 0, RANGE_WHOLE, NULL},

    /* blanks and empty elements: RFC 9110 section 5.6.1 */
    {" bytes=0-1\t", 10, RANGE_SOME, "0-1"},
    {"bytes=0-1 , 4-5\t,\t8-9 ", 10, RANGE_SOME, "0-1 4-5 8-9"},
    {"bytes=,0-1", 10, RANGE_SOME, "0-1"},
    {"bytes=0-1,", 10, RANGE_SOME, "0-1"},
    {"bytes= , ,0-1,,\t, 4-5, ,", 10, RANGE_SOME, "0-1 4-5"},
    {"bytes=0-9,", 10, RANGE_SOME, "0-9"}, /* still the only one */
    /* the unit's case: section 14.1 */
    {"BYTES=0-1", 10, RANGE_SOME, "0-1"},
    {"Bytes=-1", 10, RANGE_SOME, "9-9"},

    /* of an empty page */
    {"bytes=0-", 0, RANGE_UNSATISFIED, NULL},
    {"bytes=0-0", 0, RANGE_UNSATISFIED, NULL},
    {"bytes=-0", 0, RANGE_UNSATISFIED, NULL},
    {"bytes=-5", 0, RANGE_WHOLE, NULL},
    {"bytes=0-,-5", 0, RANGE_WHOLE, NULL},

    /* not for us */
    {NULL, 10, RANGE_WHOLE, NULL},
    {"", 10, RANGE_WHOLE, NULL},
    {"items=0-1", 10, RANGE_WHOLE, NULL},
    {"none", 10, RANGE_WHOLE, NULL},
    {"byte=0-1", 10, RANGE_WHOLE, NULL},
    {"bytess=0-1", 10, RANGE_WHOLE, NULL},
    /* not well-formed */
    {"bytes", 10, RANGE_WHOLE, NULL},
    {"bytes=", 10, RANGE_WHOLE, NULL},
    {"bytes= ,", 10, RANGE_WHOLE, NULL},
    {"bytes=-", 10, RANGE_WHOLE, NULL},
    {"bytes=--1", 10, RANGE_WHOLE, NULL},
    {"bytes=1", 10, RANGE_WHOLE, NULL},
    {"bytes=5-3", 10, RANGE_WHOLE, NULL},
    {"bytes=99-98", 10, RANGE_WHOLE, NULL},
    {"bytes=0-1,5-3", 10, RANGE_WHOLE, NULL}, /* one broken member, and there is none */
    {"bytes=0-1,x", 10, RANGE_WHOLE, NULL},
    {"bytes=x,0-1", 10, RANGE_WHOLE, NULL},
    {"bytes=900-,x", 10, RANGE_WHOLE, NULL},
    {"bytes=0-1 2-3", 10, RANGE_WHOLE, NULL},
    {"bytes=0-1;2-3", 10, RANGE_WHOLE, NULL},
    {"bytes=0-1-2", 10, RANGE_WHOLE, NULL},
    {"bytes=0-1x", 10, RANGE_WHOLE, NULL},
    {"bytes=0 -1", 10, RANGE_WHOLE, NULL},
    {"bytes=0- 1", 10, RANGE_WHOLE, NULL},
    {"bytes=- 1", 10, RANGE_WHOLE, NULL},
    {"bytes=+0-1", 10, RANGE_WHOLE, NULL},
    {"bytes=0x0-1", 10, RANGE_WHOLE, NULL},
    {"bytes=0-1.5", 10, RANGE_WHOLE, NULL},
    {"bytes=\"0-1\"", 10, RANGE_WHOLE, NULL},
    {"bytes=\"0-1,2-3", 10, RANGE_WHOLE, NULL},
    {"bytes =0-1", 10, RANGE_WHOLE, NULL},
    {"bytes 0-1", 10, RANGE_WHOLE, NULL},
    {"bytes:0-1", 10, RANGE_WHOLE, NULL},
    {"bytes=0-1\xb2", 10, RANGE_WHOLE, NULL},
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct range_case *c = &cases[i];
		struct range v[RANGES_MAX];
		struct str text;
		struct arena a;
		size_t n = 99;

		arena_init(&a);
		if (range_parse(str_of(c->value), c->length, v, &n) != c->answer)
			fail_msg("%s of %" PRIu64, c->value, c->length);
		assert_true((n > 0) == (c->answer == RANGE_SOME));
		text = text_of(&a, v, n);
		if (!str_eq(text, str_of(c->ranges)))
			fail_msg("%s of %" PRIu64 " is %.*s", c->value, c->length, STR_ARG(text));
		arena_fini(&a);
	}
}

static void test_nul(void **state)
{
	struct range v[RANGES_MAX];
	size_t n;

	(void)state;
	assert_int_equal(range_parse(STR("bytes=0-1\0"), 10, v, &n), RANGE_WHOLE);
	assert_int_equal(range_parse(STR("bytes=0-\0001"), 10, v, &n), RANGE_WHOLE);
}

/* A whole header's worth of ranges ends at the seventeenth. */
static void test_flood(void **state)
{
	static char value[65536];
	struct range v[RANGES_MAX];
	size_t n;

	(void)state;
	memset(value, ',', sizeof(value));
	memcpy(value, "bytes=", 6);
	assert_int_equal(range_parse(str_make(value, sizeof(value)), 10, v, &n), RANGE_WHOLE);
	for (size_t i = 6; i + 4 <= sizeof(value); i += 4)
		memcpy(value + i, "0-0,", 4);
	assert_int_equal(range_parse(str_make(value, sizeof(value)), 10, v, &n), RANGE_WHOLE);
	memset(value + 6, '9', sizeof(value) - 7);
	value[sizeof(value) - 1] = '-';
	assert_int_equal(range_parse(str_make(value, sizeof(value)), 10, v, &n), RANGE_UNSATISFIED);
}

static void test_content(void **state)
{
	static const struct {
		const char *value;
		bool good;
		uint64_t first, last, complete;
	} values[] = {
	    {"bytes 0-4/10", true, 0, 4, 10},
	    {"bytes 42-1233/1234", true, 42, 1233, 1234},
	    {"bytes 42-1233/*", true, 42, 1233, UINT64_MAX},
	    {"bytes 0-0/1", true, 0, 0, 1},
	    {"BYTES 0-4/10", true, 0, 4, 10},
	    {" bytes 0-4/10\t", true, 0, 4, 10},
	    {"bytes 00-04/010", true, 0, 4, 10},
	    {"bytes 0-18446744073709551613/18446744073709551614", true, 0, UINT64_MAX - 2,
	     UINT64_MAX - 1},
	    {"bytes 0-18446744073709551614/*", true, 0, UINT64_MAX - 1, UINT64_MAX},
	    {"bytes 0-4/" LARGEST, false, 0, 0, 0},
	    {"bytes 0-4/" BEYOND, false, 0, 0, 0},
	    {"bytes 0-" LARGEST "/*", false, 0, 0, 0},
	    {"bytes " BEYOND "-" BEYOND "/*", false, 0, 0, 0},
	    {"bytes 4-3/10", false, 0, 0, 0},
	    {"bytes 0-10/10", false, 0, 0, 0},
	    {"bytes 0-4/4", false, 0, 0, 0},
	    {"bytes 0-0/0", false, 0, 0, 0},
	    {"bytes */10", false, 0, 0, 0}, /* of a 416 */
	    {"bytes */*", false, 0, 0, 0},
	    {"items 0-4/10", false, 0, 0, 0},
	    {"bytes=0-4/10", false, 0, 0, 0},
	    {"bytes  0-4/10", false, 0, 0, 0},
	    {"bytes 0-4", false, 0, 0, 0},
	    {"bytes 0-4/", false, 0, 0, 0},
	    {"bytes 0-/10", false, 0, 0, 0},
	    {"bytes -4/10", false, 0, 0, 0},
	    {"bytes 0 - 4/10", false, 0, 0, 0},
	    {"bytes 0-4/10x", false, 0, 0, 0},
	    {"bytes 0-4/*x", false, 0, 0, 0},
	    {"bytes 0-4/10, bytes 5-6/10", false, 0, 0, 0},
	    {"bytes 0-4/-1", false, 0, 0, 0},
	    {"bytes ", false, 0, 0, 0},
	    {"bytes", false, 0, 0, 0},
	    {"", false, 0, 0, 0},
	    {NULL, false, 0, 0, 0},
	};
	struct content_range c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		if (range_parse_content(str_of(values[i].value), &c) != values[i].good)
			fail_msg("%s", values[i].value);
		if (values[i].good &&
		    (c.range.first != values[i].first || c.range.last != values[i].last ||
		     c.complete != values[i].complete))
			fail_msg("%s: %" PRIu64 "-%" PRIu64 "/%" PRIu64, values[i].value,
				 c.range.first, c.range.last, c.complete);
	}
}

/* To the byte, and what it says of its length. */
static void check_multipart(const struct range *v, size_t n, struct str type, const char *expected)
{
	struct str *slices, all = STR("");
	size_t n_slices;
	uint64_t length;
	struct arena a;

	arena_init(&a);
	assert_true(range_multipart(&a, v, n, STR("abcdefghij"), type, STR("B1"), &slices,
				    &n_slices, &length));
	for (size_t i = 0; i < n_slices; i++)
		assert_true(arena_printf(&a, &all, "%.*s%.*s", STR_ARG(all), STR_ARG(slices[i])));
	assert_string_equal(all.p, expected);
	assert_int_equal(all.n, length);
	arena_fini(&a);
}

static void test_multipart(void **state)
{
	static const struct range two[] = {{8, 9}, {0, 4}};

	(void)state;
	check_multipart(two, 2, STR("text/plain; charset=utf-8"),
			"--B1\r\n"
			"Content-Type: text/plain; charset=utf-8\r\n"
			"Content-Range: bytes 8-9/10\r\n"
			"\r\n"
			"ij\r\n"
			"--B1\r\n"
			"Content-Type: text/plain; charset=utf-8\r\n"
			"Content-Range: bytes 0-4/10\r\n"
			"\r\n"
			"abcde\r\n"
			"--B1--\r\n");
	check_multipart(two, 2, str_make(NULL, 0),
			"--B1\r\n"
			"Content-Range: bytes 8-9/10\r\n"
			"\r\n"
			"ij\r\n"
			"--B1\r\n"
			"Content-Range: bytes 0-4/10\r\n"
			"\r\n"
			"abcde\r\n"
			"--B1--\r\n");
	check_multipart(&two[1], 1, STR("a/b"),
			"--B1\r\n"
			"Content-Type: a/b\r\n"
			"Content-Range: bytes 0-4/10\r\n"
			"\r\n"
			"abcde\r\n"
			"--B1--\r\n");
}

/* The page's bytes are not copied. */
static void test_multipart_slices(void **state)
{
	static const struct range two[] = {{1, 1}, {3, 9}};
	struct str body = STR("abcdefghij"), *slices;
	size_t n_slices;
	uint64_t length;
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_true(
	    range_multipart(&a, two, 2, body, STR(""), STR("B1"), &slices, &n_slices, &length));
	assert_int_equal(n_slices, 5);
	assert_ptr_equal(slices[1].p, body.p + 1);
	assert_int_equal(slices[1].n, 1);
	assert_ptr_equal(slices[3].p, body.p + 3);
	assert_int_equal(slices[3].n, 7);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),     cmocka_unit_test(test_nul),
	    cmocka_unit_test(test_flood),     cmocka_unit_test(test_content),
	    cmocka_unit_test(test_multipart), cmocka_unit_test(test_multipart_slices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
