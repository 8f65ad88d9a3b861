/*
 * Selection: what of a stored page a client gets, by its conditions and its ranges.
 */
#include "asking.h"

#include "flow/select.h"

#define BODY     "0123456789"
#define NONE     UINT64_MAX
#define OK       "Status: 200 OK\r\n"
#define PARTIAL  "Status: 206 Partial Content\r\n"
#define UNSENT   "Status: 304 Not Modified\r\n"
#define BEFORE   "Sun, 06 Nov 1994 08:32:57 GMT"
#define TAG      "ETag: \"a\"\n"
#define TAGR     "ETag: \"a\"\r\n"
#define MODIFIED "Last-Modified: " BEFORE "\n"
#define DATED    MODIFIED "Date: " DATE "\n"

/* All slices in one, in r's arena. */
static struct str joined(struct request *r, const struct selection *s)
{
	struct str all = STR("");

	for (size_t i = 0; i < s->n_slices; i++)
		assert_true(
		    arena_printf(&r->arena, &all, "%.*s%.*s", STR_ARG(all), STR_ARG(s->slices[i])));
	return all;
}

/* ------------------------------------------------------------------ tables */

struct selected {
	const char *lines[4]; /* of the request */
	const char *page;     /* its fields */
	int status;
	const char *fields; /* NULL: those of the page */
	uint64_t length;
	const char *body; /* NULL: not looked at */
};

static void assert_selected(const char *rule, const struct selected *cases, size_t n)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < n; i++) {
		const struct selected *c = &cases[i];
		struct request *r = ask_as(NULL, FCGI_ROLE_RESPONDER, rule, c->lines);
		struct object *o = page_of(r, c->page, BODY);
		struct str fields = c->fields ? str_of(c->fields) : object_fields(o);
		struct selection s;

		assert_true(select_content(r, o, NOW, &s));
		if (s.status != c->status || s.length != c->length || !str_eq(s.fields, fields) ||
		    (c->body && !str_eq(joined(r, &s), str_of(c->body)))) {
			print_error("case %zu: %s, %s: %d, %lld\n%.*s\n%.*s\n", i, c->lines[0],
				    c->page, s.status, (long long)s.length, STR_ARG(s.fields),
				    STR_ARG(joined(r, &s)));
			wrong++;
		}
		object_unref(&o);
		request_free(&r);
	}
	assert_int_equal(wrong, 0);
}

#define ASSERT_SELECTED(rule, cases) assert_selected(rule, cases, ARRAY_LEN(cases))

#define WHOLE        200, NULL, 10, BODY
#define SAME(fields) 304, UNSENT fields, NONE, ""
#define PART_OF(range, rest, n, body)                                                              \
	206, PARTIAL rest "Content-Range: bytes " range "/10\r\n", n, body

static void whole_pages(void **state)
{
	static const struct selected cases[] = {
	    {{"HTTP_ACCEPT=*/*"}, "", WHOLE},
	    {{"HTTP_ACCEPT=*/*"}, TAG DATED "X-A: 1\n", WHOLE},
	    /* the head says what a GET would get; who answers leaves out the body */
	    {{"REQUEST_METHOD=HEAD"}, TAG, WHOLE},
	    {{"HTTP_ACCEPT=*/*"}, "Status: 404\n", 404, NULL, 10, BODY},
	    {{"HTTP_ACCEPT=*/*"}, "Status: 301\nLocation: /a\n", 301, NULL, 10, BODY},
	    {{"HTTP_ACCEPT=*/*"}, "Status: 204\n", 204, NULL, NONE, NULL},
	};

	(void)state;
	ASSERT_SELECTED("", cases);
}

/* Conditions are for pages that a 200 has brought, and parts of such. */
static void conditions(void **state)
{
	static const struct selected cases[] = {
	    {{"HTTP_IF_NONE_MATCH=\"a\""}, TAG, SAME(TAGR)},
	    {{"HTTP_IF_NONE_MATCH=W/\"a\""}, TAG, SAME(TAGR)},
	    {{"HTTP_IF_NONE_MATCH=\"b\", \"a\""}, TAG, SAME(TAGR)},
	    {{"HTTP_IF_NONE_MATCH=\"b\"", "HTTP_IF_NONE_MATCH=\"a\""}, TAG, SAME(TAGR)},
	    {{"HTTP_IF_NONE_MATCH=*"}, "", SAME("")},
	    {{"HTTP_IF_NONE_MATCH=\"a\"", "REQUEST_METHOD=HEAD"}, TAG, SAME(TAGR)},
	    {{"HTTP_IF_NONE_MATCH=\"b\""}, TAG, WHOLE},
	    {{"HTTP_IF_NONE_MATCH=\"a\""}, "", WHOLE},
	    {{"HTTP_IF_NONE_MATCH="}, TAG, WHOLE},
	    {{"HTTP_IF_MODIFIED_SINCE=" BEFORE}, MODIFIED, SAME("Last-Modified: " BEFORE "\r\n")},
	    {{"HTTP_IF_MODIFIED_SINCE=" DATE}, MODIFIED, SAME("Last-Modified: " BEFORE "\r\n")},
	    {{"HTTP_IF_MODIFIED_SINCE=" BEFORE}, "Last-Modified: " DATE "\n", WHOLE},
	    {{"HTTP_IF_MODIFIED_SINCE=x"}, MODIFIED, WHOLE},
	    /* without Last-Modified: the Date, or when it came */
	    {{"HTTP_IF_MODIFIED_SINCE=" BEFORE},
	     "Date: " BEFORE "\n",
	     SAME("Date: " BEFORE "\r\n")},
	    {{"HTTP_IF_MODIFIED_SINCE=" DATE}, "", SAME("")},
	    {{"HTTP_IF_MODIFIED_SINCE=" BEFORE}, "", WHOLE},
	    {{"HTTP_IF_NONE_MATCH=\"b\"", "HTTP_IF_MODIFIED_SINCE=" DATE}, TAG MODIFIED, WHOLE},
	    {{"HTTP_IF_MATCH=\"a\""}, TAG, WHOLE},
	    {{"HTTP_IF_MATCH=\"a\"", "HTTP_IF_NONE_MATCH=\"a\""}, TAG, SAME(TAGR)},
	    {{"HTTP_IF_UNMODIFIED_SINCE=" BEFORE}, MODIFIED, WHOLE},
	    /* before Range */
	    {{"HTTP_IF_NONE_MATCH=\"a\"", "HTTP_RANGE=bytes=0-1"}, TAG, SAME(TAGR)},
	    {{"HTTP_IF_NONE_MATCH=\"a\"", "HTTP_RANGE=bytes=99-"}, TAG, SAME(TAGR)},
	    {{"HTTP_IF_NONE_MATCH=\"a\""}, "Status: 404\n" TAG, 404, NULL, 10, BODY},
	    {{"HTTP_IF_MATCH=\"b\""}, "Status: 404\n" TAG, 404, NULL, 10, BODY},
	};

	(void)state;
	ASSERT_SELECTED("", cases);
}

/* RFC 9110 section 15.4.5: what describes the body that is not sent is left out. */
static void fields_of_a_304(void **state)
{
	static const struct selected cases[] = {
	    {{"HTTP_IF_NONE_MATCH=\"a\""},
	     "Content-Type: a/b\n" TAG "content-language: de\nContent-Encoding: br\nX-A: 1\n"
	     "Content-Location: /b\nCache-Control: max-age=5\nVary: X-A\nDate: " DATE "\n",
	     SAME(TAGR "X-A: 1\r\nContent-Location: /b\r\nCache-Control: max-age=5\r\n"
		       "Vary: X-A\r\nDate: " DATE "\r\n")},
	};
	static const struct selected made[] = {
	    {{"HTTP_IF_NONE_MATCH=\"a\""},
	     TAG MODIFIED,
	     SAME(TAGR "Last-Modified: " BEFORE "\r\nCache-Control: max-age=3600\r\n"
		       "Expires: Sun, 06 Nov 1994 09:49:37 GMT\r\n")},
	    {{"HTTP_IF_MODIFIED_SINCE=" DATE},
	     "Content-Type: a/b\n",
	     SAME("Cache-Control: max-age=3600\r\nExpires: Sun, 06 Nov 1994 09:49:37 GMT\r\n"
		  "Last-Modified: " DATE "\r\n")},
	};

	(void)state;
	ASSERT_SELECTED("", cases);
	ASSERT_SELECTED("'client_cache': '1h'", made);
}

/* An entity-tag of ours is as good as any to a client. */
static void a_tag_of_ours(void **state)
{
	struct request *r = ASK("'etag': true", "REQUEST_URI=/"), *again;
	struct object *o = page_of(r, "", BODY);
	struct selection s;
	char line[128];

	(void)state;
	snprintf(line, sizeof(line), "HTTP_IF_NONE_MATCH=%.*s", STR_ARG(object_head(o)->etag));
	again = ASK("'etag': true", line);
	assert_true(select_content(again, o, NOW, &s));
	assert_int_equal(s.status, 304);
	object_unref(&o);
	request_free(&again);
	request_free(&r);
}

/* Nothing of the page is sent: its caller answers with an error. */
static void failed_conditions(void **state)
{
	static const struct {
		const char *lines[3], *page;
	} cases[] = {
	    {{"HTTP_IF_MATCH=\"b\""}, TAG},
	    {{"HTTP_IF_MATCH=W/\"a\""}, "ETag: W/\"a\"\n"},
	    {{"HTTP_IF_MATCH=\"b\"", "HTTP_IF_NONE_MATCH=\"a\""}, TAG},
	    {{"HTTP_IF_MATCH=\"b\"", "REQUEST_METHOD=HEAD"}, TAG},
	    {{"HTTP_IF_UNMODIFIED_SINCE=" BEFORE}, "Last-Modified: " DATE "\n"},
	    {{"HTTP_IF_UNMODIFIED_SINCE=" BEFORE, "HTTP_RANGE=bytes=0-1"},
	     "Last-Modified: " DATE "\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request *r = ask_as(NULL, FCGI_ROLE_RESPONDER, "", cases[i].lines);
		struct object *o = page_of(r, cases[i].page, BODY);
		struct selection s;

		assert_true(select_content(r, o, NOW, &s));
		assert_int_equal(s.status, 412);
		object_unref(&o);
		request_free(&r);
	}
}

/* ------------------------------------------------------------------ ranges */

static void single_ranges(void **state)
{
	static const struct selected cases[] = {
	    {{"HTTP_RANGE=bytes=0-0"}, "", PART_OF("0-0", "", 1, "0")},
	    {{"HTTP_RANGE=bytes=2-4"}, "", PART_OF("2-4", "", 3, "234")},
	    {{"HTTP_RANGE=bytes=7-"}, "", PART_OF("7-9", "", 3, "789")},
	    {{"HTTP_RANGE=bytes=-1"}, "", PART_OF("9-9", "", 1, "9")},
	    {{"HTTP_RANGE=bytes=5-99"}, "", PART_OF("5-9", "", 5, "56789")},
	    {{"HTTP_RANGE=bytes=0-"}, "", PART_OF("0-9", "", 10, BODY)},
	    {{"HTTP_RANGE=bytes=0-1,2-3"}, "", PART_OF("0-3", "", 4, "0123")},
	    {{"HTTP_RANGE=bytes=2-4"},
	     "Content-Type: a/b\n" TAG,
	     PART_OF("2-4", "Content-Type: a/b\r\n" TAGR, 3, "234")},
	    /* a Content-Range that means nothing gives way */
	    {{"HTTP_RANGE=bytes=2-4"},
	     "Content-Range: bytes 0-9/99\n" TAG,
	     PART_OF("2-4", TAGR, 3, "234")},
	    /* nothing that we answer, or not for this method, or no page */
	    {{"HTTP_RANGE=lines=2-4"}, "", WHOLE},
	    {{"HTTP_RANGE=bytes=4-2"}, "", WHOLE},
	    {{"HTTP_RANGE="}, "", WHOLE},
	    {{"HTTP_RANGE=bytes=2-4", "REQUEST_METHOD=HEAD"}, "", WHOLE},
	    {{"HTTP_RANGE=bytes=99-", "REQUEST_METHOD=HEAD"}, "", WHOLE},
	    {{"HTTP_RANGE=bytes=2-4"}, "Status: 404\n", 404, NULL, 10, BODY},
	    /* two lines that make one which cannot be read */
	    {{"HTTP_RANGE=bytes=0-1", "HTTP_RANGE=bytes=2-3"}, "", WHOLE},
	    /* beyond the end */
	    {{"HTTP_RANGE=bytes=10-"},
	     TAG,
	     416,
	     "Status: 416 Range Not Satisfiable\r\nContent-Range: bytes */10\r\n",
	     0,
	     ""},
	};

	(void)state;
	ASSERT_SELECTED("", cases);
}

static void ranges_of_a_page_that_may_have_changed(void **state)
{
	static const struct selected cases[] = {
	    {{"HTTP_RANGE=bytes=2-4", "HTTP_IF_RANGE=\"a\""}, TAG, PART_OF("2-4", TAGR, 3, "234")},
	    {{"HTTP_RANGE=bytes=2-4", "HTTP_IF_RANGE=\"b\""}, TAG, WHOLE},
	    {{"HTTP_RANGE=bytes=2-4", "HTTP_IF_RANGE=\"a\""}, "", WHOLE},
	    {{"HTTP_RANGE=bytes=2-4", "HTTP_IF_RANGE=W/\"a\""}, "ETag: W/\"a\"\n", WHOLE},
	    {{"HTTP_RANGE=bytes=99-", "HTTP_IF_RANGE=\"b\""}, TAG, WHOLE},
	    {{"HTTP_RANGE=bytes=2-4", "HTTP_IF_RANGE=" BEFORE},
	     DATED,
	     PART_OF("2-4", "Last-Modified: " BEFORE "\r\nDate: " DATE "\r\n", 3, "234")},
	    {{"HTTP_RANGE=bytes=2-4", "HTTP_IF_RANGE=" DATE}, DATED, WHOLE},
	    /* a second in which it may have changed once more */
	    {{"HTTP_RANGE=bytes=2-4", "HTTP_IF_RANGE=" DATE},
	     "Last-Modified: " DATE "\nDate: " DATE "\n",
	     WHOLE},
	    {{"HTTP_IF_RANGE=\"a\""}, TAG, WHOLE},
	};

	(void)state;
	ASSERT_SELECTED("", cases);
}

/* Range is for GET (RFC 9110 section 14.2), and for what is there of a page. */
static void who_wants_ranges(void **state)
{
	static const struct {
		const char *lines[3], *page;
		bool wants;
	} cases[] = {
	    {{"HTTP_RANGE=bytes=2-4"}, TAG, true},
	    {{"HTTP_RANGE=bytes=2-4"}, "", true},
	    {{"HTTP_RANGE=bytes=99-"}, TAG, true},
	    {{"HTTP_RANGE=lines=2-4"}, TAG, true}, /* what they are is another question */
	    {{"HTTP_RANGE=bytes=2-4", "HTTP_IF_RANGE=\"a\""}, TAG, true},
	    {{"HTTP_RANGE=bytes=2-4", "HTTP_IF_RANGE=" BEFORE}, DATED, true},
	    {{"HTTP_RANGE=bytes=2-4"}, "Status: 206\nContent-Range: bytes 0-9/99\n" TAG, true},
	    {{"HTTP_RANGE=bytes=2-4", "HTTP_IF_RANGE=\"a\""},
	     "Status: 206\nContent-Range: bytes 0-9/99\n" TAG,
	     true},
	    {{"HTTP_ACCEPT=*/*"}, TAG, false},
	    {{"HTTP_IF_RANGE=\"a\""}, TAG, false},
	    {{"HTTP_RANGE=bytes=2-4", "REQUEST_METHOD=HEAD"}, TAG, false},
	    {{"HTTP_RANGE=bytes=2-4", "HTTP_IF_RANGE=\"b\""}, TAG, false},
	    {{"HTTP_RANGE=bytes=2-4", "HTTP_IF_RANGE=\"a\""}, "", false},
	    {{"HTTP_RANGE=bytes=2-4", "HTTP_IF_RANGE=" DATE}, DATED, false},
	    {{"HTTP_RANGE=bytes=2-4", "HTTP_IF_RANGE=\"b\""},
	     "Status: 206\nContent-Range: bytes 0-9/99\n" TAG,
	     false},
	    {{"HTTP_RANGE=bytes=2-4"}, "Status: 404\n" TAG, false},
	    /* a 206 that says nothing of which bytes it has is no part */
	    {{"HTTP_RANGE=bytes=2-4"}, "Status: 206\n" TAG, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request *r = ask_as(NULL, FCGI_ROLE_RESPONDER, "", cases[i].lines);
		struct object *o = page_of(r, cases[i].page, BODY);

		if (select_wants_ranges(r, o, NOW) != cases[i].wants)
			fail_msg("case %zu: %s, %s", i, cases[i].lines[0], cases[i].page);
		object_unref(&o);
		request_free(&r);
	}
}

/* What stands behind this in a text, up to the end of the line. */
static struct str behind(struct str text, const char *name)
{
	struct str line;

	while (str_split(&text, '\n', &line))
		if (str_starts(line, str_of(name)))
			return str_sub(line, strlen(name), line.n - 1);
	fail_msg("no %s", name);
	return STR("");
}

static unsigned lines_of(struct str text, const char *name)
{
	struct str line;
	unsigned n = 0;

	while (str_split(&text, '\n', &line))
		n += str_starts(line, str_of(name));
	return n;
}

static void several_ranges(void **state)
{
	static const char piece[] = "\r\n--%.*s\r\nContent-Type: a/b\r\n"
				    "Content-Range: bytes %s/10\r\n\r\n%s";
	struct request *r = ASK("", "HTTP_RANGE=bytes=7-,0-1");
	struct object *o =
	    page_of(r, "Content-Type: a/b\nX-A: 1\nContent-Range: bytes 0-9/99\n", BODY);
	struct selection s;
	struct str boundary, body;
	char expected[512];
	size_t n;

	(void)state;
	assert_true(select_content(r, o, NOW, &s));
	assert_int_equal(s.status, 206);
	assert_true(str_starts(s.fields, STR(PARTIAL)));
	assert_str(behind(s.fields, "X-A: "), "1");
	boundary = behind(s.fields, "Content-Type: multipart/byteranges; boundary=");
	assert_int_equal(lines_of(s.fields, "Content-Type:"), 1);
	assert_int_equal(lines_of(s.fields, "Content-Range:"), 0);
	body = joined(r, &s);
	assert_int_equal(body.n, s.length);
	n = (size_t)snprintf(expected, sizeof(expected), piece, STR_ARG(boundary), "7-9", "789");
	n += (size_t)snprintf(expected + n, sizeof(expected) - n, piece, STR_ARG(boundary), "0-1",
			      "01");
	snprintf(expected + n, sizeof(expected) - n, "\r\n--%.*s--\r\n", STR_ARG(boundary));
	assert_str(body, expected + strlen("\r\n"));
	object_unref(&o);
	request_free(&r);
}

/* ------------------------------------------------------------------ parts */

/* Bytes 10 to 19 of a page of so many, fresh for 100 s: for whom they are an answer, and which. */
static const struct {
	const char *lines[3];
	unsigned whole;
	int64_t age;      /* s */
	const char *body; /* NULL: none for this request */
	const char *range;
} parts[] = {
    {{"HTTP_RANGE=bytes=10-19"}, 100, 0, BODY, "10-19/100"},
    {{"HTTP_RANGE=bytes=10-19"}, 100, 99, BODY, "10-19/100"},
    {{"HTTP_RANGE=bytes=12-12"}, 100, 0, "2", "12-12/100"},
    {{"HTTP_RANGE=bytes=10-11,12-14"}, 100, 0, "01234", "10-14/100"},
    /* several that make no single one */
    {{"HTTP_RANGE=bytes=10-11,19-19"}, 100, 0},
    {{"HTTP_RANGE=bytes=9-12"}, 100, 0},
    {{"HTTP_RANGE=bytes=19-20"}, 100, 0},
    {{"HTTP_RANGE=bytes=0-9"}, 100, 0},
    {{"HTTP_RANGE=bytes=20-"}, 100, 0},
    {{"HTTP_RANGE=bytes=100-"}, 100, 0},
    {{"HTTP_RANGE=bytes=10-11,20-21"}, 100, 0},
    /* the end of the page */
    {{"HTTP_RANGE=bytes=10-"}, 100, 0},
    {{"HTTP_RANGE=bytes=-10"}, 100, 0},
    {{"HTTP_RANGE=bytes=10-"}, 20, 0, BODY, "10-19/20"},
    {{"HTTP_RANGE=bytes=15-999"}, 20, 0, "56789", "15-19/20"},
    {{"HTTP_RANGE=bytes=-3"}, 20, 0, "789", "17-19/20"},
    {{"HTTP_RANGE=bytes=-11"}, 20, 0},
    {{"HTTP_RANGE=bytes=20-"}, 20, 0},
    /* who wants all of it, or may have to get all of it */
    {{"HTTP_ACCEPT=*/*"}, 100, 0},
    {{"HTTP_RANGE="}, 100, 0},
    {{"HTTP_RANGE=lines=10-11"}, 100, 0},
    {{"HTTP_RANGE=bytes=12-12", "REQUEST_METHOD=HEAD"}, 100, 0},
    {{"HTTP_RANGE=bytes=12-12", "HTTP_IF_RANGE=\"a\""}, 100, 0, "2", "12-12/100"},
    {{"HTTP_RANGE=bytes=12-12", "HTTP_IF_RANGE=\"b\""}, 100, 0},
    {{"HTTP_RANGE=bytes=12-12", "HTTP_IF_RANGE=" DATE}, 100, 0},
    /* never stale, never to be checked */
    {{"HTTP_RANGE=bytes=12-12"}, 100, 100},
    {{"HTTP_RANGE=bytes=12-12"}, 100, 1000},
    {{"HTTP_RANGE=bytes=12-12", "HTTP_CACHE_CONTROL=no-cache"}, 100, 0},
    {{"HTTP_RANGE=bytes=12-12", "HTTP_CACHE_CONTROL=max-age=5"}, 100, 6},
    {{"HTTP_RANGE=bytes=12-12", "HTTP_CACHE_CONTROL=max-stale"}, 100, 120},
};

static void what_a_part_is_worth(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		struct request *r = ask_as(NULL, FCGI_ROLE_RESPONDER,
					   "'client_control': true, 'grace': '1h'", parts[i].lines);
		int64_t now = NOW + parts[i].age * 1000;
		char text[128];
		struct object *o;
		struct selection s;

		snprintf(text, sizeof(text),
			 "Status: 206\n" TAG "X-Accel-Expires: 100\n"
			 "Content-Range: bytes 10-19/%u\n",
			 parts[i].whole);
		o = page_of(r, text, BODY);
		assert_int_equal(object_head(o)->kind, OBJECT_PART);
		assert_false(decide_survives(r, o, now));
		if (decide_object(r, o, now) != (parts[i].body ? VERDICT_FRESH : VERDICT_USELESS))
			fail_msg("case %zu: %s of %u", i, parts[i].lines[0], parts[i].whole);
		if (parts[i].body) {
			assert_true(select_content(r, o, now, &s));
			assert_int_equal(s.status, 206);
			snprintf(text, sizeof(text), PARTIAL TAGR "Content-Range: bytes %s\r\n",
				 parts[i].range);
			assert_str(s.fields, text);
			assert_str(joined(r, &s), parts[i].body);
			assert_int_equal(s.length, strlen(parts[i].body));
		}
		object_unref(&o);
		request_free(&r);
	}
}

/* Conditions are about the page, of which the part is one. */
static void conditions_on_a_part(void **state)
{
	static const struct {
		const char *line;
		int status;
	} cases[] = {
	    {"HTTP_IF_NONE_MATCH=\"a\"", 304},
	    {"HTTP_IF_NONE_MATCH=\"b\"", 206},
	    {"HTTP_IF_NONE_MATCH=*", 304},
	    {"HTTP_IF_MATCH=\"a\"", 206},
	    {"HTTP_IF_MATCH=\"b\"", 412},
	    {"HTTP_IF_MODIFIED_SINCE=" DATE, 304},
	    {"HTTP_IF_MODIFIED_SINCE=Sun, 06 Nov 1994 08:32:56 GMT", 206},
	    {"HTTP_IF_UNMODIFIED_SINCE=" BEFORE, 206},
	    {"HTTP_IF_UNMODIFIED_SINCE=Sun, 06 Nov 1994 08:32:56 GMT", 412},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request *r = ASK("", "HTTP_RANGE=bytes=12-12", cases[i].line);
		struct object *o =
		    page_of(r, "Status: 206\nContent-Range: bytes 10-19/100\n" TAG MODIFIED, BODY);
		struct selection s;

		assert_true(select_content(r, o, NOW, &s));
		assert_int_equal(s.status, cases[i].status);
		object_unref(&o);
		request_free(&r);
	}
}

/* ------------------------------------------------------------------ past the cache */

/* What went past the cache was answered by the application, conditions and all. */
static void what_bypasses_is_not_selected_from(void **state)
{
	static const struct selected cases[] = {
	    {{"HTTP_IF_NONE_MATCH=\"a\""}, TAG, WHOLE},
	    {{"HTTP_IF_MATCH=\"b\""}, TAG, WHOLE},
	    {{"HTTP_RANGE=bytes=0-1"}, TAG, WHOLE},
	    {{"HTTP_RANGE=bytes=0-1"},
	     "Status: 206\nContent-Range: bytes 0-9/20\n",
	     206,
	     NULL,
	     10,
	     BODY},
	    {{"HTTP_IF_NONE_MATCH=\"a\""}, "Status: 304\n" TAG, 304, NULL, NONE, NULL},
	};

	(void)state;
	ASSERT_SELECTED("'cache': false", cases);
}

/* A response that is only held until it is whole is nobody's stored page. */
static void what_is_not_stored_is_not_selected_from(void **state)
{
	struct request *r = ASK("", "HTTP_IF_NONE_MATCH=\"a\"", "HTTP_RANGE=bytes=0-1");
	struct object_head head = {.status = 200, .head = STR(OK TAGR)};
	struct key none = {.bytes = STR("")};
	struct object *o;
	struct selection s;

	(void)state;
	head.etag = str_sub(head.head, strlen(OK "ETag: "), strlen(OK "ETag: \"a\""));
	o = object_new(&none, &head, 0);
	assert_non_null(o);
	assert_true(object_append(o, BODY, strlen(BODY)));
	object_seal(o);
	assert_true(select_content(r, o, NOW, &s));
	assert_int_equal(s.status, 200);
	assert_str(joined(r, &s), BODY);
	object_unref(&o);
	request_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whole_pages),
	    cmocka_unit_test(conditions),
	    cmocka_unit_test(fields_of_a_304),
	    cmocka_unit_test(a_tag_of_ours),
	    cmocka_unit_test(failed_conditions),
	    cmocka_unit_test(single_ranges),
	    cmocka_unit_test(ranges_of_a_page_that_may_have_changed),
	    cmocka_unit_test(who_wants_ranges),
	    cmocka_unit_test(several_ranges),
	    cmocka_unit_test(what_a_part_is_worth),
	    cmocka_unit_test(conditions_on_a_part),
	    cmocka_unit_test(what_bypasses_is_not_selected_from),
	    cmocka_unit_test(what_is_not_stored_is_not_selected_from),
	};

	return cmocka_run_group_tests(tests, asking_start, NULL);
}
