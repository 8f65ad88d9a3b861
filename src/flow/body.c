/*
 * Two kinds of source: straight from the client, and from the spool. Both give what fetch asks for,
 * piece by piece, so the memory for a body is one piece.
 */
#include "flow/body.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE 32768u

/* STDIN must be as long as CONTENT_LENGTH says. */
static enum source_event check_length(struct body *b, enum source_event event, size_t n)
{
	uint64_t want = b->r->content_length;

	b->seen += n;
	if (want == UINT64_MAX)
		return event;
	if (b->seen > want || (event == SOURCE_END && b->seen < want))
		return SOURCE_BROKEN;
	return event;
}

static enum source_event read_client(struct source *s, char *p, size_t room, size_t *n,
				     enum fcgi_type *type)
{
	struct body *b = CONTAINER_OF(s, struct body, source);
	struct client *c = b->r->client;
	enum source_event event = c->ops->read_body(c, p, room, n, type);

	if ((event == SOURCE_BYTES || event == SOURCE_END) && *type == FCGI_TYPE_STDIN)
		return check_length(b, event, *n);
	return event;
}

static enum source_event read_spool(struct source *s, char *p, size_t room, size_t *n,
				    enum fcgi_type *type)
{
	struct body *b = CONTAINER_OF(s, struct body, source);
	ssize_t got;

	*type = FCGI_TYPE_STDIN;
	*n = 0;
	if (b->ended)
		return SOURCE_NONE;
	do
		got = read(b->spool, p, room);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return SOURCE_BROKEN;
	*n = (size_t)got;
	b->ended = got == 0;
	return got == 0 ? SOURCE_END : SOURCE_BYTES;
}

static int open_spool(void)
{
	const char *dir = getenv("TMPDIR");
	FILE *file;
	int fd = open(dir && *dir ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	file = tmpfile();
	if (!file)
		return -1;
	fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, 3);
	fclose(file);
	return fd;
}

static bool write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t written = write(fd, p, n);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		p += written;
		n -= (size_t)written;
	}
	return true;
}

static bool await_client(struct request *r)
{
	struct pollfd pfd = {.fd = r->client->fd, .events = POLLIN};
	int64_t timeout = r->rules->settings.application.read_timeout;
	int rc;

	do
		rc = poll(&pfd, 1, timeout > 3600000 ? 3600000 : (int)timeout);
	while (rc < 0 && errno == EINTR);
	return rc > 0;
}

/* Takes all of STDIN into the spool. */
static enum body_result spool(struct body *b, char *piece)
{
	enum fcgi_type type;
	size_t n;

	for (;;) {
		switch (read_client(&b->source, piece, PIECE, &n, &type)) {
		case SOURCE_BYTES:
			if (!write_all(b->spool, piece, n))
				return BODY_NO_RESOURCES;
			b->size += n;
			break;
		case SOURCE_END:
		case SOURCE_NONE:
			if (lseek(b->spool, 0, SEEK_SET) < 0)
				return BODY_NO_RESOURCES;
			b->source.read = read_spool;
			b->source.fd = -1;
			return b->size > 0 ? BODY_READY : BODY_NONE;
		case SOURCE_LATER:
			if (!await_client(b->r))
				return BODY_TIMEOUT;
			break;
		case SOURCE_BROKEN:
			return BODY_BROKEN;
		}
	}
}

enum body_result body_open(struct body *b, struct request *r)
{
	enum body_result result = BODY_NO_RESOURCES;
	char *piece;

	*b = (struct body){.r = r, .spool = -1};
	if (!r->client || !r->client->has_body)
		return BODY_NONE;
	b->source.read = read_client;
	b->source.fd = r->client->fd;
	if (r->content_length != UINT64_MAX || r->role != FCGI_ROLE_RESPONDER)
		return BODY_READY;
	b->spool = open_spool();
	piece = malloc(PIECE);
	if (b->spool >= 0 && piece)
		result = spool(b, piece);
	free(piece);
	return result;
}

void body_close(struct body *b)
{
	if (b->spool >= 0)
		close(b->spool);
	b->spool = -1;
}
