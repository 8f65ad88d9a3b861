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
#include "http/cond.h"

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
    [FWD_REQUEST] = STR("; fwd=request"),
};

/* Cache-Status (RFC 9211). ttl: ms, for hits. */
static char *put_cache_status(char *p, const struct request *r, int64_t ttl)
{
	bool hit = r->outcome == OUTCOME_HIT || r->outcome == OUTCOME_STALE;

	p = put(p, STR("Cache-Status: fcgicache"));
	if (hit) {
		p = put(p, STR("; hit; ttl="));
		p = put_number(p, ttl / 1000);
	} else {
		p = put(p, forward_names[r->forward]);
		if (r->stored)
			p = put(p, STR("; stored"));
		if (r->collapsed)
			p = put(p, STR("; collapsed"));
	}
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

/* The head of a 304 (RFC 9110 section 15.4.5): the stored one without what describes the body. */
static bool not_modified_head(struct request *r, struct str head, struct str *out)
{
	char *p = arena_alloc(&r->arena, head.n + 32), *start = p;
	struct str line;

	if (!p)
		return false;
	(void)str_split(&head, '\n', &line); /* the Status line */
	p = put(p, STR("Status: 304 Not Modified\r\n"));
	while (str_split(&head, '\n', &line)) {
		if (str_istarts(line, STR("Content-")) &&
		    !str_istarts(line, STR("Content-Location:")))
			continue;
		p = put(p, str_make(line.p, line.n + 1));
	}
	*out = str_make(start, (size_t)(p - start));
	return true;
}

static enum cond_answer conditions(const struct request *r, const struct object_head *head,
				   int64_t now)
{
	struct cond_request c = {
	    .if_match = r->known[KNOWN_IF_MATCH],
	    .if_none_match = r->known[KNOWN_IF_NONE_MATCH],
	    .if_modified_since = r->known[KNOWN_IF_MODIFIED_SINCE],
	    .if_unmodified_since = r->known[KNOWN_IF_UNMODIFIED_SINCE],
	};

	if (head->status != 200 || !r->plan.lookup ||
	    (!c.if_match.p && !c.if_none_match.p && !c.if_modified_since.p &&
	     !c.if_unmodified_since.p))
		return COND_SEND;
	return cond_evaluate(&c, head->etag, head->last_modified, now);
}

static bool has_no_body(int status)
{
	return status == 204 || status == 304;
}

enum respond_result respond_object(struct request *r, struct object *o, int64_t now)
{
	const struct object_head *head = object_head(o);
	struct str body = object_body(o), text = head->head;
	uint64_t length = has_no_body(head->status) ? NO_LENGTH : body.n;
	int64_t ttl = r->plan.lookup ? decide_ttl(r, o, now) : 0;
	char tail_bytes[TAIL_MAX];
	struct str slices[3];

	r->status = head->status;
	r->age = now - head->born;
	switch (conditions(r, head, now)) {
	case COND_SEND:
		break;
	case COND_NOT_MODIFIED:
		r->status = 304;
		length = NO_LENGTH;
		if (!not_modified_head(r, head->head, &text))
			return RESPOND_BROKEN;
		break;
	case COND_FAILED:
		return respond_error(r, 412);
	}
	if (r->is_head || r->status == 304)
		body = STR("");
	if (!r->sending)
		r->sending = object_ref(o);
	r->sent_body = body.n;
	slices[0] = text;
	if (!arena_dup(&r->arena, tail(r, length, ttl, tail_bytes), &slices[1]))
		return RESPOND_BROKEN;
	slices[2] = body;
	return send_whole(r, slices, 3);
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

enum respond_result respond_error(struct request *r, int status)
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
	end = tail(r, slices[2].n, 0, tail_bytes);
	if (!arena_dup(&r->arena, end, &slices[1]))
		return RESPOND_BROKEN;
	if (r->is_head)
		slices[2] = STR("");
	r->sent_body = slices[2].n;
	return send_whole(r, slices, 3);
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
