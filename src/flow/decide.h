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

/* Whether the page is one for this request at all: same script, and allowed with Authorization. */
bool decide_fits(const struct request *r, const struct object *o);

enum verdict {
	VERDICT_FRESH,   /* answer from it */
	VERDICT_STALE,   /* answer from it, and refresh it */
	VERDICT_EXPIRED, /* only if the application fails (stale-if-error) */
	VERDICT_USELESS, /* not for this request, or too old for anything */
};
/* What a stored page is worth to this request at `now` (clock_now_ms) under the rule in force. */
enum verdict decide_object(const struct request *r, const struct object *o, int64_t now);

/* Milliseconds of freshness left; negative when stale. */
int64_t decide_ttl(const struct request *r, const struct object *o, int64_t now);

#endif
