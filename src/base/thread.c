/*
 * Threads: signals are blocked around pthread_create, so that the new thread never runs with one
 * open; main alone receives them. The thread names itself: a detached one may have ended before
 * its maker could name it.
 */
#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define STACK_SIZE ((size_t)512 * 1024) /* resolver and printf need most */

struct start {
	void *(*run)(void *);
	void *arg;
	char name[16]; /* what Linux takes, with its NUL */
};

static void *enter(void *p)
{
	struct start start = *(struct start *)p;

	free(p);
	pthread_setname_np(pthread_self(), start.name);
	return start.run(start.arg);
}

static int create(pthread_t *thread, int detach, struct start *start)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int error = pthread_attr_init(&attr);

	if (error)
		return error;
	error = pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (!error)
		error = pthread_attr_setdetachstate(&attr, detach);
	if (!error) {
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		error = pthread_create(thread, &attr, enter, start);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	pthread_attr_destroy(&attr);
	return error;
}

static int begin(pthread_t *thread, int detach, const char *name, void *(*run)(void *), void *arg)
{
	struct start *start = malloc(sizeof(*start));
	int error;

	if (!start)
		return ENOMEM;
	start->run = run;
	start->arg = arg;
	snprintf(start->name, sizeof(start->name), "%s", name);
	error = create(thread, detach, start);
	if (error)
		free(start);
	return error;
}

int thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *arg)
{
	return begin(thread, PTHREAD_CREATE_JOINABLE, name, run, arg);
}

int thread_start_detached(const char *name, void *(*run)(void *), void *arg)
{
	pthread_t thread;

	return begin(&thread, PTHREAD_CREATE_DETACHED, name, run, arg);
}
