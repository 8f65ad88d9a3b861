/*
 * A crew: threads for work that may block, started on demand up to a limit, and the queue of work
 * that waits for one. Idle threads end.
 *
 * A job may belong to something that others can wake (its turn): it waits in the queue under
 * TURN_HELD, and whoever takes the turn - a thread of the crew, the clock, a hang-up - is the
 * one to go on with it. The lock is a leaf.
 */
#ifndef FCGICACHE_BASE_CREW_H
#define FCGICACHE_BASE_CREW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/turn.h"

/* Embedded in what is to be done. */
struct job {
	struct job *next, *prev;      /* the crew's */
	bool queued;                  /* the crew's */
	int64_t deadline;             /* clock_mono_ms; until when it may wait for a thread */
	struct turn *turn;            /* NULL: nobody but the crew takes it */
	void (*run)(struct job *job); /* on a thread of the crew, turn taken */
};

struct crew;

/* NULL: memory is out. Threads end after idle_ms without work. name: at most 15 bytes. */
struct crew *crew_new(const char *name, unsigned max_threads, int64_t idle_ms) MUST_CHECK;

enum crew_result {
	CREW_QUEUED,  /* it is the crew's now: do not touch it */
	CREW_EVENT,   /* turn_hold said no: still the caller's */
	CREW_REFUSED, /* stopping, or no thread can be had: still the caller's */
};
/* Queues a job, starting a thread for it if none is idle. Does not block. */
enum crew_result crew_add(struct crew *c, struct job *job) MUST_CHECK;
/*
 * After the caller has taken the turn of a queued job: takes it out of the queue, if it is still
 * there. Must be called before the job's memory goes.
 */
void crew_remove(struct crew *c, struct job *job);
/*
 * Takes the first job whose deadline is over out of the queue, its turn taken; NULL when there is
 * none. *next: the earliest deadline left, INT64_MAX if none.
 */
struct job *crew_expired(struct crew *c, int64_t now, int64_t *next);

struct crew_stats {
	unsigned threads, busy;
	unsigned waiting; /* jobs */
};
void crew_stats(struct crew *c, struct crew_stats *out);

/* At a reload. Running threads above a lower limit end with their job. */
void crew_set_max(struct crew *c, unsigned max_threads);
/* No more jobs; waits until all threads have ended or deadline (clock_mono_ms). True: all have. */
bool crew_stop(struct crew *c, int64_t deadline);
/* Only after crew_stop said true. */
void crew_free(struct crew **c);

#endif
