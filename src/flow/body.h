/*
 * Request bodies: the client's STDIN as a source for the exchange, checked against CONTENT_LENGTH.
 *
 * A body whose length is not known is spooled into an unlinked file first, because FastCGI
 * applications read as much as CONTENT_LENGTH says and no more.
 */
#ifndef FCGICACHE_FLOW_BODY_H
#define FCGICACHE_FLOW_BODY_H

#include "base/check.h"
#include "flow/request.h"

struct body {
	struct source source; /* for fetch */
	struct request *r;
	int spool;     /* file, or -1 */
	uint64_t size; /* of the spool */
	uint64_t seen; /* bytes of STDIN so far */
	bool ended;
};

enum body_result {
	BODY_NONE, /* there is no body: no source */
	BODY_READY,
	BODY_BROKEN,  /* it broke off */
	BODY_TIMEOUT, /* it did not come */
	BODY_NO_RESOURCES,
};
/* On a fetcher's thread: may block on the client while it spools. size: of a spooled body. */
enum body_result body_open(struct body *b, struct request *r) MUST_CHECK;
void body_close(struct body *b);

#endif
