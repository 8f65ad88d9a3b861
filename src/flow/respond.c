/*
 * An answer is a run of slices (stored head, our own fields, body) cut into STDOUT records of at
 * most FCGI_REC_CONTENT bytes, then the empty STDOUT and END_REQUEST. The bodies are not copied:
 * the iovec points into the object, which the request holds until all is out.
 */
#include "flow/respond.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "fcgi/record.h"
#include "flow/decide.h"
#include "flow/select.h"

#define NO_LENGTH UINT64_MAX
#define TAIL_MAX  512u
#define ARG_MAX_N 64u  /* of a reason's argument */
#define IOV_STEP  1024 /* Linux's IOV_MAX */

/* ---- our own fields ---- */

static char *put(char *p, struct str s)
{
	memcpy(p, s.p, s.n);
	return p + s.n;
}

static char *put_number(char *p, int64_t value)
{
	char digits[24];
	size_t n = 0;
	uint64_t v = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	do
		digits[n++] = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	if (value < 0)
		*p++ = '-';
	while (n > 0)
		*p++ = digits[--n];
	return p;
}

/* A token of RFC 8941 needs no quotes; anything else is quoted, odd bytes as '?'. */
static char *put_detail(char *p, struct str name, struct str arg)
{
	bool token = true;

	arg = str_sub(arg, 0, ARG_MAX_N);
	for (size_t i = 0; i < arg.n; i++)
		if (!http_is_token(str_make(arg.p + i, 1)))
			token = false;
	if (!token)
		*p++ = '"';
	p = put(p, name);
	if (arg.n)
		*p++ = ':';
	for (size_t i = 0; i < arg.n; i++) {
		char c = arg.p[i];

		if (c == '"' || c == '\\')
			*p++ = '\\';
		*p++ = c >= ' ' && c <= '~' ? c : '?';
	}
	if (!token)
		*p++ = '"';
	return p;
}

static const struct str forward_names[] = {
    [FWD_NONE] = STR(""),
    [FWD_BYPASS] = STR("; fwd=bypass"),
    [FWD_METHOD] = STR("; fwd=method"),
    [FWD_URI_MISS] = STR("; fwd=uri-miss"),
    [FWD_VARY_MISS] = STR("; fwd=vary-miss"),
    [FWD_STALE] = STR("; fwd=stale"),
    [FWD_PARTIAL] = STR("; fwd=partial"),
    [FWD_REQUEST] = STR("; fwd=request"),
};

/* Whether it is another status than the client sees (RFC 9211 section 2.3). */
static bool is_other_status(const struct request *r)
{
	return r->fetched_status != 0 && r->fetched_status != r->status;
}

/* Cache-Status (RFC 9211). ttl: ms, for what was stored before. */
static char *put_cache_status(char *p, const struct request *r, int64_t ttl)
{
	bool stored_before = r->outcome == OUTCOME_HIT || r->outcome == OUTCOME_STALE;

	p = put(p, STR("Cache-Status: fcgicache"));
	if (stored_before && !r->fetched)
		p = put(p, STR("; hit"));
	else
		p = put(p, forward_names[r->forward]);
	if (r->fetched && is_other_status(r)) {
		p = put(p, STR("; fwd-status="));
		p = put_number(p, r->fetched_status);
	}
	if (stored_before) {
		p = put(p, STR("; ttl="));
		p = put_number(p, ttl / 1000);
	}
	if (r->stored)
		p = put(p, STR("; stored"));
	if (r->collapsed)
		p = put(p, STR("; collapsed"));
	if (r->reason != REASON_NONE) {
		p = put(p, STR("; detail="));
		p = put_detail(p, reason_name(r->reason), r->reason_arg);
	}
	return p;
}

/* Content-Length, Age, Cache-Status and the empty line; at most TAIL_MAX bytes. */
static struct str tail(const struct request *r, uint64_t length, int64_t ttl, char out[TAIL_MAX])
{
	char *p = out;

	if (length != NO_LENGTH) {
		p = put(p, STR("Content-Length: "));
		p = put_number(p, (int64_t)length);
		p = put(p, STR("\r\n"));
	}
	p = put(p, STR("Age: "));
	p = put_number(p, r->age > 0 ? r->age / 1000 : 0);
	p = put(p, STR("\r\n"));
	p = put_cache_status(p, r, ttl);
	p = put(p, STR("\r\n\r\n"));
	return str_make(out, (size_t)(p - out));
}

/* ---- whole answers ---- */

/* Slices to come, cut into records as they are added. */
struct cutter {
	struct request *r;
	unsigned char *header; /* the next record's */
	size_t left;           /* of all content not yet added */
	size_t room;           /* in the open record */
};

static void cut(struct cutter *c, struct str slice)
{
	struct request *r = c->r;

	while (slice.n > 0) {
		size_t n;

		if (c->room == 0) {
			c->room = c->left < FCGI_REC_CONTENT ? c->left : FCGI_REC_CONTENT;
			fcgi_header_write(c->header, FCGI_TYPE_STDOUT, r->client->id, c->room);
			r->iov[r->n_iov++] = (struct iovec){c->header, FCGI_REC_HEADER};
			c->header += FCGI_REC_HEADER;
		}
		n = slice.n < c->room ? slice.n : c->room;
		r->iov[r->n_iov++] = (struct iovec){(void *)(uintptr_t)slice.p, n};
		c->room -= n;
		c->left -= n;
		slice = str_sub(slice, n, slice.n);
	}
}

/* Builds r->iov from the slices, with the end of the request. False: memory is out. */
static bool build(struct request *r, const struct str *slices, size_t n)
{
	struct cutter c = {.r = r};
	size_t records;

	for (size_t i = 0; i < n; i++)
		c.left += slices[i].n;
	records = c.left / FCGI_REC_CONTENT + 1;
	c.header =
	    arena_alloc(&r->arena, records * FCGI_REC_HEADER + FCGI_REC_HEADER + FCGI_FIXED_RECORD);
	r->iov = arena_alloc(&r->arena, (2 * records + n + 1) * sizeof(*r->iov));
	if (!c.header || !r->iov)
		return false;
	r->n_iov = r->at_iov = 0;
	for (size_t i = 0; i < n; i++)
		cut(&c, slices[i]);
	fcgi_header_write(c.header, FCGI_TYPE_STDOUT, r->client->id, 0);
	fcgi_end_write(c.header + FCGI_REC_HEADER, r->client->id, r->app_status, FCGI_END_COMPLETE);
	r->iov[r->n_iov++] = (struct iovec){c.header, FCGI_REC_HEADER + FCGI_FIXED_RECORD};
	return true;
}

/* Takes what has been sent off the iovec. */
static void advance(struct request *r, size_t n)
{
	while (n > 0) {
		struct iovec *v = &r->iov[r->at_iov];
		size_t part = n < v->iov_len ? n : v->iov_len;

		v->iov_base = (char *)v->iov_base + part;
		v->iov_len -= part;
		n -= part;
		if (v->iov_len == 0)
			r->at_iov++;
	}
}

enum respond_result respond_continue(struct request *r)
{
	while (r->at_iov < r->n_iov) {
		int n = r->n_iov - r->at_iov;
		struct msghdr msg = {
		    .msg_iov = r->iov + r->at_iov,
		    .msg_iovlen = (size_t)(n < IOV_STEP ? n : IOV_STEP),
		};
		ssize_t sent = sendmsg(r->client->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent >= 0) {
			advance(r, (size_t)sent);
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			r->client->ops->wait_writable(r->client,
						      clock_mono_ms() + RESPOND_SEND_TIMEOUT);
			return RESPOND_LATER;
		} else if (errno != EINTR) {
			return RESPOND_BROKEN;
		}
	}
	return RESPOND_SENT;
}

static enum respond_result send_whole(struct request *r, const struct str *slices, size_t n)
{
	if (r->client->fd < 0 || !build(r, slices, n))
		return RESPOND_BROKEN;
	return respond_continue(r);
}

static const char *error_text(int status)
{
	switch (status) {
	case 400:
		return "The request contradicts itself.";
	case 408:
		return "The request did not arrive in time.";
	case 412:
		return "The page is not the one that the request expects.";
	case 431:
		return "The request is larger than can be handled.";
	case 503:
		return "The site is busy. Please try again in a moment.";
	case 504:
		return "The site did not answer in time. Please try again in a moment.";
	default:
		return "The site did not answer properly. Please try again in a moment.";
	}
}

/* ttl: ms, of the stored page that it is about; 0 if it is about none. */
static enum respond_result send_error(struct request *r, int status, int64_t ttl)
{
	char tail_bytes[TAIL_MAX];
	struct str slices[3], end;
	const char *phrase = http_phrase(status);

	r->status = status;
	r->age = 0;
	r->stored = false;
	if (!arena_printf(&r->arena, &slices[2],
			  "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
			  "<title>%d %s</title>\n<h1>%d %s</h1>\n<p>%s</p>\n</html>\n",
			  status, phrase, status, phrase, error_text(status)) ||
	    !arena_printf(&r->arena, &slices[0],
			  "Status: %d %s\r\nContent-Type: text/html; charset=utf-8\r\n"
			  "Cache-Control: no-store\r\n%s",
			  status, phrase, status == 503 ? "Retry-After: 5\r\n" : ""))
		return RESPOND_BROKEN;
	end = tail(r, slices[2].n, ttl, tail_bytes);
	if (!arena_dup(&r->arena, end, &slices[1]))
		return RESPOND_BROKEN;
	if (r->is_head)
		slices[2] = STR("");
	r->sent_body = slices[2].n;
	return send_whole(r, slices, 3);
}

enum respond_result respond_error(struct request *r, int status)
{
	return send_error(r, status, 0);
}

enum respond_result respond_object(struct request *r, struct object *o, int64_t now)
{
	int64_t ttl = r->plan.lookup ? decide_ttl(r, o, now) : 0;
	struct selection s;
	char tail_bytes[TAIL_MAX];
	struct str *slices;
	size_t n = 2;

	if (!select_content(r, o, now, &s))
		return RESPOND_BROKEN;
	if (s.status == 412)
		return send_error(r, 412, ttl);
	r->status = s.status;
	r->age = now - object_head(o)->born;
	if (!r->sending)
		r->sending = object_ref(o);
	slices = arena_alloc(&r->arena, (s.n_slices + 2) * sizeof(*slices));
	if (!slices || !arena_dup(&r->arena, tail(r, s.length, ttl, tail_bytes), &slices[1]))
		return RESPOND_BROKEN;
	slices[0] = s.fields;
	for (size_t i = 0; i < s.n_slices && !r->is_head; i++) {
		slices[n++] = s.slices[i];
		r->sent_body += s.slices[i].n;
	}
	return send_whole(r, slices, n);
}

/* ---- streamed answers ---- */

/* Waits until fd takes bytes; false when it has gone or took none for too long. */
static bool await_writable(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLOUT};
	int rc;

	do
		rc = poll(&pfd, 1, RESPOND_SEND_TIMEOUT);
	while (rc < 0 && errno == EINTR);
	if (rc == 0)
		metrics_add(COUNTER_SEND_TIMEOUT, 1);
	return rc > 0 && (pfd.revents & POLLOUT);
}

static bool send_all(int fd, struct iovec *iov, size_t n)
{
	if (fd < 0)
		return false;
	while (n > 0) {
		struct msghdr msg = {.msg_iov = iov, .msg_iovlen = n};
		ssize_t sent = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0) {
			if (errno == EINTR ||
			    ((errno == EAGAIN || errno == EWOULDBLOCK) && await_writable(fd)))
				continue;
			return false;
		}
		for (; n > 0 && (size_t)sent >= iov->iov_len; iov++, n--)
			sent -= (ssize_t)iov->iov_len;
		if (n > 0) {
			iov->iov_base = (char *)iov->iov_base + sent;
			iov->iov_len -= (size_t)sent;
		}
	}
	return true;
}

/* One record of up to three slices; together at most FCGI_REC_CONTENT bytes. */
static bool send_record(struct request *r, const struct str *slices, size_t n)
{
	unsigned char header[FCGI_REC_HEADER];
	struct iovec iov[4] = {{header, sizeof(header)}};
	size_t total = 0;

	for (size_t i = 0; i < n; i++) {
		iov[i + 1] = (struct iovec){(void *)(uintptr_t)slices[i].p, slices[i].n};
		total += slices[i].n;
	}
	fcgi_header_write(header, FCGI_TYPE_STDOUT, r->client->id, total);
	return send_all(r->client->fd, iov, n + 1);
}

bool respond_stream(struct request *r, struct str bytes)
{
	while (bytes.n > 0) {
		struct str part = str_sub(bytes, 0, FCGI_REC_CONTENT);

		if (!send_record(r, &part, 1))
			return false;
		r->sent_body += part.n;
		bytes = str_sub(bytes, part.n, bytes.n);
	}
	return true;
}

bool respond_stream_head(struct request *r, struct str fields, uint64_t length, struct str body)
{
	char tail_bytes[TAIL_MAX];
	struct str slices[3] = {fields, tail(r, length, 0, tail_bytes)};
	size_t head = fields.n + slices[1].n;

	if (head > FCGI_REC_CONTENT) {
		if (!send_record(r, &(struct str){fields.p, FCGI_REC_CONTENT / 2}, 1))
			return false;
		slices[0] = str_sub(fields, FCGI_REC_CONTENT / 2, fields.n);
		head -= FCGI_REC_CONTENT / 2;
	}
	slices[2] = str_sub(body, 0, FCGI_REC_CONTENT - head);
	r->sent_body = slices[2].n;
	if (!send_record(r, slices, 3))
		return false;
	return respond_stream(r, str_sub(body, slices[2].n, body.n));
}

bool respond_stream_end(struct request *r, uint32_t app_status)
{
	unsigned char end[FCGI_REC_HEADER + FCGI_FIXED_RECORD];
	struct iovec iov = {end, sizeof(end)};

	fcgi_header_write(end, FCGI_TYPE_STDOUT, r->client->id, 0);
	fcgi_end_write(end + FCGI_REC_HEADER, r->client->id, app_status, FCGI_END_COMPLETE);
	return send_all(r->client->fd, &iov, 1);
}

void respond_abort(struct request *r)
{
	char zeros[FCGI_REC_HEADER] = {0};
	struct iovec iov = {zeros, sizeof(zeros)};

	(void)send_all(r->client->fd, &iov, 1);
}
