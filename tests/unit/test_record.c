/*
 * Records: headers, pairs, PARAMS as they are built, and a reader that gets its bytes as they come.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "fcgi/record.h"

static void assert_str(struct str s, const char *expected)
{
	if (!str_eq(s, str_of(expected)))
		fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(s), expected);
}

/* ------------------------------------------------------------------ headers */

static void a_header_comes_back(void **state)
{
	static const size_t lengths[] = {0, 1, 255, 256, 65528, 65535};
	unsigned char bytes[FCGI_REC_HEADER];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct fcgi_header h;

		memset(bytes, 0xee, sizeof(bytes));
		fcgi_header_write(bytes, FCGI_TYPE_STDIN, 0xabcd, lengths[i]);
		h = fcgi_header_read(bytes);
		assert_int_equal(h.version, 1);
		assert_int_equal(h.type, FCGI_TYPE_STDIN);
		assert_int_equal(h.id, 0xabcd);
		assert_int_equal(h.content, lengths[i]);
		assert_int_equal(h.padding, 0);
		assert_int_equal(bytes[7], 0);
	}
}

static void every_field_of_a_header(void **state)
{
	static const unsigned char bytes[] = {2, 255, 0xfe, 0xdc, 0xff, 0xff, 0xff, 0x77};
	struct fcgi_header h = fcgi_header_read(bytes);

	(void)state;
	assert_int_equal(h.version, 2);
	assert_int_equal(h.type, 255);
	assert_int_equal(h.id, 0xfedc);
	assert_int_equal(h.content, 65535);
	assert_int_equal(h.padding, 255);
}

static void begin_and_end(void **state)
{
	static const unsigned char begin[] = {1, 1, 1, 2, 0, 8, 0, 0, 0, 3, 1, 0, 0, 0, 0, 0};
	static const unsigned char end[] = {1,    3,    1,    2,    0, 8, 0, 0,
					    0x89, 0xab, 0xcd, 0xef, 3, 0, 0, 0};
	unsigned char out[FCGI_FIXED_RECORD];
	uint32_t app;
	unsigned protocol;

	(void)state;
	fcgi_begin_write(out, 0x102, FCGI_ROLE_FILTER, true);
	assert_memory_equal(out, begin, sizeof(out));
	fcgi_begin_write(out, 0x102, FCGI_ROLE_RESPONDER, false);
	assert_int_equal(out[9], 1);
	assert_int_equal(out[10], 0);
	fcgi_end_write(out, 0x102, 0x89abcdef, FCGI_END_UNKNOWN_ROLE);
	assert_memory_equal(out, end, sizeof(out));
	assert_true(fcgi_end_read(str_make((char *)out + 8, 8), &app, &protocol));
	assert_int_equal(app, 0x89abcdef);
	assert_int_equal(protocol, FCGI_END_UNKNOWN_ROLE);
	for (size_t n = 0; n < 5; n++)
		assert_false(fcgi_end_read(str_make((char *)out + 8, n), &app, &protocol));
}

/* ------------------------------------------------------------------ pairs */

static void pairs(void **state)
{
	static const struct {
		struct str bytes;
		const char *pairs; /* name=value; of each, then '!' if broken */
	} cases[] = {
#define CASE(text, pairs) {{text, sizeof(text) - 1}, pairs}
	    CASE("", ""),
	    CASE("\1\1ab", "a=b;"),
	    CASE("\1\1ab\2\0cd", "a=b;cd=;"),
	    CASE("\0\0", "=;"),
	    CASE("\0\1v", "=v;"),
	    CASE("\x80\0\0\1\1ab", "a=b;"),
	    CASE("\1\x80\0\0\1ab", "a=b;"),
	    CASE("\x80\0\0\0\x80\0\0\0", "=;"),
	    /* cut off, at each place */
	    CASE("\1", "!"),
	    CASE("\1\1", "!"),
	    CASE("\1\1a", "!"),
	    CASE("\1\1ab\1", "a=b;!"),
	    CASE("\1\1ab\1\2c", "a=b;!"),
	    CASE("\x80", "!"),
	    CASE("\x80\0\0", "!"),
	    CASE("\x80\0\0\1", "!"),
	    CASE("\1\x80\0\0", "!"),
	    CASE("\1\x80\0\0\1a", "!"),
	    /* longer than anything */
	    CASE("\xff\xff\xff\xfe\xff\xff\xff\xfe"
		 "ab",
		 "!"),
	    CASE("\1\xff\xff\xff\xfe"
		 "ab",
		 "!"),
	    CASE("\xff\xff\xff\xfe\1"
		 "ab",
		 "!"),
	    CASE("\xff\xff\xff\xff\xff\xff\xff\xff", "!"),
	    CASE("\3\0ab", "!"),
	    CASE("\1\2ab", "!"),
	    CASE("\0\3ab", "!"),
#undef CASE
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str rest = cases[i].bytes, name, value, before;
		char got[64] = "";
		size_t n = 0;
		bool broken;

		while (before = rest, fcgi_pair_next(&rest, &name, &value, &broken)) {
			assert_false(broken);
			n += (size_t)snprintf(got + n, sizeof(got) - n, "%.*s=%.*s;", STR_ARG(name),
					      STR_ARG(value));
		}
		assert_int_equal(broken, rest.n > 0);
		assert_true(rest.n == before.n);
		snprintf(got + n, sizeof(got) - n, "%s", broken ? "!" : "");
		if (strcmp(got, cases[i].pairs) != 0)
			fail_msg("case %zu: %s, wanted %s", i, got, cases[i].pairs);
	}
}

/* ------------------------------------------------------------------ PARAMS under construction */

#define LETTERS 70000u
static char letters[LETTERS];

static struct str text(size_t n)
{
	assert_true(n <= LETTERS);
	memset(letters, 'v', sizeof(letters));
	return str_make(letters, n);
}

static struct fcgi_header header_at(const struct buf *b, size_t at)
{
	assert_true(at + FCGI_REC_HEADER <= b->n);
	return fcgi_header_read((const unsigned char *)b->p + at);
}

/* Record lengths: "12,0" */
static const char *records(const struct buf *b)
{
	static char out[256];
	size_t at = 0, n = 0;

	out[0] = '\0';
	while (at < b->n) {
		struct fcgi_header h = header_at(b, at);

		assert_int_equal(h.version, 1);
		assert_int_equal(h.type, FCGI_TYPE_PARAMS);
		assert_int_equal(h.id, 5);
		assert_int_equal(h.padding, 0);
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%zu", n ? "," : "", h.content);
		at += FCGI_REC_HEADER + h.content;
	}
	assert_int_equal(at, b->n);
	return out;
}

static void params_of_few_pairs(void **state)
{
	struct fcgi_params p;
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	fcgi_params_start(&p, &b, 5);
	assert_int_equal(fcgi_params_add(&p, STR("A"), STR("bc")), FCGI_PARAMS_OK);
	assert_int_equal(fcgi_params_add(&p, STR("D"), str_make(NULL, 0)), FCGI_PARAMS_OK);
	assert_true(fcgi_params_end(&p));
	assert_string_equal(records(&b), "8,0");
	assert_memory_equal(b.p + 8, "\1\2Abc\1\0D", 8);
	buf_fini(&b);

	fcgi_params_start(&p, &b, 5);
	assert_true(fcgi_params_end(&p));
	assert_string_equal(records(&b), "0");
	buf_fini(&b);
}

/* Lengths of one byte up to 127, of four from 128 on. */
static void lengths_of_one_and_four_bytes(void **state)
{
	static const size_t lengths[] = {0, 1, 126, 127, 128, 129, 255, 256, 65535 - 20};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct str rest, name, value;
		struct fcgi_params p;
		struct buf b;
		bool broken;

		buf_init(&b, 0);
		fcgi_params_start(&p, &b, 5);
		assert_int_equal(fcgi_params_add(&p, STR("N"), text(lengths[i])), FCGI_PARAMS_OK);
		assert_true(fcgi_params_end(&p));
		rest = str_sub(buf_str(&b), 8, b.n - 8);
		assert_int_equal(rest.n, (lengths[i] < 128 ? 3 : 6) + lengths[i]);
		assert_true(fcgi_pair_next(&rest, &name, &value, &broken));
		assert_str(name, "N");
		assert_true(str_eq(value, text(lengths[i])));
		assert_int_equal(rest.n, 0);
		buf_fini(&b);
	}
}

/* A pair of n bytes, its lengths included; n of 200 and more. */
static enum fcgi_params_result add(struct fcgi_params *p, size_t n)
{
	return fcgi_params_add(p, STR("N"), text(n - 6));
}

static void records_end_between_pairs(void **state)
{
	static const struct {
		size_t pairs[4];
		const char *records;
	} cases[] = {
	    {{1000, 2000}, "3000,0"},
	    {{1000, 64528}, "65528,0"},
	    {{1000, 64529}, "1000,64529,0"},
	    {{65000, 528, 1000}, "65528,1000,0"},
	    {{65000, 529, 1000}, "65000,1529,0"},
	    {{65527}, "65527,0"},
	    {{65527, 65527, 200}, "65527,65527,200,0"},
	    {{200, 65527, 200}, "200,65527,200,0"},
	    {{40000, 40000, 40000}, "40000,40000,40000,0"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fcgi_params p;
		struct buf b;

		buf_init(&b, 0);
		fcgi_params_start(&p, &b, 5);
		for (size_t k = 0; k < 4 && cases[i].pairs[k]; k++)
			assert_int_equal(add(&p, cases[i].pairs[k]), FCGI_PARAMS_OK);
		assert_true(fcgi_params_end(&p));
		assert_string_equal(records(&b), cases[i].records);
		buf_fini(&b);
	}
}

static void a_pair_too_large_adds_nothing(void **state)
{
	struct fcgi_params p;
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	fcgi_params_start(&p, &b, 5);
	assert_int_equal(add(&p, 65528), FCGI_PARAMS_TOO_LARGE);
	assert_int_equal(b.n, 0);
	assert_int_equal(add(&p, 300), FCGI_PARAMS_OK);
	assert_int_equal(add(&p, 65528), FCGI_PARAMS_TOO_LARGE);
	assert_int_equal(add(&p, 65535), FCGI_PARAMS_TOO_LARGE);
	assert_int_equal(fcgi_params_add(&p, text(65527), STR("")), FCGI_PARAMS_TOO_LARGE);
	assert_int_equal(fcgi_params_add(&p, text(40000), text(40000)), FCGI_PARAMS_TOO_LARGE);
	/* never looked at */
	assert_int_equal(fcgi_params_add(&p, str_make("x", SIZE_MAX), STR("v")),
			 FCGI_PARAMS_TOO_LARGE);
	assert_int_equal(fcgi_params_add(&p, STR("x"), str_make("v", SIZE_MAX - 8)),
			 FCGI_PARAMS_TOO_LARGE);
	assert_int_equal(add(&p, 300), FCGI_PARAMS_OK);
	assert_true(fcgi_params_end(&p));
	assert_string_equal(records(&b), "600,0");
	buf_fini(&b);
}

static void no_memory_is_said(void **state)
{
	struct fcgi_params p;
	struct buf b;

	(void)state;
	buf_init(&b, 8 + 300 + 4);
	fcgi_params_start(&p, &b, 5);
	assert_int_equal(add(&p, 1000), FCGI_PARAMS_NO_MEMORY);
	assert_int_equal(b.n, 0);
	assert_int_equal(add(&p, 300), FCGI_PARAMS_OK);
	assert_int_equal(add(&p, 300), FCGI_PARAMS_NO_MEMORY);
	assert_int_equal(b.n, 308);
	assert_false(fcgi_params_end(&p));
	buf_fini(&b);
}

/* ------------------------------------------------------------------ the reader */

/* Appends a record. */
static void put(struct buf *b, int type, int id, const char *content, size_t n, size_t padding)
{
	static const char zeros[255];
	unsigned char head[FCGI_REC_HEADER];

	fcgi_header_write(head, (enum fcgi_type)type, (uint16_t)id, n);
	head[6] = (unsigned char)padding;
	assert_true(buf_add(b, head, sizeof(head)));
	assert_true(buf_add(b, content, n));
	assert_true(buf_add(b, zeros, padding));
}

static void put_end(struct buf *b, uint32_t app_status, enum fcgi_end protocol_status)
{
	unsigned char end[FCGI_FIXED_RECORD];

	fcgi_end_write(end, 1, app_status, protocol_status);
	assert_true(buf_add(b, end, sizeof(end)));
}

/*
 * Feeds the bytes in pieces and writes down what is told: "out(abc)err(x)out-end end(0,0)", runs of
 * one stream together. *left: bytes not taken.
 */
static const char *read_in_pieces(struct str bytes, size_t size, size_t *left)
{
	static char out[1 << 17];
	enum fcgi_event event = FCGI_EVENT_MORE, last = FCGI_EVENT_MORE;
	struct fcgi_reader r;
	size_t at = 0, n = 0;
	struct str in = {NULL, 0};

	fcgi_reader_init(&r, 1);
	assert_true(fcgi_reader_between(&r));
	out[0] = '\0';
	while (event != FCGI_EVENT_END && event != FCGI_EVENT_BAD) {
		if (event == FCGI_EVENT_MORE) {
			assert_int_equal(in.n, 0);
			if (at == bytes.n)
				break;
			in = str_sub(bytes, at, at + size);
			at += in.n;
		}
		event = fcgi_reader_next(&r, &in);
		if (event == FCGI_EVENT_MORE)
			continue;
		if ((last == FCGI_EVENT_STDOUT || last == FCGI_EVENT_STDERR) && event != last)
			n += (size_t)snprintf(out + n, sizeof(out) - n, ")");
		if (event == FCGI_EVENT_STDOUT || event == FCGI_EVENT_STDERR) {
			assert_true(r.data.n > 0);
			n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%.*s",
					      event == last                ? ""
					      : event == FCGI_EVENT_STDOUT ? "out("
									   : "err(",
					      STR_ARG(r.data));
		} else if (event == FCGI_EVENT_STDOUT_END) {
			n += (size_t)snprintf(out + n, sizeof(out) - n, "out-end ");
		} else if (event == FCGI_EVENT_END) {
			n += (size_t)snprintf(out + n, sizeof(out) - n, "end(%u,%u)", r.app_status,
					      r.protocol_status);
		} else {
			assert_non_null(r.error);
			n += (size_t)snprintf(out + n, sizeof(out) - n, "bad: %s", r.error);
		}
		last = event;
	}
	if (event == FCGI_EVENT_MORE && (last == FCGI_EVENT_STDOUT || last == FCGI_EVENT_STDERR))
		n += (size_t)snprintf(out + n, sizeof(out) - n, ")");
	if (event == FCGI_EVENT_MORE && !fcgi_reader_between(&r))
		n += (size_t)snprintf(out + n, sizeof(out) - n, "...");
	assert_true(n < sizeof(out));
	*left = bytes.n - at + in.n;
	return out;
}

/* The same is told however the bytes come. Frees b. */
static void assert_told(struct buf *b, const char *expected, size_t expected_left)
{
	static const size_t sizes[] = {SIZE_MAX, 1, 2, 3, 5, 7, 8, 9, 16, 100, 256};
	size_t left;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		size_t size = sizes[i] > b->n ? b->n : sizes[i];
		const char *told = read_in_pieces(buf_str(b), size, &left);

		if (strcmp(told, expected) != 0)
			fail_msg("pieces of %zu: %.200s, wanted %.200s", size, told, expected);
		assert_int_equal(left, expected_left);
	}
	buf_fini(b);
}

static void a_plain_answer(void **state)
{
	struct buf b = {.max = 0};

	(void)state;
	put(&b, FCGI_TYPE_STDOUT, 1, "Status: 200\r\n\r\nhello", 20, 0);
	put(&b, FCGI_TYPE_STDOUT, 1, "", 0, 0);
	put_end(&b, 0, FCGI_END_COMPLETE);
	assert_told(&b, "out(Status: 200\r\n\r\nhello)out-end end(0,0)", 0);
}

static void both_streams_in_turn(void **state)
{
	struct buf b = {.max = 0};

	(void)state;
	put(&b, FCGI_TYPE_STDERR, 1, "warn", 4, 4);
	put(&b, FCGI_TYPE_STDOUT, 1, "ab", 2, 6);
	put(&b, FCGI_TYPE_STDOUT, 1, "c", 1, 0);
	put(&b, FCGI_TYPE_STDERR, 1, "", 0, 0);
	put(&b, FCGI_TYPE_STDERR, 1, "x", 1, 1);
	put(&b, FCGI_TYPE_STDOUT, 1, "d", 1, 0);
	put_end(&b, 0xfffffffe, FCGI_END_OVERLOADED);
	assert_told(&b, "err(warn)out(abc)err(x)out(d)end(4294967294,2)", 0);
}

static void padding_is_skipped(void **state)
{
	struct buf b = {.max = 0};

	(void)state;
	put(&b, FCGI_TYPE_STDOUT, 1, "a", 1, 255);
	put(&b, FCGI_TYPE_STDERR, 1, "", 0, 255);
	put(&b, FCGI_TYPE_STDOUT, 1, "b", 1, 255);
	put(&b, FCGI_TYPE_STDOUT, 1, "", 0, 255);
	put(&b, FCGI_TYPE_END, 1, "\0\0\0\1\0\0\0\0", 8, 255);
	assert_told(&b, "out(ab)out-end end(1,0)", 0);
}

static void a_record_of_full_length(void **state)
{
	static char content[65535], expected[65535 + 32];
	struct buf b = {.max = 0};

	(void)state;
	memset(content, 'c', sizeof(content));
	put(&b, FCGI_TYPE_STDOUT, 1, content, sizeof(content), 255);
	put_end(&b, 0, FCGI_END_COMPLETE);
	snprintf(expected, sizeof(expected), "out(%.*s)end(0,0)", (int)sizeof(content), content);
	assert_told(&b, expected, 0);
}

static void what_stands_behind_the_end_is_left(void **state)
{
	struct buf b = {.max = 0};

	(void)state;
	put_end(&b, 0, FCGI_END_CANT_MPX);
	assert_true(buf_add_str(&b, STR("behind")));
	for (size_t size = 1; size <= b.n; size++) {
		size_t left;

		assert_string_equal(read_in_pieces(buf_str(&b), size, &left), "end(0,1)");
		assert_int_equal(left, 6);
	}
	buf_fini(&b);
}

static void an_answer_that_breaks_off(void **state)
{
	struct buf b = {.max = 0};

	(void)state;
	put(&b, FCGI_TYPE_STDOUT, 1, "abc", 3, 5);
	b.n -= 1;
	assert_told(&b, "out(abc)...", 0);
	put(&b, FCGI_TYPE_STDOUT, 1, "abc", 3, 0);
	b.n -= 1;
	assert_told(&b, "out(ab)...", 0);
	put_end(&b, 0, FCGI_END_COMPLETE);
	b.n -= 1;
	assert_told(&b, "...", 0);
	b = (struct buf){.max = 0};
	put(&b, FCGI_TYPE_STDOUT, 1, "abc", 3, 0);
	assert_told(&b, "out(abc)", 0);
	assert_true(buf_add_str(&b, STR("\1\6\0\1\0\0\0")));
	assert_told(&b, "...", 0);
}

static void what_no_application_may_send(void **state)
{
	static const struct {
		struct str bytes;
		const char *told;
	} cases[] = {
#define CASE(text, told) {{text, sizeof(text) - 1}, told}
	    CASE("\0\6\0\1\0\1\0\0a", "bad: a record of an unknown version"),
	    CASE("\2\6\0\1\0\1\0\0a", "bad: a record of an unknown version"),
	    CASE("HTTP/1.1 200 OK", "bad: a record of an unknown version"),
	    CASE("\1\6\0\0\0\1\0\0a", "bad: a record of another request"),
	    CASE("\1\6\1\1\0\1\0\0a", "bad: a record of another request"),
	    CASE("\1\6\0\2\0\1\0\0a", "bad: a record of another request"),
	    CASE("\1\3\0\2\0\10\0\0\0\0\0\0\0\0\0\0", "bad: a record of another request"),
	    CASE("\1\0\0\1\0\1\0\0a", "bad: a record of an unexpected type"),
	    CASE("\1\1\0\1\0\1\0\0a", "bad: a record of an unexpected type"),
	    CASE("\1\5\0\1\0\1\0\0a", "bad: a record of an unexpected type"),
	    CASE("\1\10\0\1\0\1\0\0a", "bad: a record of an unexpected type"),
	    CASE("\1\13\0\1\0\1\0\0a", "bad: a record of an unexpected type"),
	    CASE("\1\377\0\1\0\1\0\0a", "bad: a record of an unexpected type"),
	    CASE("\1\3\0\1\0\0\0\0a", "bad: an END_REQUEST of the wrong length"),
	    CASE("\1\3\0\1\0\7\0\0aaaaaaaa", "bad: an END_REQUEST of the wrong length"),
	    CASE("\1\3\0\1\0\11\0\0aaaaaaaaa", "bad: an END_REQUEST of the wrong length"),
	    CASE("\1\3\0\1\377\377\0\0aaaaaaaaa", "bad: an END_REQUEST of the wrong length"),
#undef CASE
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf b = {.max = 0};

		assert_true(buf_add_str(&b, cases[i].bytes));
		for (size_t size = 1; size <= b.n; size++) {
			size_t left;

			assert_string_equal(read_in_pieces(buf_str(&b), size, &left),
					    cases[i].told);
		}
		buf_fini(&b);
	}
}

static void a_bad_record_behind_good_ones(void **state)
{
	struct buf b = {.max = 0};
	size_t left;

	(void)state;
	put(&b, FCGI_TYPE_STDOUT, 1, "abc", 3, 5);
	put(&b, FCGI_TYPE_STDOUT, 2, "abc", 3, 5);
	assert_string_equal(read_in_pieces(buf_str(&b), 1, &left),
			    "out(abc)bad: a record of another request");
	assert_string_equal(read_in_pieces(buf_str(&b), b.n, &left),
			    "out(abc)bad: a record of another request");
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_header_comes_back),
	    cmocka_unit_test(every_field_of_a_header),
	    cmocka_unit_test(begin_and_end),
	    cmocka_unit_test(pairs),
	    cmocka_unit_test(params_of_few_pairs),
	    cmocka_unit_test(lengths_of_one_and_four_bytes),
	    cmocka_unit_test(records_end_between_pairs),
	    cmocka_unit_test(a_pair_too_large_adds_nothing),
	    cmocka_unit_test(no_memory_is_said),
	    cmocka_unit_test(a_plain_answer),
	    cmocka_unit_test(both_streams_in_turn),
	    cmocka_unit_test(padding_is_skipped),
	    cmocka_unit_test(a_record_of_full_length),
	    cmocka_unit_test(what_stands_behind_the_end_is_left),
	    cmocka_unit_test(an_answer_that_breaks_off),
	    cmocka_unit_test(what_no_application_may_send),
	    cmocka_unit_test(a_bad_record_behind_good_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
