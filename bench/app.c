/*
 * app: a small application to stand behind fcgicache, whose answers can be counted.
 *
 *	/10k  /300  /1k?x=1	a page of so many bytes, made from the URL, max-age=3600
 *	/slow?ms=500		a page of 1 KB after so long
 *	... age=N size=N	in any query: its max-age, its bytes
 *	/hang			never an answer
 *	/count			`pages=N slow=N hang=N`, no-store: page requests so far (/count is
 *				none), and how many are being kept waiting now
 *
 * One thread, one epoll set, level-triggered; all of it is entered from main's loop.  Timers are a
 * list looked through once a millisecond while somebody is in it.  What is wrong on the wire
 * closes the connection: this is no server for strangers.
 *
 *	conn: READING --empty STDIN--> SLOW --time--> WRITING --kept--> READING
 *	                          \--> HUNG until the peer goes            \--> closed
 */
#define _GNU_SOURCE
#include "wire.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>

enum { REQUEST = 65536 + 4096, EVENTS = 64 };

enum state { READING, SLOW, HUNG, WRITING };

struct conn {
	int fd;
	enum state state;
	bool keep;
	unsigned char *in; /* REQUEST bytes while READING: what has come of a request */
	size_t have;
	char uri[2048];
	uint64_t due; /* of SLOW */
	unsigned char *out;
	size_t len, sent;
	struct conn *next; /* in `slow` */
};

static struct conn *slow;
static unsigned long pages;
static int epfd, nslow, nhung;

static void watch(struct conn *c, int op, uint32_t what)
{
	struct epoll_event ev = {.events = what | EPOLLRDHUP, .data.ptr = c};

	epoll_ctl(epfd, op, c->fd, &ev);
}

/* Every way out of a state goes through here. */
static void leave(struct conn *c)
{
	struct conn **p = &slow;

	nhung -= c->state == HUNG;
	if (c->state != SLOW)
		return;
	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	nslow--;
}

static void drop(struct conn **c)
{
	leave(*c);
	close((*c)->fd);
	free((*c)->in);
	free((*c)->out);
	free(*c);
	*c = NULL;
}

/* A number in the query, or `otherwise`. */
static unsigned long arg(const char *uri, const char *name, unsigned long otherwise)
{
	size_t n = strlen(name);

	for (const char *p = strchr(uri, '?'); p != NULL; p = strchr(p, '&')) {
		p++;
		if (strncmp(p, name, n) == 0 && p[n] == '=')
			return strtoul(p + n + 1, NULL, 10);
	}
	return otherwise;
}

static bool is(const char *uri, const char *path)
{
	size_t n = strlen(path);

	return strncmp(uri, path, n) == 0 && (uri[n] == '\0' || uri[n] == '?');
}

/* Lays the answer out; false when memory is out. */
static bool compose(struct conn *c)
{
	char head[512], cache[64] = "no-store", *body;
	size_t size = arg(c->uri, "size", wire_page_size(c->uri));

	size = size == 0 ? 1024 : size;
	body = malloc(size);
	if (body == NULL)
		return false;
	if (is(c->uri, "/count")) {
		size = (size_t)snprintf(body, size, "pages=%lu slow=%d hang=%d\n", pages, nslow,
					nhung);
	} else {
		snprintf(cache, sizeof(cache), "max-age=%lu", arg(c->uri, "age", 3600));
		wire_page(c->uri, body, size);
	}
	wire_head(head, sizeof(head), cache, size);
	c->out = wire_answer(head, body, size, &c->len);
	c->sent = 0;
	free(body);
	return c->out != NULL;
}

/* Sends what there is to send; true as long as the connection lives. */
static bool push(struct conn *c)
{
	while (c->sent < c->len) {
		ssize_t n = send(c->fd, c->out + c->sent, c->len - c->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			watch(c, EPOLL_CTL_MOD, EPOLLOUT);
			return true;
		}
		if (n < 0 && errno != EINTR)
			return false;
		c->sent += n > 0 ? (size_t)n : 0;
	}
	free(c->out);
	c->out = NULL;
	c->state = READING;
	watch(c, EPOLL_CTL_MOD, EPOLLIN);
	return c->keep;
}

static bool answer(struct conn *c)
{
	leave(c);
	c->state = WRITING;
	return compose(c) && push(c);
}

static bool start(struct conn *c)
{
	pages += !is(c->uri, "/count");
	if (is(c->uri, "/hang")) {
		c->state = HUNG;
		nhung++;
		return true;
	}
	if (!is(c->uri, "/slow"))
		return answer(c);
	c->state = SLOW;
	c->due = wire_now() + arg(c->uri, "ms", 500) * 1000000u;
	c->next = slow;
	slow = c;
	nslow++;
	return true;
}

/*
 * Takes a whole request out of c->in: flags, REQUEST_URI.  1 when there was one, 0 when more has to
 * come, -1 when it is none.  PARAMS' contents are moved together over their headers.
 */
static int take(struct conn *c)
{
	unsigned char *p = c->in, *params = NULL;
	size_t at = 0, nparams = 0, n;

	for (;;) {
		if (c->have - at < WIRE_HEADER)
			return 0;
		n = wire_u16(p + at + 4);
		if (p[at] != 1 || c->have - at < WIRE_HEADER + n + p[at + 6])
			return p[at] == 1 ? 0 : -1;
		if (p[at + 1] == WIRE_STDIN && n == 0)
			break;
		at += WIRE_HEADER + n + p[at + 6];
	}
	at = 0;
	for (;;) {
		size_t step = WIRE_HEADER + wire_u16(p + at + 4) + p[at + 6];

		n = step - WIRE_HEADER - p[at + 6];
		if (p[at + 1] == WIRE_STDIN && n == 0)
			break;
		if (p[at + 1] == WIRE_BEGIN && n == 8)
			c->keep = p[at + WIRE_HEADER + 2] & WIRE_KEEP_CONN;
		if (p[at + 1] == WIRE_PARAMS && n > 0) {
			params = params != NULL ? params : p + at;
			memmove(params + nparams, p + at + WIRE_HEADER, n);
			nparams += n;
		}
		at += step;
	}
	c->have = 0;
	if (params == NULL || !wire_find(params, nparams, "REQUEST_URI", c->uri, sizeof(c->uri)))
		return -1;
	return 1;
}

/* True as long as the connection lives. */
static bool pull(struct conn *c)
{
	unsigned char waste[4096];
	bool reading = c->state == READING;
	ssize_t n = reading ? recv(c->fd, c->in + c->have, REQUEST - c->have, 0)
			    : recv(c->fd, waste, sizeof(waste), 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0 || !reading)
		return false;
	c->have += (size_t)n;
	switch (take(c)) {
	case 1:
		return start(c);
	case 0:
		return c->have < REQUEST;
	default:
		return false;
	}
}

static void welcome(int listenfd)
{
	int fd;

	while ((fd = accept4(listenfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct conn *c = calloc(1, sizeof(*c));

		if (c == NULL || (c->in = malloc(REQUEST)) == NULL)
			exit(71);
		c->fd = fd;
		c->state = READING;
		watch(c, EPOLL_CTL_ADD, EPOLLIN);
	}
}

/* Answers the slow ones whose time has come. */
static void timers(uint64_t now)
{
	struct conn *c = slow, *next;

	for (; c != NULL; c = next) {
		next = c->next;
		if (c->due <= now && !answer(c))
			drop(&c);
	}
}

static void ready(struct conn *c, uint32_t what)
{
	bool lives;

	if (c->state == WRITING)
		lives = !(what & (EPOLLERR | EPOLLHUP)) && push(c);
	else
		lives = pull(c);
	if (!lives)
		drop(&c);
}

int main(int argc, char **argv)
{
	struct epoll_event ev[EVENTS] = {{.events = EPOLLIN, .data.ptr = NULL}};
	int listenfd;

	if (argc != 2) {
		fprintf(stderr, "usage: app unix-path\n");
		return 64;
	}
	epfd = epoll_create1(EPOLL_CLOEXEC);
	listenfd = wire_listen(argv[1]);
	if (epfd == -1 || epoll_ctl(epfd, EPOLL_CTL_ADD, listenfd, ev) == -1)
		return 71;
	for (;;) {
		int n = epoll_wait(epfd, ev, EVENTS, slow != NULL ? 1 : -1);

		for (int i = 0; i < n; i++) {
			if (ev[i].data.ptr == NULL)
				welcome(listenfd);
			else
				ready(ev[i].data.ptr, ev[i].events);
		}
		timers(wire_now());
	}
}
