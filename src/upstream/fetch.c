/*
 * An exchange is a loop over poll:
 *
 *     source --(one buffer of records)--> application --(one buffer)--> reader --> sink
 *
 * One buffer each way bounds the memory. Reading goes on while we still send, so an application
 * that answers early never meets us blocked. Three clocks: `total` for all, `quiet` since the last
 * byte in any direction that we wait for, and the sink's own.
 */
#include "upstream/fetch.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics.h"

#define REQUEST_ID  1
#define READ_BUFFER 65536u
#define BODY_CHUNK  32768u

struct exchange {
	struct fetch *f;
	int fd;
	struct buf out; /* records to send, from out_at on */
	size_t out_at;
	size_t head;       /* bytes of BEGIN and PARAMS at the start of out; 0 once they are sent */
	bool source_done;  /* nothing more to ask the source */
	bool source_waits; /* it said LATER */
	bool sent_any;
	bool watching;
	bool trailing; /* bytes behind END_REQUEST: ignored, but the connection is not kept */
	struct fcgi_reader reader;
	int64_t last; /* when a byte moved */
	int64_t end;  /* total deadline */
	char *in;
};

static enum fetch_result fail(struct exchange *x, enum fetch_result result, const char *error)
{
	x->f->error = error;
	return result;
}

/* BEGIN, PARAMS and, without a source, the empty STDIN. */
static enum fetch_result build_head(struct exchange *x)
{
	const struct fetch *f = x->f;
	unsigned char begin[FCGI_FIXED_RECORD], end[FCGI_REC_HEADER];
	struct fcgi_params params;

	x->out.n = x->out_at = 0;
	fcgi_begin_write(begin, REQUEST_ID, f->role, f->app->keep_alive > 0);
	if (!buf_add(&x->out, begin, sizeof(begin)))
		return fail(x, FETCH_NO_RESOURCES, "out of memory");
	fcgi_params_start(&params, &x->out, REQUEST_ID);
	for (size_t i = 0; i < f->n_params; i++) {
		switch (fcgi_params_add(&params, f->params[i].name, f->params[i].value)) {
		case FCGI_PARAMS_OK:
			break;
		case FCGI_PARAMS_TOO_LARGE:
			return fail(x, FETCH_TOO_LARGE, "a parameter above 65,527 bytes");
		case FCGI_PARAMS_NO_MEMORY:
			return fail(x, FETCH_NO_RESOURCES, "out of memory");
		}
	}
	if (!fcgi_params_end(&params))
		return fail(x, FETCH_NO_RESOURCES, "out of memory");
	fcgi_header_write(end, FCGI_TYPE_STDIN, REQUEST_ID, 0);
	if (!f->source && !buf_add(&x->out, end, sizeof(end)))
		return fail(x, FETCH_NO_RESOURCES, "out of memory");
	return FETCH_COMPLETE;
}

/* Fills the empty out buffer with the next piece of the body. */
static enum fetch_result pull_source(struct exchange *x)
{
	unsigned char header[FCGI_REC_HEADER];
	enum fcgi_type type = FCGI_TYPE_STDIN;
	size_t n = 0;

	x->out.n = x->out_at = 0;
	if (!buf_reserve(&x->out, FCGI_REC_HEADER + BODY_CHUNK))
		return fail(x, FETCH_NO_RESOURCES, "out of memory");
	switch (
	    x->f->source->read(x->f->source, x->out.p + FCGI_REC_HEADER, BODY_CHUNK, &n, &type)) {
	case SOURCE_BYTES:
	case SOURCE_END:
		break;
	case SOURCE_LATER:
		x->source_waits = true;
		return FETCH_COMPLETE;
	case SOURCE_NONE:
		x->source_done = true;
		return FETCH_COMPLETE;
	case SOURCE_BROKEN:
		return fail(x, FETCH_BODY_BROKEN, "the request body broke off");
	}
	fcgi_header_write(header, type, REQUEST_ID, n);
	memcpy(x->out.p, header, sizeof(header));
	x->out.n = FCGI_REC_HEADER + n;
	x->last = clock_mono_ms();
	return FETCH_COMPLETE;
}

/* Sends what is there. A connection that takes no more is no error: the answer may be there. */
static enum fetch_result send_some(struct exchange *x)
{
	while (x->out_at < x->out.n) {
		ssize_t n = send(x->fd, x->out.p + x->out_at, x->out.n - x->out_at,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return FETCH_COMPLETE;
		if (n < 0) {
			x->out.n = x->out_at = 0;
			x->source_done = true;
			return FETCH_COMPLETE;
		}
		x->out_at += (size_t)n;
		x->sent_any = true;
		x->last = clock_mono_ms();
	}
	return FETCH_COMPLETE;
}

static enum fetch_result pump_request(struct exchange *x)
{
	enum fetch_result result = send_some(x);

	while (result == FETCH_COMPLETE && x->out_at == x->out.n && !x->source_done &&
	       !x->source_waits) {
		result = pull_source(x);
		if (result == FETCH_COMPLETE)
			result = send_some(x);
	}
	return result;
}

/* END_REQUEST has come. */
static enum fetch_result ended(struct exchange *x)
{
	x->f->app_status = x->reader.app_status;
	switch (x->reader.protocol_status) {
	case FCGI_END_COMPLETE:
		return FETCH_COMPLETE;
	case FCGI_END_OVERLOADED:
		return fail(x, FETCH_OVERLOADED, "overloaded");
	case FCGI_END_CANT_MPX:
		return fail(x, FETCH_BROKEN, "cannot multiplex (END_REQUEST)");
	case FCGI_END_UNKNOWN_ROLE:
		return fail(x, FETCH_BROKEN, "unknown role (END_REQUEST)");
	default:
		return fail(x, FETCH_BROKEN, "an unknown protocolStatus in END_REQUEST");
	}
}

/* Gives the sink what n bytes hold. *done: the exchange is over with the result. */
static enum fetch_result take_records(struct exchange *x, size_t n, bool *done)
{
	struct str in = {x->in, n};

	*done = true;
	for (;;) {
		switch (fcgi_reader_next(&x->reader, &in)) {
		case FCGI_EVENT_MORE:
			*done = false;
			return FETCH_COMPLETE;
		case FCGI_EVENT_STDOUT:
			x->f->got_bytes = true;
			if (!x->f->sink->out(x->f->sink, x->reader.data))
				return fail(x, FETCH_STOPPED, "broken off");
			break;
		case FCGI_EVENT_STDERR:
			x->f->sink->err(x->f->sink, x->reader.data);
			break;
		case FCGI_EVENT_STDOUT_END:
			break;
		case FCGI_EVENT_END:
			x->trailing = in.n > 0;
			return ended(x);
		case FCGI_EVENT_BAD:
			return fail(x, FETCH_BROKEN, x->reader.error);
		}
	}
}

static enum fetch_result receive(struct exchange *x, bool *done)
{
	ssize_t n = recv(x->fd, x->in, READ_BUFFER, MSG_DONTWAIT);
	enum fetch_result result;

	*done = true;
	if (n > 0) {
		result = take_records(x, (size_t)n, done);
		x->last = clock_mono_ms();
		return result;
	}
	if (n == 0)
		return fail(x, FETCH_BROKEN, "closed before END_REQUEST");
	*done = errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK;
	return *done ? fail(x, FETCH_BROKEN, "connection reset before END_REQUEST")
		     : FETCH_COMPLETE;
}

/* How long poll may wait, in ms; 0 when a clock has run out, then *late says which. */
static int time_left(const struct exchange *x, const char **late, enum fetch_result *result)
{
	int64_t now = clock_mono_ms(), until;

	*result = FETCH_TIMEOUT;
	if (x->out_at < x->out.n) {
		until = x->last + x->f->app->send_timeout;
		*late = "does not take the request (send_timeout)";
	} else if (x->source_waits) {
		until = x->last + x->f->app->read_timeout;
		*late = "the request body does not come";
		*result = FETCH_BODY_TIMEOUT;
	} else {
		until = x->last + x->f->app->read_timeout;
		*late = "silent (read_timeout)";
	}
	if (x->end < until) {
		until = x->end;
		*late = "not done in time (total_timeout)";
		*result = FETCH_TIMEOUT;
	}
	if (until <= now)
		return 0;
	return until - now > 3600000 ? 3600000 : (int)(until - now) + 1;
}

/* The client's connection is readable, or has gone. */
static enum fetch_result client_event(struct exchange *x, short revents)
{
	if (revents & POLLIN)
		x->source_waits = false;
	if (!(revents & (POLLHUP | POLLERR | POLLNVAL | POLLRDHUP)) || (revents & POLLIN))
		return FETCH_COMPLETE;
	x->watching = false;
	if (!x->f->sink->hangup(x->f->sink))
		return fail(x, FETCH_STOPPED, "nobody waits for it any more");
	return FETCH_COMPLETE;
}

/* Waits for something to happen and lets it happen. */
static enum fetch_result step(struct exchange *x, bool *done)
{
	const char *late;
	enum fetch_result result;
	int timeout = time_left(x, &late, &result), rc;
	struct pollfd fds[2] = {
	    {.fd = x->fd, .events = POLLIN},
	    {.fd = x->watching ? x->f->sink->watch : -1},
	};

	*done = true;
	if (timeout == 0)
		return fail(x, result, late);
	if (x->out_at < x->out.n)
		fds[0].events |= POLLOUT;
	if (x->source_waits)
		fds[1].events |= POLLIN;
	else if (x->f->sink->watch_rdhup)
		fds[1].events |= POLLRDHUP;
	rc = poll(fds, 2, timeout);
	if (rc < 0 && errno != EINTR)
		return fail(x, FETCH_NO_RESOURCES, "poll failed");
	*done = false;
	if (rc <= 0)
		return FETCH_COMPLETE;
	if (fds[1].revents && (result = client_event(x, fds[1].revents)) != FETCH_COMPLETE) {
		*done = true;
		return result;
	}
	if (fds[0].revents & (POLLIN | POLLHUP | POLLERR)) {
		result = receive(x, done);
		if (*done)
			return result;
	}
	result = pump_request(x);
	*done = result != FETCH_COMPLETE;
	return result;
}

static enum fetch_result exchange(struct exchange *x)
{
	enum fetch_result result;
	bool done = false;

	fcgi_reader_init(&x->reader, REQUEST_ID);
	x->sent_any = false;
	x->f->got_bytes = false;
	x->last = clock_mono_ms();
	x->out_at = 0;
	result = pump_request(x);
	done = result != FETCH_COMPLETE;
	while (!done)
		result = step(x, &done);
	return result;
}

static enum fetch_result connect_result(struct exchange *x, enum pool_result result)
{
	switch (result) {
	case POOL_OK:
		return FETCH_COMPLETE;
	case POOL_UNREACHABLE:
		return fail(x, FETCH_UNREACHABLE, "cannot connect");
	case POOL_TIMEOUT:
		return fail(x, FETCH_TIMEOUT, "does not accept (connect_timeout)");
	case POOL_NO_RESOURCES:
		break;
	}
	return fail(x, FETCH_NO_RESOURCES, "no memory or descriptors");
}

/* One try: connect, exchange, give the connection back. *again: it may be tried once more. */
static enum fetch_result attempt(struct pool *pool, struct exchange *x, bool may_reuse, bool *again)
{
	struct lease lease;
	enum fetch_result result =
	    connect_result(x, pool_connect(pool, x->f->app, may_reuse, &lease));
	bool clean;

	*again = false;
	if (result != FETCH_COMPLETE)
		return result;
	x->fd = lease.fd;
	result = exchange(x);
	clean = result == FETCH_COMPLETE && fcgi_reader_between(&x->reader) && !x->trailing &&
		x->out_at == x->out.n && x->source_done;
	*again = result == FETCH_BROKEN && lease.reused && !x->f->got_bytes;
	pool_release(pool, x->f->app, &lease, clean);
	return result;
}

enum fetch_result fetch_run(struct pool *pool, struct fetch *f)
{
	struct exchange x = {
	    .f = f,
	    .source_done = !f->source,
	    .watching = f->sink->watch >= 0,
	    .end = clock_mono_ms() + f->app->total_timeout,
	};
	enum fetch_result result;
	bool again;

	metrics_add(COUNTER_FETCHES, 1);
	f->error = NULL;
	f->retried = false;
	x.in = malloc(READ_BUFFER);
	if (!x.in)
		return fail(&x, FETCH_NO_RESOURCES, "out of memory");
	result = build_head(&x);
	again = false;
	/* What may not be sent twice gets a fresh connection at once. */
	if (result == FETCH_COMPLETE)
		result = attempt(pool, &x, f->safe && !f->source, &again);
	if (again) {
		metrics_add(COUNTER_RETRIES, 1);
		f->retried = true;
		f->error = NULL;
		result = attempt(pool, &x, false, &again);
	}
	if (result != FETCH_COMPLETE)
		metrics_add(COUNTER_FETCH_FAILURES, 1);
	buf_fini(&x.out);
	free(x.in);
	return result;
}
