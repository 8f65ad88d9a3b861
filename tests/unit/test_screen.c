/*
 * The screen: heads as web servers send them, and as nobody should.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"
#include "fcgi/record.h"
#include "fcgi/screen.h"

static const struct screen_limits limits = {.params = 2000, .pairs = 10};

/* ------------------------------------------------------------------ building heads */

static void put(struct buf *b, int type, int id, struct str content, size_t padding)
{
	static const char zeros[255];
	unsigned char head[FCGI_REC_HEADER];

	fcgi_header_write(head, (enum fcgi_type)type, (uint16_t)id, content.n);
	head[6] = (unsigned char)padding;
	assert_true(buf_add(b, head, sizeof(head)));
	assert_true(buf_add_str(b, content));
	assert_true(buf_add(b, zeros, padding));
}

static void put_begin(struct buf *b, int role)
{
	unsigned char begin[FCGI_FIXED_RECORD];

	fcgi_begin_write(begin, 1, (uint16_t)role, true);
	assert_true(buf_add(b, begin, sizeof(begin)));
}

/*
 * A head from a word for each record, separated by blanks:
 *     begin, begin=ROLE     BEGIN_REQUEST
 *     NAME=VALUE            pairs (joined by '&') in one PARAMS record
 *     end                   the empty PARAMS
 *     in, in=BYTES          STDIN
 * "+N" behind a word adds N bytes of padding, "@N" makes it a record of request N.
 */
static void put_pairs(struct buf *b, struct str pairs)
{
	struct str pair;

	while (str_split(&pairs, '&', &pair)) {
		size_t equals = str_find(pair, '=');
		struct str name = str_sub(pair, 0, equals),
			   value = str_sub(pair, equals + 1, pair.n);
		char lengths[] = {(char)name.n, (char)value.n};

		assert_true(name.n < 128 && value.n < 128);
		assert_true(buf_add(b, lengths, 2) && buf_add_str(b, name) &&
			    buf_add_str(b, value));
	}
}

static size_t take_number(struct str *word, char mark, size_t otherwise)
{
	size_t at = str_find(*word, mark);
	uint64_t n;

	if (at == word->n)
		return otherwise;
	assert_true(str_to_u64(str_sub(*word, at + 1, word->n), &n));
	*word = str_sub(*word, 0, at);
	return n;
}

static void put_word(struct buf *b, struct str word)
{
	size_t padding = take_number(&word, '+', 0);
	int id = (int)take_number(&word, '@', 1);
	struct str content = str_sub(word, str_find(word, '=') + 1, word.n);
	struct buf pairs = {.max = 0};

	if (str_starts(word, STR("begin"))) {
		char body[8] = {0, content.n ? (char)(content.p[0] - '0') : 1, 1};

		put(b, FCGI_TYPE_BEGIN, id, str_make(body, 8), padding);
	} else if (str_eq(word, STR("end"))) {
		put(b, FCGI_TYPE_PARAMS, id, STR(""), padding);
	} else if (str_eq(word, STR("in")) || str_starts(word, STR("in="))) {
		put(b, FCGI_TYPE_STDIN, id, content, padding);
	} else if (str_eq(word, STR("abort"))) {
		put(b, FCGI_TYPE_ABORT, id, STR(""), padding);
	} else if (str_eq(word, STR("data"))) {
		put(b, FCGI_TYPE_DATA, id, STR(""), padding);
	} else if (str_eq(word, STR("get-values"))) {
		put(b, 9, id, STR("\17\0FCGI_MPXS_CONNS"), padding);
	} else {
		put_pairs(&pairs, word);
		put(b, FCGI_TYPE_PARAMS, id, buf_str(&pairs), padding);
	}
	buf_fini(&pairs);
}

static struct str build(struct buf *b, const char *words)
{
	struct str rest = str_of(words), word;

	buf_init(b, 0);
	while (str_split(&rest, ' ', &word))
		put_word(b, word);
	return buf_str(b);
}

static size_t length_of(const char *words)
{
	struct buf b;
	size_t n = build(&b, words).n;

	buf_fini(&b);
	return n;
}

/* ------------------------------------------------------------------ the table */

#define GET  "REQUEST_METHOD=GET&REQUEST_URI=/a"
#define HEAD "REQUEST_METHOD=HEAD&REQUEST_URI=/a"
#define POST "REQUEST_METHOD=POST&REQUEST_URI=/a"

static const struct {
	const char *words;
	enum screen_result result;
	const char *length; /* the words that belong to it; NULL: all */
} heads[] = {
    /* without a body */
    {"begin " GET " end in", SCREEN_EMPTY, NULL},
    {"begin " HEAD " end in", SCREEN_EMPTY, NULL},
    {"begin " GET "&CONTENT_LENGTH= end in", SCREEN_EMPTY, NULL},
    {"begin " GET "&CONTENT_LENGTH=0 end in", SCREEN_EMPTY, NULL},
    {"begin CONTENT_LENGTH=0&" GET " end in", SCREEN_EMPTY, NULL},
    {"begin " POST " end in", SCREEN_EMPTY, NULL},
    {"begin " POST "&CONTENT_LENGTH=0 end in", SCREEN_EMPTY, NULL},
    {"begin=2 " GET " end in", SCREEN_EMPTY, NULL},
    {"begin end in", SCREEN_EMPTY, NULL},
    {"begin A=1 B=2 C=3 end in", SCREEN_EMPTY, NULL},
    {"begin " GET " end in begin " GET " end in", SCREEN_EMPTY, "begin " GET " end in"},
    {"begin " GET " end in+8", SCREEN_EMPTY, NULL},
    {"begin " GET " end in+255", SCREEN_EMPTY, NULL},
    {"begin@1 " GET "+7 end in", SCREEN_EMPTY, NULL},
    {"begin A=1+255 B=2+1 C=3+8 end in", SCREEN_EMPTY, NULL},
    /* with one */
    {"begin " POST "&CONTENT_LENGTH=5 end", SCREEN_BODY, NULL},
    {"begin " POST "&CONTENT_LENGTH=5 end in=hello in", SCREEN_BODY,
     "begin " POST "&CONTENT_LENGTH=5 end"},
    {"begin " POST " end", SCREEN_BODY, NULL},
    {"begin end", SCREEN_BODY, NULL},
    {"begin REQUEST_METHOD=get end", SCREEN_BODY, NULL},
    {"begin REQUEST_METHOD=GETTING end", SCREEN_BODY, NULL},
    {"begin " GET "&CONTENT_LENGTH=5 end", SCREEN_BODY, NULL},
    {"begin " GET "&CONTENT_LENGTH=5 end in", SCREEN_BODY, "begin " GET "&CONTENT_LENGTH=5 end"},
    {"begin " GET "&CONTENT_LENGTH=00 end in", SCREEN_BODY, "begin " GET "&CONTENT_LENGTH=00 end"},
    {"begin " GET "&CONTENT_LENGTH=00000000000000000000 end in", SCREEN_BODY,
     "begin " GET "&CONTENT_LENGTH=00000000000000000000 end"},
    {"begin " GET " end in=hello", SCREEN_BODY, "begin " GET " end"},
    {"begin " GET " end in=hello+3 in", SCREEN_BODY, "begin " GET " end"},
    {"begin=3 " GET " end in", SCREEN_BODY, "begin=3 " GET " end"},
    /* not yet */
    {"", SCREEN_MORE, NULL},
    {"begin", SCREEN_MORE, NULL},
    {"begin " GET, SCREEN_MORE, NULL},
    {"begin " GET " end", SCREEN_MORE, NULL},
    {"begin " GET "&CONTENT_LENGTH=0 end", SCREEN_MORE, NULL},
    /* roles */
    {"begin=0", SCREEN_ROLE, NULL},
    {"begin=4 " GET " end in", SCREEN_ROLE, NULL},
    {"begin=9 " GET " end in", SCREEN_ROLE, NULL},
    /* padding behind which libfcgi loses its place */
    {"begin+1", SCREEN_MALFORMED, NULL},
    {"begin+8 " GET " end in", SCREEN_MALFORMED, NULL},
    {"begin " GET " end+1", SCREEN_MALFORMED, NULL},
    {"begin " GET " end+255 in", SCREEN_MALFORMED, NULL},
    /* order and ids */
    {GET " end in", SCREEN_MALFORMED, NULL},
    {"in", SCREEN_MALFORMED, NULL},
    {"abort", SCREEN_MALFORMED, NULL},
    {"begin begin", SCREEN_MALFORMED, NULL},
    {"begin in", SCREEN_MALFORMED, NULL},
    {"begin " GET " in", SCREEN_MALFORMED, NULL},
    {"begin " GET " data", SCREEN_MALFORMED, NULL},
    {"begin " GET "@2 end in", SCREEN_MALFORMED, NULL},
    {"begin@2 " GET " end in", SCREEN_MALFORMED, NULL},
    {"begin " GET " end@2 in", SCREEN_MALFORMED, NULL},
    {"begin " GET " end in@2", SCREEN_MALFORMED, NULL},
    {"begin " GET " end@258 in", SCREEN_MALFORMED, NULL},
    {"begin " GET " end end", SCREEN_MALFORMED, NULL},
    {"begin " GET " end begin", SCREEN_MALFORMED, NULL},
    {"begin " GET " end data", SCREEN_MALFORMED, NULL},
    /* management, aborts */
    {"get-values@0", SCREEN_MANAGEMENT, NULL},
    {"begin@0 " GET " end in", SCREEN_MANAGEMENT, NULL},
    {"begin get-values@0 " GET " end in", SCREEN_MANAGEMENT, NULL},
    {"begin " GET " get-values@0 end in", SCREEN_MANAGEMENT, NULL},
    {"begin " GET " end get-values@0 in", SCREEN_MANAGEMENT, NULL},
    {"begin " GET " end@0 in", SCREEN_MANAGEMENT, NULL},
    {"begin abort", SCREEN_MANAGEMENT, NULL},
    {"begin " GET " abort", SCREEN_MANAGEMENT, NULL},
    {"begin " GET " end abort", SCREEN_MANAGEMENT, NULL},
    /* limits */
    {"begin A=&B=&C=&D=&E=&F=&G=&H=&I=&J= end in", SCREEN_EMPTY, NULL},
    {"begin A=&B=&C=&D=&E=&F=&G=&H=&I=&J=&K= end in", SCREEN_OVERSIZED, NULL},
    {"begin A=&B=&C=&D=&E=&F= G=&H=&I=&J=&K= end in", SCREEN_OVERSIZED, NULL},
    /* names */
    {"begin =v end in", SCREEN_MALFORMED, NULL},
    {"begin A=1&=v end in", SCREEN_MALFORMED, NULL},
    {"begin A=b=c end in", SCREEN_EMPTY, NULL},
};

static void heads_and_what_they_are(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		struct buf b;
		struct str bytes = build(&b, heads[i].words);
		struct screen s = {.length = 0};
		enum screen_result result = screen_request(bytes, &limits, &s);

		if (result != heads[i].result)
			fail_msg("%s: %d", heads[i].words, result);
		if (result == SCREEN_EMPTY || result == SCREEN_BODY) {
			assert_int_equal(s.length,
					 heads[i].length ? length_of(heads[i].length) : bytes.n);
			assert_int_equal(s.id, 1);
			assert_true(s.keep_conn);
		}
		buf_fini(&b);
	}
}

/* Byte by byte: MORE until it says what it says for the whole. */
static void heads_split_at_every_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		struct buf b;
		struct str bytes = build(&b, heads[i].words);
		struct screen s = {.length = 0};
		enum screen_result result = SCREEN_MORE;
		size_t n = 0;

		while (n <= bytes.n && result == SCREEN_MORE)
			result = screen_request(str_sub(bytes, 0, n++), &limits, &s);
		/* of a body, all that is there to know is known where the head ends */
		if (result == SCREEN_BODY)
			assert_true(s.length <= n - 1);
		else if (result != heads[i].result)
			fail_msg("%s: %d after %zu bytes", heads[i].words, result, n - 1);
		if (result == SCREEN_EMPTY)
			assert_int_equal(s.length, n - 1);
		buf_fini(&b);
	}
}

/* A GET is nothing but MORE up to its last byte. */
static void a_get_needs_all_its_bytes(void **state)
{
	struct screen s;
	struct buf b;
	struct str bytes = build(&b, "begin " GET "+3 HTTP_HOST=a end in+5");

	(void)state;
	for (size_t n = 0; n < bytes.n; n++)
		assert_int_equal(screen_request(str_sub(bytes, 0, n), &limits, &s), SCREEN_MORE);
	assert_int_equal(screen_request(bytes, &limits, &s), SCREEN_EMPTY);
	assert_int_equal(s.length, bytes.n);
	buf_fini(&b);
}

/* ------------------------------------------------------------------ single points */

static void what_the_head_says_of_itself(void **state)
{
	unsigned char begin[FCGI_FIXED_RECORD];
	struct screen s;
	struct buf b;

	(void)state;
	for (int role = FCGI_ROLE_RESPONDER; role <= FCGI_ROLE_FILTER; role++) {
		buf_init(&b, 0);
		fcgi_begin_write(begin, 0xfffe, (uint16_t)role, role == 2);
		assert_true(buf_add(&b, begin, sizeof(begin)));
		put(&b, FCGI_TYPE_PARAMS, 0xfffe, STR(""), 0);
		assert_int_equal(screen_request(buf_str(&b), &limits, &s), SCREEN_BODY);
		assert_int_equal(s.id, 0xfffe);
		assert_int_equal(s.role, role);
		assert_int_equal(s.keep_conn, role == 2);
		buf_fini(&b);
	}
	/* both bytes of the role count */
	fcgi_begin_write(begin, 1, 0x101, true);
	assert_int_equal(screen_request(str_make((char *)begin, 16), &limits, &s), SCREEN_ROLE);
}

static void padding_of_the_last_record_is_told(void **state)
{
	static const struct {
		const char *words;
		bool padded;
	} cases[] = {
	    {"begin " GET " end in", false},
	    {"begin " GET "+8 end in", false},
	    {"begin " GET " end in+1", true},
	    {"begin " GET " end in+255", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct screen s = {.length = 0};
		struct buf b;

		assert_int_equal(screen_request(build(&b, cases[i].words), &limits, &s),
				 SCREEN_EMPTY);
		assert_int_equal(s.padded_end, cases[i].padded);
		buf_fini(&b);
	}
}

static void a_wrong_version_is_seen_at_once(void **state)
{
	static const char *const records[] = {"begin", GET, "end", "in"};
	struct screen s;

	(void)state;
	assert_int_equal(screen_request(STR("G"), &limits, &s), SCREEN_MALFORMED);
	assert_int_equal(screen_request(STR("\0"), &limits, &s), SCREEN_MALFORMED);
	for (size_t wrong = 0; wrong < ARRAY_LEN(records); wrong++) {
		struct buf b;
		size_t at = 0;

		buf_init(&b, 0);
		for (size_t i = 0; i < ARRAY_LEN(records); i++) {
			if (i == wrong)
				at = b.n;
			put_word(&b, str_of(records[i]));
		}
		b.p[at] = 2;
		assert_int_equal(screen_request(buf_str(&b), &limits, &s), SCREEN_MALFORMED);
		buf_fini(&b);
	}
}

static void begin_has_eight_bytes(void **state)
{
	struct screen s;

	(void)state;
	for (size_t n = 0; n < 20; n++) {
		struct buf b = {.max = 0};

		put(&b, FCGI_TYPE_BEGIN, 1, str_make("\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", n),
		    0);
		assert_int_equal(screen_request(buf_str(&b), &limits, &s),
				 n == 8 ? SCREEN_MORE : SCREEN_MALFORMED);
		buf_fini(&b);
	}
}

/* One head whose PARAMS content is given, in records of `size` bytes. */
static enum screen_result screen_params(struct str content, size_t size, struct screen *s)
{
	enum screen_result result;
	struct buf b = {.max = 0};

	put_begin(&b, FCGI_ROLE_RESPONDER);
	for (size_t at = 0; at < content.n; at += size)
		put(&b, FCGI_TYPE_PARAMS, 1, str_sub(content, at, at + size), at % 3);
	put(&b, FCGI_TYPE_PARAMS, 1, STR(""), 0);
	put(&b, FCGI_TYPE_STDIN, 1, STR(""), 0);
	result = screen_request(buf_str(&b), &limits, s);
	if (result == SCREEN_EMPTY)
		assert_int_equal(s->length, b.n);
	buf_fini(&b);
	return result;
}

/* Record borders may stand anywhere, in lengths too; what must not be there is found all the same.
 */
static void pairs_across_records(void **state)
{
	static const struct {
		struct str params;
		enum screen_result result;
	} cases[] = {
#define CASE(text, result) {{text, sizeof(text) - 1}, result}
	    CASE("\16\3REQUEST_METHODGET", SCREEN_EMPTY),
	    CASE("\x80\0\0\16\x80\0\0\3REQUEST_METHODGET", SCREEN_EMPTY),
	    CASE("\16\3REQUEST_METHODGET\16\1CONTENT_LENGTH0", SCREEN_EMPTY),
	    CASE("\16\3REQUEST_METHODGET\16\1CONTENT_LENGTH5", SCREEN_BODY),
	    CASE("\16\3REQUEST_METHODGET\16\x80\0\0\2CONTENT_LENGTH00", SCREEN_BODY),
	    CASE("\1\0A\1\0B\1\0C", SCREEN_EMPTY),
	    /* cut pairs */
	    CASE("\16", SCREEN_MALFORMED),
	    CASE("\16\3REQUEST_METHODGE", SCREEN_MALFORMED),
	    CASE("\16\3REQUEST_METHODGET\1", SCREEN_MALFORMED),
	    CASE("\16\3REQUEST_METHODGET\1\1", SCREEN_MALFORMED),
	    CASE("\16\3REQUEST_METHODGET\1\1A", SCREEN_MALFORMED),
	    CASE("\x80\0\0", SCREEN_MALFORMED),
	    CASE("\1\x80\0", SCREEN_MALFORMED),
	    CASE("\xff\xff\xff\xfe\1A", SCREEN_MALFORMED),
	    CASE("\1\xff\xff\xff\xfe"
		 "A",
		 SCREEN_MALFORMED),
	    CASE("\xff\xff\xff\xff\xff\xff\xff\xff", SCREEN_MALFORMED),
	    /* bytes that make two of one when they become NAME=VALUE strings */
	    CASE("\3\1A\0Bv", SCREEN_MALFORMED),
	    CASE("\1\3Av\0w", SCREEN_MALFORMED),
	    CASE("\1\1A\0", SCREEN_MALFORMED),
	    CASE("\1\1\0v", SCREEN_MALFORMED),
	    CASE("\3\1A=Bv", SCREEN_MALFORMED),
	    CASE("\1\1=v", SCREEN_MALFORMED),
	    CASE("\2\0A=", SCREEN_MALFORMED),
	    CASE("\1\3A=v=", SCREEN_EMPTY),
	    /* no name */
	    CASE("\0\0", SCREEN_MALFORMED),
	    CASE("\0\1v", SCREEN_MALFORMED),
	    CASE("\x80\0\0\0\1v", SCREEN_MALFORMED),
#undef CASE
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (size_t size = 1; size <= cases[i].params.n; size++) {
			struct screen s = {.length = 0};
			enum screen_result result = screen_params(cases[i].params, size, &s);

			if (result != cases[i].result)
				fail_msg("case %zu in records of %zu: %d", i, size, result);
		}
	}
}

/* PARAMS content of n bytes in all: one pair. */
static enum screen_result screen_size(size_t n, size_t record)
{
	static char content[4096];
	struct screen s;

	memset(content, 'v', sizeof(content));
	memcpy(content, "\x80\0\0\1\x80", 5);
	content[5] = 0;
	content[6] = (char)((n - 9) >> 8);
	content[7] = (char)(n - 9);
	return screen_params(str_make(content, n), record, &s);
}

static void params_up_to_the_limit(void **state)
{
	struct buf b = {.max = 0};
	struct screen s;

	(void)state;
	assert_int_equal(screen_size(2000, 2000), SCREEN_EMPTY);
	assert_int_equal(screen_size(2001, 2001), SCREEN_OVERSIZED);
	assert_int_equal(screen_size(2000, 10), SCREEN_EMPTY);
	assert_int_equal(screen_size(2001, 10), SCREEN_OVERSIZED);
	/* known before the record is there */
	put_begin(&b, FCGI_ROLE_RESPONDER);
	assert_true(buf_add_str(&b, STR("\1\4\0\1\xff\xff\0\0")));
	assert_int_equal(screen_request(buf_str(&b), &limits, &s), SCREEN_OVERSIZED);
	buf_fini(&b);
}

/* Nothing makes it wait for ever: whatever comes, above screen_max_bytes it is over. */
static void no_head_grows_without_end(void **state)
{
	static const struct {
		size_t content, padding;
	} records[] = {{1, 0}, {1, 255}, {2, 100}, {100, 255}};
	size_t max = screen_max_bytes(&limits);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(records); i++) {
		enum screen_result result = SCREEN_MORE;
		struct buf b = {.max = 0};
		struct screen s;

		put_begin(&b, FCGI_ROLE_RESPONDER);
		while (result == SCREEN_MORE) {
			char content[100];

			memset(content, 'x', sizeof(content));
			put(&b, FCGI_TYPE_PARAMS, 1, str_make(content, records[i].content),
			    records[i].padding);
			result = screen_request(buf_str(&b), &limits, &s);
			assert_true(result != SCREEN_MORE || b.n <= max);
		}
		assert_int_equal(result, SCREEN_OVERSIZED);
		buf_fini(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(heads_and_what_they_are),
	    cmocka_unit_test(heads_split_at_every_byte),
	    cmocka_unit_test(a_get_needs_all_its_bytes),
	    cmocka_unit_test(what_the_head_says_of_itself),
	    cmocka_unit_test(padding_of_the_last_record_is_told),
	    cmocka_unit_test(a_wrong_version_is_seen_at_once),
	    cmocka_unit_test(begin_has_eight_bytes),
	    cmocka_unit_test(pairs_across_records),
	    cmocka_unit_test(params_up_to_the_limit),
	    cmocka_unit_test(no_head_grows_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
