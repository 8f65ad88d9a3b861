/*
 * The way to the application: its addresses, which of them fail, and idle kept connections.
 * How many connections there may be at once is the crew's business, not the pool's.
 */
#ifndef FCGICACHE_UPSTREAM_POOL_H
#define FCGICACHE_UPSTREAM_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "config/rules.h"

struct pool;
struct pool_address;

struct pool *pool_new(void) MUST_CHECK;
void pool_free(struct pool **p);

/* One connection in use: non-blocking, close-on-exec. */
struct lease {
	int fd;
	bool reused; /* it was idle before: the application may have closed it meanwhile */
	struct pool_address *address;
};

enum pool_result {
	POOL_OK,
	POOL_UNREACHABLE,  /* every address refused or is missing */
	POOL_TIMEOUT,      /* not accepted within connect_timeout */
	POOL_NO_RESOURCES, /* no memory or descriptor here */
};

/*
 * A connection to one of the application's addresses in turn; those that failed within the last
 * second come last. may_reuse: an idle kept connection will do. Blocks for at most
 * connect_timeout for each address. A failure is logged once in a while, with the address.
 */
enum pool_result pool_connect(struct pool *p, const struct application *app, bool may_reuse,
			      struct lease *lease) MUST_CHECK;

/*
 * Gives a connection back. keep: it is clean, between two requests; it is kept if fewer than
 * app->keep_alive are idle, else closed.
 */
void pool_release(struct pool *p, const struct application *app, struct lease *lease, bool keep);

/* Once a second: closes idle connections that the application has closed, or older than 60 s. */
void pool_upkeep(struct pool *p, int64_t now);

#endif
