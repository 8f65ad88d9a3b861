/*
 * Conditional requests on a stored response (RFC 9110 section 13). Pure.
 */
#ifndef FCGICACHE_HTTP_COND_H
#define FCGICACHE_HTTP_COND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* What the client sent; empty slices (p NULL) for headers that were not there. */
struct cond_request {
	struct str if_match;
	struct str if_none_match;
	struct str if_modified_since;
	struct str if_unmodified_since;
};

enum cond_answer {
	COND_SEND,         /* the stored response as it is */
	COND_NOT_MODIFIED, /* 304 */
	COND_FAILED,       /* 412 */
};

/*
 * Section 13.2.2's order, for a GET or HEAD answered from a stored 200. etag: the stored
 * entity-tag with its quotes and W/, empty if none; last_modified: the stored field's value, empty
 * if none. If-None-Match compares weakly, If-Match strongly; an unparsable date or list is ignored;
 * If-Modified-Since is ignored when If-None-Match is there.
 */
enum cond_answer cond_evaluate(const struct cond_request *r, struct str etag,
			       struct str last_modified, int64_t now_ms);

/* Whether the list `tags` (or "*") holds the entity-tag. weak: W/ does not matter. */
bool cond_etag_listed(struct str tags, struct str etag, bool weak);

#endif
