/*
 * Fuzz: HTTP dates. An input is a text, and its first eight bytes are a time besides.
 *
 * Promises that are checked: a date that is parsed, written and parsed again is the same second;
 * one of two digits is within its century of now, and now changes no other; a date with a byte more
 * or less is none; the case of letters does not matter; any time is written as a date.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "http/date.h"

#define DATE_MAX    64                    /* longer ones are none */
#define YEAR        INT64_C(31622400)     /* the longest one */
#define SECONDS_MAX INT64_C(253402300799) /* the end of 9999 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t clipped(int64_t seconds)
{
	if (seconds < 0)
		return 0;
	return seconds > SECONDS_MAX ? SECONDS_MAX : seconds;
}

static void check_format(int64_t seconds)
{
	char text[HTTP_DATE_LEN + 1];
	int64_t back;

	http_date_format(seconds, text);
	CHECK(strlen(text) == HTTP_DATE_LEN);
	CHECK(http_date_parse(str_of(text), seconds, &back));
	CHECK(back == clipped(seconds));
}

static bool parse_in_other_case(struct str s, bool upper, int64_t now_ms, int64_t *out)
{
	char text[DATE_MAX];

	CHECK(s.n <= sizeof(text));
	for (size_t i = 0; i < s.n; i++) {
		char lower = ascii_lower(s.p[i]);

		text[i] = upper && lower >= 'a' && lower <= 'z' ? (char)(lower & ~0x20) : lower;
	}
	return http_date_parse(str_make(text, s.n), now_ms, out);
}

/* s is a date. */
static void check_neighbours(struct str s, int64_t now_ms, int64_t seconds)
{
	char longer[DATE_MAX + 1];
	int64_t other;

	CHECK(s.n < DATE_MAX);
	for (size_t n = 0; n < s.n; n++) {
		CHECK(!http_date_parse(str_sub(s, 0, n), now_ms, &other));
		CHECK(!http_date_parse(str_sub(s, n + 1, s.n), now_ms, &other));
	}
	memcpy(longer, s.p, s.n);
	for (int c = 0; c < 256; c++) {
		longer[s.n] = (char)c;
		CHECK(!http_date_parse(str_make(longer, s.n + 1), now_ms, &other));
	}
	for (int upper = 0; upper <= 1; upper++) {
		CHECK(parse_in_other_case(s, upper, now_ms, &other));
		CHECK(other == seconds);
	}
}

/* Only the form with a whole day's name has a year of two digits. */
static bool has_short_year(struct str s)
{
	return s.p[3] != ',' && s.p[3] != ' ';
}

static void check_parse(struct str s, int64_t now_ms)
{
	int64_t seconds, at_zero, now = clipped(now_ms / 1000);

	if (!http_date_parse(s, now_ms, &seconds)) {
		CHECK(!http_date_parse(s, 0, &at_zero) || has_short_year(s));
		return;
	}
	check_format(seconds);
	check_neighbours(s, now_ms, seconds);
	if (has_short_year(s)) {
		CHECK(seconds <= now + 50 * YEAR && seconds >= now - 51 * YEAR);
	} else {
		CHECK(http_date_parse(s, 0, &at_zero));
		CHECK(at_zero == seconds);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t times[] = {INT64_MIN, 0, INT64_C(1709164800000), SECONDS_MAX * 1000,
					INT64_MAX};
	struct str s = str_make((const char *)data, size);
	int64_t time = 0;

	if (size > 0)
		memcpy(&time, data, size < sizeof(time) ? size : sizeof(time));
	check_format(time);
	check_format(time % (SECONDS_MAX + 1));
	check_parse(s, time);
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		check_parse(s, times[i]);
	return 0;
}
