/*
 * floor: the fastest FastCGI responder that still is one.
 *
 * It shows what the machine can do: no cache comes below its time.  It has as many workers as
 * fcgicache (2 x CPUs, at least 4) on one shared epoll set, reads a request with one recv, walks
 * its record headers up to the empty STDIN, and sends one ready-made answer; it looks at nothing
 * but BEGIN_REQUEST's flags, or at REQUEST_URI too when no size is given (-b).
 *
 * What makes it fast, each tried against the other way (two CPUs, 16 connections):
 *  - edges (EPOLLET) instead of EPOLLONESHOT: a connection is entered once and never re-armed.
 *    Bytes that come after our recv make a new edge; a slot's lock makes two workers take turns.
 *    Kept, 10 KB: 4.4 us of CPU a request instead of 5.4 (-1 brings ONESHOT back);
 *  - one worker at a time at the listening socket (ONESHOT there), for up to 16 connections: new
 *    connections, 13 us instead of 15 with edges, which wake a worker each, or 20 with levels;
 *  - up to 8 events at a time: kept, 10 KB, 4.4 us instead of 5.2;
 *  - a new connection is read at once, and enters the epoll set only if it is kept or has not said
 *    everything yet (makes little difference);
 *  - the answer is one send() of one piece.
 *
 * Threads: all workers run work().  A connection is a slot, found by its fd; `life` tells an edge
 * of the connection before from one of ours.  Slots are never freed.
 */
#define _GNU_SOURCE
#include "wire.h"

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>

enum { SLOTS = 65536, REQUEST = 65536, BATCH = 8, GREET = 16 };

struct slot {
	pthread_mutex_t lock;
	uint32_t life; /* odd while a connection lives here */
	size_t have;   /* bytes of an unfinished request in `part` */
	unsigned char *part;
};

struct answer {
	const char *uri;
	unsigned char *bytes;
	size_t len;
};

static struct slot slots[SLOTS];
static struct answer answers[8];
static int nanswers, by_uri, epfd, listenfd, oneshot;

static void make_answer(const char *uri, size_t size)
{
	struct answer *a = &answers[nanswers++];
	char head[512], *body = malloc(size + 1);

	if (body == NULL)
		exit(71);
	wire_page(uri, body, size);
	wire_head(head, sizeof(head), "max-age=3600", size);
	a->uri = uri;
	a->bytes = wire_answer(head, body, size, &a->len);
	if (a->bytes == NULL)
		exit(71);
	free(body);
}

/* The answer to a whole request: the only one, or that of its REQUEST_URI. */
static const struct answer *choose(const unsigned char *req)
{
	char uri[256] = "";

	if (!by_uri)
		return &answers[0];
	req += WIRE_HEADER + 8;
	wire_find(req + WIRE_HEADER, wire_u16(req + 4), "REQUEST_URI", uri, sizeof(uri));
	for (int i = 1; i < nanswers; i++)
		if (strcmp(answers[i].uri, uri) == 0)
			return &answers[i];
	return &answers[0];
}

/* Length of the whole request at `p`; 0 if there is more to come, -1 if it is none. */
static ssize_t whole(const unsigned char *p, size_t len)
{
	size_t at = 0;

	if (len >= 2 && (p[0] != 1 || p[1] != WIRE_BEGIN))
		return -1;
	while (len - at >= WIRE_HEADER) {
		size_t n = wire_u16(p + at + 4);
		int last = p[at + 1] == WIRE_STDIN && n == 0;

		at += WIRE_HEADER + n + p[at + 6];
		if (at > len)
			return 0;
		if (last)
			return (ssize_t)at;
	}
	return 0;
}

static int send_all(int fd, const unsigned char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return 0;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return 1;
}

enum outcome { CLOSE, KEEP, MORE };

/* Answers what has come on `fd`.  The slot's lock is held, or the connection is not shared yet. */
static enum outcome serve(int fd, struct slot *s, unsigned char *buf)
{
	unsigned char *p = s->have ? s->part : buf;
	ssize_t n = recv(fd, p + s->have, REQUEST - s->have, MSG_DONTWAIT), used;
	const struct answer *a;

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR) ? MORE : CLOSE;
	n += (ssize_t)s->have;
	used = whole(p, (size_t)n);
	if (used == 0 && n < REQUEST) {
		if (s->part == NULL && (s->part = malloc(REQUEST)) == NULL)
			return CLOSE;
		if (p != s->part)
			memcpy(s->part, p, (size_t)n);
		s->have = (size_t)n;
		return MORE;
	}
	s->have = 0;
	if (used != n)
		return CLOSE;
	a = choose(p);
	if (!send_all(fd, a->bytes, a->len))
		return CLOSE;
	return p[WIRE_HEADER + 2] & WIRE_KEEP_CONN ? KEEP : CLOSE;
}

static void arm(int op, int fd, uint32_t life)
{
	struct epoll_event ev = {.events =
				     EPOLLIN | EPOLLRDHUP | (oneshot ? EPOLLONESHOT : EPOLLET),
				 .data.u64 = (uint64_t)life << 32 | (uint32_t)fd};

	if (epoll_ctl(epfd, op, fd, &ev) == -1)
		perror("epoll_ctl");
}

/* Accepts and serves some; then another worker may, if there are more. */
static void newcomers(unsigned char *buf)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = UINT64_MAX};
	int fd, left = GREET;

	while (left-- > 0 && (fd = accept4(listenfd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		struct slot *s = &slots[fd];
		enum outcome what;

		if (fd >= SLOTS) {
			close(fd);
			continue;
		}
		pthread_mutex_lock(&s->lock);
		s->life++;
		s->have = 0;
		what = serve(fd, s, buf);
		if (what == CLOSE) {
			s->life++;
			pthread_mutex_unlock(&s->lock);
			close(fd);
		} else {
			arm(EPOLL_CTL_ADD, fd, s->life);
			pthread_mutex_unlock(&s->lock);
		}
	}
	epoll_ctl(epfd, EPOLL_CTL_MOD, listenfd, &ev);
}

static void ready(uint64_t tag, unsigned char *buf)
{
	int fd = (int)(uint32_t)tag;
	struct slot *s = &slots[fd];

	pthread_mutex_lock(&s->lock);
	if (s->life != (uint32_t)(tag >> 32)) {
		pthread_mutex_unlock(&s->lock);
		return;
	}
	if (serve(fd, s, buf) == CLOSE) {
		s->life++;
		pthread_mutex_unlock(&s->lock);
		close(fd);
		return;
	}
	if (oneshot)
		arm(EPOLL_CTL_MOD, fd, s->life);
	pthread_mutex_unlock(&s->lock);
}

static void *work(void *arg)
{
	unsigned char *buf = malloc(REQUEST);
	struct epoll_event ev[BATCH];

	(void)arg;
	if (buf == NULL)
		exit(71);
	for (;;) {
		int n = epoll_wait(epfd, ev, BATCH, -1);

		for (int i = 0; i < n; i++) {
			if (ev[i].data.u64 == UINT64_MAX)
				newcomers(buf);
			else
				ready(ev[i].data.u64, buf);
		}
	}
	return NULL;
}

static void usage(void)
{
	fprintf(stderr, "usage: floor [-1] [-b bytes] [-t threads] [-u uri] unix-path\n"
			"the page is that of -u, in -b bytes; without -b, REQUEST_URI says: /1k, "
			"/10k, /100k\n");
	exit(64);
}

int main(int argc, char **argv)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = UINT64_MAX};
	long threads = 2 * sysconf(_SC_NPROCESSORS_ONLN);
	const char *uri = "/10k";
	size_t bytes = 0;
	pthread_t tid;
	int c;

	threads = threads < 4 ? 4 : threads;
	while ((c = getopt(argc, argv, "1b:t:u:")) != -1) {
		switch (c) {
		case '1':
			oneshot = 1;
			break;
		case 'b':
			bytes = strtoul(optarg, NULL, 10);
			break;
		case 't':
			threads = strtol(optarg, NULL, 10);
			break;
		case 'u':
			uri = optarg;
			break;
		default:
			usage();
		}
	}
	if (optind + 1 != argc || threads < 1)
		usage();
	by_uri = bytes == 0;
	make_answer(uri, by_uri ? wire_page_size(uri) : bytes);
	if (by_uri) {
		make_answer("/1k", 1024);
		make_answer("/10k", 10240);
		make_answer("/100k", 102400);
	}
	for (int i = 0; i < SLOTS; i++)
		pthread_mutex_init(&slots[i].lock, NULL);
	epfd = epoll_create1(EPOLL_CLOEXEC);
	listenfd = wire_listen(argv[optind]);
	if (epfd == -1 || epoll_ctl(epfd, EPOLL_CTL_ADD, listenfd, &ev) == -1) {
		perror("epoll");
		return 71;
	}
	for (long i = 1; i < threads; i++)
		if (pthread_create(&tid, NULL, work, NULL) != 0)
			return 71;
	work(NULL);
	return 0;
}
