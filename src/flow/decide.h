/*
 * Decisions: what may be done with a request, and with what is stored for it. Pure: nothing here
 * blocks, asks the application or touches a store.
 */
#ifndef FCGICACHE_FLOW_DECIDE_H
#define FCGICACHE_FLOW_DECIDE_H

#include "base/check.h"
#include "flow/request.h"

/* Fills r->plan from the request and its rules. False: memory is out. */
bool decide_plan(struct request *r) MUST_CHECK;

/*
 * The variant's key for a Vary list (names in lower case, sorted, comma-separated), from the values
 * that reach the application (RFC 9111 section 4.1). An empty list gives the primary key. False:
 * memory is out.
 */
bool decide_variant(struct request *r, struct str vary, struct key *key) MUST_CHECK;

/* The key of a page that the application itself chooses by its entity-tag. As decide_variant. */
bool decide_tagged(struct request *r, struct str etag, struct key *key) MUST_CHECK;

/*
 * A hash of what the template of the rule's key alone gives: the same on every machine, and for all
 * pages of a key, whatever their cookies and headers. r->plan.query is what is kept of the query.
 * False: memory is out.
 */
bool decide_label(struct request *r, uint64_t *label) MUST_CHECK;

/* Whether the page is one for this request at all: same script, and allowed with Authorization. */
bool decide_fits(const struct request *r, const struct object *o);

enum verdict {
	VERDICT_FRESH,   /* answer from it */
	VERDICT_STALE,   /* answer from it, and refresh it */
	VERDICT_CHECK,   /* only after the application has said that it is still good */
	VERDICT_USELESS, /* not for this request */
};
/* What a stored page is worth to this request at `now` (clock_now_ms) under the rule in force. */
enum verdict decide_object(const struct request *r, const struct object *o, int64_t now);

/* Whether it may be the answer when the application fails (RFC 5861 section 4). */
bool decide_survives(const struct request *r, const struct object *o, int64_t now);

/* Whether one fetch of it may answer all who wait for it: it is good for more than one use. */
bool decide_shares(const struct request *r, const struct object *o, int64_t now);

/* Milliseconds of freshness left; negative when stale. */
int64_t decide_ttl(const struct request *r, const struct object *o, int64_t now);

#endif
