/*
 * Two passes over the bytes. The first walks the records: it finds where the head ends, and how
 * long the PARAMS are. The second walks the pairs, in place if they are one record.
 *
 * Padding: libfcgi loses its place behind a padded BEGIN and a padded empty PARAMS, so these are
 * malformed here; padding of PARAMS with content is fine.
 */
#include "fcgi/screen.h"

#include <stdlib.h>

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

/* What the pairs say about a body. */
struct body_hint {
	bool get_or_head;
	bool no_length; /* CONTENT_LENGTH absent, empty or 0 */
};

static void note_pair(struct body_hint *hint, struct str name, struct str value)
{
	if (name.n != 14)
		return;
	if (memcmp(name.p, "REQUEST_METHOD", 14) == 0)
		hint->get_or_head = str_eq(value, STR("GET")) || str_eq(value, STR("HEAD"));
	else if (memcmp(name.p, "CONTENT_LENGTH", 14) == 0)
		hint->no_length = value.n == 0 || str_eq(value, STR("0"));
}

/* The next NUL from `at` on: most NULs are lengths of empty values, so few searches find all. */
static const char *next_nul(const char *at, const char *end)
{
	const char *nul = at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;

	return nul ? nul : end;
}

static bool has_equals_sign(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] == '=')
			return true;
	return false;
}

/* Whole pairs, without a NUL in a name or value, an empty name, or a '=' in a name. */
static enum screen_result walk_pairs(struct str params, const struct screen_limits *limits,
				     struct body_hint *hint)
{
	const char *end = params.p + params.n, *nul = next_nul(params.p, end);
	struct str name, value;
	size_t pairs = 0;
	bool broken;

	while (fcgi_pair_next(&params, &name, &value, &broken)) {
		if (++pairs > limits->pairs)
			return SCREEN_OVERSIZED;
		if (nul < name.p)
			nul = next_nul(name.p, end);
		if (name.n == 0 || has_equals_sign(name) || nul < value.p + value.n)
			return SCREEN_MALFORMED;
		note_pair(hint, name, value);
	}
	return broken ? SCREEN_MALFORMED : SCREEN_EMPTY;
}

/* The content of many records in one run. */
static struct str join_records(struct str bytes, size_t params, char *out)
{
	size_t at = FCGI_FIXED_RECORD, n = 0;
	struct fcgi_header h;

	while (n < params && record_at(bytes, at, &h)) {
		memcpy(out + n, bytes.p + at + FCGI_REC_HEADER, h.content);
		n += h.content;
		at += record_size(&h);
	}
	return str_make(out, n);
}

/* Nearly always the PARAMS are one record, and are looked at where they lie. */
static enum screen_result check_pairs(struct str bytes, const struct screen_limits *limits,
				      size_t params, struct body_hint *hint)
{
	struct fcgi_header first;
	enum screen_result result;
	char *joined;

	CHECK(record_at(bytes, FCGI_FIXED_RECORD, &first));
	if (first.content == params)
		return walk_pairs(str_sub(bytes, FCGI_FIXED_RECORD + FCGI_REC_HEADER,
					  FCGI_FIXED_RECORD + FCGI_REC_HEADER + params),
				  limits, hint);
	joined = malloc(params);
	if (!joined)
		return SCREEN_OVERSIZED;
	result = walk_pairs(join_records(bytes, params, joined), limits, hint);
	free(joined);
	return result;
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
	result = check_pairs(bytes, limits, params, &hint);
	if (result != SCREEN_EMPTY)
		return result;
	return look_behind(bytes, end, &hint, out);
}
