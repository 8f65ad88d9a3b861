/*
 * Fuzz: FastCGI records from both sides. The last byte of an input is the size of the pieces in
 * which the reader gets the others.
 *
 * Promises that are checked: what the screen lets pass is what a plain walk over the records finds
 * too, and it says MORE until it knows; a reader tells the same however its bytes trickle in; pairs
 * lie in the input, and come back from the records that are made of them.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "fcgi/record.h"
#include "fcgi/screen.h"

#define TRICKLE_MAX 1024 /* bytes given one by one; more would take time without telling more */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fcgi_header header_at(struct str bytes, size_t at)
{
	CHECK(at <= bytes.n && bytes.n - at >= FCGI_REC_HEADER);
	return fcgi_header_read((const unsigned char *)bytes.p + at);
}

static void check_inside(struct str bytes, struct str slice)
{
	if (slice.n == 0)
		return;
	CHECK(slice.p >= bytes.p && slice.n <= bytes.n);
	CHECK((size_t)(slice.p - bytes.p) <= bytes.n - slice.n);
}

/* ------------------------------------------------------------------ the screen */

/* The content of all PARAMS, and where the records end. */
static size_t walk_params(struct str bytes, uint16_t id, struct buf *params)
{
	size_t at = FCGI_FIXED_RECORD;

	for (;;) {
		struct fcgi_header h = header_at(bytes, at);

		CHECK(h.version == 1 && h.type == FCGI_TYPE_PARAMS && h.id == id);
		at += FCGI_REC_HEADER;
		CHECK(h.content + h.padding <= bytes.n - at);
		CHECK(buf_add(params, bytes.p + at, h.content));
		at += h.content + h.padding;
		if (h.content == 0) {
			CHECK(h.padding == 0);
			return at;
		}
	}
}

struct body {
	bool awaited; /* not GET or HEAD, or it has a length */
	bool has_length;
};

static struct body check_pairs(struct str params, size_t max)
{
	struct body body = {.awaited = true};
	struct str name, value;
	size_t pairs = 0;
	bool broken;

	while (fcgi_pair_next(&params, &name, &value, &broken)) {
		pairs++;
		CHECK(name.n > 0 && str_find(name, '=') == name.n);
		CHECK(str_find(name, '\0') == name.n && str_find(value, '\0') == value.n);
		if (str_eq(name, STR("REQUEST_METHOD")) && value.n <= 16)
			body.awaited = !str_eq(value, STR("GET")) && !str_eq(value, STR("HEAD"));
		if (str_eq(name, STR("CONTENT_LENGTH")))
			body.has_length = value.n > 0 && !str_eq(value, STR("0"));
	}
	CHECK(!broken && pairs <= max);
	return body;
}

static void check_passed(struct str bytes, const struct screen_limits *limits,
			 enum screen_result result, const struct screen *s)
{
	struct fcgi_header h = header_at(bytes, 0);
	struct buf params;
	struct body body;
	size_t end;

	CHECK(h.version == 1 && h.type == FCGI_TYPE_BEGIN && h.content == 8 && h.padding == 0);
	CHECK(h.id != 0 && s->id == h.id);
	CHECK(bytes.p[8] == 0 && (unsigned char)bytes.p[9] == s->role);
	CHECK(s->role >= FCGI_ROLE_RESPONDER && s->role <= FCGI_ROLE_FILTER);
	CHECK(s->keep_conn == (bytes.p[10] & 1));
	buf_init(&params, 0);
	end = walk_params(bytes, s->id, &params);
	CHECK(params.n <= limits->params && s->length <= bytes.n);
	body = check_pairs(buf_str(&params), limits->pairs);
	buf_fini(&params);
	if (result == SCREEN_BODY) {
		CHECK(s->length == end && !s->padded_end);
		if (!body.awaited && !body.has_length && s->role != FCGI_ROLE_FILTER)
			CHECK(header_at(bytes, end).content > 0);
		return;
	}
	h = header_at(bytes, end);
	CHECK(h.version == 1 && h.type == FCGI_TYPE_STDIN && h.id == s->id && h.content == 0);
	CHECK(!body.has_length && s->role != FCGI_ROLE_FILTER);
	CHECK(s->length == end + FCGI_REC_HEADER + h.padding);
	CHECK(s->padded_end == (h.padding > 0));
}

/* Byte by byte it says MORE, until it says what it says for the whole. */
static void check_prefixes(struct str bytes, const struct screen_limits *limits,
			   enum screen_result whole, const struct screen *whole_screen)
{
	enum screen_result result = SCREEN_MORE;
	struct screen s = {.length = 0};
	size_t n;

	for (n = 0; n <= bytes.n && result == SCREEN_MORE; n++) {
		s = (struct screen){.length = 0};
		result = screen_request(str_sub(bytes, 0, n), limits, &s);
	}
	if (result == SCREEN_BODY) {
		/* what comes behind is for the whole to judge; the head stays what it is */
		check_passed(str_sub(bytes, 0, n - 1), limits, result, &s);
		if (whole == SCREEN_EMPTY || whole == SCREEN_BODY)
			CHECK(s.length <= whole_screen->length);
		else
			CHECK(whole != SCREEN_OVERSIZED && whole != SCREEN_ROLE);
		return;
	}
	CHECK(result == whole);
	if (result == SCREEN_EMPTY)
		CHECK(s.length == n - 1 && s.length == whole_screen->length);
}

static void run_screen(struct str bytes, const struct screen_limits *limits)
{
	struct screen s = {.length = 0};
	enum screen_result result = screen_request(bytes, limits, &s);

	if (result == SCREEN_MORE)
		CHECK(bytes.n <= screen_max_bytes(limits));
	if (result == SCREEN_EMPTY || result == SCREEN_BODY)
		check_passed(bytes, limits, result, &s);
	if (bytes.n <= TRICKLE_MAX)
		check_prefixes(bytes, limits, result, &s);
}

/* ------------------------------------------------------------------ the reader */

/* What was told: each run of STDOUT or STDERR as one event. */
struct told {
	struct buf text;
	enum fcgi_event last;
	size_t taken;
	struct fcgi_reader reader;
};

static void tell(struct told *t, enum fcgi_event event, struct str piece)
{
	char mark = "MOESNB"[event];
	bool stream = event == FCGI_EVENT_STDOUT || event == FCGI_EVENT_STDERR;

	CHECK(buf_add(&t->text, &mark, !stream || t->last != event));
	t->last = event;
	if (stream) {
		CHECK(t->reader.data.n > 0);
		check_inside(piece, t->reader.data);
		CHECK(buf_add_str(&t->text, t->reader.data));
	} else if (event == FCGI_EVENT_END) {
		CHECK(
		    buf_printf(&t->text, "%u %u", t->reader.app_status, t->reader.protocol_status));
	} else if (event == FCGI_EVENT_BAD) {
		CHECK(t->reader.error && buf_add_str(&t->text, str_of(t->reader.error)));
	}
}

/* Feeds the bytes in pieces of `size`. */
static void read_all(struct str bytes, size_t size, struct told *t)
{
	enum fcgi_event event = FCGI_EVENT_MORE;

	*t = (struct told){.last = FCGI_EVENT_MORE};
	fcgi_reader_init(&t->reader, 1);
	for (size_t at = 0; at < bytes.n && event == FCGI_EVENT_MORE; at += size) {
		struct str piece = str_sub(bytes, at, at + size), in = piece;

		do {
			size_t before = in.n;

			event = fcgi_reader_next(&t->reader, &in);
			CHECK(in.n <= before);
			t->taken += before - in.n;
			if (event == FCGI_EVENT_MORE)
				break;
			CHECK(in.n < before || event == FCGI_EVENT_END);
			tell(t, event, piece);
		} while (event != FCGI_EVENT_END && event != FCGI_EVENT_BAD);
		CHECK(event != FCGI_EVENT_MORE || in.n == 0);
	}
}

static void run_reader(struct str bytes, size_t size)
{
	struct told whole, pieces;

	read_all(bytes, bytes.n + 1, &whole);
	read_all(bytes, size, &pieces);
	CHECK(str_eq(buf_str(&whole.text), buf_str(&pieces.text)));
	CHECK(whole.taken == pieces.taken && whole.last == pieces.last);
	CHECK(fcgi_reader_between(&whole.reader) == fcgi_reader_between(&pieces.reader));
	buf_fini(&whole.text);
	buf_fini(&pieces.text);
}

/* ------------------------------------------------------------------ pairs */

/* The PARAMS records in out hold the pairs of bytes, as many of them as there are. */
static void check_round_trip(struct str bytes, struct str out, size_t n)
{
	struct str name, value, other_name, other_value, rest;
	struct buf content;
	bool broken;
	size_t at = 0;

	buf_init(&content, 0);
	while (at < out.n) {
		struct fcgi_header h = header_at(out, at);

		CHECK(h.version == 1 && h.type == FCGI_TYPE_PARAMS && h.id == 7 && h.padding == 0);
		CHECK(h.content <= FCGI_REC_CONTENT);
		at += FCGI_REC_HEADER;
		CHECK((h.content == 0) == (at == out.n));
		CHECK(h.content <= out.n - at && buf_add(&content, out.p + at, h.content));
		at += h.content;
	}
	rest = buf_str(&content);
	for (size_t i = 0; i < n; i++) {
		CHECK(fcgi_pair_next(&bytes, &name, &value, &broken));
		CHECK(fcgi_pair_next(&rest, &other_name, &other_value, &broken));
		CHECK(str_eq(name, other_name) && str_eq(value, other_value));
	}
	CHECK(!fcgi_pair_next(&rest, &name, &value, &broken) && !broken);
	buf_fini(&content);
}

static void run_pairs(struct str bytes)
{
	struct str rest = bytes, name, value;
	struct fcgi_params params;
	bool broken, all = true;
	struct buf out;
	size_t n = 0;

	buf_init(&out, 0);
	fcgi_params_start(&params, &out, 7);
	for (;;) {
		size_t before = rest.n;
		enum fcgi_params_result result;

		if (!fcgi_pair_next(&rest, &name, &value, &broken))
			break;
		CHECK(!broken && rest.n + name.n + value.n + 2 <= before);
		check_inside(bytes, name);
		check_inside(bytes, value);
		result = fcgi_params_add(&params, name, value);
		CHECK(result != FCGI_PARAMS_NO_MEMORY);
		all = all && result == FCGI_PARAMS_OK;
		n += all;
	}
	CHECK(broken == (rest.n > 0));
	CHECK(fcgi_params_end(&params));
	if (all)
		check_round_trip(bytes, buf_str(&out), n);
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct screen_limits wide = {65536, 1000}, narrow = {64, 4};
	struct str bytes;

	if (size == 0)
		return 0;
	bytes = str_make((const char *)data, size - 1);
	run_screen(bytes, &wide);
	run_screen(bytes, &narrow);
	run_reader(bytes, data[size - 1] % 64 + 1);
	run_pairs(bytes);
	return 0;
}
