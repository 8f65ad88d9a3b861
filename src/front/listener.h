/*
 * The listener: workers that share one epoll set - the listening socket, connections,
 * the run queue, a timer - and take whatever wakes them to its end.
 */
#ifndef FCGICACHE_FRONT_LISTENER_H
#define FCGICACHE_FRONT_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/mem.h"
#include "front/conn.h"

/* A head must be whole so long after its first byte, or after the connection came. ms */
#define LISTENER_HEAD_TIMEOUT 10000

/* Prepares the epoll set; starts nothing. False: *error says why. */
bool listener_open(int fd, struct buf *error) MUST_CHECK;
/* Starts the workers, as many as can be had, at least one. False: *error says why. */
bool listener_start(unsigned workers, struct buf *error) MUST_CHECK;

/* Once a second: deadlines of connections, accepting again after a pause. */
void listener_upkeep(void);

/*
 * Accepts no more, closes what is idle, and from here on every connection after its answer. The
 * listening socket itself stays open: it may be others' too.
 */
void listener_stop_accepting(void);
/* Ends the workers, once no connection is left. */
void listener_stop(void);

/* For serve: calls serve_timer at that time (clock_mono_ms). Any thread. */
void listener_wake_at(int64_t mono_ms);

/* For client: gives the conn back to the workers; whoever gets it asks c->waits what to do. */
void listener_run(struct conn *c);
/*
 * Lets the conn wait for what `waits` says, at most until deadline (clock_mono_ms). Afterwards it
 * is no longer the caller's. Whoever waits for bytes has called turn_expect before it read the last
 * ones.
 */
void listener_park(struct conn *c, enum conn_wait waits, int64_t deadline);
/* From now on a hang-up takes the turn, or marks it; the caller keeps it until it waits. */
void listener_expect_hangup(struct conn *c);
bool listener_is_stopping(void);

#endif
