/*
 * Nothing but records of this request's id and of the stream that is due may come; anything else
 * (management records, an abort, another request) breaks the body, and with it the connection.
 * Headers are read alone and contents straight into the caller's memory, so no byte beyond the
 * request is ever taken.
 */
#include "front/stdin.h"

#include <errno.h>
#include <sys/socket.h>

void stdin_init(struct stdin_reader *s, struct buf *ahead, uint16_t id, bool filter)
{
	*s = (struct stdin_reader){.ahead = ahead, .id = id, .filter = filter};
}

bool stdin_done(const struct stdin_reader *s)
{
	return !s->broken && s->ended == (s->filter ? 2u : 1u);
}

static enum fcgi_type due(const struct stdin_reader *s)
{
	return s->ended == 0 ? FCGI_TYPE_STDIN : FCGI_TYPE_DATA;
}

/* Up to n bytes, from what was read ahead or from the socket. 0: the end; -1: errno. */
static ssize_t take(struct stdin_reader *s, int fd, void *p, size_t n)
{
	ssize_t got;

	if (s->ahead->n > 0) {
		if (n > s->ahead->n)
			n = s->ahead->n;
		memcpy(p, s->ahead->p, n);
		buf_consume(s->ahead, n);
		return (ssize_t)n;
	}
	do
		got = recv(fd, p, n, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	return got;
}

static enum source_event nothing(struct stdin_reader *s, ssize_t got)
{
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return SOURCE_LATER;
	s->broken = true;
	return SOURCE_BROKEN;
}

/* A whole record header has come. False: it is none that may come now. */
static bool start_record(struct stdin_reader *s)
{
	struct fcgi_header h = fcgi_header_read(s->head);

	s->head_n = 0;
	if (h.version != 1 || h.id != s->id || h.type != due(s))
		return false;
	s->content_left = h.content;
	s->padding_left = h.padding;
	s->end_pending = h.content == 0;
	return true;
}

enum source_event stdin_read(struct stdin_reader *s, int fd, char *p, size_t room, size_t *n,
			     enum fcgi_type *type)
{
	ssize_t got;

	*n = 0;
	for (;;) {
		char padding[256];

		*type = due(s);
		if (s->broken)
			return SOURCE_BROKEN;
		if (stdin_done(s))
			return SOURCE_NONE;
		if (s->content_left > 0) {
			got = take(s, fd, p, room < s->content_left ? room : s->content_left);
			if (got <= 0)
				return nothing(s, got);
			s->content_left -= (size_t)got;
			*n = (size_t)got;
			return SOURCE_BYTES;
		}
		if (s->padding_left > 0) {
			got = take(s, fd, padding, s->padding_left);
			if (got <= 0)
				return nothing(s, got);
			s->padding_left -= (size_t)got;
			continue;
		}
		if (s->end_pending) {
			s->end_pending = false;
			s->ended++;
			return SOURCE_END;
		}
		got = take(s, fd, s->head + s->head_n, FCGI_REC_HEADER - s->head_n);
		if (got <= 0)
			return nothing(s, got);
		s->head_n += (size_t)got;
		if (s->head_n == FCGI_REC_HEADER && !start_record(s)) {
			s->broken = true;
			return SOURCE_BROKEN;
		}
	}
}
