/*
 * One exchange with the application over FastCGI, in straight-line code on a fetcher's thread.
 * What comes is pushed into a sink; a request body is pulled from a source while an early answer is
 * read.
 */
#ifndef FCGICACHE_UPSTREAM_FETCH_H
#define FCGICACHE_UPSTREAM_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "config/rules.h"
#include "fcgi/record.h"
#include "upstream/pool.h"

struct param {
	struct str name, value;
};

/* Where the request body comes from. */
enum source_event {
	SOURCE_BYTES,  /* *n bytes of the stream *type */
	SOURCE_END,    /* the stream *type is whole */
	SOURCE_LATER,  /* nothing now: poll fd for reading */
	SOURCE_BROKEN, /* it will never be whole */
	SOURCE_NONE,   /* nothing, for ever: all streams have ended */
};
struct source {
	/* Does not block. type: FCGI_TYPE_STDIN, for filters FCGI_TYPE_DATA afterwards. */
	enum source_event (*read)(struct source *s, char *p, size_t room, size_t *n,
				  enum fcgi_type *type);
	int fd;
};

/* Where the response goes. */
struct sink {
	/*
	 * The next bytes of STDOUT; may block on its client (bounded). False: break off, the sink
	 * knows why.
	 */
	bool (*out)(struct sink *s, struct str bytes);
	void (*err)(struct sink *s, struct str bytes); /* STDERR */
	/* The client (watch) has gone. False: break off. Asked once. */
	bool (*hangup)(struct sink *s);
	int watch;        /* the client's connection, or -1 */
	bool watch_rdhup; /* its end of stream means that it has gone (TCP) */
};

enum fetch_result {
	FETCH_COMPLETE,    /* END_REQUEST with REQUEST_COMPLETE */
	FETCH_UNREACHABLE, /* no connection */
	FETCH_OVERLOADED,  /* the application says so */
	FETCH_BROKEN,  /* closed before END_REQUEST, or not FastCGI, or another protocolStatus */
	FETCH_TIMEOUT, /* connect, send, silence or altogether */
	FETCH_BODY_BROKEN,  /* the request body broke off */
	FETCH_BODY_TIMEOUT, /* the request body did not come */
	FETCH_STOPPED,      /* by the sink */
	FETCH_TOO_LARGE,    /* a parameter that FastCGI applications cannot take */
	FETCH_NO_RESOURCES, /* memory or descriptors */
};

struct fetch {
	/* in */
	const struct application *app;
	uint16_t role;
	const struct param *params;
	size_t n_params;
	bool safe;             /* GET, HEAD: may be sent again on a fresh connection */
	struct source *source; /* NULL: no body */
	struct sink *sink;
	/* out */
	uint32_t app_status;
	bool got_bytes; /* of the response, before it ended */
	bool retried;
	const char *error; /* what went wrong, static text for the log; NULL with COMPLETE */
};

/*
 * Blocks, at most for app's timeouts. Tries again once on a fresh connection if a reused one gave
 * no byte and the request is safe or none of it was sent. The connection is closed, or given
 * back, before it returns.
 */
enum fetch_result fetch_run(struct pool *pool, struct fetch *f) MUST_CHECK;

#endif
