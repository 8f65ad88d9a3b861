/*
 * Selection: what of a stored page this client gets: all of it, some ranges, or only the news that
 * its own copy is still good (RFC 9110 sections 13 and 14).
 */
#ifndef FCGICACHE_FLOW_SELECT_H
#define FCGICACHE_FLOW_SELECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "flow/request.h"

struct selection {
	int status;
	struct str fields;  /* "Status: ...\r\n" and fields, without the empty line */
	uint64_t length;    /* Content-Length; UINT64_MAX: none is announced */
	struct str *slices; /* of the body: in the object, or in r's arena */
	size_t n_slices;
	struct str one[1];
};

/*
 * now: clock_now_ms. o lives as long as what is selected of it. With status 412 nothing of it is:
 * the caller answers with an error of its own. False: memory is out.
 */
bool select_content(struct request *r, struct object *o, int64_t now,
		    struct selection *out) MUST_CHECK;

/*
 * Whether ranges of the page are asked for: Range is defined for GET alone (RFC 9110 section 14.2),
 * and counts if If-Range holds (section 13.1.5).
 */
bool select_wants_ranges(const struct request *r, const struct object *o, int64_t now);

#endif
