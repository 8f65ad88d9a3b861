/*
 * load: a FastCGI load client, as a web server in front would be one.
 *
 * Keeps a number of connections busy: each asks, reads the answer to its END_REQUEST, checks it
 * (status 200, exact length, protocolStatus complete, nothing after it) and asks again, on the
 * same connection (FCGI_KEEP_CONN) or on a new one.  Requests are bytes made beforehand; answers
 * are walked by record headers and their content is skipped, unless -x sums it up.  One line of
 * key=value comes out; it exits 0 when there were no errors.
 *
 * Threads: each owns its connections, its epoll set and its figures; they share the tickets
 * (`issued`: how many requests were begun, which is also the place in the list of URIs), `quiet`
 * (an error was shown already) and `stop`.  Time of an answer: from before connect() or send() to
 * the END_REQUEST.
 *
 *	conn: IDLE --ask--> ASKED --END_REQUEST--> IDLE ... --nothing left--> DONE
 *	      IDLE --the backlog is full--> IDLE, tried again a millisecond later
 */
#define _GNU_SOURCE
#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/resource.h>

enum { HEAD = 4096, RECV = 256 * 1024, EVENTS = 64, SUB = 64, BUCKETS = 64 * SUB, BURST = 16 };

/* What to do: set by main before the threads start, then only read. */
static struct {
	const char *path, *host, *extra[16];
	int nextra, conns, threads, show;
	bool keep, sum;
	double seconds, limit;
	uint64_t count;
	size_t body, nuris;
} opt = {.host = "www.example.org", .conns = 16, .threads = 1, .keep = true, .limit = 60};

struct ask {
	unsigned char *bytes;
	size_t len;
	_Atomic uint64_t sum; /* of the body, once known (-x) */
};

enum state { IDLE, ASKED, DONE };

struct conn {
	int fd;
	enum state state;
	struct ask *ask;
	uint64_t since;                 /* when it was asked */
	unsigned char hdr[WIRE_HEADER]; /* of the record that is being read */
	size_t hdrlen, content, padding;
	unsigned char end[8]; /* END_REQUEST's content */
	size_t endlen;
	char head[HEAD]; /* the CGI head while it is looked for */
	size_t headlen;
	bool past_head, keep_sum;
	size_t body, announced;
	uint64_t sum;
};

struct crew {
	pthread_t tid;
	int epfd, nconns, live;
	bool retry; /* somebody is IDLE */
	struct conn *conns;
	unsigned char *buf;
	uint64_t requests, errors, bytes, backlog, max, hist[BUCKETS];
};

static struct ask *asks;
static _Atomic uint64_t issued;
static atomic_bool stop, quiet;
static uint64_t deadline, limit;

static void complain(struct crew *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Counts an error, and shows the first. */
static void complain(struct crew *w, const char *fmt, ...)
{
	va_list ap;

	w->errors++;
	if (atomic_exchange(&quiet, true))
		return;
	va_start(ap, fmt);
	fputs("load: first error: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

/* ---- times: buckets of 1/64 of their value ---- */

static size_t bucket(uint64_t ns)
{
	int e = ns < SUB ? 0 : 63 - __builtin_clzll(ns) - 5;

	return (size_t)e * (SUB / 2) + (size_t)(ns >> e);
}

static double bucket_us(size_t i)
{
	size_t e = i < SUB ? 0 : i / (SUB / 2) - 1;
	size_t base = i - e * (SUB / 2);

	return (double)base * (double)(1ull << e) / 1000;
}

static double quantile(const uint64_t *hist, uint64_t total, double q)
{
	uint64_t want = (uint64_t)((double)total * q), seen = 0;

	for (size_t i = 0; i < BUCKETS; i++) {
		seen += hist[i];
		if (seen > want)
			return bucket_us(i);
	}
	return 0;
}

/* ---- requests, made beforehand ---- */

static unsigned char *add_extra(unsigned char *p, const char *header)
{
	char name[128] = "HTTP_";
	size_t n = strcspn(header, ":");
	const char *value = header + n;

	for (size_t i = 0; i < n && i + 6 < sizeof(name); i++) {
		char c = header[i];

		name[i + 5] = (char)(c == '-' ? '_' : c >= 'a' && c <= 'z' ? c - 32 : c);
	}
	while (*value == ':' || *value == ' ')
		value++;
	return wire_pair(p, name, value);
}

/* The parameters that nginx sends with Debian's fastcgi.conf and an ordinary browser. */
static unsigned char *add_params(unsigned char *p, const char *uri)
{
	static const char *const fixed[] = {
	    "REQUEST_METHOD",
	    "GET",
	    "CONTENT_TYPE",
	    "",
	    "CONTENT_LENGTH",
	    "",
	    "DOCUMENT_ROOT",
	    "/var/www/html",
	    "SERVER_PROTOCOL",
	    "HTTP/1.1",
	    "REQUEST_SCHEME",
	    "http",
	    "GATEWAY_INTERFACE",
	    "CGI/1.1",
	    "SERVER_SOFTWARE",
	    "nginx/1.22.1",
	    "REMOTE_ADDR",
	    "192.0.2.17",
	    "REMOTE_PORT",
	    "48210",
	    "SERVER_ADDR",
	    "192.0.2.1",
	    "SERVER_PORT",
	    "80",
	    "REDIRECT_STATUS",
	    "200",
	    "HTTP_USER_AGENT",
	    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
	    "HTTP_ACCEPT",
	    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
	    "HTTP_ACCEPT_LANGUAGE",
	    "en-GB,en;q=0.7,de;q=0.3",
	    "HTTP_ACCEPT_ENCODING",
	    "gzip, deflate, br",
	    "HTTP_CONNECTION",
	    "keep-alive",
	    "HTTP_REFERER",
	    "http://www.example.org/index.html",
	    NULL};
	const char *query = strchr(uri, '?');
	char path[1024], file[1100];

	snprintf(path, sizeof(path), "%.*s", (int)strcspn(uri, "?"), uri);
	snprintf(file, sizeof(file), "/var/www/html%s", path);
	p = wire_pair(p, "QUERY_STRING", query != NULL ? query + 1 : "");
	for (int i = 0; fixed[i] != NULL; i += 2)
		p = wire_pair(p, fixed[i], fixed[i + 1]);
	p = wire_pair(p, "SCRIPT_FILENAME", file);
	p = wire_pair(p, "SCRIPT_NAME", path);
	p = wire_pair(p, "REQUEST_URI", uri);
	p = wire_pair(p, "DOCUMENT_URI", path);
	p = wire_pair(p, "SERVER_NAME", opt.host);
	p = wire_pair(p, "HTTP_HOST", opt.host);
	for (int i = 0; i < opt.nextra; i++)
		p = add_extra(p, opt.extra[i]);
	return p;
}

static void make_ask(struct ask *a, const char *uri)
{
	static unsigned char buf[65536];
	unsigned char *p = buf, *params;
	size_t n, pad;

	p = wire_header(p, WIRE_BEGIN, 8, 0);
	memcpy(p, "\0\1\0\0\0\0\0\0", 8);
	p[2] = opt.keep ? WIRE_KEEP_CONN : 0;
	params = p + 8 + WIRE_HEADER;
	n = (size_t)(add_params(params, uri) - params);
	pad = -n & 7;
	wire_header(p + 8, WIRE_PARAMS, n, pad);
	memset(params + n, 0, pad);
	p = wire_header(params + n + pad, WIRE_PARAMS, 0, 0);
	p = wire_header(p, WIRE_STDIN, 0, 0);
	a->len = (size_t)(p - buf);
	a->bytes = malloc(a->len);
	if (a->bytes == NULL)
		exit(71);
	memcpy(a->bytes, buf, a->len);
	a->sum = 0;
}

/* One request for each URI, or `spread` of them for each, %u being the number. */
static void make_asks(char **uris, size_t nuris, size_t spread)
{
	char uri[1024];

	opt.nuris = nuris * spread;
	asks = calloc(opt.nuris, sizeof(*asks));
	if (asks == NULL)
		exit(71);
	for (size_t i = 0; i < opt.nuris; i++) {
		const char *pattern = uris[i % nuris], *u = strstr(pattern, "%u");

		if (u == NULL)
			snprintf(uri, sizeof(uri), "%s", pattern);
		else
			snprintf(uri, sizeof(uri), "%.*s%zu%s", (int)(u - pattern), pattern,
				 i / nuris, u + 2);
		make_ask(&asks[i], uri);
	}
}

/* ---- asking ---- */

static void hang_up(struct conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static void retire(struct crew *w, struct conn *c)
{
	hang_up(c);
	c->state = DONE;
	w->live--;
}

/* Connects, in the crew's epoll set.  False: not now (the backlog is full), or never. */
static bool dial(struct crew *w, struct conn *c)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
	struct sockaddr_un sun;

	wire_address(&sun, opt.path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd == -1) {
		complain(w, "socket: %s", strerror(errno));
		retire(w, c);
		return false;
	}
	if (connect(c->fd, (struct sockaddr *)&sun, sizeof(sun)) == -1) {
		int why = errno;

		hang_up(c);
		w->backlog += why == EAGAIN;
		if (why != EAGAIN || wire_now() >= limit) {
			complain(w, "connect: %s", strerror(why));
			retire(w, c);
		}
		return false;
	}
	epoll_ctl(w->epfd, EPOLL_CTL_ADD, c->fd, &ev);
	return true;
}

/* Sends all of it; a request is small, so that waiting for room is the exception. */
static bool say(int fd, const unsigned char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n > 0) {
			p += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			struct pollfd pfd = {.fd = fd, .events = POLLOUT};

			poll(&pfd, 1, 1000);
		} else if (errno != EINTR) {
			return false;
		}
	}
	return true;
}

/* Takes the next ticket; false when there are none or time is up. */
static bool ticket(struct conn *c, uint64_t now)
{
	uint64_t n;

	if (atomic_load_explicit(&stop, memory_order_relaxed) || (deadline && now >= deadline))
		return false;
	n = atomic_fetch_add_explicit(&issued, 1, memory_order_relaxed);
	if (opt.count && n >= opt.count)
		return false;
	c->ask = &asks[n % opt.nuris];
	return true;
}

/* An idle connection asks.  The ticket is kept when the backlog was full. */
static void ask(struct crew *w, struct conn *c, uint64_t now)
{
	if (c->ask == NULL && !ticket(c, now)) {
		retire(w, c);
		return;
	}
	c->since = now;
	if (c->fd < 0 && !dial(w, c)) {
		w->retry |= c->state == IDLE;
		return;
	}
	c->hdrlen = c->content = c->padding = c->endlen = c->headlen = c->body = 0;
	c->past_head = false;
	c->sum = 0;
	c->state = ASKED;
	if (!say(c->fd, c->ask->bytes, c->ask->len)) {
		complain(w, "send: %s", strerror(errno));
		hang_up(c);
		c->state = IDLE;
		c->ask = NULL;
		w->retry = true;
	}
}

/* ---- reading ---- */

static uint64_t add_sum(uint64_t sum, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum = (sum ^ p[i]) * 1099511628211u;
	return sum;
}

static void take_body(struct conn *c, const unsigned char *p, size_t n)
{
	c->body += n;
	if (opt.sum)
		c->sum = add_sum(c->sum, p, n);
	if (opt.show)
		fwrite(p, 1, n, stdout);
}

/* Value of a head's field, or NULL. */
static const char *field(const char *head, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = head; p != NULL; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncasecmp(p, name, n) == 0)
			return p + n;
	}
	return NULL;
}

/* Looks for the end of the CGI head in what has come of it.  False: not a 200. */
static bool take_head(struct crew *w, struct conn *c, const unsigned char *p, size_t n)
{
	size_t had = c->headlen, room = HEAD - 1 - had, take = n < room ? n : room;
	const char *end, *v;
	size_t used;

	memcpy(c->head + had, p, take);
	c->headlen += take;
	end = memmem(c->head, c->headlen, "\r\n\r\n", 4);
	if (end == NULL)
		return take == n;
	used = (size_t)(end - c->head) + 4;
	c->head[used] = '\0';
	c->past_head = true;
	if (opt.show > 1)
		fwrite(c->head, 1, used, stdout);
	if (field(c->head, "HTTP/1.") != NULL ||
	    ((v = field(c->head, "Status:")) != NULL && strtol(v, NULL, 10) != 200)) {
		complain(w, "not a 200: %.200s", c->head);
		return false;
	}
	c->announced = (size_t)-1;
	if (opt.body == 0 && (v = field(c->head, "Content-Length:")) != NULL)
		c->announced = strtoul(v, NULL, 10);
	take_body(c, p + (used - had), n - (used - had));
	return true;
}

/* Content of the current record.  False: the answer is no good. */
static bool take_content(struct crew *w, struct conn *c, const unsigned char *p, size_t n)
{
	switch (c->hdr[1]) {
	case WIRE_STDOUT:
		if (!c->past_head)
			return take_head(w, c, p, n);
		take_body(c, p, n);
		return true;
	case WIRE_END:
		for (size_t i = 0; i < n && c->endlen < 8; i++)
			c->end[c->endlen++] = p[i];
		return true;
	case WIRE_STDERR:
		return true;
	default:
		complain(w, "a record of type %d", c->hdr[1]);
		return false;
	}
}

/* Is the answer that has come to its end the right one? */
static bool check(struct crew *w, struct conn *c)
{
	size_t want = opt.body ? opt.body : c->announced;
	uint64_t known = 0;

	if (c->endlen != 8 || c->end[4] != 0) {
		complain(w, "END_REQUEST with status %d", c->end[4]);
		return false;
	}
	if (!c->past_head || (want != (size_t)-1 && c->body != want)) {
		complain(w, "a body of %zu bytes, not %zu", c->body, want);
		return false;
	}
	if (!opt.sum || atomic_compare_exchange_strong(&c->ask->sum, &known, c->sum) ||
	    known == c->sum)
		return true;
	complain(w, "a body that differs from the first");
	return false;
}

/* Walks `n` bytes.  1: the answer has ended with the last of them, 0: more to come, -1: bad. */
static int walk(struct crew *w, struct conn *c, const unsigned char *p, size_t n)
{
	while (n > 0) {
		if (c->hdrlen < WIRE_HEADER) {
			size_t k = WIRE_HEADER - c->hdrlen;

			k = k < n ? k : n;
			memcpy(c->hdr + c->hdrlen, p, k);
			c->hdrlen += k;
			p += k;
			n -= k;
			if (c->hdrlen < WIRE_HEADER)
				return 0;
			c->content = wire_u16(c->hdr + 4);
			c->padding = c->hdr[6];
		}
		if (c->content > 0) {
			size_t k = c->content < n ? c->content : n;

			if (k > 0 && !take_content(w, c, p, k))
				return -1;
			c->content -= k;
			p += k;
			n -= k;
		}
		if (c->content == 0) {
			size_t k = c->padding < n ? c->padding : n;

			c->padding -= k;
			p += k;
			n -= k;
			if (c->padding > 0)
				return 0;
			c->hdrlen = 0;
			if (c->hdr[1] == WIRE_END) {
				if (n == 0)
					return check(w, c) ? 1 : -1;
				complain(w, "%zu bytes after END_REQUEST", n);
				return -1;
			}
		}
	}
	return 0;
}

static void answered(struct crew *w, struct conn *c, int verdict)
{
	uint64_t now = wire_now(), took = now - c->since;

	if (verdict > 0) {
		w->requests++;
		w->bytes += c->body;
		w->hist[bucket(took)]++;
		if (took > w->max)
			w->max = took;
	}
	if (verdict < 0 || !opt.keep)
		hang_up(c);
	c->state = IDLE;
	c->ask = NULL;
	ask(w, c, now);
}

static void readable(struct crew *w, struct conn *c)
{
	ssize_t n = recv(c->fd, w->buf, RECV, 0);

	if (c->state != ASKED) {
		hang_up(c); /* a kept connection that the server gave up */
	} else if (n > 0) {
		int verdict = walk(w, c, w->buf, (size_t)n);

		if (verdict != 0)
			answered(w, c, verdict);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		complain(w, "the answer broke off after %zu bytes of body: %s", c->body,
			 n == 0 ? "end of stream" : strerror(errno));
		answered(w, c, -1);
	}
}

/* What came within `ms`; false when it was nothing. */
static bool events(struct crew *w, int ms)
{
	struct epoll_event ev[EVENTS];
	int n = epoll_wait(w->epfd, ev, EVENTS, ms);

	for (int i = 0; i < n; i++)
		readable(w, ev[i].data.ptr);
	return n > 0;
}

/* Lets the idle ones ask, a few at a time, so that answers are seen meanwhile. */
static void begin(struct crew *w)
{
	int begun = 0;

	w->retry = false;
	for (int i = 0; i < w->nconns; i++) {
		if (w->conns[i].state != IDLE)
			continue;
		ask(w, &w->conns[i], wire_now());
		if (++begun % BURST == 0)
			events(w, 0);
	}
}

static void *work(void *arg)
{
	struct crew *w = arg;

	begin(w);
	while (w->live > 0 && !atomic_load_explicit(&stop, memory_order_relaxed)) {
		bool came = events(w, w->retry ? 1 : 100);

		if (w->retry)
			begin(w);
		if (!came && wire_now() >= limit)
			break;
	}
	return NULL;
}

/* ---- the whole ---- */

static void on_signal(int sig)
{
	(void)sig;
	atomic_store(&stop, true);
}

static struct crew *hire(void)
{
	struct crew *crews = calloc((size_t)opt.threads, sizeof(*crews));

	if (crews == NULL)
		exit(71);
	for (int t = 0; t < opt.threads; t++) {
		struct crew *w = &crews[t];

		w->nconns = opt.conns / opt.threads + (t < opt.conns % opt.threads);
		w->live = w->nconns;
		w->conns = calloc((size_t)w->nconns + 1, sizeof(*w->conns));
		w->buf = malloc(RECV);
		w->epfd = epoll_create1(EPOLL_CLOEXEC);
		if (w->conns == NULL || w->buf == NULL || w->epfd == -1)
			exit(71);
		for (int i = 0; i < w->nconns; i++)
			w->conns[i].fd = -1;
	}
	return crews;
}

/* Adds the crews' figures up into the first; returns how many are still without an answer. */
static uint64_t gather(struct crew *crews)
{
	uint64_t waiting = 0;

	for (int t = 0; t < opt.threads; t++) {
		struct crew *w = &crews[t];

		for (int i = 0; i < w->nconns; i++)
			waiting += w->conns[i].state == ASKED ||
				   (w->conns[i].state == IDLE && w->conns[i].ask != NULL);
		if (t == 0)
			continue;
		crews->requests += w->requests;
		crews->errors += w->errors;
		crews->bytes += w->bytes;
		crews->backlog += w->backlog;
		crews->max = w->max > crews->max ? w->max : crews->max;
		for (size_t i = 0; i < BUCKETS; i++)
			crews->hist[i] += w->hist[i];
	}
	return waiting;
}

static void report(const struct crew *w, double seconds, uint64_t waiting)
{
	struct rusage ru;
	double cpu;

	getrusage(RUSAGE_SELF, &ru);
	cpu = (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1e6 +
	      (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec);
	printf("requests=%ju seconds=%.3f rps=%.0f errors=%ju bytes=%ju p50=%.1f p90=%.1f p99=%.1f "
	       "max=%.1f waiting=%ju backlog=%ju client_cpu=%.2f",
	       (uintmax_t)w->requests, seconds, (double)w->requests / seconds, (uintmax_t)w->errors,
	       (uintmax_t)w->bytes, quantile(w->hist, w->requests, 0.5),
	       quantile(w->hist, w->requests, 0.9), quantile(w->hist, w->requests, 0.99),
	       (double)w->max / 1000, (uintmax_t)waiting, (uintmax_t)w->backlog,
	       w->requests ? cpu / (double)w->requests : 0);
	if (opt.sum)
		printf(" sum=%016jx", (uintmax_t)asks[0].sum);
	putchar('\n');
}

static void usage(void)
{
	fputs("usage: load [options] unix-path\n"
	      "  -c N     connections (16)          -t N     threads (1)\n"
	      "  -d SEC   for so long               -n N     so many requests (-p: 1)\n"
	      "  -k 0|1   new or kept connections (1)\n"
	      "  -u URI   asked for (/10k); several in turn\n"
	      "  -N N     each URI N times, %u in it is 0 to N-1\n"
	      "  -H 'NAME: VALUE'  a header more    -o HOST  the host\n"
	      "  -b N     the body has N bytes (its Content-Length)\n"
	      "  -x       sum the bodies up: all of one URI must be the same\n"
	      "  -p       print the body instead; twice: the head too\n"
	      "  -m SEC   give up after so long (60, or -d and 10)\n",
	      stderr);
	exit(64);
}

static void options(int argc, char **argv)
{
	char *uris[64] = {(char *)"/10k"};
	size_t nuris = 0, spread = 1;
	double most = 0;
	int c;

	while ((c = getopt(argc, argv, "c:t:d:n:k:u:N:H:o:b:xpm:")) != -1) {
		switch (c) {
		case 'c':
			opt.conns = atoi(optarg);
			break;
		case 't':
			opt.threads = atoi(optarg);
			break;
		case 'd':
			opt.seconds = atof(optarg);
			break;
		case 'n':
			opt.count = strtoull(optarg, NULL, 10);
			break;
		case 'k':
			opt.keep = atoi(optarg) != 0;
			break;
		case 'N':
			spread = strtoul(optarg, NULL, 10);
			break;
		case 'o':
			opt.host = optarg;
			break;
		case 'b':
			opt.body = strtoul(optarg, NULL, 10);
			break;
		case 'x':
			opt.sum = true;
			break;
		case 'p':
			opt.show++;
			break;
		case 'm':
			most = atof(optarg);
			break;
		case 'u':
			if (nuris < 64)
				uris[nuris++] = optarg;
			break;
		case 'H':
			if (opt.nextra < 16)
				opt.extra[opt.nextra++] = optarg;
			break;
		default:
			usage();
		}
	}
	if (optind + 1 != argc || opt.conns < 1 || opt.threads < 1 || spread < 1)
		usage();
	if (opt.show)
		opt.count = (uint64_t)(opt.conns = opt.threads = 1);
	if (opt.threads > opt.conns)
		opt.threads = opt.conns;
	if (opt.count == 0 && opt.seconds == 0)
		opt.seconds = 2;
	opt.limit = most > 0 ? most : opt.seconds > 0 ? opt.seconds + 10 : 60;
	opt.path = argv[optind];
	make_asks(uris, nuris ? nuris : 1, spread);
}

int main(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = on_signal};
	struct crew *crews;
	uint64_t start, waiting;
	struct sockaddr_un sun;

	options(argc, argv);
	if (!wire_address(&sun, opt.path))
		usage();
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	crews = hire();
	start = wire_now();
	deadline = opt.seconds > 0 ? start + (uint64_t)(opt.seconds * 1e9) : 0;
	limit = start + (uint64_t)(opt.limit * 1e9);
	for (int t = 1; t < opt.threads; t++)
		if (pthread_create(&crews[t].tid, NULL, work, &crews[t]) != 0)
			return 71;
	work(&crews[0]);
	for (int t = 1; t < opt.threads; t++)
		pthread_join(crews[t].tid, NULL);
	waiting = gather(crews);
	if (!opt.show)
		report(crews, (double)(wire_now() - start) / 1e9, waiting);
	return crews->errors || (waiting && !atomic_load(&stop)) || crews->requests == 0;
}
