/*
 * HTTP dates: what is one, what is none, and back to text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "http/date.h"

#define IN_1994 INT64_C(784111777)  /* Sun, 06 Nov 1994 08:49:37 GMT */
#define IN_2024 INT64_C(1709164800) /* Thu, 29 Feb 2024 00:00:00 GMT */

static const struct {
	const char *text;
	int64_t seconds;
} good[] = {
    /* the three forms of RFC 9110 section 5.6.7 */
    {"Sun, 06 Nov 1994 08:49:37 GMT", IN_1994},
    {"Sunday, 06-Nov-94 08:49:37 GMT", IN_1994},
    {"Sun Nov  6 08:49:37 1994", IN_1994},
    {"Sun Nov 16 08:49:37 1994", IN_1994 + 10 * 86400},
    {"Sun Nov 06 08:49:37 1994", IN_1994},
    /* the day's name is not compared with the date */
    {"Mon, 06 Nov 1994 08:49:37 GMT", IN_1994},
    {"Friday, 06-Nov-94 08:49:37 GMT", IN_1994},
    /* names in any case: RFC 9111 section 4.2 */
    {"sun, 06 nov 1994 08:49:37 gmt", IN_1994},
    {"SUNDAY, 06-NOV-94 08:49:37 GMT", IN_1994},
    {"sUN nOV  6 08:49:37 1994", IN_1994},
    /* the calendar */
    {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
    {"Wed, 31 Dec 1969 23:59:59 GMT", -1},
    {"Thu, 29 Feb 2024 00:00:00 GMT", IN_2024},
    {"Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
    {"Fri, 01 Mar 2024 00:00:00 GMT", IN_2024 + 86400},
    {"Tue, 19 Jan 2038 03:14:08 GMT", INT64_C(2147483648)},
    {"Fri, 31 Dec 9999 23:59:59 GMT", INT64_C(253402300799)},
    {"Sat, 01 Jan 0000 00:00:00 GMT", INT64_C(-62167219200)},
    {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800}, /* a leap second */
};

static void test_good(void **state)
{
	int64_t seconds;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		if (!http_date_parse(str_of(good[i].text), IN_2024 * 1000, &seconds))
			fail_msg("\"%s\" is a date", good[i].text);
		if (seconds != good[i].seconds)
			fail_msg("\"%s\" is %lld", good[i].text, (long long)seconds);
	}
}

static const char *const bad[] = {
    "",
    "0",
    "-1",
    "60",
    "never",
    "Sun",
    "Sun,",
    "Sun, ",
    "1994-11-06T08:49:37Z",
    "Sun, 06 Nov 1994 08:49:37",
    "Sun, 06 Nov 1994 08:49:37 UTC",
    "Sun, 06 Nov 1994 08:49:37 EST",
    "Sun, 06 Nov 1994 08:49:37 +0000",
    "Sun, 06 Nov 1994 08:49:37 GMT ",
    " Sun, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37GMT",
    "Sun, 6 Nov 1994 08:49:37 GMT",
    "Sun,  6 Nov 1994 08:49:37 GMT",
    "Sun, 006 Nov 1994 08:49:37 GMT",
    "Sun 06 Nov 1994 08:49:37 GMT",
    "06 Nov 1994 08:49:37 GMT",
    "Sun, 06-Nov-1994 08:49:37 GMT",
    "Sun, 06 Nov 94 08:49:37 GMT",
    "Sun, 06 Nov 19994 08:49:37 GMT",
    "Sun, 06 Nov 1994 8:49:37 GMT",
    "Sun, 06 Nov 1994 08:49 GMT",
    "Sun, 06 Nov 1994 08.49.37 GMT",
    "Sun, 06 Nox 1994 08:49:37 GMT",
    "Sux, 06 Nov 1994 08:49:37 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT",
    "Sun, 31 Nov 1994 08:49:37 GMT",
    "Sun, 32 Dec 1994 08:49:37 GMT",
    "Wed, 29 Feb 2023 00:00:00 GMT",
    "Thu, 29 Feb 1900 00:00:00 GMT",
    "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 06 Nov 1994 08:60:37 GMT",
    "Sun, 06 Nov 1994 08:49:61 GMT",
    "Sun, 06 Nov 1994 -8:49:37 GMT",
    "Sun, 06 Nov -994 08:49:37 GMT",
    "Sunday, 06-Nov-1994 08:49:37 GMT",
    "Sunday, 06 Nov 94 08:49:37 GMT",
    "Sunday, 06-Nov-94 08:49:37",
    "Sunday, 31-Feb-94 08:49:37 GMT",
    "Sunday 06-Nov-94 08:49:37 GMT",
    "Sun Nov 6 08:49:37 1994",
    "Sun Nov  6 08:49:37 94",
    "Sun Nov  6 08:49:37 1994 GMT",
    "Sun Nov   6 08:49:37 1994",
    "Sun, 06 Nov 1994 08:49:3\xb9 GMT",
};

static void test_bad(void **state)
{
	int64_t seconds;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (http_date_parse(str_of(bad[i]), IN_2024 * 1000, &seconds))
			fail_msg("\"%s\" is no date", bad[i]);
	assert_false(http_date_parse(str_make(NULL, 0), 0, &seconds));
	assert_false(http_date_parse(str_make("Sun, 06 Nov 1994 08:49:37 GMT\0", 30), 0, &seconds));
}

/* A good date cut anywhere is none. */
static void test_cut(void **state)
{
	int64_t seconds;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct str whole = str_of(good[i].text);

		for (size_t n = 0; n < whole.n; n++)
			assert_false(http_date_parse(str_sub(whole, 0, n), 0, &seconds));
	}
}

/* Two digits: the last such year that is not more than 50 years ahead. */
static void test_century(void **state)
{
	static const struct {
		const char *now, *text, *same;
	} cases[] = {
	    {"Thu, 29 Feb 2024 00:00:00 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
	     "Sun, 06 Nov 1994 08:49:37 GMT"},
	    {"Thu, 29 Feb 2024 00:00:00 GMT", "Sunday, 06-Nov-73 08:49:37 GMT",
	     "Mon, 06 Nov 2073 08:49:37 GMT"},
	    {"Thu, 29 Feb 2024 00:00:00 GMT", "Sunday, 06-Nov-74 08:49:37 GMT",
	     "Wed, 06 Nov 1974 08:49:37 GMT"},
	    {"Fri, 01 Mar 2024 00:00:00 GMT", "Friday, 01-Mar-74 00:00:00 GMT",
	     "Thu, 01 Mar 2074 00:00:00 GMT"}, /* 50 years to the second */
	    {"Fri, 01 Mar 2024 00:00:00 GMT", "Friday, 01-Mar-74 00:00:01 GMT",
	     "Fri, 01 Mar 1974 00:00:01 GMT"}, /* and one more */
	    {"Tue, 01 Nov 1994 00:00:00 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
	     "Sun, 06 Nov 1994 08:49:37 GMT"},
	    {"Tue, 01 Nov 2095 00:00:00 GMT", "Sunday, 06-Nov-05 08:49:37 GMT",
	     "Fri, 06 Nov 2105 08:49:37 GMT"},
	    {"Sat, 01 Jan 2000 00:00:00 GMT", "Saturday, 01-Jan-00 00:00:00 GMT",
	     "Sat, 01 Jan 2000 00:00:00 GMT"},
	};
	int64_t now, seconds, same;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_true(http_date_parse(str_of(cases[i].now), 0, &now));
		assert_true(http_date_parse(str_of(cases[i].same), 0, &same));
		assert_true(http_date_parse(str_of(cases[i].text), now * 1000, &seconds));
		if (seconds != same)
			fail_msg("%s at %s", cases[i].text, cases[i].now);
	}
}

/* However wrong the clock is. */
static void test_century_at_any_time(void **state)
{
	static const int64_t times[] = {INT64_MIN, -1, 0, INT64_MAX};
	int64_t seconds;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		assert_true(
		    http_date_parse(STR("Sunday, 06-Nov-94 08:49:37 GMT"), times[i], &seconds));
}

static void test_format(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = {
	    {IN_1994, "Sun, 06 Nov 1994 08:49:37 GMT"},
	    {IN_2024, "Thu, 29 Feb 2024 00:00:00 GMT"},
	    {IN_2024 + 86399, "Thu, 29 Feb 2024 23:59:59 GMT"},
	    {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
	    {INT64_C(253402300799), "Fri, 31 Dec 9999 23:59:59 GMT"},
	    {-1, "Thu, 01 Jan 1970 00:00:00 GMT"},
	    {INT64_MIN, "Thu, 01 Jan 1970 00:00:00 GMT"},
	    {INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
	};
	char out[HTTP_DATE_LEN + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		http_date_format(cases[i].seconds, out);
		assert_string_equal(out, cases[i].text);
	}
}

/* Every day of 400 years and more, out and in again. */
static void test_round_trip(void **state)
{
	char out[HTTP_DATE_LEN + 1];
	int64_t back;

	(void)state;
	for (int64_t seconds = 0; seconds < INT64_C(500) * 366 * 86400; seconds += 86399) {
		http_date_format(seconds, out);
		assert_int_equal(strlen(out), HTTP_DATE_LEN);
		assert_true(http_date_parse(str_of(out), 0, &back));
		assert_true(back == seconds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),
	    cmocka_unit_test(test_bad),
	    cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_century),
	    cmocka_unit_test(test_century_at_any_time),
	    cmocka_unit_test(test_format),
	    cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
