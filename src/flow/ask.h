/*
 * Asking: what the application is told of the pages that are stored, and which of them its 304
 * means (RFC 9111 section 4.3); and which bytes of a page it is asked for (RFC 9110 section 14).
 */
#ifndef FCGICACHE_FLOW_ASK_H
#define FCGICACHE_FLOW_ASK_H

#include <stdbool.h>

#include "base/check.h"
#include "flow/request.h"
#include "http/headers.h"
#include "store/store.h"

#define ASK_PARAMS 2u /* that ask_params adds at most */

/*
 * Adds conditions from r->check and r->marker, or the range that is wanted, to the parameters that
 * go to the application; the client's own are not among them. Room for ASK_PARAMS more. False:
 * memory is out.
 */
bool ask_params(struct request *r, struct param *params, size_t *n) MUST_CHECK;

/* Whether the application is asked about anything: then it may answer 304. */
bool ask_is_conditional(const struct request *r);

/*
 * The stored page that a 304 says is good for this request (RFC 9111 section 4.3.4), a reference;
 * NULL if it cannot be told or is gone.
 */
struct object *ask_selected(struct request *r, struct store *store,
			    const struct cgi_head *head) MUST_CHECK;

/*
 * Whether this 206 is the rest that was asked for to complete r->check: it begins or ends where the
 * part does, and is of the same page.
 */
bool ask_completes(const struct request *r, const struct cgi_head *head);

/* From now on nothing is asked about: the whole page, without conditions, as at the beginning. */
void ask_plainly(struct request *r);

#endif
