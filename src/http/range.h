/*
 * Range requests on a stored response (RFC 9110 section 14). Pure.
 */
#ifndef FCGICACHE_HTTP_RANGE_H
#define FCGICACHE_HTTP_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"

/* More ranges than this in one request, and the whole page is sent (sections 14.2 and 17.15). */
#define RANGES_MAX 16u

/* Bytes first..last, both included, of a representation. */
struct range {
	uint64_t first, last;
};

enum range_answer {
	RANGE_WHOLE,       /* no ranges, or none that we answer: send all of it (200) */
	RANGE_SOME,        /* 206 */
	RANGE_UNSATISFIED, /* 416 */
};

/*
 * The value of Range against a representation of `length` bytes (section 14.1.2). With RANGE_SOME v
 * and *n (1..RANGES_MAX) are what to send: in the order asked for, clipped to the length, those
 * that cannot be satisfied left out, ones that overlap or touch (in any order) joined into the
 * place of the first of them. Otherwise *n is 0.
 *
 * RANGE_WHOLE: no value, another unit than bytes, bad syntax (first > last too), more than
 * RANGES_MAX asked for, or several that together are all of it. A single one, "bytes=0-", that is
 * all of it is RANGE_SOME. Of an empty page there is nothing to send in a 206: a suffix, which
 * section 14.1.2 calls satisfiable, is RANGE_WHOLE there. Numbers may have any number of digits.
 */
enum range_answer range_parse(struct str value, uint64_t length, struct range v[RANGES_MAX],
			      size_t *n);

/*
 * Content-Range of a 206 (section 14.4): "bytes 0-4/10". False: another unit, bad syntax,
 * first > last, last >= complete, a number of 2^64-1 or more, the form of a 416.
 * complete is UINT64_MAX for "*".
 */
struct content_range {
	struct range range;
	uint64_t complete;
};
bool range_parse_content(struct str value, struct content_range *out) MUST_CHECK;

/*
 * What is sent for several ranges: multipart/byteranges (section 14.6), as slices of body and of
 * text in the arena. v: n of them, 1..RANGES_MAX, from range_parse with the length of body. type:
 * Content-Type of the whole, empty if it has none. boundary: 1..70 bytes of bcharsnospace (RFC 2046
 * section 5.1.1) that the caller has chosen at random, and that it names in its own
 * Content-Type. *slices has *n_slices entries of which together *length bytes are sent; that may be
 * more than the whole page. False: memory is out.
 */
bool range_multipart(struct arena *a, const struct range *v, size_t n, struct str body,
		     struct str type, struct str boundary, struct str **slices, size_t *n_slices,
		     uint64_t *length) MUST_CHECK;

#endif
