/*
 * HTTP dates: three forms in, one out. Pure; no locale, no time zone, no libc calendar.
 *
 *     IMF-fixdate   Sun, 06 Nov 1994 08:49:37 GMT
 *     RFC 850       Sunday, 06-Nov-94 08:49:37 GMT
 *     asctime       Sun Nov  6 08:49:37 1994
 *
 * Names are compared without case, as RFC 9111 section 4.2 asks of a cache; all else is as the
 * grammar has it, so what looks only a little like a date is none, and an Expires with it is past.
 */
#include "http/date.h"

#include <stddef.h>

#include "base/check.h"

#define DAY_SECONDS 86400
#define SECONDS_MAX INT64_C(253402300799) /* the end of 9999 */

struct civil {
	int64_t year;
	int month; /* 1..12 */
	int day, hour, minute, second;
};

static const char *const short_days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const long_days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
					"Thursday", "Friday", "Saturday"};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
				     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* ------------------------------------------------------------------ the calendar */

/*
 * Days since 1970-01-01 in the proleptic Gregorian calendar. Years are counted from March, so that
 * the leap day is the last of its year; 146097 days make 400 years.
 */
static int64_t days_of(int64_t year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - 719468;
}

static int64_t seconds_of(const struct civil *c)
{
	return days_of(c->year, c->month, c->day) * DAY_SECONDS + c->hour * 3600 + c->minute * 60 +
	       c->second;
}

/* The inverse, for seconds in 0..SECONDS_MAX. */
static void civil_of(int64_t seconds, struct civil *c)
{
	int64_t days = seconds / DAY_SECONDS + 719468;
	int rest = (int)(seconds % DAY_SECONDS);
	int64_t era = days / 146097;
	int64_t day_of_era = days % 146097;
	int64_t year_of_era =
	    (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year =
	    day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t from_march = (5 * day_of_year + 2) / 153;

	c->day = (int)(day_of_year - (153 * from_march + 2) / 5 + 1);
	c->month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
	c->year = era * 400 + year_of_era + (c->month <= 2);
	c->hour = rest / 3600;
	c->minute = rest / 60 % 60;
	c->second = rest % 60;
}

static int days_in_month(int64_t year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

/* Second 60 is a leap second (RFC 9110 section 5.6.7). */
static bool possible(const struct civil *c)
{
	return c->day >= 1 && c->day <= days_in_month(c->year, c->month) && c->hour <= 23 &&
	       c->minute <= 59 && c->second <= 60;
}

static int64_t clip(int64_t seconds)
{
	if (seconds < 0)
		return 0;
	return seconds > SECONDS_MAX ? SECONDS_MAX : seconds;
}

/* ------------------------------------------------------------------ pieces of a date */

/* Each takes its piece off the front of *s, or returns false. */
static bool take(struct str *s, const char *literal)
{
	struct str wanted = str_of(literal);

	if (!str_istarts(*s, wanted))
		return false;
	*s = str_sub(*s, wanted.n, s->n);
	return true;
}

static bool take_digits(struct str *s, size_t n, int *out)
{
	int value = 0;

	if (s->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!ascii_digit(s->p[i]))
			return false;
		value = value * 10 + (s->p[i] - '0');
	}
	*s = str_sub(*s, n, s->n);
	*out = value;
	return true;
}

static bool take_name(struct str *s, const char *const *names, int count, int *index)
{
	for (int i = 0; i < count; i++) {
		if (take(s, names[i])) {
			*index = i;
			return true;
		}
	}
	return false;
}

static bool take_day_name(struct str *s, const char *const *names)
{
	int ignored;

	return take_name(s, names, ARRAY_LEN(short_days), &ignored);
}

static bool take_month(struct str *s, struct civil *c)
{
	if (!take_name(s, months, ARRAY_LEN(months), &c->month))
		return false;
	c->month++;
	return true;
}

static bool take_time(struct str *s, struct civil *c)
{
	return take_digits(s, 2, &c->hour) && take(s, ":") && take_digits(s, 2, &c->minute) &&
	       take(s, ":") && take_digits(s, 2, &c->second);
}

static bool take_year(struct str *s, struct civil *c)
{
	int year;

	if (!take_digits(s, 4, &year))
		return false;
	c->year = year;
	return true;
}

/* ------------------------------------------------------------------ the three forms */

static bool take_imf(struct str *s, struct civil *c)
{
	return take_day_name(s, short_days) && take(s, ", ") && take_digits(s, 2, &c->day) &&
	       take(s, " ") && take_month(s, c) && take(s, " ") && take_year(s, c) &&
	       take(s, " ") && take_time(s, c) && take(s, " GMT");
}

static bool take_asctime(struct str *s, struct civil *c)
{
	return take_day_name(s, short_days) && take(s, " ") && take_month(s, c) && take(s, " ") &&
	       (take(s, " ") ? take_digits(s, 1, &c->day) : take_digits(s, 2, &c->day)) &&
	       take(s, " ") && take_time(s, c) && take(s, " ") && take_year(s, c);
}

/*
 * The year is the last one with these two digits that is not more than 50 years ahead of now
 * (RFC 9110 section 5.6.7).
 */
static int64_t full_year(const struct civil *c, int two_digits, int64_t now_ms)
{
	struct civil limit, candidate = *c;

	civil_of(clip(now_ms / 1000), &limit);
	limit.year += 50;
	candidate.year = limit.year - (limit.year - two_digits) % 100;
	if (seconds_of(&candidate) > seconds_of(&limit))
		candidate.year -= 100;
	return candidate.year;
}

static bool take_rfc850(struct str *s, int64_t now_ms, struct civil *c)
{
	int two_digits;

	if (!(take_day_name(s, long_days) && take(s, ", ") && take_digits(s, 2, &c->day) &&
	      take(s, "-") && take_month(s, c) && take(s, "-") && take_digits(s, 2, &two_digits) &&
	      take(s, " ") && take_time(s, c) && take(s, " GMT")))
		return false;
	c->year = full_year(c, two_digits, now_ms);
	return true;
}

bool http_date_parse(struct str s, int64_t now_ms, int64_t *out)
{
	struct civil c = {0};
	bool taken;

	if (s.n < 4)
		return false;
	if (s.p[3] == ',')
		taken = take_imf(&s, &c);
	else if (s.p[3] == ' ')
		taken = take_asctime(&s, &c);
	else
		taken = take_rfc850(&s, now_ms, &c);
	if (!taken || s.n != 0 || !possible(&c))
		return false;
	*out = seconds_of(&c);
	return true;
}

/* ------------------------------------------------------------------ out */

static char *put_name(char *p, const char *name)
{
	memcpy(p, name, 3);
	return p + 3;
}

static char *put_digits(char *p, int n, int64_t value)
{
	for (int i = n - 1; i >= 0; i--) {
		p[i] = (char)('0' + value % 10);
		value /= 10;
	}
	return p + n;
}

void http_date_format(int64_t seconds, char out[HTTP_DATE_LEN + 1])
{
	struct civil c;
	char *p = out;

	seconds = clip(seconds);
	civil_of(seconds, &c);
	p = put_name(p, short_days[(seconds / DAY_SECONDS + 4) % 7]); /* 1970 began on a Thursday */
	*p++ = ',';
	*p++ = ' ';
	p = put_digits(p, 2, c.day);
	*p++ = ' ';
	p = put_name(p, months[c.month - 1]);
	*p++ = ' ';
	p = put_digits(p, 4, c.year);
	*p++ = ' ';
	p = put_digits(p, 2, c.hour);
	*p++ = ':';
	p = put_digits(p, 2, c.minute);
	*p++ = ':';
	p = put_digits(p, 2, c.second);
	memcpy(p, " GMT", 5);
}
