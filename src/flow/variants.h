/*
 * Variants: the pages behind one URL. A marker stands at the primary key and has the names of the
 * request headers by which the pages differ (none, when the application chooses by entity-tag), and
 * a list of the pages that are stored, youngest first: how they can be told apart, and their keys.
 */
#ifndef FCGICACHE_FLOW_VARIANTS_H
#define FCGICACHE_FLOW_VARIANTS_H

#include <stdbool.h>

#include "base/check.h"
#include "store/object.h"

#define VARIANTS_MAX 32u /* pages in a list; older ones are forgotten */

struct variant {
	struct str etag;     /* the application's own; may be empty */
	struct str language; /* Content-Language; may be empty */
	struct str key;      /* its bytes */
};

/* Takes the next one off *rest (object_head's variants at first); false at the end. */
bool variants_next(struct str *rest, struct variant *v);

/*
 * A sealed marker for the primary key, like `old` (NULL: none) but with this page on its list, in
 * the place of one with the same key. NULL: memory is out.
 */
struct object *variants_add(const struct key *primary, const struct object *old, struct str vary,
			    const struct object *page) MUST_CHECK;

#endif
