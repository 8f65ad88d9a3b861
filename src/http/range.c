/*
 * Range requests: what of a page is asked for, and several parts of it in one body. Pure, linear.
 *
 *     "bytes=0-4, -5" --read_specs--> specs --resolve--> ranges within the length --join--> v
 *
 * A field is read to its end before it counts: one broken member, and it is taken as not sent (the
 * client then gets the whole page, which is always right). Numbers that do not fit are as good as
 * the largest one, since no page is that long. Joining compares each range with each other, at most
 * RANGES_MAX of them.
 *
 * A multipart body (RFC 9110 section 14.6; RFC 2046 section 5.1):
 *
 *     --B CRLF
 *     Content-Type: text/plain CRLF            as the page has it; left out if it has none
 *     Content-Range: bytes 0-4/10 CRLF CRLF
 *     bytes of the page CRLF                   then the next part, from --B
 *     --B-- CRLF
 */
#include "http/range.h"

#include <inttypes.h>

#include "http/headers.h"

#define BOUNDARY_MAX 70u /* RFC 2046 section 5.1.1 */

/* A range-spec as it was asked for. */
struct spec {
	bool suffix;
	uint64_t first; /* with suffix: how many bytes from the end */
	uint64_t last;  /* UINT64_MAX: to the end */
};

struct specs {
	struct spec v[RANGES_MAX];
	size_t n;
};

/* ------------------------------------------------------------------ pieces of a value */

/* Each takes its piece off the front of *s, or returns false. */
static bool take(struct str *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = str_sub(*s, 1, s->n);
	return true;
}

/* One digit or more; UINT64_MAX for what is larger. */
static bool take_number(struct str *s, uint64_t *out)
{
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < s->n && ascii_digit(s->p[i]); i++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(s->p[i] - '0'), &value))
			value = UINT64_MAX;
	*s = str_sub(*s, i, s->n);
	*out = value;
	return i > 0;
}

/* The unit with what parts it from the rest; its case does not matter (section 14.1). */
static bool take_unit(struct str *s, struct str unit)
{
	*s = str_trim(*s);
	if (!str_istarts(*s, unit))
		return false;
	*s = str_sub(*s, unit.n, s->n);
	return true;
}

/* int-range or suffix-range of section 14.1.1; one with first > last is invalid. */
static bool read_spec(struct str s, struct spec *spec)
{
	spec->last = UINT64_MAX;
	spec->suffix = take(&s, '-');
	if (!take_number(&s, &spec->first))
		return false;
	if (spec->suffix)
		return s.n == 0;
	if (!take(&s, '-'))
		return false;
	return s.n == 0 || (take_number(&s, &spec->last) && s.n == 0 && spec->first <= spec->last);
}

/* False: not for us, not well-formed, none, or too many. */
static bool read_specs(struct str value, struct specs *specs)
{
	struct str element;

	specs->n = 0;
	if (!take_unit(&value, STR("bytes=")))
		return false;
	while (list_next(&value, &element))
		if (specs->n == RANGES_MAX || !read_spec(element, &specs->v[specs->n++]))
			return false;
	return specs->n > 0;
}

/* ------------------------------------------------------------------ against a length */

/* Section 14.1.2: a number past the end means the end. False: nothing of the page is in it. */
static bool resolve(const struct spec *spec, uint64_t length, struct range *r)
{
	if (spec->suffix) {
		if (spec->first == 0 || length == 0)
			return false;
		r->first = spec->first < length ? length - spec->first : 0;
		r->last = length - 1;
		return true;
	}
	if (spec->first >= length)
		return false;
	r->first = spec->first;
	r->last = spec->last < length ? spec->last : length - 1;
	return true;
}

/* Overlap, or leave no gap. */
static bool touch(const struct range *a, const struct range *b)
{
	return a->first <= b->last + 1 && b->first <= a->last + 1;
}

/*
 * Adds r. Those it touches go into it, and it takes the place of the first of them. What it does
 * not touch touches none of those either, so one pass is enough.
 */
static void join(struct range *v, size_t *n, struct range r)
{
	size_t place = SIZE_MAX, kept = 0;

	for (size_t i = 0; i < *n; i++) {
		if (!touch(&v[i], &r)) {
			v[kept++] = v[i];
			continue;
		}
		if (v[i].first < r.first)
			r.first = v[i].first;
		if (v[i].last > r.last)
			r.last = v[i].last;
		if (place == SIZE_MAX)
			place = kept++;
	}
	v[place == SIZE_MAX ? kept++ : place] = r;
	*n = kept;
}

enum range_answer range_parse(struct str value, uint64_t length, struct range v[RANGES_MAX],
			      size_t *n)
{
	bool empty_suffix = false;
	struct specs specs;
	struct range r;

	*n = 0;
	if (!read_specs(value, &specs))
		return RANGE_WHOLE;
	for (size_t i = 0; i < specs.n; i++) {
		const struct spec *spec = &specs.v[i];

		if (resolve(spec, length, &r))
			join(v, n, r);
		else if (spec->suffix && spec->first > 0)
			empty_suffix = true;
	}
	if (*n == 0)
		return empty_suffix ? RANGE_WHOLE : RANGE_UNSATISFIED;
	if (specs.n > 1 && v[0].first == 0 && v[0].last == length - 1) {
		*n = 0;
		return RANGE_WHOLE;
	}
	return RANGE_SOME;
}

/* ------------------------------------------------------------------ Content-Range */

/* complete-length, or "*" where the sender does not know it. */
static bool take_complete(struct str *s, uint64_t *out)
{
	if (take(s, '*')) {
		*out = UINT64_MAX;
		return true;
	}
	return take_number(s, out) && *out != UINT64_MAX;
}

bool range_parse_content(struct str value, struct content_range *out)
{
	struct range *r = &out->range;

	return take_unit(&value, STR("bytes ")) && take_number(&value, &r->first) &&
	       take(&value, '-') && take_number(&value, &r->last) && take(&value, '/') &&
	       take_complete(&value, &out->complete) && value.n == 0 && r->first <= r->last &&
	       r->last < out->complete;
}

/* ------------------------------------------------------------------ several parts */

/* The delimiter and the head of a part. The CRLF in front of a delimiter belongs to it. */
static bool part_head(struct arena *a, const char *before, struct str boundary, struct str type,
		      struct range r, size_t complete, struct str *out)
{
	return arena_printf(
	    a, out, "%s--%.*s\r\n%s%.*s%sContent-Range: bytes %" PRIu64 "-%" PRIu64 "/%zu\r\n\r\n",
	    before, STR_ARG(boundary), type.n ? "Content-Type: " : "", STR_ARG(type),
	    type.n ? "\r\n" : "", r.first, r.last, complete);
}

bool range_multipart(struct arena *a, const struct range *v, size_t n, struct str body,
		     struct str type, struct str boundary, struct str **slices, size_t *n_slices,
		     uint64_t *length)
{
	struct str *out = arena_alloc(a, (2 * n + 1) * sizeof(*out));
	size_t used = 0;

	CHECK(n >= 1 && n <= RANGES_MAX);
	CHECK(boundary.n >= 1 && boundary.n <= BOUNDARY_MAX);
	if (!out)
		return false;
	for (size_t i = 0; i < n; i++) {
		CHECK(v[i].first <= v[i].last && v[i].last < body.n);
		if (!part_head(a, i ? "\r\n" : "", boundary, type, v[i], body.n, &out[used++]))
			return false;
		out[used++] = str_sub(body, v[i].first, v[i].last + 1);
	}
	if (!arena_printf(a, &out[used++], "\r\n--%.*s--\r\n", STR_ARG(boundary)))
		return false;
	*length = 0;
	for (size_t i = 0; i < used; i++)
		*length += out[i].n;
	*slices = out;
	*n_slices = used;
	return true;
}
