/*
 * Answers: heads and bodies as FastCGI records on the web server's connection.
 *
 * A whole answer (from an object, or of our own making) leaves in one writev if the socket takes
 * it; what it does not take is sent later without a thread. A streamed answer is written by the
 * fetcher that receives it.
 */
#ifndef FCGICACHE_FLOW_RESPOND_H
#define FCGICACHE_FLOW_RESPOND_H

#include <stdbool.h>

#include "base/check.h"
#include "flow/request.h"
#include "http/headers.h"

/* A client that takes no byte for so long is given up. ms */
#define RESPOND_SEND_TIMEOUT 60000

enum respond_result {
	RESPOND_SENT,   /* all is out: finish the request */
	RESPOND_LATER,  /* the request waits for its client: do not touch it any more */
	RESPOND_BROKEN, /* the web server has gone, or memory is out: finish with CLIENT_CLOSE */
};

/*
 * The stored page: whole, or as the 304 or 412 that the client's conditions ask for, without a body
 * for HEAD. Takes its own reference. now: clock_now_ms.
 */
enum respond_result respond_object(struct request *r, struct object *o, int64_t now) MUST_CHECK;

/* An error of our own: 400, 413, 431, 502, 503 or 504, a small page that names no internals. */
enum respond_result respond_error(struct request *r, int status) MUST_CHECK;

/* Goes on with what RESPOND_LATER left; the turn has been taken. */
enum respond_result respond_continue(struct request *r) MUST_CHECK;

/*
 * A streamed answer, from a fetcher: head, then pieces of the body, then the end. Each blocks until
 * the client has taken it, for at most RESPOND_SEND_TIMEOUT without a byte. False: it has gone.
 * fields: "Status: ...\r\n" and fields, without the empty line; length: Content-Length to announce,
 * UINT64_MAX for none. The head leaves in the first record, with as much of body as fits.
 */
bool respond_stream_head(struct request *r, struct str fields, uint64_t length,
			 struct str body) MUST_CHECK;
bool respond_stream(struct request *r, struct str bytes) MUST_CHECK;
bool respond_stream_end(struct request *r, uint32_t app_status) MUST_CHECK;
/*
 * Breaks a streamed answer off so that every web server sees it: eight zero bytes, which are no
 * record. The connection must be closed then.
 */
void respond_abort(struct request *r);

#endif
