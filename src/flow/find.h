/*
 * Finding: what is stored for a request.
 */
#ifndef FCGICACHE_FLOW_FIND_H
#define FCGICACHE_FLOW_FIND_H

#include "base/check.h"
#include "flow/request.h"
#include "store/store.h"

/*
 * What is stored for the request, through a marker if there is one, and has not been invalidated: a
 * reference, fresh or not; NULL: nothing. Sets r->marker and plan's key and vary. May block on the
 * store.
 */
struct object *find_page(struct request *r, struct store *store) MUST_CHECK;

/* What is stored under a key and has not been invalidated: a reference, or NULL. */
struct object *find_stored(struct store *store, const struct key *key) MUST_CHECK;

/* The same for a page of a marker's list, by the bytes of its key, if it is for this request. */
struct object *find_variant(const struct request *r, struct store *store,
			    struct str key) MUST_CHECK;

#endif
