/*
 * From a readable connection to a request. Two ways lead to libfcgi:
 *
 *   at once   the whole request lies in the socket and has no body: it is peeked at, screened, and
 *             libfcgi reads it from the connection itself
 *   in parts  what has come is taken into conn->head until the screen is content; then libfcgi
 * reads the head from a memory file of the worker's, and the body is read by front/stdin
 *
 * Either way libfcgi sees only bytes that passed the screen, never a byte of a body, and never has
 * to wait. Nothing is written through it: answers go to the socket directly, so FCGX_Finish_r is
 * never called.
 *
 * This is the only file that knows libfcgi. It touches members of FCGX_Request that the header
 * calls its own; configure checks that they are there.
 */
#include "front/client.h"

#include <errno.h>
#include <fcgiapp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "fcgi/record.h"
#include "fcgi/screen.h"
#include "flow/serve.h"
#include "front/listener.h"

#define PEEK_SIZE   16384u
#define PAIRS_MAX   1000u
#define LINGER_MS   2000
#define LINGER_STEP 65536u

struct accepted {
	FCGX_Request fcgx;
};

struct client_desk {
	int memory; /* the memory file, -1 until it is needed */
	char peek[PEEK_SIZE];
};

_Static_assert(sizeof(((FCGX_Request *)0)->ipcFd) == sizeof(int), "FCGX_Request.ipcFd is an int");
_Static_assert(sizeof(((FCGX_Request *)0)->keepConnection) == sizeof(int), "and so is this");

/* What of the settings in force is needed before there is a request. */
static struct {
	_Atomic size_t params;
	_Atomic int64_t idle_timeout;
} settings;

void client_set(const struct settings *s)
{
	atomic_store(&settings.params, s->max_request_params);
	atomic_store(&settings.idle_timeout, s->idle_timeout);
}

bool client_start(void)
{
	if (FCGX_Init() != 0)
		return false;
	/* it may have put its own handlers there */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	return true;
}

struct client_desk *client_desk_open(void)
{
	struct client_desk *d = malloc(sizeof(*d));

	if (d)
		d->memory = -1;
	return d;
}

void client_desk_close(struct client_desk **dp)
{
	if ((*dp)->memory >= 0)
		close((*dp)->memory);
	free(*dp);
	*dp = NULL;
}

/* ---- ends of connections ---- */

static void park_idle(struct conn *c)
{
	int64_t timeout = LISTENER_HEAD_TIMEOUT;

	if (c->used)
		timeout = atomic_load_explicit(&settings.idle_timeout, memory_order_relaxed);
	listener_park(c, CONN_IDLE, clock_mono_ms() + timeout);
}

void client_expire(struct conn *c)
{
	if (atomic_load_explicit(&c->waits, memory_order_relaxed) == CONN_HEAD || !c->used)
		metrics_add(COUNTER_HEAD_TIMEOUT, 1);
	else
		metrics_add(COUNTER_IDLE_CLOSED, 1);
	conn_close(&c);
}

/*
 * Bytes that nobody wants: if they stayed unread, closing would reset the connection and could take
 * the answer with it.
 */
void client_linger(struct conn *c)
{
	char waste[4096];
	size_t taken = 0;
	ssize_t n;

	turn_expect(&c->client.turn);
	do {
		n = recv(c->client.fd, waste, sizeof(waste), MSG_DONTWAIT);
		taken += n > 0 ? (size_t)n : 0;
	} while ((n > 0 && taken < LINGER_STEP) || (n < 0 && errno == EINTR));
	if (atomic_load(&c->deadline) <= clock_mono_ms() || n == 0 ||
	    (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK))
		conn_close(&c);
	else if (n > 0)
		listener_run(c); /* more to come; others first */
	else
		listener_park(c, CONN_LINGER, atomic_load(&c->deadline));
}

static void finish(struct client *client, enum client_end how)
{
	struct conn *c = CONTAINER_OF(client, struct conn, client);
	bool body_read = !client->has_body || stdin_done(&c->body);

	if (c->accepted) {
		c->accepted->fcgx.ipcFd = -1; /* ours to close */
		FCGX_Free(&c->accepted->fcgx, 0);
		free(c->accepted);
		c->accepted = NULL;
	}
	client->request = NULL;
	if (how == CLIENT_CLOSE || client->fd < 0) {
		conn_close(&c);
	} else if (!body_read) {
		(void)shutdown(client->fd, SHUT_WR);
		buf_fini(&c->head);
		atomic_store(&c->waits, CONN_LINGER);
		atomic_store(&c->deadline, clock_mono_ms() + LINGER_MS);
		listener_run(c);
	} else if (!c->keep || c->head.n > 0 || listener_is_stopping()) {
		conn_close(&c); /* bytes beyond the request: a peer that pipelines is closed */
	} else {
		buf_fini(&c->head);
		park_idle(c);
	}
}

/* ---- what flow asks of a client ---- */

static struct conn *conn_of(struct client *client)
{
	return CONTAINER_OF(client, struct conn, client);
}

static void expect_hangup(struct client *client)
{
	listener_expect_hangup(conn_of(client));
}

static void wait_writable(struct client *client, int64_t deadline)
{
	listener_park(conn_of(client), CONN_SEND, deadline);
}

static void resume(struct client *client)
{
	listener_run(conn_of(client));
}

static void drop(struct client *client)
{
	conn_close_socket(conn_of(client));
}

static enum source_event read_body(struct client *client, char *p, size_t room, size_t *n,
				   enum fcgi_type *type)
{
	return stdin_read(&conn_of(client)->body, client->fd, p, room, n, type);
}

const struct client_ops client_ops = {
    .expect_hangup = expect_hangup,
    .wait_writable = wait_writable,
    .resume = resume,
    .drop = drop,
    .finish = finish,
    .read_body = read_body,
};

/* ---- through libfcgi ---- */

/* Variables as libfcgi keeps them, "NAME=VALUE", as a table for the request. */
static bool set_params(struct request *r, const FCGX_Request *fcgx)
{
	struct param *params;
	size_t n = 0;

	while (fcgx->envp[n])
		n++;
	params = arena_alloc(&r->arena, (n + 1) * sizeof(*params));
	if (!params)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct str pair = str_of(fcgx->envp[i]);
		size_t at = str_find(pair, '=');

		params[i].name = str_sub(pair, 0, at);
		params[i].value = str_make(pair.p + at + 1, pair.n - at - 1);
	}
	return request_set_params(r, params, n, (uint16_t)fcgx->role);
}

/*
 * Has libfcgi read the request from fd. 0: done. -1: it failed, and fd is closed. -2: it cannot be
 * used, and fd is open.
 */
static int accept_fcgx(FCGX_Request *fcgx, int fd, const struct screen *screen, bool empty)
{
	if (FCGX_InitRequest(fcgx, -1, 0) != 0)
		return -2;
	fcgx->ipcFd = fd;
	fcgx->keepConnection = 1;
	fcgx->detached = 1;
	if (FCGX_Accept_r(fcgx) < 0)
		return -1;
	if (FCGX_GetError(fcgx->in) != 0 || fcgx->role != screen->role)
		return -2;
	/* the empty STDIN is there: take it, so that the next request begins with a BEGIN */
	if (empty && (FCGX_GetChar(fcgx->in) != EOF || FCGX_GetError(fcgx->in) != 0))
		return -2;
	return 0;
}

/* A request whose variables libfcgi has read goes on its way. */
static void serve_accepted(struct conn *c, struct accepted *a, const struct screen *screen)
{
	struct request *r = request_new(&c->client, serve_rules());

	c->used = true;
	c->keep = screen->keep_conn;
	c->client.id = screen->id;
	c->client.request = r;
	c->accepted = a;
	if (r && set_params(r, &a->fcgx)) {
		serve_request(r);
		return;
	}
	metrics_add(COUNTER_NO_MEMORY, 1);
	if (r)
		request_free(&r);
	finish(&c->client, CLIENT_CLOSE);
}

static void close_fcgx(struct accepted *a)
{
	a->fcgx.ipcFd = -1;
	FCGX_Free(&a->fcgx, 0);
	free(a);
}

/* The whole request lies in the socket. */
static void take_at_once(struct conn *c, const struct screen *screen)
{
	struct accepted *a = malloc(sizeof(*a));

	if (!a) {
		metrics_add(COUNTER_NO_MEMORY, 1);
		conn_close(&c);
		return;
	}
	switch (accept_fcgx(&a->fcgx, c->client.fd, screen, true)) {
	case 0:
		c->client.has_body = false;
		serve_accepted(c, a, screen);
		return;
	case -1:
		atomic_store(&c->socket, -1);
		c->client.fd = -1; /* closed by libfcgi, and so out of the epoll set */
		free(a);
		break;
	default:
		close_fcgx(a);
		break;
	}
	metrics_add(COUNTER_HEAD_MALFORMED, 1);
	conn_close(&c);
}

/* The worker's memory file with the head in it, at its start. */
static bool fill_memory(struct client_desk *d, struct str head)
{
	if (d->memory < 0)
		d->memory = memfd_create("head", MFD_CLOEXEC);
	return d->memory >= 0 && ftruncate(d->memory, 0) == 0 &&
	       pwrite(d->memory, head.p, head.n, 0) == (ssize_t)head.n &&
	       lseek(d->memory, 0, SEEK_SET) == 0;
}

/* The head, and perhaps more, lies in c->head. */
static void take_in_parts(struct client_desk *d, struct conn *c, const struct screen *screen,
			  bool empty)
{
	struct accepted *a = malloc(sizeof(*a));
	int rc = -2;

	if (a && fill_memory(d, str_make(c->head.p, screen->length))) {
		rc = accept_fcgx(&a->fcgx, d->memory, screen, empty);
		if (rc == -1)
			d->memory = -1; /* closed by libfcgi */
		if (rc == -2)
			close_fcgx(a);
		if (rc < 0)
			a = NULL;
	}
	if (rc != 0) {
		free(a);
		metrics_add(COUNTER_HEAD_MALFORMED, 1);
		conn_close(&c);
		return;
	}
	buf_consume(&c->head, screen->length);
	c->client.has_body = !empty;
	stdin_init(&c->body, &c->head, screen->id, screen->role == FCGI_ROLE_FILTER);
	serve_accepted(c, a, screen);
}

/* ---- the screen ---- */

static void refuse(struct conn *c, enum counter counter)
{
	log_debug("a connection is closed: %s", metrics_name(counter));
	metrics_add(counter, 1);
	conn_close(&c);
}

/* An unknown role gets the protocol's answer (FastCGI section 5.5). */
static void refuse_role(struct conn *c, const struct screen *screen)
{
	unsigned char end[FCGI_FIXED_RECORD];

	fcgi_end_write(end, screen->id, 0, FCGI_END_UNKNOWN_ROLE);
	(void)!send(c->client.fd, end, sizeof(end), MSG_NOSIGNAL | MSG_DONTWAIT);
	refuse(c, COUNTER_HEAD_MALFORMED);
}

static struct screen_limits limits_now(void)
{
	return (struct screen_limits){
	    .params = atomic_load_explicit(&settings.params, memory_order_relaxed),
	    .pairs = PAIRS_MAX,
	};
}

/* True: refused, the conn is gone. */
static bool refused(struct conn *c, enum screen_result result, const struct screen *screen)
{
	switch (result) {
	case SCREEN_MORE:
	case SCREEN_EMPTY:
	case SCREEN_BODY:
		return false;
	case SCREEN_MALFORMED:
		refuse(c, COUNTER_HEAD_MALFORMED);
		break;
	case SCREEN_MANAGEMENT:
		refuse(c, COUNTER_HEAD_MANAGEMENT);
		break;
	case SCREEN_OVERSIZED:
		refuse(c, COUNTER_HEAD_OVERSIZED);
		break;
	case SCREEN_ROLE:
		refuse_role(c, screen);
		break;
	}
	return true;
}

enum taken { TAKEN_SOME, TAKEN_ALL, TAKEN_GONE };

/* Takes what is there into c->head. GONE: the peer is done or broken, and so is the conn. */
static enum taken take_bytes(struct client_desk *d, struct conn *c,
			     const struct screen_limits *limits)
{
	size_t max = screen_max_bytes(limits) + PEEK_SIZE;
	ssize_t n;

	do
		n = recv(c->client.fd, d->peek, PEEK_SIZE, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		if (c->head.n + (size_t)n <= max && buf_add(&c->head, d->peek, (size_t)n))
			return TAKEN_SOME;
		refuse(c, COUNTER_HEAD_OVERSIZED);
		return TAKEN_GONE;
	}
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return TAKEN_ALL;
	if (c->head.n > 0)
		metrics_add(COUNTER_HEAD_MALFORMED, 1);
	conn_close(&c);
	return TAKEN_GONE;
}

/* A head that did not come at once, or that has a body behind it. */
static void ready_in_parts(struct client_desk *d, struct conn *c,
			   const struct screen_limits *limits)
{
	int64_t deadline = clock_mono_ms() + LISTENER_HEAD_TIMEOUT;
	struct screen screen = {0};
	enum screen_result result;
	enum taken taken;

	if (c->head.n > 0)
		deadline = atomic_load(&c->deadline);
	while ((taken = take_bytes(d, c, limits)) == TAKEN_SOME) {
		result = screen_request(buf_str(&c->head), limits, &screen);
		if (refused(c, result, &screen))
			return;
		if (result != SCREEN_MORE) {
			take_in_parts(d, c, &screen, result == SCREEN_EMPTY);
			return;
		}
	}
	if (taken == TAKEN_ALL)
		listener_park(c, CONN_HEAD, deadline);
}

void client_ready(struct client_desk *d, struct conn *c)
{
	struct screen_limits limits = limits_now();
	struct screen screen = {0};
	enum screen_result result;
	ssize_t n;

	turn_expect(&c->client.turn);
	if (c->head.n > 0) {
		ready_in_parts(d, c, &limits);
		return;
	}
	n = recv(c->client.fd, d->peek, PEEK_SIZE, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
		park_idle(c);
		return;
	}
	if (n <= 0) {
		conn_close(&c);
		return;
	}
	result = screen_request(str_make(d->peek, (size_t)n), &limits, &screen);
	if (refused(c, result, &screen))
		return;
	if (result == SCREEN_EMPTY && screen.length == (size_t)n && !screen.padded_end)
		take_at_once(c, &screen);
	else
		ready_in_parts(d, c, &limits);
}
