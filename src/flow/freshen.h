/*
 * News of stored pages: a 304 or an answer to HEAD that says that a page is still good, and parts
 * that make up a page.
 */
#ifndef FCGICACHE_FLOW_FRESHEN_H
#define FCGICACHE_FLOW_FRESHEN_H

#include <stdbool.h>

#include "base/check.h"
#include "flow/page.h"

/*
 * The stored page `base` with the fields of a 304, or of a 200 to HEAD, in place of its own (RFC
 * 9111 sections 3.2 and 4.3.4): a sealed object under the key that r asks for, with base's body. In
 * *verdict whether it may be stored, in *client what this client gets if that is more than is
 * stored (else empty). NULL: memory is out.
 */
struct object *freshen_page(struct request *r, struct object *base, const struct page_source *news,
			    struct policy_verdict *verdict, struct str *vary,
			    struct str *client) MUST_CHECK;

/*
 * Two parts of one page, or a part and its rest, in one object (RFC 9111 section 3.4): a PART, or a
 * PAGE when nothing is missing. news: the younger one, sealed, whose fields are taken; NULL when
 * they cannot be combined (no strong entity-tag in common, a gap between them) or memory is out.
 */
struct object *freshen_combine(struct request *r, const struct object *old,
			       const struct object *news) MUST_CHECK;

/*
 * Whether the fields of a 200 to HEAD say that the stored page is still the same (RFC 9111 section
 * 4.3.5): validators and a length that came are the stored ones, and at least one of them came if
 * the page has a validator.
 */
bool freshen_same(const struct object *base, const struct cgi_head *news);

/*
 * The other variants that the news selects (RFC 9111 section 4.3.4): those with the same strong
 * entity-tag as the page that has been freshened, in r->marker's list.
 */
void freshen_others(struct request *r, struct store *store, const struct object *page,
		    const struct page_source *news);

#endif
