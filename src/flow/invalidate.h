/*
 * Invalidation: what a page can be invalidated by, and what the application's answers invalidate
 * (RFC 9111 section 4.4, RFC 9875).
 */
#ifndef FCGICACHE_FLOW_INVALIDATE_H
#define FCGICACHE_FLOW_INVALIDATE_H

#include <stdbool.h>

#include "base/check.h"
#include "flow/request.h"
#include "http/headers.h"

/*
 * The labels of a page for r, in its arena: its URL (host, normal path, kept query; any scheme),
 * its key, and the groups that its Cache-Groups name, each for its own origin (RFC 9875
 * section 2.1). The same on every machine. False: memory is out, or there are more groups than a
 * page may be in.
 */
bool invalidate_labels(struct request *r, const struct headers *h, struct str *labels) MUST_CHECK;

/* Whether a stored object has been invalidated since it was asked for. */
bool invalidate_holds(const struct object *o);

/*
 * The head of the application's answer to r has come. If r's method is unsafe, or of unknown
 * safety, and the answer no error (2xx, 3xx), it invalidates the URL, those in Location and
 * Content-Location if they are of the same origin, and the groups in Cache-Group-Invalidation.
 */
void invalidate_after(struct request *r, const struct cgi_head *head);

/* An unsafe request went to the application and no answer came: nobody knows what it changed. */
void invalidate_in_doubt(struct request *r);

#endif
