/*
 * One epoll set for all workers:
 *
 *     listening socket   level-triggered, EPOLLEXCLUSIVE (other processes may share it)
 *     connections        edge-triggered, registered once; the turn sees to it that one worker has
 * one run queue          an eventfd that counts: each reader takes one conn timer              a
 * timerfd, set to the earliest deadline of what waits for pages stop               an eventfd that
 * stays readable
 *
 * A worker clears the mark of its conn's turn before it reads, and reads until nothing is left; an
 * event in between leaves its mark, turn_wait says no, and the conn goes to the run queue instead
 * of being parked. So no byte is missed, and a kept connection costs no system call to park.
 */
#include "front/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "flow/serve.h"
#include "front/client.h"

#define EVENTS_AT_ONCE 8
#define PASS_TOKEN_AT  4

static struct {
	int epoll, listen, run, timer, stop;
	pthread_t *threads;
	unsigned n_threads;
	_Atomic bool stopping; /* accept no more, keep no connection */
	_Atomic bool paused;   /* no descriptors: the listening socket is out of the set */
	pthread_mutex_t token; /* of the worker that asks for events */
	pthread_mutex_t run_lock;
	struct conn *run_first, *run_last;
	pthread_mutex_t timer_lock;
	int64_t timer_at; /* INT64_MAX: not set */
	char *peers;      /* FCGI_WEB_SERVER_ADDRS, or NULL */
} listener = {
    .epoll = -1,
    .listen = -1,
    .run = -1,
    .timer = -1,
    .stop = -1,
    .token = PTHREAD_MUTEX_INITIALIZER,
    .run_lock = PTHREAD_MUTEX_INITIALIZER,
    .timer_lock = PTHREAD_MUTEX_INITIALIZER,
    .timer_at = INT64_MAX,
};

/* ---- setting up ---- */

static bool watch(int fd, uint32_t events, void *tag)
{
	struct epoll_event ev = {.events = events, .data.ptr = tag};

	return epoll_ctl(listener.epoll, EPOLL_CTL_ADD, fd, &ev) == 0;
}

static bool watch_listen(void)
{
	return watch(listener.listen, EPOLLIN | EPOLLEXCLUSIVE, &listener.listen);
}

bool listener_open(int fd, struct buf *error)
{
	const char *peers = getenv("FCGI_WEB_SERVER_ADDRS");

	listener.listen = fd;
	listener.epoll = epoll_create1(EPOLL_CLOEXEC);
	listener.run = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	listener.stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	listener.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	listener.peers = peers && *peers ? strdup(peers) : NULL;
	if (listener.epoll < 0 || listener.run < 0 || listener.stop < 0 || listener.timer < 0 ||
	    !watch_listen() || !watch(listener.run, EPOLLIN, &listener.run) ||
	    !watch(listener.timer, EPOLLIN, &listener.timer)) {
		(void)!buf_printf(error, "epoll: %s", strerror(errno));
		return false;
	}
	return true;
}

bool listener_is_stopping(void)
{
	return atomic_load_explicit(&listener.stopping, memory_order_relaxed);
}

/* ---- accepting ---- */

/* FCGI_WEB_SERVER_ADDRS: addresses of web servers that may connect over TCP. */
static bool is_allowed(const struct sockaddr_storage *from)
{
	char text[INET6_ADDRSTRLEN] = "";
	const void *address;
	struct str list = str_of(listener.peers), entry;

	if (!listener.peers || from->ss_family == AF_UNIX)
		return true;
	address = from->ss_family == AF_INET6
		      ? (const void *)&((const struct sockaddr_in6 *)from)->sin6_addr
		      : (const void *)&((const struct sockaddr_in *)from)->sin_addr;
	if (!inet_ntop(from->ss_family, address, text, sizeof(text)))
		return false;
	while (str_split(&list, ',', &entry))
		if (str_ieq(str_trim(entry), str_of(text)))
			return true;
	return false;
}

/* No descriptor is left: a level-triggered socket that cannot be accepted would spin. */
static void pause_accepting(int error)
{
	static struct log_limit limit;

	if (atomic_exchange(&listener.paused, true))
		return;
	epoll_ctl(listener.epoll, EPOLL_CTL_DEL, listener.listen, NULL);
	metrics_add(COUNTER_ACCEPT_PAUSES, 1);
	if (log_allowed(&limit, 1))
		log_error("cannot accept: %s; pausing", strerror(error));
}

static void resume_accepting(void)
{
	if (!listener_is_stopping() && atomic_exchange(&listener.paused, false) && !watch_listen())
		atomic_store(&listener.paused, true);
}

static struct conn *accept_one(void)
{
	struct sockaddr_storage from = {.ss_family = AF_UNIX};
	socklen_t len = sizeof(from);
	int fd = accept4(listener.listen, (struct sockaddr *)&from, &len, SOCK_CLOEXEC);
	int one = 1;

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			pause_accepting(errno);
		return NULL;
	}
	if (!is_allowed(&from)) {
		close(fd);
		return NULL;
	}
	if (from.ss_family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	metrics_add(COUNTER_CONNECTIONS, 1);
	return conn_open(fd, from.ss_family != AF_UNIX, &client_ops);
}

/* ---- parking and running ---- */

#define CONN_EVENTS (EPOLLIN | EPOLLRDHUP | EPOLLET)

static bool set_events(struct conn *c, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = c};
	int op = c->in_epoll ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (c->client.fd < 0 || epoll_ctl(listener.epoll, op, c->client.fd, &ev) != 0)
		return false;
	c->in_epoll = true;
	c->for_sending = events & EPOLLOUT;
	return true;
}

void listener_park(struct conn *c, enum conn_wait waits, int64_t deadline)
{
	bool sending = waits == CONN_SEND;
	bool watched = true;

	atomic_store_explicit(&c->waits, waits, memory_order_relaxed);
	atomic_store_explicit(&c->deadline, deadline, memory_order_relaxed);
	if (sending)
		turn_expect(&c->client.turn);
	if (!c->in_epoll || sending || c->for_sending)
		watched = set_events(c, sending ? EPOLLOUT | EPOLLET : CONN_EVENTS);
	if (!watched)
		(void)shutdown(c->client.fd, SHUT_RDWR); /* whoever runs it finds it closed */
	if (!watched || !turn_wait(&c->client.turn))
		listener_run(c);
}

static bool has_hung_up(struct conn *c)
{
	struct pollfd pfd = {
	    .fd = atomic_load_explicit(&c->socket, memory_order_relaxed),
	    .events = POLLRDHUP, /* a web server that has sent its last byte over TCP has left */
	};

	if (poll(&pfd, 1, 0) <= 0)
		return false;
	return pfd.revents & (POLLHUP | POLLERR) ||
	       (pfd.revents & POLLRDHUP && atomic_load_explicit(&c->is_tcp, memory_order_relaxed));
}

void listener_expect_hangup(struct conn *c)
{
	atomic_store_explicit(&c->waits, CONN_PAGE, memory_order_relaxed);
	atomic_store_explicit(&c->deadline, INT64_MAX, memory_order_relaxed);
	if (!c->in_epoll)
		(void)!set_events(c, CONN_EVENTS);
	/* its edge may have come before */
	if (has_hung_up(c))
		(void)turn_take_hangup(&c->client.turn);
}

void listener_run(struct conn *c)
{
	uint64_t one = 1;

	c->next_run = NULL;
	pthread_mutex_lock(&listener.run_lock);
	if (listener.run_last)
		listener.run_last->next_run = c;
	else
		listener.run_first = c;
	listener.run_last = c;
	pthread_mutex_unlock(&listener.run_lock);
	(void)!write(listener.run, &one, sizeof(one));
}

static struct conn *next_run(void)
{
	uint64_t one;
	struct conn *c;

	if (read(listener.run, &one, sizeof(one)) != sizeof(one))
		return NULL;
	pthread_mutex_lock(&listener.run_lock);
	c = listener.run_first;
	if (c) {
		listener.run_first = c->next_run;
		if (!listener.run_first)
			listener.run_last = NULL;
	}
	pthread_mutex_unlock(&listener.run_lock);
	return c;
}

/* ---- the timer ---- */

void listener_wake_at(int64_t mono_ms)
{
	struct itimerspec at = {.it_value = {mono_ms / 1000, mono_ms % 1000 * 1000000}};

	if (mono_ms == INT64_MAX)
		return;
	if (at.it_value.tv_sec == 0 && at.it_value.tv_nsec == 0)
		at.it_value.tv_nsec = 1;
	pthread_mutex_lock(&listener.timer_lock);
	if (mono_ms < listener.timer_at) {
		listener.timer_at = mono_ms;
		timerfd_settime(listener.timer, TFD_TIMER_ABSTIME, &at, NULL);
	}
	pthread_mutex_unlock(&listener.timer_lock);
}

static void on_timer(void)
{
	uint64_t times;

	if (read(listener.timer, &times, sizeof(times)) != sizeof(times))
		return;
	pthread_mutex_lock(&listener.timer_lock);
	listener.timer_at = INT64_MAX;
	pthread_mutex_unlock(&listener.timer_lock);
	serve_timer();
}

/* ---- workers ---- */

/* A conn whose turn we have: what did it wait for? */
static void run_conn(struct client_desk *desk, struct conn *c)
{
	switch ((enum conn_wait)atomic_load_explicit(&c->waits, memory_order_relaxed)) {
	case CONN_IDLE:
	case CONN_HEAD:
		client_ready(desk, c);
		break;
	case CONN_PAGE:
		serve_resume(c->client.request);
		break;
	case CONN_SEND:
		serve_writable(c->client.request);
		break;
	case CONN_LINGER:
		client_linger(c);
		break;
	}
}

/*
 * An event for a conn. One that is held for its page is taken only if its web server has really
 * gone: an event that comes late, from an earlier life, must not take it.
 */
static void on_conn(struct client_desk *desk, struct conn *c)
{
	if (turn_take_event(&c->client.turn))
		run_conn(desk, c);
	else if (has_hung_up(c) && turn_take_hangup(&c->client.turn))
		serve_hangup(c->client.request);
}

static void on_event(struct client_desk *desk, void *tag)
{
	struct conn *c;

	if (tag == &listener.listen) {
		c = accept_one();
		if (c)
			client_ready(desk, c);
	} else if (tag == &listener.run) {
		c = next_run();
		if (c)
			run_conn(desk, c);
	} else if (tag == &listener.timer) {
		on_timer();
	} else if (tag != &listener.stop) {
		on_conn(desk, tag);
	}
}

/*
 * One worker at a time asks for events, the others sleep behind the token: so an event wakes nobody
 * while somebody is about to ask anyway. Whoever gets many has enough to do and passes the token on
 * before it begins; with few it keeps it, which costs nobody more than a few answers' time, since a
 * worker waits neither for the application nor for a client. (Four workers that wait together took
 * 1.2 of the CPU time for kept connections, and 1.6 for new ones.)
 */
static void *work(void *arg)
{
	struct client_desk *desk = arg;
	struct epoll_event events[EVENTS_AT_ONCE];
	bool stop = false;

	while (!stop) {
		bool keep_token;
		int n;

		pthread_mutex_lock(&listener.token);
		do {
			n = epoll_wait(listener.epoll, events, EVENTS_AT_ONCE, -1);
			keep_token = n < PASS_TOKEN_AT;
			if (!keep_token)
				pthread_mutex_unlock(&listener.token);
			for (int i = 0; i < n; i++) {
				stop |= events[i].data.ptr == &listener.stop;
				on_event(desk, events[i].data.ptr);
			}
		} while (keep_token && !stop);
		if (keep_token)
			pthread_mutex_unlock(&listener.token);
	}
	client_desk_close(&desk);
	return NULL;
}

bool listener_start(unsigned workers, struct buf *error)
{
	int rc = ENOMEM;

	listener.threads = calloc(workers, sizeof(*listener.threads));
	while (listener.threads && listener.n_threads < workers) {
		struct client_desk *desk = client_desk_open();

		rc = ENOMEM;
		if (desk)
			rc = thread_start(&listener.threads[listener.n_threads], "worker", work,
					  desk);
		if (rc != 0) {
			if (desk)
				client_desk_close(&desk);
			break;
		}
		listener.n_threads++;
	}
	if (listener.n_threads == 0) {
		(void)!buf_printf(error, "cannot start a worker: %s", strerror(rc));
		return false;
	}
	if (listener.n_threads < workers)
		log_warning("only %u of %u workers could be started: %s", listener.n_threads,
			    workers, strerror(rc));
	return true;
}

/* ---- upkeep and the end ---- */

static void expire(bool idle)
{
	struct conn *list = conn_take_expired(clock_mono_ms(), idle);

	while (list) {
		struct conn *c = list;

		list = c->next_run;
		if (atomic_load_explicit(&c->waits, memory_order_relaxed) == CONN_SEND) {
			metrics_add(COUNTER_SEND_TIMEOUT, 1);
			serve_abandon(c->client.request);
		} else {
			client_expire(c);
		}
	}
}

void listener_upkeep(void)
{
	expire(listener_is_stopping());
	resume_accepting();
}

void listener_stop_accepting(void)
{
	atomic_store(&listener.stopping, true);
	if (!atomic_load(&listener.paused))
		epoll_ctl(listener.epoll, EPOLL_CTL_DEL, listener.listen, NULL);
	expire(true);
}

void listener_stop(void)
{
	watch(listener.stop, EPOLLIN, &listener.stop);
	(void)!write(listener.stop, &(uint64_t){1}, sizeof(uint64_t));
	for (unsigned i = 0; i < listener.n_threads; i++)
		pthread_join(listener.threads[i], NULL);
	free(listener.threads);
	free(listener.peers);
	close(listener.run);
	close(listener.timer);
	close(listener.stop);
	close(listener.epoll);
}
