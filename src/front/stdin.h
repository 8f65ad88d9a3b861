/*
 * The request body as it stands on the wire: STDIN records (for filters DATA records behind them),
 * read by our own codec and never by libfcgi. Owned by its connection; one thread at a time.
 */
#ifndef FCGICACHE_FRONT_STDIN_H
#define FCGICACHE_FRONT_STDIN_H

#include <stdbool.h>

#include "base/mem.h"
#include "fcgi/record.h"
#include "upstream/fetch.h"

struct stdin_reader {
	struct buf *ahead; /* bytes already taken from the socket, used first */
	uint16_t id;
	bool filter; /* DATA follows STDIN */
	bool broken;
	unsigned ended; /* streams that have ended */
	unsigned char head[FCGI_REC_HEADER];
	size_t head_n;
	size_t content_left, padding_left;
	bool end_pending; /* the empty record's padding is still to come */
};

void stdin_init(struct stdin_reader *s, struct buf *ahead, uint16_t id, bool filter);
/* As struct source; does not block. fd: the connection. */
enum source_event stdin_read(struct stdin_reader *s, int fd, char *p, size_t room, size_t *n,
			     enum fcgi_type *type);
/* All streams have ended, and nothing more has been read. */
bool stdin_done(const struct stdin_reader *s);

#endif
