/*
 * One lock for the list of open conns and the free ones; it is taken when a connection comes and
 * goes, not for each request.
 */
#include "front/conn.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct {
	pthread_mutex_t lock;
	pthread_cond_t none;
	struct conn *free;
	struct conn *open;
	unsigned n;
} conns = {.lock = PTHREAD_MUTEX_INITIALIZER, .none = PTHREAD_COND_INITIALIZER};

static struct conn *take_free(void)
{
	struct conn *c = conns.free;

	if (c)
		conns.free = c->next_free;
	else
		c = calloc(1, sizeof(*c));
	return c;
}

struct conn *conn_open(int fd, bool tcp, const struct client_ops *ops)
{
	struct conn *c;

	pthread_mutex_lock(&conns.lock);
	c = take_free();
	if (c) {
		c->next = conns.open;
		c->prev = NULL;
		if (conns.open)
			conns.open->prev = c;
		conns.open = c;
		conns.n++;
		/* under the lock: conn_take_expired may look at it from here on */
		c->client.fd = fd;
		c->client.tcp = tcp;
		atomic_store(&c->socket, fd);
		atomic_store(&c->is_tcp, tcp);
		c->client.ops = ops;
		c->client.request = NULL;
		c->in_epoll = c->for_sending = c->keep = c->used = false;
		atomic_store(&c->waits, CONN_IDLE);
		atomic_store(&c->deadline, INT64_MAX);
	}
	pthread_mutex_unlock(&conns.lock);
	if (!c)
		close(fd);
	return c;
}

void conn_close_socket(struct conn *c)
{
	atomic_store(&c->socket, -1);
	if (c->client.fd >= 0)
		close(c->client.fd);
	c->client.fd = -1;
	c->in_epoll = false;
}

void conn_close(struct conn **cp)
{
	struct conn *c = *cp;

	CHECK(!c->accepted);
	conn_close_socket(c);
	buf_fini(&c->head);
	pthread_mutex_lock(&conns.lock);
	if (c->prev)
		c->prev->next = c->next;
	else
		conns.open = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->next_free = conns.free;
	conns.free = c;
	if (--conns.n == 0)
		pthread_cond_broadcast(&conns.none);
	pthread_mutex_unlock(&conns.lock);
	*cp = NULL;
}

unsigned conn_count(void)
{
	unsigned n;

	pthread_mutex_lock(&conns.lock);
	n = conns.n;
	pthread_mutex_unlock(&conns.lock);
	return n;
}

bool conn_await_none(int64_t deadline)
{
	struct timespec until = {deadline / 1000, deadline % 1000 * 1000000};
	bool none;

	pthread_mutex_lock(&conns.lock);
	while (conns.n > 0 && pthread_cond_clockwait(&conns.none, &conns.lock, CLOCK_MONOTONIC,
						     &until) != ETIMEDOUT)
		;
	none = conns.n == 0;
	pthread_mutex_unlock(&conns.lock);
	return none;
}

static bool is_wanted(struct conn *c, int64_t now, bool idle)
{
	int waits = atomic_load_explicit(&c->waits, memory_order_relaxed);

	if (waits == CONN_PAGE)
		return false;
	if (idle && waits != CONN_SEND)
		return true;
	return atomic_load_explicit(&c->deadline, memory_order_relaxed) <= now;
}

struct conn *conn_take_expired(int64_t now, bool idle)
{
	struct conn *list = NULL;

	pthread_mutex_lock(&conns.lock);
	for (struct conn *c = conns.open; c; c = c->next) {
		if (is_wanted(c, now, idle) && turn_take(&c->client.turn)) {
			c->next_run = list;
			list = c;
		}
	}
	pthread_mutex_unlock(&conns.lock);
	return list;
}
