/*
 * One mutex, one condition for idle threads, one for the end. A doubly linked queue, first in,
 * first out; every job's deadline is its own, so crew_expired looks through all of it, but only
 * when the earliest deadline that was seen is over.
 */
#include "base/crew.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/thread.h"

struct crew {
	pthread_mutex_t lock;
	pthread_cond_t work, end;
	struct job *first, *last;
	char name[16];
	unsigned max, threads, idle;
	unsigned waiting;
	int64_t idle_ms;
	int64_t earliest; /* no job's deadline is before this */
	bool stopping;
};

static void *member(void *arg);

static bool cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	bool ok;

	if (pthread_condattr_init(&attr) != 0)
		return false;
	ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
	     pthread_cond_init(cond, &attr) == 0;
	pthread_condattr_destroy(&attr);
	return ok;
}

struct crew *crew_new(const char *name, unsigned max_threads, int64_t idle_ms)
{
	struct crew *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	if (!cond_init(&c->work) || !cond_init(&c->end) ||
	    pthread_mutex_init(&c->lock, NULL) != 0) {
		free(c);
		return NULL;
	}
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->max = max_threads;
	c->idle_ms = idle_ms;
	c->earliest = INT64_MAX;
	return c;
}

static void link_job(struct crew *c, struct job *job)
{
	job->next = NULL;
	job->prev = c->last;
	if (c->last)
		c->last->next = job;
	else
		c->first = job;
	c->last = job;
	job->queued = true;
	c->waiting++;
	if (job->deadline < c->earliest)
		c->earliest = job->deadline;
}

static void unlink_job(struct crew *c, struct job *job)
{
	if (job->prev)
		job->prev->next = job->next;
	else
		c->first = job->next;
	if (job->next)
		job->next->prev = job->prev;
	else
		c->last = job->prev;
	job->queued = false;
	c->waiting--;
}

/*
 * A thread for the job if none is idle and one more is allowed. Under the lock: thread_start is
 * quick, and the count must be right before the next comes. False: there is no thread at all.
 */
static bool staff(struct crew *c)
{
	if (c->waiting < c->idle || c->threads >= c->max)
		return c->threads > 0;
	if (thread_start_detached(c->name, member, c) != 0)
		return c->threads > 0;
	c->threads++;
	return true;
}

enum crew_result crew_add(struct crew *c, struct job *job)
{
	enum crew_result result = CREW_QUEUED;

	pthread_mutex_lock(&c->lock);
	if (c->stopping || !staff(c)) {
		result = CREW_REFUSED;
	} else if (job->turn && !turn_hold(job->turn)) {
		result = CREW_EVENT;
	} else {
		link_job(c, job);
		if (c->idle > 0)
			pthread_cond_signal(&c->work);
	}
	pthread_mutex_unlock(&c->lock);
	return result;
}

void crew_remove(struct crew *c, struct job *job)
{
	pthread_mutex_lock(&c->lock);
	if (job->queued)
		unlink_job(c, job);
	pthread_mutex_unlock(&c->lock);
}

/* The first job that can be had; those whose turn somebody else took stay for crew_remove. */
static struct job *next_job(struct crew *c)
{
	for (struct job *job = c->first; job; job = job->next) {
		if (!job->turn || turn_take(job->turn)) {
			unlink_job(c, job);
			return job;
		}
	}
	return NULL;
}

struct job *crew_expired(struct crew *c, int64_t now, int64_t *next)
{
	struct job *found = NULL;
	int64_t earliest = INT64_MAX;

	pthread_mutex_lock(&c->lock);
	if (c->earliest <= now) {
		for (struct job *job = c->first; job; job = job->next) {
			if (!found && job->deadline <= now && (!job->turn || turn_take(job->turn)))
				found = job;
			else if (job->deadline < earliest)
				earliest = job->deadline;
		}
		c->earliest = earliest;
		if (found)
			unlink_job(c, found);
	}
	*next = c->earliest;
	pthread_mutex_unlock(&c->lock);
	return found;
}

/* Waits for a signal; false when idle_ms went by without one. */
static bool idle_wait(struct crew *c)
{
	struct timespec until;
	int error;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += c->idle_ms / 1000;
	until.tv_nsec += c->idle_ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	c->idle++;
	error = pthread_cond_timedwait(&c->work, &c->lock, &until);
	c->idle--;
	return error != ETIMEDOUT;
}

static void *member(void *arg)
{
	struct crew *c = arg;
	bool more = true;

	pthread_mutex_lock(&c->lock);
	while (more) {
		struct job *job = c->threads <= c->max ? next_job(c) : NULL;

		if (job) {
			pthread_mutex_unlock(&c->lock);
			job->run(job);
			pthread_mutex_lock(&c->lock);
		} else if (c->stopping || c->threads > c->max) {
			more = false;
		} else {
			more = idle_wait(c) || c->first;
		}
	}
	if (--c->threads == 0)
		pthread_cond_broadcast(&c->end);
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

void crew_stats(struct crew *c, struct crew_stats *out)
{
	pthread_mutex_lock(&c->lock);
	out->threads = c->threads;
	out->busy = c->threads - c->idle;
	out->waiting = c->waiting;
	pthread_mutex_unlock(&c->lock);
}

void crew_set_max(struct crew *c, unsigned max_threads)
{
	pthread_mutex_lock(&c->lock);
	c->max = max_threads;
	pthread_cond_broadcast(&c->work);
	pthread_mutex_unlock(&c->lock);
}

bool crew_stop(struct crew *c, int64_t deadline)
{
	struct timespec until = {deadline / 1000, deadline % 1000 * 1000000};
	bool ended;

	pthread_mutex_lock(&c->lock);
	c->stopping = true;
	pthread_cond_broadcast(&c->work);
	while (c->threads > 0 && pthread_cond_timedwait(&c->end, &c->lock, &until) != ETIMEDOUT)
		;
	ended = c->threads == 0;
	pthread_mutex_unlock(&c->lock);
	return ended;
}

void crew_free(struct crew **c)
{
	CHECK((*c)->threads == 0);
	pthread_cond_destroy(&(*c)->work);
	pthread_cond_destroy(&(*c)->end);
	pthread_mutex_destroy(&(*c)->lock);
	free(*c);
	*c = NULL;
}
