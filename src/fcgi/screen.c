/*
 * Two passes over the bytes. The first walks the records: it finds where the head ends, and how
 * long the PARAMS are. The second walks the pairs, record borders or not, through a small cursor,
 * so that nothing is copied and nothing allocated.
 *
 * Padding: libfcgi loses its place behind a padded BEGIN and a padded empty PARAMS, so these are
 * malformed here; padding of PARAMS with content is fine.
 */
#include "fcgi/screen.h"

#include "base/check.h"
#include "fcgi/record.h"

size_t screen_max_bytes(const struct screen_limits *limits)
{
	return FCGI_FIXED_RECORD + limits->params * 4 + 4096;
}

/* One record at `at`: its header, and whether all of it is there. */
static bool record_at(struct str bytes, size_t at, struct fcgi_header *h)
{
	if (bytes.n < at || bytes.n - at < FCGI_REC_HEADER)
		return false;
	*h = fcgi_header_read((const unsigned char *)bytes.p + at);
	return true;
}

static size_t record_size(const struct fcgi_header *h)
{
	return FCGI_REC_HEADER + h->content + h->padding;
}

static enum screen_result check_begin(struct str bytes, struct screen *out)
{
	struct fcgi_header h;
	const unsigned char *body;

	if (bytes.n > 0 && bytes.p[0] != 1)
		return SCREEN_MALFORMED;
	if (!record_at(bytes, 0, &h))
		return SCREEN_MORE;
	if (h.id == 0)
		return SCREEN_MANAGEMENT;
	if (h.type != FCGI_TYPE_BEGIN || h.content != 8 || h.padding != 0)
		return SCREEN_MALFORMED;
	if (bytes.n < FCGI_FIXED_RECORD)
		return SCREEN_MORE;
	body = (const unsigned char *)bytes.p + FCGI_REC_HEADER;
	out->id = h.id;
	out->role = (uint16_t)(body[0] << 8 | body[1]);
	out->keep_conn = body[2] & 1;
	if (out->role < FCGI_ROLE_RESPONDER || out->role > FCGI_ROLE_FILTER)
		return SCREEN_ROLE;
	return SCREEN_EMPTY; /* go on */
}

/* Finds the end of the PARAMS; *end is behind the empty record, *params their content. */
static enum screen_result walk_params(struct str bytes, const struct screen_limits *limits,
				      uint16_t id, size_t *end, size_t *params)
{
	size_t at = FCGI_FIXED_RECORD;
	struct fcgi_header h;

	*params = 0;
	for (;;) {
		if (bytes.n > at && bytes.p[at] != 1)
			return SCREEN_MALFORMED;
		if (!record_at(bytes, at, &h))
			break;
		if (h.id == 0 || h.type == FCGI_TYPE_ABORT)
			return SCREEN_MANAGEMENT;
		if (h.type != FCGI_TYPE_PARAMS || h.id != id)
			return SCREEN_MALFORMED;
		*params += h.content;
		if (*params > limits->params)
			return SCREEN_OVERSIZED;
		if (h.content == 0) {
			*end = at + FCGI_REC_HEADER;
			return h.padding ? SCREEN_MALFORMED : SCREEN_EMPTY;
		}
		at += record_size(&h);
		if (at > screen_max_bytes(limits))
			return SCREEN_OVERSIZED;
	}
	return bytes.n > screen_max_bytes(limits) ? SCREEN_OVERSIZED : SCREEN_MORE;
}

/* Walks over the content of PARAMS records as if it were one run of bytes. */
struct cursor {
	const unsigned char *p; /* next byte of the open record */
	size_t in_record;       /* content bytes left in it */
	size_t padding;
	size_t left; /* content bytes left in all */
};

static void next_record(struct cursor *c)
{
	struct fcgi_header h;

	while (c->in_record == 0) {
		c->p += c->padding;
		h = fcgi_header_read(c->p);
		c->p += FCGI_REC_HEADER;
		c->in_record = h.content;
		c->padding = h.padding;
	}
}

static unsigned char next_byte(struct cursor *c)
{
	next_record(c);
	c->in_record--;
	c->left--;
	return *c->p++;
}

static bool next_length(struct cursor *c, size_t *length)
{
	unsigned char first;

	if (c->left == 0)
		return false;
	first = next_byte(c);
	*length = first;
	if (!(first & 0x80))
		return true;
	if (c->left < 3)
		return false;
	*length = first & 0x7f;
	for (int i = 0; i < 3; i++)
		*length = *length << 8 | next_byte(c);
	return true;
}

/*
 * Skips n bytes, looking for what must not be there; the first of them go to `start`, so that the
 * few names that matter here can be told.
 */
static bool skip_checked(struct cursor *c, size_t n, bool is_name, char *start, size_t start_max)
{
	size_t seen = 0;

	while (n > 0) {
		size_t part;

		next_record(c);
		part = n < c->in_record ? n : c->in_record;
		if (memchr(c->p, '\0', part) || (is_name && memchr(c->p, '=', part)))
			return false;
		if (seen < start_max) {
			size_t keep = part < start_max - seen ? part : start_max - seen;

			memcpy(start + seen, c->p, keep);
			seen += keep;
		}
		c->p += part;
		c->in_record -= part;
		c->left -= part;
		n -= part;
	}
	return true;
}

#define NAME_KEPT 16

/* What the pairs say about a body. */
struct body_hint {
	bool get_or_head;
	bool no_length; /* CONTENT_LENGTH absent, empty or 0 */
};

static void note_pair(struct body_hint *hint, struct str name, struct str value)
{
	if (str_eq(name, STR("REQUEST_METHOD")))
		hint->get_or_head = str_eq(value, STR("GET")) || str_eq(value, STR("HEAD"));
	else if (str_eq(name, STR("CONTENT_LENGTH")))
		hint->no_length = value.n == 0 || str_eq(value, STR("0"));
}

static enum screen_result walk_pairs(struct str bytes, const struct screen_limits *limits,
				     size_t params, struct body_hint *hint)
{
	struct cursor c = {.p = (const unsigned char *)bytes.p + FCGI_FIXED_RECORD, .left = params};
	char name[NAME_KEPT], value[NAME_KEPT];
	size_t pairs = 0, name_n, value_n;

	while (c.left > 0) {
		if (++pairs > limits->pairs)
			return SCREEN_OVERSIZED;
		if (!next_length(&c, &name_n) || !next_length(&c, &value_n))
			return SCREEN_MALFORMED;
		if (name_n == 0 || name_n > c.left || value_n > c.left - name_n)
			return SCREEN_MALFORMED;
		if (!skip_checked(&c, name_n, true, name, sizeof(name)) ||
		    !skip_checked(&c, value_n, false, value, sizeof(value)))
			return SCREEN_MALFORMED;
		if (name_n <= sizeof(name) && value_n <= sizeof(value))
			note_pair(hint, str_make(name, name_n), str_make(value, value_n));
		else if (name_n == 14 && memcmp(name, "CONTENT_LENGTH", 14) == 0)
			hint->no_length = false;
	}
	return SCREEN_EMPTY;
}

/* What stands behind the head? */
static enum screen_result look_behind(struct str bytes, size_t end, const struct body_hint *hint,
				      struct screen *out)
{
	struct fcgi_header h;

	out->length = end;
	if (!record_at(bytes, end, &h))
		return hint->get_or_head && hint->no_length ? SCREEN_MORE : SCREEN_BODY;
	if (h.version != 1 || h.id != out->id)
		return h.id == 0 ? SCREEN_MANAGEMENT : SCREEN_MALFORMED;
	if (h.type == FCGI_TYPE_ABORT)
		return SCREEN_MANAGEMENT;
	if (h.type != FCGI_TYPE_STDIN)
		return SCREEN_MALFORMED;
	if (h.content > 0 || !hint->no_length || out->role == FCGI_ROLE_FILTER)
		return SCREEN_BODY;
	if (bytes.n - end < record_size(&h))
		return SCREEN_MORE;
	out->length = end + record_size(&h);
	out->padded_end = h.padding != 0;
	return SCREEN_EMPTY;
}

enum screen_result screen_request(struct str bytes, const struct screen_limits *limits,
				  struct screen *out)
{
	struct body_hint hint = {.no_length = true};
	enum screen_result result;
	size_t end, params;

	result = check_begin(bytes, out);
	if (result != SCREEN_EMPTY)
		return result;
	result = walk_params(bytes, limits, out->id, &end, &params);
	if (result != SCREEN_EMPTY)
		return result;
	result = walk_pairs(bytes, limits, params, &hint);
	if (result != SCREEN_EMPTY)
		return result;
	return look_behind(bytes, end, &hint, out);
}
