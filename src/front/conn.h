/*
 * Connections from the web server: where they are, what they wait for, and until when.
 *
 * A conn's memory is never given back, only used again: an epoll event that comes late finds a
 * conn, perhaps in a later life, and its turn tells whether it may be touched.
 */
#ifndef FCGICACHE_FRONT_CONN_H
#define FCGICACHE_FRONT_CONN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/mem.h"
#include "flow/request.h"
#include "front/stdin.h"

enum conn_wait {
	CONN_IDLE,   /* for a request */
	CONN_HEAD,   /* for the rest of a head */
	CONN_PAGE,   /* its request waits; a hang-up matters */
	CONN_SEND,   /* for room to send */
	CONN_LINGER, /* answered, but the body was not read: for the peer to close */
};

struct accepted; /* client.c's: what libfcgi holds for the request */

struct conn {
	struct client client; /* first */
	struct conn *next_free;
	struct conn *next, *prev; /* in the list of open ones */
	struct conn *next_run;    /* in the run queue */
	_Atomic int socket;       /* client.fd, for whoever does not have the turn */
	_Atomic bool is_tcp;
	_Atomic int waits;        /* enum conn_wait */
	_Atomic int64_t deadline; /* clock_mono_ms; INT64_MAX: none */
	bool in_epoll;
	bool for_sending; /* epoll watches for room to send too */
	bool keep;        /* the web server asked to keep it */
	bool used;        /* it has had a request */
	struct buf head;  /* bytes taken from the socket before their time */
	struct stdin_reader body;
	struct accepted *accepted;
};

/* A conn for an accepted socket, its turn the caller's; NULL: memory is out, fd is closed. */
struct conn *conn_open(int fd, bool tcp, const struct client_ops *ops) MUST_CHECK;
/* Closes the socket and gives the conn back. The caller has the turn. */
void conn_close(struct conn **c);
/* Only the socket (client.drop). */
void conn_close_socket(struct conn *c);

unsigned conn_count(void);
/* Waits until no conn is open, at most until deadline. True: none is. */
bool conn_await_none(int64_t deadline);

/*
 * Those that wait for something else than a page and whose deadline is over (or, with `idle`, all
 * that have no request under way), their turns taken, linked by next_run.
 */
struct conn *conn_take_expired(int64_t now, bool idle);

#endif
