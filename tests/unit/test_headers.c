/*
 * Fields, lists, and heads of CGI responses: good ones, tolerable ones, attacks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/headers.h"

#define MAX 65536
#define BYTES(text)                                                                                \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

static void assert_str(struct str got, const char *wanted)
{
	if (!str_eq(got, str_of(wanted)))
		fail_msg("got \"%.*s\", wanted \"%s\"", STR_ARG(got), wanted);
}

/* ------------------------------------------------------------------ fields */

static void test_find(void **state)
{
	struct headers h = {0};
	const struct header *at = NULL;
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_null(headers_find(&h, STR("Vary")));
	assert_true(headers_add(&h, &a, STR("Vary"), STR("1")));
	assert_true(headers_add(&h, &a, STR("X-Vary"), STR("2")));
	assert_true(headers_add(&h, &a, STR("vARY"), STR("3")));
	assert_str(headers_find(&h, STR("vary"))->value, "1");
	at = headers_next(&h, STR("VARY"), at);
	assert_str(at->value, "1");
	at = headers_next(&h, STR("VARY"), at);
	assert_str(at->value, "3");
	assert_null(headers_next(&h, STR("VARY"), at));
	assert_null(headers_find(&h, STR("Var")));
	arena_fini(&a);
}

static void test_add_up_to_the_limit(void **state)
{
	struct headers h = {0};
	struct arena a;
	char names[HEADERS_MAX][16];

	(void)state;
	arena_init(&a);
	for (int i = 0; i < HEADERS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "H%d", i);
		assert_true(headers_add(&h, &a, str_of(names[i]), STR("v")));
	}
	assert_false(headers_add(&h, &a, STR("Last"), STR("v")));
	assert_int_equal(h.n, HEADERS_MAX);
	for (int i = 0; i < HEADERS_MAX; i++)
		assert_true(headers_find(&h, str_of(names[i])) == &h.v[i]);
	arena_fini(&a);
}

/* ------------------------------------------------------------------ lists */

static void test_list(void **state)
{
	static const struct {
		const char *value, *elements;
	} cases[] = {
	    {"", ""},
	    {"a", "[a]"},
	    {"a,b", "[a][b]"},
	    {" a , b ", "[a][b]"},
	    {"\ta\t,\tb\t", "[a][b]"},
	    {",", ""},
	    {", ,,", ""},
	    {",a,,b,", "[a][b]"},
	    {"a b, c", "[a b][c]"},
	    {"a=\"b,c\", d", "[a=\"b,c\"][d]"},
	    {"\"\", b", "[\"\"][b]"},
	    {"\"a\\\"b,c\", d", "[\"a\\\"b,c\"][d]"},
	    {"\"a\\\\\", d", "[\"a\\\\\"][d]"},
	    {"a\\, b", "[a\\][b]"}, /* no escape outside quotes */
	    {"a\"b,c\"d, e", "[a\"b,c\"d][e]"},
	    {"\"a, b", "[\"a, b]"},
	    {"a, \"b\\", "[a][\"b\\]"},
	    {"\"", "[\"]"},
	};
	char got[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str rest = str_of(cases[i].value), element;
		size_t n = 0;

		got[0] = '\0';
		while (list_next(&rest, &element))
			n += (size_t)snprintf(got + n, sizeof(got) - n, "[%.*s]", STR_ARG(element));
		assert_string_equal(got, cases[i].elements);
	}
}

static void test_list_over_lines(void **state)
{
	static struct header lines[] = {
	    {BYTES("vary"), BYTES("a, b")},      {BYTES("Other"), BYTES("x")},
	    {BYTES("Vary"), BYTES("")},          {BYTES("VARY"), BYTES(", ,")},
	    {BYTES("Vary"), BYTES("\"open, c")}, {BYTES("vary"), BYTES("d")},
	};
	static const char *const wanted[] = {"a", "b", "\"open, c", "d"};
	struct headers h = {lines, ARRAY_LEN(lines), ARRAY_LEN(lines)};
	struct list_iter it = {0};
	struct str element;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		assert_true(headers_list_next(&h, STR("Vary"), &it, &element));
		assert_str(element, wanted[i]);
	}
	assert_false(headers_list_next(&h, STR("Vary"), &it, &element));
	assert_false(headers_list_next(&h, STR("Vary"), &it, &element));
	it = (struct list_iter){0};
	assert_false(headers_list_next(&h, STR("None"), &it, &element));
}

/* ------------------------------------------------------------------ words */

static void test_token(void **state)
{
	static const char tchars[] = "!#$%&'*+-.^_`|~0123456789"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	(void)state;
	assert_true(http_is_token(str_of(tchars)));
	assert_false(http_is_token(STR("")));
	for (int i = 0; i < 256; i++) {
		char c = (char)i;

		assert_int_equal(http_is_token(str_make(&c, 1)), i && strchr(tchars, i));
	}
	assert_false(http_is_token(STR("a b")));
	assert_false(http_is_token(STR("a:")));
}

static void test_hop_by_hop(void **state)
{
	static const char *const hops[] = {"Connection",
					   "keep-alive",
					   "Proxy-Connection",
					   "PROXY-AUTHENTICATE",
					   "Proxy-Authentication-Info",
					   "Proxy-Authorization",
					   "te",
					   "Trailer",
					   "Transfer-Encoding",
					   "Upgrade"};
	static const char *const ends[] = {"Content-Type", "Proxy-Status", "ETag",
					   "Set-Cookie",   "Age",          "",
					   "Trailers",     "Connection-X"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hops); i++)
		assert_true(http_is_hop_by_hop(str_of(hops[i])));
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		assert_false(http_is_hop_by_hop(str_of(ends[i])));
}

static void test_phrase(void **state)
{
	(void)state;
	assert_string_equal(http_phrase(200), "OK");
	assert_string_equal(http_phrase(404), "Not Found");
	assert_string_equal(http_phrase(504), "Gateway Timeout");
	assert_string_equal(http_phrase(299), "Status");
	assert_string_equal(http_phrase(0), "Status");
	assert_string_equal(http_phrase(-1), "Status");
}

/* ------------------------------------------------------------------ good heads */

static const struct good_head {
	struct str bytes;
	int status;
	const char *phrase;
	const char *rest;   /* what follows the head */
	const char *fields; /* [name|value] of each */
	bool status_given, nph;
	int dropped;
} good_heads[] = {
    {BYTES("Content-Type: text/html\r\n\r\nbody"), 200, "", "body", "[Content-Type|text/html]"},
    {BYTES("Content-Type: text/html\n\nbody"), 200, "", "body", "[Content-Type|text/html]"},
    {BYTES("A: 1\r\nB: 2\n\r\n\r\n"), 200, "", "\r\n", "[A|1][B|2]"},
    {BYTES("\n"), 200, "", "", ""},
    {BYTES("\r\n"), 200, "", "", ""},
    {BYTES("A: 1\n\n\n"), 200, "", "\n", "[A|1]"},
    /* fields: trimmed, kept as written, in their order */
    {BYTES("a:\t 1 2 \t\nA:\n\n"), 200, "", "", "[a|1 2][A|]"},
    {BYTES("A:1\n\n"), 200, "", "", "[A|1]"},
    {BYTES("A: b: c\n\n"), 200, "", "", "[A|b: c]"},
    {BYTES("A: caf\xe9\n\n"), 200, "", "", "[A|caf\xe9]"},
    {BYTES("A: b\tc\n\n"), 200, "", "", "[A|b\tc]"},
    {BYTES("X!#$%&'*+-.^_`|~9: 1\n\n"), 200, "", "", "[X!#$%&'*+-.^_`|~9|1]"},
    {BYTES("Set-Cookie: a=1\nset-cookie: b=2\n\n"), 200, "", "",
     "[Set-Cookie|a=1][set-cookie|b=2]"},
    /* words in Transfer-Encoding that are no codings: said, and no more */
    {BYTES("Transfer-Encoding: binary\n\n"), 200, "", "", "[Transfer-Encoding|binary]"},
    {BYTES("Transfer-Encoding: identity, 8bit\n\n"), 200, "", "",
     "[Transfer-Encoding|identity, 8bit]"},
    {BYTES("transfer-encoding:\n\n"), 200, "", "", "[transfer-encoding|]"},
    {BYTES("Transfer-Encoding: chunky\n\n"), 200, "", "", "[Transfer-Encoding|chunky]"},
    {BYTES("Transfer-Encoding: x-chunked\n\n"), 200, "", "", "[Transfer-Encoding|x-chunked]"},
    {BYTES("Transfer-Encoding: base64;as=gzip\n\n"), 200, "", "",
     "[Transfer-Encoding|base64;as=gzip]"},
    /* the status */
    {BYTES("Status: 404 Not Found\nA: 1\n\n"), 404, "Not Found", "", "[A|1]", true},
    {BYTES("A: 1\nstatus:404\n\n"), 404, "", "", "[A|1]", true},
    {BYTES("STATUS: \t200   fine \n\n"), 200, "fine", "", "", true},
    {BYTES("Status: 299\n\n"), 299, "", "", "", true},
    {BYTES("Status: 999 What\n\n"), 999, "What", "", "", true},
    {BYTES("Status: 200\tOK\n\n"), 200, "OK", "", "", true},
    {BYTES("Location: /a\n\n"), 302, "", "", "[Location|/a]"},
    {BYTES("location: http://a/b\n\n"), 302, "", "", "[location|http://a/b]"},
    {BYTES("Location: /a\nStatus: 301\n\n"), 301, "", "", "[Location|/a]", true},
    {BYTES("Status: 201 Created\nLocation: /a\n\n"), 201, "Created", "", "[Location|/a]", true},
    /* an NPH script */
    {BYTES("HTTP/1.1 404 Not Found\r\nA: 1\r\n\r\n"), 404, "Not Found", "", "[A|1]", true, true},
    {BYTES("HTTP/1.0 200\n\n"), 200, "", "", "", true, true},
    {BYTES("HTTP/1.1 302 Found\nLocation: /\n\n"), 302, "Found", "", "[Location|/]", true, true},
    /* interim responses in front */
    {BYTES("Status: 103 Early Hints\nLink: </a>\n\nStatus: 200 OK\nA: 1\n\nbody"), 200, "OK",
     "body", "[A|1]", true, false, 1},
    {BYTES("Status: 100\r\n\r\nStatus: 102\r\n\r\nA: 1\r\n\r\n"), 200, "", "", "[A|1]", false,
     false, 2},
    {BYTES("HTTP/1.1 100 Continue\n\nHTTP/1.1 404 Not Found\nA: 1\n\n"), 404, "Not Found", "",
     "[A|1]", true, true, 1},
    {BYTES("HTTP/1.1 100 Continue\n\nA: 1\n\n"), 200, "", "", "[A|1]", false, false, 1},
    {BYTES("Status: 103\n\n\n"), 200, "", "", "", false, false, 1},
};

static void list_fields(const struct headers *h, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < h->n; i++)
		n += (size_t)snprintf(out + n, size - n, "[%.*s|%.*s]", STR_ARG(h->v[i].name),
				      STR_ARG(h->v[i].value));
}

static void test_good_heads(void **state)
{
	struct cgi_head head;
	struct arena a;
	char fields[256];

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(good_heads); i++) {
		const struct good_head *g = &good_heads[i];

		if (cgi_head_parse(g->bytes, MAX, &a, &head) != HEAD_DONE)
			fail_msg("\"%s\": %s", g->bytes.p, head.error);
		assert_int_equal(head.status, g->status);
		assert_str(head.phrase, g->phrase);
		assert_str(str_sub(g->bytes, head.length, g->bytes.n), g->rest);
		assert_int_equal(head.has_status, g->status_given);
		assert_int_equal(head.nph, g->nph);
		assert_int_equal(head.dropped, g->dropped);
		list_fields(&head.headers, fields, sizeof(fields));
		assert_string_equal(fields, g->fields);
	}
	arena_fini(&a);
}

/* Cut anywhere, a good head is not whole yet, and costs nothing; with its last byte it is. */
static void test_cut_heads(void **state)
{
	struct cgi_head head;
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(good_heads); i++) {
		struct str whole = good_heads[i].bytes;
		size_t length = whole.n - strlen(good_heads[i].rest), seen = 0;

		for (size_t n = 0; n < length; n++) {
			struct str cut = str_sub(whole, 0, n);

			assert_int_equal(cgi_head_parse(cut, MAX, &a, &head), HEAD_MORE);
			/* the end of an interim head may be seen, a final one's not */
			assert_false(cgi_head_ends(cut, &seen) && good_heads[i].dropped == 0);
		}
		assert_true(cgi_head_ends(str_sub(whole, 0, length), &seen));
		assert_int_equal(seen, length);
	}
	assert_null(a.blocks);
	assert_int_equal(cgi_head_parse(str_make(NULL, 0), MAX, &a, &head), HEAD_MORE);
	arena_fini(&a);
}

static void test_content_length(void **state)
{
	static const struct {
		const char *head;
		uint64_t length;
	} cases[] = {
	    {"Content-Length: 0\n\n", 0},
	    {"content-length:12\n\n", 12},
	    {"Content-Length: 007 \n\n", 7},
	    {"Content-Length: 18446744073709551615\n\n", UINT64_MAX},
	};
	struct cgi_head head;
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(cgi_head_parse(str_of(cases[i].head), MAX, &a, &head), HEAD_DONE);
		assert_true(head.has_content_length);
		assert_true(head.content_length == cases[i].length);
		assert_int_equal(head.headers.n, 1);
	}
	assert_int_equal(cgi_head_parse(STR("A: 1\n\n"), MAX, &a, &head), HEAD_DONE);
	assert_false(head.has_content_length);
	arena_fini(&a);
}

/* ------------------------------------------------------------------ bad heads */

static const struct str bad_heads[] = {
    /* control bytes */
    BYTES("A: b\0c\n\n"),
    BYTES("A\0: b\n\n"),
    BYTES("\0\n\n"),
    BYTES("A: b\x01\n\n"),
    BYTES("A: \x1b[0m\n\n"),
    BYTES("A: b\x7f\n\n"),
    BYTES("A: b\x0b\n\n"),
    /* a bare CR */
    BYTES("A: b\rSet-Cookie: c\n\n"),
    BYTES("A: b\r\r\n\n"),
    BYTES("\rA: b\n\n"),
    BYTES("A: b\n\r\r\n\n"),
    /* folding */
    BYTES("A: b\n c\n\n"),
    BYTES("A: b\r\n\tc\r\n\r\n"),
    BYTES(" A: b\n\n"),
    BYTES("A: b\n \n\n"),
    /* no field */
    BYTES("A\n\n"),
    BYTES("<html>\n\n"),
    BYTES("A: b\nno colon\n\n"),
    BYTES("A; b\n\n"),
    BYTES(": b\n\n"),
    BYTES("A : b\n\n"),
    BYTES("A b: c\n\n"),
    BYTES("A\t: b\n\n"),
    BYTES("A(: b\n\n"),
    BYTES("\"A\": b\n\n"),
    BYTES("caf\xe9: b\n\n"),
    /* Status */
    BYTES("Status: abc\n\n"),
    BYTES("Status:\n\n"),
    BYTES("Status: 99\n\n"),
    BYTES("Status: 099 OK\n\n"),
    BYTES("Status: 000\n\n"),
    BYTES("Status: 20\n\n"),
    BYTES("Status: 1000\n\n"),
    BYTES("Status: 2000 OK\n\n"),
    BYTES("Status: 200OK\n\n"),
    BYTES("Status: 200,404\n\n"),
    BYTES("Status: -200\n\n"),
    BYTES("Status: +200\n\n"),
    BYTES("Status: 0x1\n\n"),
    BYTES("Status: HTTP/1.1 200 OK\n\n"),
    BYTES("Status: 200 OK\nStatus: 404 Not Found\n\n"),
    BYTES("Status: 200 OK\nA: 1\nSTATUS: 200 OK\n\n"),
    /* Content-Length, Transfer-Encoding */
    BYTES("Content-Length: 2\nContent-Length: 5\n\n"),
    BYTES("Content-Length: 2\ncontent-length: 2\n\n"),
    BYTES("Content-Length: 2, 2\n\n"),
    BYTES("Content-Length: \n\n"),
    BYTES("Content-Length: -1\n\n"),
    BYTES("Content-Length: +1\n\n"),
    BYTES("Content-Length: 1.0\n\n"),
    BYTES("Content-Length: 12abc\n\n"),
    BYTES("Content-Length: 0x10\n\n"),
    BYTES("Content-Length: 18446744073709551616\n\n"),
    BYTES("Transfer-Encoding: chunked\n\n"),
    BYTES("transfer-encoding:\tChunked\n\n"),
    BYTES("Transfer-Encoding: gzip\n\n"),
    BYTES("Transfer-Encoding: x-gzip\n\n"),
    BYTES("Transfer-Encoding: deflate\n\n"),
    BYTES("Transfer-Encoding: compress\n\n"),
    BYTES("Transfer-Encoding: X-Compress\n\n"),
    BYTES("Transfer-Encoding: chunked;a=1\n\n"),
    BYTES("Transfer-Encoding: chunked ; a=1\n\n"),
    BYTES("Transfer-Encoding: identity, chunked\n\n"),
    BYTES("Transfer-Encoding: binary\nTransfer-Encoding: chunked\n\n"),
    /* status lines that are none, or come second */
    BYTES("HTTP/1.1 abc\n\n"),
    BYTES("HTTP/1.1 99 No\n\n"),
    BYTES("HTTP/1.1 1000 No\n\n"),
    BYTES("HTTP/1.1  200 OK\n\n"),
    BYTES("HTTP/1.1\n\n"),
    BYTES("HTTP/1.1 \n\n"),
    BYTES("HTTP/2 200\n\n"),
    BYTES("http/1.1 200 OK\n\n"),
    BYTES("HTTP/1.1 200 O\rK\n\n"),
    BYTES("HTTP/1.1 200 O\0K\n\n"),
    BYTES("A: 1\nHTTP/1.1 200 OK\n\n"),
    BYTES("HTTP/1.1 200 OK\nStatus: 200 OK\n\n"),
    BYTES("HTTP/1.1 200 OK\nHTTP/1.1 200 OK\n\n"),
    /* an interim head is not passed over unread */
    BYTES("Status: 103\nA: b\0c\n\nA: 1\n\n"),
    BYTES("Status: 103\nTransfer-Encoding: chunked\n\nA: 1\n\n"),
    BYTES("Status: 103\n\nStatus: abc\n\n"),
};

static void test_bad_heads(void **state)
{
	struct cgi_head head;
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(bad_heads); i++) {
		if (cgi_head_parse(bad_heads[i], MAX, &a, &head) != HEAD_BAD)
			fail_msg("bad_heads[%zu]: \"%s\"", i, bad_heads[i].p);
		assert_non_null(head.error);
		assert_int_equal(head.headers.n, 0);
	}
	assert_null(a.blocks);
	arena_fini(&a);
}

/* ------------------------------------------------------------------ limits */

static void test_max(void **state)
{
	static const struct str head_of_six = BYTES("A: 1\n\nbody");
	struct cgi_head head;
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_int_equal(cgi_head_parse(head_of_six, 6, &a, &head), HEAD_DONE);
	assert_int_equal(cgi_head_parse(head_of_six, 5, &a, &head), HEAD_BAD);
	assert_int_equal(cgi_head_parse(STR("A: 1\n"), 5, &a, &head), HEAD_MORE);
	assert_int_equal(cgi_head_parse(STR("A: 12"), 4, &a, &head), HEAD_BAD);
	/* 1xx heads count */
	assert_int_equal(cgi_head_parse(STR("Status: 100\n\nA: 1\n\n"), 19, &a, &head), HEAD_DONE);
	assert_int_equal(cgi_head_parse(STR("Status: 100\n\nA: 1\n\n"), 18, &a, &head), HEAD_BAD);
	arena_fini(&a);
}

/* A head of n lines "A: 1", in memory of the caller's. */
static struct str many_lines(char *out, size_t n, const char *line)
{
	size_t length = strlen(line);

	for (size_t i = 0; i < n; i++)
		memcpy(out + i * length, line, length);
	memcpy(out + n * length, "\n", 1);
	return str_make(out, n * length + 1);
}

static void test_many_lines(void **state)
{
	static char text[(HEADERS_MAX + 2) * 8];
	struct cgi_head head;
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_int_equal(cgi_head_parse(many_lines(text, HEADERS_MAX, "A: 1\n"), MAX, &a, &head),
			 HEAD_DONE);
	assert_int_equal(head.headers.n, HEADERS_MAX);
	assert_false(headers_add(&head.headers, &a, STR("B"), STR("2")));
	assert_int_equal(
	    cgi_head_parse(many_lines(text, HEADERS_MAX + 1, "A: 1\n"), MAX, &a, &head), HEAD_BAD);
	arena_fini(&a);
}

static void test_many_interim_heads(void **state)
{
	static char text[(HEADS_DROPPED_MAX + 2) * 16];
	struct cgi_head head;
	struct arena a;
	struct str heads = many_lines(text, HEADS_DROPPED_MAX, "Status:100\n\n");

	(void)state;
	arena_init(&a);
	assert_int_equal(cgi_head_parse(heads, MAX, &a, &head), HEAD_DONE);
	assert_int_equal(head.dropped, HEADS_DROPPED_MAX);
	heads = many_lines(text, HEADS_DROPPED_MAX + 1, "Status:100\n\n");
	assert_int_equal(cgi_head_parse(heads, MAX, &a, &head), HEAD_BAD);
	arena_fini(&a);
}

/* Fields can be added to a head that was parsed. */
static void test_add_to_a_head(void **state)
{
	struct cgi_head head;
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_int_equal(cgi_head_parse(STR("A: 1\nB: 2\n\n"), MAX, &a, &head), HEAD_DONE);
	for (int i = 0; i < 40; i++)
		assert_true(headers_add(&head.headers, &a, STR("C"), STR("3")));
	assert_int_equal(head.headers.n, 42);
	assert_str(headers_find(&head.headers, STR("b"))->value, "2");
	assert_str(head.headers.v[41].value, "3");
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_find),          cmocka_unit_test(test_add_up_to_the_limit),
	    cmocka_unit_test(test_list),          cmocka_unit_test(test_list_over_lines),
	    cmocka_unit_test(test_token),         cmocka_unit_test(test_hop_by_hop),
	    cmocka_unit_test(test_phrase),        cmocka_unit_test(test_good_heads),
	    cmocka_unit_test(test_cut_heads),     cmocka_unit_test(test_content_length),
	    cmocka_unit_test(test_bad_heads),     cmocka_unit_test(test_max),
	    cmocka_unit_test(test_many_lines),    cmocka_unit_test(test_many_interim_heads),
	    cmocka_unit_test(test_add_to_a_head),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
