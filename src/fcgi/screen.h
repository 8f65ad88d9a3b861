/*
 * The screen: is what a web server sent the whole, well-formed head of a request? Pure.
 *
 * libfcgi sees only what has passed here (it can be made to abort, to block and to answer for us
 * otherwise): BEGIN_REQUEST, PARAMS of the same request up to the empty one, and what follows them.
 */
#ifndef FCGICACHE_FCGI_SCREEN_H
#define FCGICACHE_FCGI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum screen_result {
	SCREEN_MORE,  /* well-formed so far */
	SCREEN_EMPTY, /* a whole request without a body: length bytes, its empty STDIN included */
	SCREEN_BODY,  /* the head is whole; the body comes after length bytes */
	SCREEN_MALFORMED,  /* not FastCGI, or not in order: close */
	SCREEN_MANAGEMENT, /* a management record, or an abort: close */
	SCREEN_OVERSIZED,  /* more than the limits allow: close */
	SCREEN_ROLE,       /* an unknown role: answer UNKNOWN_ROLE and close */
};

struct screen_limits {
	size_t params; /* bytes of PARAMS content */
	size_t pairs;
};

struct screen {
	size_t length;
	uint16_t id;
	uint16_t role;
	bool keep_conn;
	bool padded_end; /* the empty STDIN had padding: libfcgi would leave it unread */
};

/*
 * bytes: all that came so far, from the first byte of the request. Looks through all of it at
 * every call. OVERSIZED also when memory is out.
 *  - BEGIN: 8 bytes, no padding, id not 0, role 1..3.
 *  - PARAMS: the same id; the empty one without padding ends them; together they are whole pairs;
 *    no NUL in a name or value, no '=' in a name, no empty name.
 *  - For GET and HEAD without a CONTENT_LENGTH (or 0) the record behind is awaited, so that a
 *    request without a body is seen as such.
 */
enum screen_result screen_request(struct str bytes, const struct screen_limits *limits,
				  struct screen *out);

/*
 * The most bytes that a head within the limits may have, records of very few bytes included. More
 * without an end is oversized.
 */
size_t screen_max_bytes(const struct screen_limits *limits);

#endif
