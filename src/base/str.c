/*
 * Slices: comparisons, splitting, numbers, globs. Pure, linear unless said otherwise.
 */
#include "base/str.h"

int ascii_hex(char c)
{
	if (ascii_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool same_letters(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ascii_lower(a[i]) != ascii_lower(b[i]))
			return false;
	return true;
}

bool str_ieq(struct str a, struct str b)
{
	return a.n == b.n && same_letters(a.p, b.p, a.n);
}

bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool str_istarts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && same_letters(s.p, prefix.p, prefix.n);
}

bool str_ends(struct str s, struct str suffix)
{
	if (suffix.n == 0)
		return true;
	return s.n >= suffix.n && memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0;
}

size_t str_find(struct str s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? (size_t)(at - s.p) : s.n;
}

int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;

	if (order != 0)
		return order;
	return a.n < b.n ? -1 : a.n > b.n;
}

struct str str_sub(struct str s, size_t from, size_t to)
{
	if (to > s.n)
		to = s.n;
	if (from >= to)
		return str_make(s.p ? s.p + (from > s.n ? s.n : from) : NULL, 0);
	return str_make(s.p + from, to - from);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
	while (s.n > 0 && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool str_split(struct str *rest, char sep, struct str *part)
{
	size_t at;

	if (rest->n == 0)
		return false;
	at = str_find(*rest, sep);
	*part = str_make(rest->p, at);
	*rest = str_sub(*rest, at + 1, rest->n);
	return true;
}

bool str_to_u64(struct str s, uint64_t *out)
{
	uint64_t value = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_digit(s.p[i]))
			return false;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(s.p[i] - '0'), &value))
			return false;
	}
	*out = value;
	return true;
}

/*
 * One backtracking point is enough: after a later '*' an earlier one never needs to take more.
 */
static bool glob(struct str pattern, struct str s, bool ignore_case)
{
	size_t p = 0, i = 0, star = SIZE_MAX, star_i = 0;

	while (i < s.n) {
		bool star_here = p < pattern.n && pattern.p[p] == '*';
		size_t at = p;
		bool same = false;

		if (star_here) {
			star = p++;
			star_i = i;
			continue;
		}
		if (p < pattern.n && pattern.p[p] == '?') {
			same = true;
		} else if (p < pattern.n) {
			if (pattern.p[p] == '\\' && p + 1 < pattern.n)
				at = p + 1;
			same = pattern.p[at] == s.p[i] ||
			       (ignore_case && ascii_lower(pattern.p[at]) == ascii_lower(s.p[i]));
		}
		if (same) {
			p = at + 1;
			i++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			i = ++star_i;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

bool glob_match(struct str pattern, struct str s)
{
	return glob(pattern, s, false);
}

bool glob_imatch(struct str pattern, struct str s)
{
	return glob(pattern, s, true);
}
