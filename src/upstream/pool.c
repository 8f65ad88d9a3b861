/*
 * Addresses are known by their text and stay known: a reload may name new ones, and a lease may
 * outlive the ruleset that named its address. Each has the time until which it counts as failing,
 * and a stack of idle connections (the last used is the first taken).
 *
 * Threads: fetchers, and main for the upkeep. The lock guards the lists; no I/O under it but
 * close() of idle connections taken out before.
 */
#include "upstream/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define FAILING_MS  1000
#define IDLE_MAX_MS 60000

struct idle {
	struct idle *next;
	int fd;
	int64_t since;
};

struct pool_address {
	struct pool_address *next;
	int64_t failing_until;
	struct idle *idle;
	unsigned n_idle;
	struct log_limit limit;
	char text[];
};

struct pool {
	pthread_mutex_t lock;
	struct pool_address *addresses;
	unsigned turn;
};

struct pool *pool_new(void)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (p && pthread_mutex_init(&p->lock, NULL) != 0) {
		free(p);
		p = NULL;
	}
	return p;
}

static void free_idle(struct idle *idle)
{
	while (idle) {
		struct idle *next = idle->next;

		close(idle->fd);
		free(idle);
		idle = next;
	}
}

void pool_free(struct pool **p)
{
	struct pool_address *a = (*p)->addresses;

	while (a) {
		struct pool_address *next = a->next;

		free_idle(a->idle);
		free(a);
		a = next;
	}
	pthread_mutex_destroy(&(*p)->lock);
	free(*p);
	*p = NULL;
}

/* The address of that text, made when it is new; NULL when memory is out. */
static struct pool_address *find_address(struct pool *p, struct str text)
{
	struct pool_address *a;

	pthread_mutex_lock(&p->lock);
	for (a = p->addresses; a; a = a->next)
		if (str_eq(str_of(a->text), text))
			break;
	if (!a && (a = calloc(1, sizeof(*a) + text.n + 1))) {
		memcpy(a->text, text.p, text.n);
		a->next = p->addresses;
		p->addresses = a;
	}
	pthread_mutex_unlock(&p->lock);
	return a;
}

/* Whether the peer has neither closed nor said anything: an idle connection must be silent. */
static bool is_silent(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	       (errno == EAGAIN || errno == EWOULDBLOCK);
}

static bool take_idle(struct pool *p, struct pool_address *a, int *fd)
{
	for (;;) {
		struct idle *idle;

		pthread_mutex_lock(&p->lock);
		idle = a->idle;
		if (idle) {
			a->idle = idle->next;
			a->n_idle--;
		}
		pthread_mutex_unlock(&p->lock);
		if (!idle)
			return false;
		*fd = idle->fd;
		free(idle);
		if (is_silent(*fd))
			return true;
		close(*fd);
	}
}

static int set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* The kernel wakes us when a full backlog has room again; EAGAIN is its timeout. */
static int connect_unix(struct str path, int64_t timeout)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct timeval tv = {timeout / 1000, timeout % 1000 * 1000};
	int fd, rc, saved;

	if (path.n >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(sun.sun_path, path.p, path.n);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (tv.tv_sec == 0 && tv.tv_usec == 0)
		tv.tv_usec = 1000;
	rc = setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (rc == 0) {
		do
			rc = connect(fd, (struct sockaddr *)&sun, sizeof(sun));
		while (rc < 0 && errno == EINTR);
	}
	if (rc == 0 && set_nonblocking(fd) == 0)
		return fd;
	saved = errno == EAGAIN ? ETIMEDOUT : errno;
	close(fd);
	errno = saved;
	return -1;
}

static int await_connected(int fd, int64_t timeout)
{
	struct pollfd pfd = {.fd = fd, .events = POLLOUT};
	int64_t until = clock_mono_ms() + timeout;
	int error = 0, rc;
	socklen_t len = sizeof(error);

	do {
		int64_t left = until - clock_mono_ms();

		rc = poll(&pfd, 1, left > 0 ? (int)left : 0);
	} while (rc < 0 && errno == EINTR);
	if (rc == 0)
		error = ETIMEDOUT;
	else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	errno = error;
	return error ? -1 : 0;
}

static int connect_one(const struct addrinfo *ai, int64_t timeout)
{
	int one = 1;
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int saved;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) == 0 ||
	    (errno == EINPROGRESS && await_connected(fd, timeout) == 0))
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* "host:port", "[v6]:port". A name is looked up at each connection: the resolver may block. */
static int connect_tcp(struct str host_port, int64_t timeout)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list, *ai;
	char text[300];
	char *host = text, *port;
	int fd = -1, error;

	if (host_port.n >= sizeof(text)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(text, host_port.p, host_port.n);
	text[host_port.n] = '\0';
	port = strrchr(text, ':');
	if (!port) {
		errno = EINVAL;
		return -1;
	}
	*port++ = '\0';
	if (*host == '[' && port[-2] == ']') {
		host++;
		port[-2] = '\0';
	}
	error = getaddrinfo(host, port, &hints, &list);
	if (error) {
		errno = error == EAI_MEMORY ? ENOMEM : EHOSTUNREACH;
		return -1;
	}
	for (ai = list; ai && fd < 0; ai = ai->ai_next)
		fd = connect_one(ai, timeout);
	error = errno;
	freeaddrinfo(list);
	errno = error;
	return fd;
}

static int connect_address(struct str text, int64_t timeout)
{
	if (str_starts(text, STR("unix:")))
		return connect_unix(str_sub(text, 5, text.n), timeout);
	CHECK(str_starts(text, STR("tcp:")));
	return connect_tcp(str_sub(text, 4, text.n), timeout);
}

static void set_failing(struct pool *p, struct pool_address *a, int64_t until)
{
	pthread_mutex_lock(&p->lock);
	a->failing_until = until;
	pthread_mutex_unlock(&p->lock);
}

static bool is_failing(struct pool *p, struct pool_address *a, int64_t now)
{
	bool failing;

	pthread_mutex_lock(&p->lock);
	failing = a->failing_until > now;
	pthread_mutex_unlock(&p->lock);
	return failing;
}

static enum pool_result failed(struct pool *p, struct pool_address *a, int error)
{
	if (error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS) {
		if (log_allowed(&a->limit, 1))
			log_error("application %s: no socket: %s", a->text, strerror(error));
		return POOL_NO_RESOURCES;
	}
	set_failing(p, a, clock_mono_ms() + FAILING_MS);
	if (log_allowed(&a->limit, 1))
		log_error("application %s: cannot connect: %s", a->text, strerror(error));
	return error == ETIMEDOUT ? POOL_TIMEOUT : POOL_UNREACHABLE;
}

static enum pool_result try_address(struct pool *p, const struct application *app,
				    struct pool_address *a, bool may_reuse, struct lease *lease)
{
	lease->address = a;
	lease->reused = may_reuse && take_idle(p, a, &lease->fd);
	if (lease->reused)
		return POOL_OK;
	lease->fd = connect_address(str_of(a->text), app->connect_timeout);
	if (lease->fd < 0)
		return failed(p, a, errno);
	if (is_failing(p, a, clock_mono_ms()))
		set_failing(p, a, 0);
	return POOL_OK;
}

enum pool_result pool_connect(struct pool *p, const struct application *app, bool may_reuse,
			      struct lease *lease)
{
	size_t n = app->addresses.n;
	size_t first = __atomic_fetch_add(&p->turn, 1, __ATOMIC_RELAXED) % n;
	enum pool_result result = POOL_UNREACHABLE;
	int64_t now = clock_mono_ms();

	/* two rounds: first those that are well, then those that failed a moment ago */
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < n; i++) {
			struct pool_address *a = find_address(p, app->addresses.v[(first + i) % n]);

			if (!a)
				return POOL_NO_RESOURCES;
			if (is_failing(p, a, now) != (round == 1))
				continue;
			result = try_address(p, app, a, may_reuse, lease);
			if (result == POOL_OK || result == POOL_NO_RESOURCES)
				return result;
		}
		if (round == 0 && result == POOL_TIMEOUT)
			break;
	}
	return result;
}

void pool_release(struct pool *p, const struct application *app, struct lease *lease, bool keep)
{
	struct pool_address *a = lease->address;
	struct idle *idle = keep && app->keep_alive > 0 ? malloc(sizeof(*idle)) : NULL;

	if (idle) {
		*idle = (struct idle){.fd = lease->fd, .since = clock_mono_ms()};
		pthread_mutex_lock(&p->lock);
		if (a->n_idle < app->keep_alive) {
			idle->next = a->idle;
			a->idle = idle;
			a->n_idle++;
			lease->fd = -1;
		}
		pthread_mutex_unlock(&p->lock);
	}
	if (lease->fd >= 0) {
		free(idle);
		close(lease->fd);
	}
	lease->fd = -1;
}

void pool_upkeep(struct pool *p, int64_t now)
{
	struct idle *old = NULL;

	pthread_mutex_lock(&p->lock);
	for (struct pool_address *a = p->addresses; a; a = a->next) {
		struct idle **at = &a->idle;

		while (*at) {
			struct idle *idle = *at;

			if (now - idle->since < IDLE_MAX_MS && is_silent(idle->fd)) {
				at = &idle->next;
				continue;
			}
			*at = idle->next;
			a->n_idle--;
			idle->next = old;
			old = idle;
		}
	}
	pthread_mutex_unlock(&p->lock);
	free_idle(old);
}
