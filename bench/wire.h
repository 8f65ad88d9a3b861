/*
 * wire: the little of FastCGI that the bench programs share.
 *
 * Record headers, name-value pairs, and a whole answer laid out as bytes; the page that belongs to
 * a URL, so that floor, plain and app print the very same one and `load -x` can tell.  Everything
 * is pure, static and small: a bench program is one .c and this file, and uses nothing of src/, so
 * that a mistake there cannot hide itself here.
 *
 *	answer	STDOUT record (head + start of the body), STDOUT records, END_REQUEST
 *	page	"/10k" is 10 x 1024 bytes, "/300" is 300; lines of letters, seeded by the URL
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	WIRE_BEGIN = 1,
	WIRE_END = 3,
	WIRE_PARAMS = 4,
	WIRE_STDIN = 5,
	WIRE_STDOUT = 6,
	WIRE_STDERR = 7,
	WIRE_HEADER = 8,      /* bytes of a record header */
	WIRE_CONTENT = 65528, /* our largest content: a multiple of 8, so never padded */
	WIRE_KEEP_CONN = 1
};

/* Monotonic nanoseconds. */
static inline uint64_t wire_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static inline size_t wire_u16(const unsigned char *p)
{
	return (size_t)p[0] << 8 | p[1];
}

/* Writes a record header of request 1 and returns the byte after it. */
static inline unsigned char *wire_header(unsigned char *p, int type, size_t len, size_t padding)
{
	p[0] = 1;
	p[1] = (unsigned char)type;
	p[2] = 0;
	p[3] = 1;
	p[4] = (unsigned char)(len >> 8);
	p[5] = (unsigned char)len;
	p[6] = (unsigned char)padding;
	p[7] = 0;
	return p + WIRE_HEADER;
}

static inline unsigned char *wire_length(unsigned char *p, size_t n)
{
	if (n < 128) {
		*p++ = (unsigned char)n;
		return p;
	}
	*p++ = (unsigned char)(n >> 24 | 0x80);
	*p++ = (unsigned char)(n >> 16);
	*p++ = (unsigned char)(n >> 8);
	*p++ = (unsigned char)n;
	return p;
}

/* Appends one name-value pair; the caller has room for both and 8 bytes more. */
static inline unsigned char *wire_pair(unsigned char *p, const char *name, const char *value)
{
	size_t nlen = strlen(name), vlen = strlen(value);

	p = wire_length(p, nlen);
	p = wire_length(p, vlen);
	memcpy(p, name, nlen);
	memcpy(p + nlen, value, vlen);
	return p + nlen + vlen;
}

/* Reads a pair's length at *p, before `end`; (size_t)-1 when it is cut short. */
static inline size_t wire_take_length(const unsigned char **p, const unsigned char *end)
{
	const unsigned char *q = *p;

	if (q < end && *q < 128) {
		*p = q + 1;
		return *q;
	}
	if (end - q < 4)
		return (size_t)-1;
	*p = q + 4;
	return (size_t)(q[0] & 0x7f) << 24 | (size_t)q[1] << 16 | (size_t)q[2] << 8 | q[3];
}

/* Finds `name` in `len` bytes of pairs; copies its value into `to`, cut to `size`; or false. */
static inline int wire_find(const unsigned char *p, size_t len, const char *name, char *to,
			    size_t size)
{
	const unsigned char *end = p + len;
	size_t want = strlen(name);

	while (p < end) {
		size_t n = wire_take_length(&p, end);
		size_t v = wire_take_length(&p, end);
		size_t left = (size_t)(end - p);

		if (n > left || v > left - n)
			return 0;
		if (n == want && memcmp(p, name, n) == 0) {
			snprintf(to, size, "%.*s", (int)v, (const char *)p + n);
			return 1;
		}
		p += n + v;
	}
	return 0;
}

/* The answer's head, the same from all of them.  `cache` is the Cache-Control. */
static inline int wire_head(char *to, size_t size, const char *cache, size_t body)
{
	return snprintf(to, size,
			"Status: 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
			"Cache-Control: %s\r\nContent-Length: %zu\r\n\r\n",
			cache, body);
}

/*
 * Lays out a whole answer: head and body in STDOUT records, an empty one, END_REQUEST, in one
 * malloc'ed piece that the caller owns.  NULL when memory is out.
 */
static inline unsigned char *wire_answer(const char *head, const char *body, size_t len,
					 size_t *total)
{
	size_t hlen = strlen(head), all = hlen + len, done = 0;
	unsigned char *buf = malloc(all + (all / WIRE_CONTENT + 4) * WIRE_HEADER);
	unsigned char *p = buf;

	if (buf == NULL)
		return NULL;
	while (done < all) {
		size_t n = all - done < WIRE_CONTENT ? all - done : WIRE_CONTENT;
		size_t h = done < hlen ? hlen - done : 0;

		p = wire_header(p, WIRE_STDOUT, n, 0);
		h = h < n ? h : n;
		memcpy(p, head + done, h);
		memcpy(p + h, body + done + h - hlen, n - h);
		p += n;
		done += n;
	}
	p = wire_header(p, WIRE_STDOUT, 0, 0);
	p = wire_header(p, WIRE_END, 8, 0);
	memset(p, 0, 8);
	*total = (size_t)(p + 8 - buf);
	return buf;
}

/* Bytes of the page at `uri`: "/10k?x" 10240, "/300" 300; 0 when the path is no number. */
static inline size_t wire_page_size(const char *uri)
{
	char *end = NULL;
	size_t n = *uri == '/' ? strtoul(uri + 1, &end, 10) : 0;

	return end != NULL && *end == 'k' ? n * 1024 : n;
}

/* Fills in the page of `uri`: the same bytes each time, others for another URL. */
static inline void wire_page(const char *uri, char *to, size_t len)
{
	uint64_t x = 1469598103934665603u;

	for (const char *p = uri; *p != '\0'; p++)
		x = (x ^ (unsigned char)*p) * 1099511628211u;
	for (size_t i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		to[i] = i % 80 == 79 ? '\n' : (char)('a' + x % 26);
	}
}

/* Fills in the address of a unix socket; false when the path is too long. */
static inline int wire_address(struct sockaddr_un *sun, const char *path)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(sun->sun_path))
		return 0;
	strcpy(sun->sun_path, path);
	return 1;
}

/* A listening unix socket, non-blocking, whatever was at `path` before; exits when it cannot be. */
static inline int wire_listen(const char *path)
{
	struct sockaddr_un sun;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (!wire_address(&sun, path)) {
		fprintf(stderr, "%s: the path is too long\n", path);
		exit(64);
	}
	unlink(path);
	if (fd == -1 || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    listen(fd, 4096) == -1) {
		perror(path);
		exit(71);
	}
	return fd;
}

#endif
