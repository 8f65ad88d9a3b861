/*
 * Records:  version 1 | type | id (2) | content length (2) | padding length | reserved
 *           content, padding
 *
 * Lengths are size_t everywhere; one function writes headers and refuses more than 65,535, so that
 * no length ever wraps. Reserved bytes are written as 0 and never looked at.
 */
#include "fcgi/record.h"

struct fcgi_header fcgi_header_read(const unsigned char in[FCGI_REC_HEADER])
{
	return (struct fcgi_header){
	    .version = in[0],
	    .type = in[1],
	    .id = (uint16_t)(in[2] << 8 | in[3]),
	    .content = (size_t)in[4] << 8 | in[5],
	    .padding = in[6],
	};
}

void fcgi_header_write(unsigned char out[FCGI_REC_HEADER], enum fcgi_type type, uint16_t id,
		       size_t content)
{
	CHECK(content <= FCGI_REC_MAX);
	out[0] = 1;
	out[1] = (unsigned char)type;
	out[2] = (unsigned char)(id >> 8);
	out[3] = (unsigned char)id;
	out[4] = (unsigned char)(content >> 8);
	out[5] = (unsigned char)content;
	out[6] = 0;
	out[7] = 0;
}

void fcgi_begin_write(unsigned char out[FCGI_FIXED_RECORD], uint16_t id, uint16_t role,
		      bool keep_conn)
{
	fcgi_header_write(out, FCGI_TYPE_BEGIN, id, 8);
	memset(out + FCGI_REC_HEADER, 0, 8);
	out[8] = (unsigned char)(role >> 8);
	out[9] = (unsigned char)role;
	out[10] = keep_conn;
}

void fcgi_end_write(unsigned char out[FCGI_FIXED_RECORD], uint16_t id, uint32_t app_status,
		    enum fcgi_end protocol_status)
{
	fcgi_header_write(out, FCGI_TYPE_END, id, 8);
	memset(out + FCGI_REC_HEADER, 0, 8);
	out[8] = (unsigned char)(app_status >> 24);
	out[9] = (unsigned char)(app_status >> 16);
	out[10] = (unsigned char)(app_status >> 8);
	out[11] = (unsigned char)app_status;
	out[12] = (unsigned char)protocol_status;
}

bool fcgi_end_read(struct str content, uint32_t *app_status, unsigned *protocol_status)
{
	const unsigned char *p = (const unsigned char *)content.p;

	if (content.n < 5)
		return false;
	*app_status = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	*protocol_status = p[4];
	return true;
}

/* A length of one or four bytes (section 3.4). */
static bool take_length(struct str *rest, size_t *length)
{
	const unsigned char *p = (const unsigned char *)rest->p;
	size_t n = rest->n > 0 && p[0] & 0x80 ? 4 : 1;

	if (rest->n < n)
		return false;
	*length = n == 1
		      ? p[0]
		      : (size_t)(p[0] & 0x7f) << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	*rest = str_sub(*rest, n, rest->n);
	return true;
}

bool fcgi_pair_next(struct str *rest, struct str *name, struct str *value, bool *broken)
{
	struct str r = *rest;
	size_t name_n, value_n;

	*broken = false;
	if (r.n == 0)
		return false;
	*broken = true;
	if (!take_length(&r, &name_n) || !take_length(&r, &value_n))
		return false;
	if (name_n > r.n || value_n > r.n - name_n)
		return false;
	*name = str_make(r.p, name_n);
	*value = str_make(r.p + name_n, value_n);
	*rest = str_sub(r, name_n + value_n, r.n);
	*broken = false;
	return true;
}

static size_t length_size(size_t n)
{
	return n < 128 ? 1 : 4;
}

static unsigned char *put_length(unsigned char *p, size_t n)
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

void fcgi_params_start(struct fcgi_params *p, struct buf *out, uint16_t id)
{
	*p = (struct fcgi_params){.out = out, .id = id};
}

/* Writes the open record's header now that its length is known. */
static void close_record(struct fcgi_params *p)
{
	if (!p->open)
		return;
	fcgi_header_write((unsigned char *)p->out->p + p->record, FCGI_TYPE_PARAMS, p->id,
			  p->out->n - p->record - FCGI_REC_HEADER);
	p->open = false;
}

static void open_record(struct fcgi_params *p)
{
	p->record = p->out->n;
	p->out->n += FCGI_REC_HEADER;
	p->open = true;
}

enum fcgi_params_result fcgi_params_add(struct fcgi_params *p, struct str name, struct str value)
{
	unsigned char *at;
	size_t n;

	if (name.n > FCGI_PAIR_MAX || value.n > FCGI_PAIR_MAX)
		return FCGI_PARAMS_TOO_LARGE;
	n = length_size(name.n) + length_size(value.n) + name.n + value.n;
	if (n > FCGI_PAIR_MAX)
		return FCGI_PARAMS_TOO_LARGE;
	if (!buf_reserve(p->out, n + FCGI_REC_HEADER))
		return FCGI_PARAMS_NO_MEMORY;
	if (p->open && p->out->n - p->record - FCGI_REC_HEADER + n > FCGI_REC_CONTENT)
		close_record(p);
	if (!p->open)
		open_record(p);
	at = put_length((unsigned char *)p->out->p + p->out->n, name.n);
	at = put_length(at, value.n);
	if (name.n)
		memcpy(at, name.p, name.n);
	if (value.n)
		memcpy(at + name.n, value.p, value.n);
	p->out->n += n;
	return FCGI_PARAMS_OK;
}

bool fcgi_params_end(struct fcgi_params *p)
{
	if (!buf_reserve(p->out, FCGI_REC_HEADER))
		return false;
	close_record(p);
	fcgi_header_write((unsigned char *)p->out->p + p->out->n, FCGI_TYPE_PARAMS, p->id, 0);
	p->out->n += FCGI_REC_HEADER;
	return true;
}

void fcgi_reader_init(struct fcgi_reader *r, uint16_t id)
{
	memset(r, 0, sizeof(*r));
	r->id = id;
}

bool fcgi_reader_between(const struct fcgi_reader *r)
{
	return !r->in_record && r->head_n == 0;
}

static enum fcgi_event bad(struct fcgi_reader *r, const char *error)
{
	r->error = error;
	return FCGI_EVENT_BAD;
}

static size_t take(struct str *in, void *out, size_t n)
{
	if (n > in->n)
		n = in->n;
	if (n && out)
		memcpy(out, in->p, n);
	*in = str_sub(*in, n, in->n);
	return n;
}

/* A whole header is there: is it one that an application may send now? */
static enum fcgi_event start_record(struct fcgi_reader *r)
{
	r->record = fcgi_header_read(r->head);
	r->head_n = 0;
	if (r->record.version != 1)
		return bad(r, "a record of an unknown version");
	if (r->record.id != r->id)
		return bad(r, "a record of another request");
	if (r->record.type != FCGI_TYPE_STDOUT && r->record.type != FCGI_TYPE_STDERR &&
	    r->record.type != FCGI_TYPE_END)
		return bad(r, "a record of an unexpected type");
	if (r->record.type == FCGI_TYPE_END && r->record.content != 8)
		return bad(r, "an END_REQUEST of the wrong length");
	r->in_record = true;
	r->content_left = r->record.content;
	r->padding_left = r->record.padding;
	if (r->record.type == FCGI_TYPE_STDOUT && r->record.content == 0)
		return FCGI_EVENT_STDOUT_END;
	return FCGI_EVENT_MORE;
}

/* Content of the open record: a piece of a stream, or of END_REQUEST's body. */
static enum fcgi_event take_content(struct fcgi_reader *r, struct str *in)
{
	size_t n;

	if (r->record.type == FCGI_TYPE_END) {
		n = take(in, r->end + r->end_n, r->content_left);
		r->end_n += n;
		r->content_left -= n;
		return FCGI_EVENT_MORE;
	}
	r->data = str_make(in->p, 0);
	r->data.n = take(in, NULL, r->content_left);
	r->content_left -= r->data.n;
	return r->record.type == FCGI_TYPE_STDOUT ? FCGI_EVENT_STDOUT : FCGI_EVENT_STDERR;
}

enum fcgi_event fcgi_reader_next(struct fcgi_reader *r, struct str *in)
{
	enum fcgi_event event;

	for (;;) {
		if (r->in_record && r->content_left == 0 && r->padding_left == 0) {
			r->in_record = false;
			if (r->record.type == FCGI_TYPE_END) {
				CHECK(fcgi_end_read(str_make((char *)r->end, r->end_n),
						    &r->app_status, &r->protocol_status));
				return FCGI_EVENT_END;
			}
		}
		if (in->n == 0)
			return FCGI_EVENT_MORE;
		if (!r->in_record) {
			r->head_n += take(in, r->head + r->head_n, FCGI_REC_HEADER - r->head_n);
			if (r->head_n < FCGI_REC_HEADER)
				return FCGI_EVENT_MORE;
			event = start_record(r);
		} else if (r->content_left > 0) {
			event = take_content(r, in);
		} else {
			r->padding_left -= take(in, NULL, r->padding_left);
			event = FCGI_EVENT_MORE;
		}
		if (event != FCGI_EVENT_MORE)
			return event;
	}
}
