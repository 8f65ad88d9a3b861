/*
 * Pages: what of a response is sent and what is stored, what is added to it, by what it varies, and
 * where it goes.
 */
#include "asking.h"

#include "flow/invalidate.h"
#include "flow/variants.h"

#define OK      "Status: 200 OK\r\n"
#define PARTIAL "Status: 206 Partial Content\r\n"

/* ------------------------------------------------------------------ fields */

#define GUESSES "'heuristic': true"

static const struct {
	const char *rule, *fields;
	const char *sent, *stored; /* stored NULL: as it is sent */
} kept[] = {
    {"", "", OK, NULL},
    {"", "Content-Type: text/plain\n", OK "Content-Type: text/plain\r\n", NULL},
    {"", "x-a:  1\nX-B: 2\nx-a: 3\n", OK "x-a: 1\r\nX-B: 2\r\nx-a: 3\r\n", NULL},
    {"", "Status: 404\n", "Status: 404 Not Found\r\n", NULL},
    {"", "Status: 299 Fine\nX-A: 1\n", "Status: 299 Fine\r\nX-A: 1\r\n", NULL},
    {"", "Status: 299\n", "Status: 299 Status\r\n", NULL},
    /* of this hop */
    {"", "Connection: close\nKeep-Alive: 5\nX-A: 1\n", OK "X-A: 1\r\n", NULL},
    {"", "Transfer-Encoding: binary\nTE: trailers\nTrailer: X-A\nUpgrade: h2c\n", OK, NULL},
    {"", "Proxy-Connection: close\nProxy-Authenticate: Basic\n", OK, NULL},
    {"", "Connection: x-a , X-B\nX-A: 1\nx-b: 2\nX-C: 3\n", OK "X-C: 3\r\n", NULL},
    {"", "X-A: 1\nConnection: close\nConnection: X-A\n", OK, NULL},
    {"", "Connection: \"X-A\"\nX-A: 1\n", OK "X-A: 1\r\n", NULL},
    /* made anew for each answer */
    {"", "Content-Length: 4\nAge: 5\nX-A: 1\n", OK "X-A: 1\r\n", NULL},
    {"", "AGE: 5\ncontent-length: 4\n", OK, NULL},
    /* for the cache alone */
    {"", "X-Accel-Expires: 5\nSurrogate-Control: max-age=5\n", OK, NULL},
    {"", "Cache-Tag: a\nSurrogate-Key: a\n", OK, NULL},
    {"", "Cache-Control: max-age=5\n", OK "Cache-Control: max-age=5\r\n", NULL},
    {"", "CDN-Cache-Control: max-age=5\n", OK "CDN-Cache-Control: max-age=5\r\n", NULL},
    /* cookies */
    {"", "Set-Cookie: a=1\n", OK "Set-Cookie: a=1\r\n", OK},
    {"'set_cookie': 'strip'", "Set-Cookie: a=1\n", OK "Set-Cookie: a=1\r\n", OK},
    {"'set_cookie': 'drop'", "Set-Cookie: a=1\nset-cookie: b=2\n", OK, NULL},
    {"'set_cookie': 'store'", "Set-Cookie: a=1\nset-cookie: b=2\n",
     OK "Set-Cookie: a=1\r\nset-cookie: b=2\r\n", NULL},
    {"'cache': false, 'set_cookie': 'drop'", "Set-Cookie: a=1\n", OK "Set-Cookie: a=1\r\n", NULL},
    /* what no-cache lists: for the client that asked */
    {GUESSES, "Cache-Control: no-cache=\"X-A\"\nX-A: 1\nX-B: 2\n",
     OK "Cache-Control: no-cache=\"X-A\"\r\nX-A: 1\r\nX-B: 2\r\n",
     OK "Cache-Control: no-cache=\"X-A\"\r\nX-B: 2\r\n"},
    {GUESSES ", 'set_cookie': 'store'",
     "Cache-Control: no-cache=\"set-cookie, x-c\"\nSet-Cookie: a=1\nX-C: 1\nX-D: 1\n",
     OK "Cache-Control: no-cache=\"set-cookie, x-c\"\r\nSet-Cookie: a=1\r\nX-C: 1\r\nX-D: 1\r\n",
     OK "Cache-Control: no-cache=\"set-cookie, x-c\"\r\nX-D: 1\r\n"},
    {GUESSES ", 'set_cookie': 'drop'", "Cache-Control: no-cache=\"x-c\"\nSet-Cookie: a=1\nX-C: 1\n",
     OK "Cache-Control: no-cache=\"x-c\"\r\nX-C: 1\r\n", OK "Cache-Control: no-cache=\"x-c\"\r\n"},
    {GUESSES, "CDN-Cache-Control: no-cache=\"x-c\"\nCache-Control: no-cache=x-d\nX-C: 1\nX-D: 1\n",
     OK "CDN-Cache-Control: no-cache=\"x-c\"\r\nCache-Control: no-cache=x-d\r\n"
	"X-C: 1\r\nX-D: 1\r\n",
     OK "CDN-Cache-Control: no-cache=\"x-c\"\r\nCache-Control: no-cache=x-d\r\nX-D: 1\r\n"},
    {GUESSES, "Cache-Control: no-cache=\"X-A\"\nX-B: 2\n",
     OK "Cache-Control: no-cache=\"X-A\"\r\nX-B: 2\r\n", NULL},
    {GUESSES, "Cache-Control: no-cache=\"X-A, Content-Type\"\nContent-Type: a/b\n",
     OK "Cache-Control: no-cache=\"X-A, Content-Type\"\r\nContent-Type: a/b\r\n", NULL},
    /* without heuristic the page is checked as a whole, and stored as a whole */
    {"", "Cache-Control: no-cache=\"X-A, ETag\"\nX-A: 1\nETag: \"a\"\n",
     OK "Cache-Control: no-cache=\"X-A, ETag\"\r\nX-A: 1\r\nETag: \"a\"\r\n", NULL},
    {"'set_cookie': 'store'", "Cache-Control: no-cache=set-cookie\nSet-Cookie: a=1\n",
     OK "Cache-Control: no-cache=set-cookie\r\nSet-Cookie: a=1\r\n", NULL},
    {"", "Cache-Control: no-cache=set-cookie\nSet-Cookie: a=1\n",
     OK "Cache-Control: no-cache=set-cookie\r\nSet-Cookie: a=1\r\n",
     OK "Cache-Control: no-cache=set-cookie\r\n"},
    {GUESSES ", 'cache': false", "Cache-Control: no-cache=x-a\nX-A: 1\n",
     OK "Cache-Control: no-cache=x-a\r\nX-A: 1\r\n", NULL},
    /* which bytes a part has is said anew; elsewhere it means nothing */
    {"", "Status: 206\nContent-Range: bytes 0-3/10\n", PARTIAL "Content-Range: bytes 0-3/10\r\n",
     PARTIAL},
    {"", "Content-Range: bytes 0-3/10\n", OK "Content-Range: bytes 0-3/10\r\n", NULL},
};

static void fields_sent_and_stored(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		struct request *r = ASK(kept[i].rule, "REQUEST_URI=/");
		const struct cgi_head *head = &answer(r, kept[i].fields)->head;
		struct str sent, stored;

		assert_true(page_fields(r, head, false, &sent));
		assert_str(sent, kept[i].sent);
		assert_true(page_fields(r, head, true, &stored));
		assert_str(stored, kept[i].stored ? kept[i].stored : kept[i].sent);
		if (page_withholds(r, head) != (kept[i].stored != NULL))
			fail_msg("%s: withheld or not", kept[i].fields);
		request_free(&r);
	}
}

/* Cookies that the application withholds are not stored, whatever the rule allows. */
static void a_cookie_that_is_withheld(void **state)
{
	struct request *r = ASK(GUESSES ", 'set_cookie': 'store'", "REQUEST_URI=/");
	const struct cgi_head *head =
	    &answer(r, "Cache-Control: max-age=5, no-cache=\"set-cookie\"\nSet-Cookie: a=1\n")
		 ->head;
	struct str stored;

	(void)state;
	assert_true(page_fields(r, head, true, &stored));
	assert_str(stored, OK "Cache-Control: max-age=5, no-cache=\"set-cookie\"\r\n");
	assert_true(page_withholds(r, head));
	request_free(&r);
}

/* ------------------------------------------------------------------ the object */

#define FULL                                                                                       \
	"Content-Type: text/html; charset=utf-8\nContent-Language: de\nDate: " DATE                \
	"\nLast-Modified: Sun, 06 Nov 1994 08:32:57 GMT\nETag: \"v1\"\nAge: 2\n"

static void everything_of_a_response(void **state)
{
	static const char fields[] =
	    FULL "X-Accel-Expires: 60\nCache-Control: max-age=5\nsurrogate-key: a b\n"
		 "Cache-Groups: \"g\"\n";
	struct request *r = ASK("'grace': '9s'", "REQUEST_URI=/a"), *same;
	struct object *o = page_at(r, fields, "body", NOW, NULL);
	const struct object_head *head = object_head(o);
	struct str labels;

	(void)state;
	assert_int_equal(head->kind, OBJECT_PAGE);
	assert_int_equal(head->status, 200);
	assert_str(object_body(o), "body");
	assert_str(head->etag, "\"v1\"");
	assert_str(head->last_modified, "Sun, 06 Nov 1994 08:32:57 GMT");
	assert_str(head->date, DATE);
	assert_str(head->language, "de");
	assert_str(head->type, "text/html; charset=utf-8");
	assert_false(head->made_etag || head->made_modified);
	assert_int_equal(head->made.n, 0);
	assert_str(head->control, "X-Accel-Expires: 60\r\nsurrogate-key: a b\r\n");
	assert_true(head->born == NOW - 2000);
	assert_true(head->asked == NOW * 1000);
	assert_int_equal(head->lifetime, 60000);
	assert_int_equal(head->grace, 9000);
	assert_true(head->rule_grace);
	assert_false(head->rule_lifetime);
	assert_true(head->keep == POLICY_KEEP);
	assert_true(head->origin == r->plan.origin);
	assert_true(str_eq(object_key(o).bytes, r->plan.primary.bytes));
	same = ASK("", "REQUEST_URI=/a");
	assert_true(invalidate_labels(same, &answer(same, fields)->head.headers, &labels));
	assert_true(str_eq(head->labels, labels) && labels.n == 3 * sizeof(uint64_t));
	request_free(&same);
	object_unref(&o);
	request_free(&r);
}

/* A field that is not there, or is not stored, is an empty slice. */
static void nothing_of_a_response(void **state)
{
	struct request *r = ASK(GUESSES, "REQUEST_URI=/");
	struct object *none = page_of(r, "X-ETag: \"a\"\nDateX: b\n", ""),
		      *withheld = page_of(r,
					  "Cache-Control: max-age=5, no-cache=\"etag\"\n"
					  "ETag: \"a\"\nETag-X: b\n",
					  "");

	(void)state;
	assert_int_equal(object_head(none)->etag.n, 0);
	assert_int_equal(object_head(none)->date.n, 0);
	assert_int_equal(object_head(none)->type.n, 0);
	assert_int_equal(object_head(none)->control.n, 0);
	assert_int_equal(object_head(withheld)->etag.n, 0);
	assert_true(object_head(withheld)->keep == 0);
	object_unref(&none);
	object_unref(&withheld);
	request_free(&r);
}

/* ------------------------------------------------------------------ fields of our own */

#define HOUR     "'client_cache': '1h'"
#define AGE      "Cache-Control: max-age=3600\r\nExpires: Sun, 06 Nov 1994 09:49:37 GMT\r\n"
#define MODIFIED "Last-Modified: " DATE "\r\n"
#define ZEROS    "ETag: \"00000000000000000000000000000000\"\r\n"

static void fields_that_are_added(void **state)
{
	static const struct {
		const char *rule, *fields, *made;
	} cases[] = {
	    {"", "", ""},
	    {"'client_cache': 0, 'etag': false", "", ""},
	    {HOUR, "", AGE MODIFIED},
	    {HOUR, "Cache-Control: public\n", AGE MODIFIED},
	    {HOUR, "Cache-Control: s-maxage=60\n", AGE MODIFIED},
	    {HOUR, "X-Accel-Expires: 60\n", AGE MODIFIED},
	    /* what the application tells its clients stands */
	    {HOUR, "Cache-Control: max-age=60\n", MODIFIED},
	    {HOUR, "Cache-Control: no-cache\n", MODIFIED},
	    {HOUR, "cache-control: public\ncache-control: private\n", MODIFIED},
	    {HOUR, "Cache-Control: no-store\n", MODIFIED},
	    {HOUR, "Expires: 0\n", MODIFIED},
	    {HOUR, "Last-Modified: Sun, 06 Nov 1994 08:32:57 GMT\n", AGE},
	    {HOUR, "Expires: 0\nLast-Modified: x\n", ""},
	    {HOUR, "ETag: \"a\"\n", AGE MODIFIED},
	    {"'client_cache': '1500ms'", "Last-Modified: x\n",
	     "Cache-Control: max-age=2\r\nExpires: Sun, 06 Nov 1994 08:49:39 GMT\r\n"},
	    /* room for an entity-tag, until the body is there */
	    {"'etag': true", "", ZEROS},
	    {"'etag': true", "ETag: \"a\"\n", ""},
	    {"'etag': true", "etag: W/\"a\"\n", ""},
	    {"'etag': true, " HOUR, "Expires: 0\n", MODIFIED ZEROS},
	    {"'etag': true, " HOUR, "", AGE MODIFIED ZEROS},
	    /* whole pages alone */
	    {"'etag': true, " HOUR, "Status: 404\n", ""},
	    {"'etag': true, " HOUR, "Status: 301\nLocation: /a\n", ""},
	    {"'etag': true, " HOUR, "Status: 206\nContent-Range: bytes 0-3/10\n", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request *r = ASK(cases[i].rule, "REQUEST_URI=/");
		struct str vary;
		struct object *o = page_open(r, &answer(r, cases[i].fields)->source, 0, &vary);

		assert_non_null(o);
		if (!str_eq(object_head(o)->made, str_of(cases[i].made)))
			fail_msg("%s, %s: %.*s", cases[i].rule, cases[i].fields,
				 STR_ARG(object_head(o)->made));
		assert_int_equal(object_head(o)->made_etag, strstr(cases[i].made, "ETag") != NULL);
		assert_int_equal(object_head(o)->made_modified,
				 strstr(cases[i].made, MODIFIED) != NULL);
		if (object_head(o)->made_modified)
			assert_str(object_head(o)->last_modified, DATE);
		object_unref(&o);
		request_free(&r);
	}
}

/* An entity-tag of ours says what the body is, and nothing else: on each machine, for each URL. */
static void an_etag_is_the_bodys(void **state)
{
	static const char *const bodies[] = {"", "a", "b", "aa", "the same page\n"};
	struct str etags[ARRAY_LEN(bodies)];
	struct object *first[ARRAY_LEN(bodies)], *second;
	struct request *r = ASK("'etag': true", "REQUEST_URI=/"),
		       *other = ASK("'etag': true, 'ttl': 5", "REQUEST_URI=/b?c");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		first[i] = page_of(r, "", bodies[i]);
		assert_true(object_sealed(first[i]));
		etags[i] = object_head(first[i])->etag;
		assert_int_equal(etags[i].n, 34);
		assert_true(etags[i].p[0] == '"' && etags[i].p[33] == '"');
		for (size_t k = 1; k < 33; k++)
			assert_true(strchr("0123456789abcdef", etags[i].p[k]));
		for (size_t k = 0; k < i; k++)
			assert_false(str_eq(etags[i], etags[k]));
		second = page_at(other, "X-A: 1\n", bodies[i], NOW + 5000, NULL);
		assert_true(str_eq(object_head(second)->etag, etags[i]));
		assert_true(str_ends(object_fields(second), STR("\"\r\n")));
		object_unref(&second);
	}
	/* XXH128 of nothing */
	assert_str(etags[0], "\"99aa06d3014798d86001c324468d497f\"");
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
		object_unref(&first[i]);
	request_free(&r);
	request_free(&other);
}

/* ------------------------------------------------------------------ by what it varies */

static void names_of_vary(void **state)
{
	static const struct {
		const char *known, *fields, *vary; /* known: the marker's that led here */
	} cases[] = {
	    {"", "", ""},
	    {"", "Vary: Accept\n", "accept"},
	    {"", "Vary: X-B, accept ,X-A\nvary: ACCEPT\n", "accept,x-a,x-b"},
	    {"", "Vary:\nVary: ,\n", ""},
	    {"accept,x-z", "", "accept,x-z"},
	    {"accept,x-z", "Vary: X-A, Accept\n", "accept,x-a,x-z"},
	    /* who encodes without saying so chose by Accept-Encoding */
	    {"", "Content-Encoding: gzip\n", "accept-encoding"},
	    {"", "Content-Encoding: gzip\nVary: Accept-Encoding\n", "accept-encoding"},
	    {"x-a", "Content-Encoding: br\nVary: Accept\n", "accept,accept-encoding,x-a"},
	    {"", "Content-Encoding: identity\n", ""},
	    {"", "Content-Encoding: Identity\nVary: Accept\n", "accept"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request *r = ASK("", "HTTP_ACCEPT=a/b", "HTTP_X_A=1");
		struct str vary;
		struct object *o;
		struct key key;

		r->plan.vary = str_of(cases[i].known);
		o = page_at(r, cases[i].fields, "", NOW, &vary);
		assert_str(vary, cases[i].vary);
		assert_true(decide_variant(r, vary, &key));
		assert_true(str_eq(object_key(o).bytes, key.bytes));
		object_unref(&o);
		request_free(&r);
	}
}

/* No page is kept by more names than there is room for. */
static void a_page_that_varies_by_too_much(void **state)
{
	struct request *r = ASK("", "REQUEST_URI=/");
	char fields[512] = "Vary: X-A, X-A";
	struct object *o;
	struct str vary;

	(void)state;
	for (int i = 0; i < 30; i++)
		snprintf(fields + strlen(fields), 16, ", X-%d", i);
	strcat(fields, "\n");
	o = page_open(r, &answer(r, fields)->source, 0, &vary);
	assert_non_null(o);
	object_unref(&o);
	strcat(fields, "Vary: X-B\n");
	assert_null(page_open(r, &answer(r, fields)->source, 0, &vary));
	request_free(&r);
}

/* ------------------------------------------------------------------ into the store */

/* The marker at r's primary key, a reference; NULL if there is none. */
static struct object *marker_of(struct store *store, const struct request *r)
{
	struct object *o = store_get(store, &r->plan.primary);

	if (o && object_head(o)->kind != OBJECT_MARKER)
		object_unref(&o);
	return o;
}

static void put_page(struct store *store, struct request *r, const char *fields)
{
	struct str vary;
	struct object *o = page_at(r, fields, "body", NOW, &vary), *back;
	struct key key = object_key(o);

	assert_true(page_store(r, store, o, vary));
	back = store_get(store, &key);
	assert_ptr_equal(back, o);
	object_unref(&back);
	object_unref(&o);
}

static void a_page_and_its_marker(void **state)
{
	static const struct {
		const char *rule, *fields;
		const char *vary; /* the marker's; NULL: none is made */
		size_t n;         /* variants, after two requests */
	} cases[] = {
	    {"", "", NULL, 0},
	    {"", "Vary:\n", NULL, 0},
	    {"", "Vary: X-A\nETag: \"a\"\n", "x-a", 2},
	    {"", "Vary: X-Z\nETag: \"a\"\n", "x-z", 1},
	    {"", "Content-Encoding: gzip\n", "accept-encoding", 1},
	    {"'validate': 'always'", "ETag: \"a\"\n", "", 1},
	    {"'validate': 'always'", "ETag: \"a\"\nVary: X-A\n", "x-a", 1},
	};
	struct store *store = open_store();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request *r = ASK(cases[i].rule, "HTTP_X_A=1"),
			       *other = ASK(cases[i].rule, "HTTP_X_A=2");
		struct object *marker;
		struct variant v;
		struct str rest;

		store_flush(store);
		put_page(store, r, cases[i].fields);
		put_page(store, other, cases[i].fields);
		marker = marker_of(store, r);
		assert_int_equal(marker != NULL, cases[i].vary != NULL);
		if (marker) {
			assert_str(object_head(marker)->vary, cases[i].vary);
			rest = object_head(marker)->variants;
			for (size_t k = 0; k < cases[i].n; k++)
				assert_true(variants_next(&rest, &v));
			assert_false(variants_next(&rest, &v));
		}
		object_unref(&marker);
		request_free(&r);
		request_free(&other);
	}
	store_close(&store);
}

/* What was invalidated, or is no marker at all, adds nothing to a new list. */
static void a_marker_begins_anew(void **state)
{
	static const char fields[] = "Vary: X-A\nETag: \"a\"\n";
	struct store *store = open_store();
	struct request *r = ASK("", "HTTP_X_A=1"), *other = ASK("", "HTTP_X_A=2");
	struct object *marker;
	struct variant v;
	struct str rest;
	uint64_t label;

	(void)state;
	put_page(store, r, "X-No-Vary: 1\n");
	put_page(store, r, fields);
	marker = marker_of(store, r);
	assert_non_null(marker);
	memcpy(&label, object_head(marker)->labels.p, sizeof(label));
	bans_add(label, NOW * 1000);
	object_unref(&marker);
	put_page(store, other, fields);
	marker = marker_of(store, r);
	assert_non_null(marker);
	rest = object_head(marker)->variants;
	assert_true(variants_next(&rest, &v));
	assert_false(variants_next(&rest, &v));
	object_unref(&marker);
	request_free(&r);
	request_free(&other);
	store_close(&store);
}

/* ------------------------------------------------------------------ parts */

#define BYTES "Status: 206\nContent-Range: bytes "

static void parts_of_pages(void **state)
{
	static const struct {
		const char *fields;
		enum object_kind kind;
		uint64_t first, whole, length;
	} cases[] = {
	    {BYTES "2-5/10\n", OBJECT_PART, 2, 10, 4},
	    {BYTES "2-5/10\nContent-Length: 4\n", OBJECT_PART, 2, 10, 4},
	    {BYTES "0-9/10\n", OBJECT_PART, 0, 10, 10},
	    {BYTES "5-9/10\nContent-Length: 5\n", OBJECT_PART, 5, 10, 5},
	    /* it claims to go on to the end, but brings less: then the page is shorter */
	    {BYTES "5-9/10\nContent-Length: 3\n", OBJECT_PART, 5, 8, 3},
	    {BYTES "0-9/10\nContent-Length: 1\n", OBJECT_PART, 0, 1, 1},
	    /* nothing, more, or less in the middle: Content-Range stands, and will not be met */
	    {BYTES "5-9/10\nContent-Length: 0\n", OBJECT_PART, 5, 10, 5},
	    {BYTES "5-9/10\nContent-Length: 9\n", OBJECT_PART, 5, 10, 5},
	    {BYTES "2-5/10\nContent-Length: 3\n", OBJECT_PART, 2, 10, 4},
	    {"Content-Range: bytes 2-5/10\n", OBJECT_PAGE, 0, 0, 0},
	    {"Status: 206\n", OBJECT_PAGE, 0, 0, 0},
	    {BYTES "5-2/10\n", OBJECT_PAGE, 0, 0, 0},
	    {BYTES "*/10\n", OBJECT_PAGE, 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request *r = ASK("", "REQUEST_URI=/");
		struct object *o = page_of(r, cases[i].fields, "");

		if (object_head(o)->kind != cases[i].kind ||
		    object_head(o)->first != cases[i].first ||
		    object_head(o)->whole != cases[i].whole ||
		    page_part_length(&answer(r, cases[i].fields)->head) != cases[i].length)
			fail_msg("%s", cases[i].fields);
		object_unref(&o);
		request_free(&r);
	}
}

/* Other fields: the slices move, what is made stays. */
static void slices_are_found_again(void **state)
{
	struct request *r = ASK("'etag': true", "REQUEST_URI=/");
	struct object *o = page_of(r, "Content-Type: a/b\nDate: " DATE "\n", "body");
	struct object_head head = *object_head(o);

	(void)state;
	page_reslice(&head, STR(OK "X-A: 1\r\ncontent-type:  c/d \r\nLast-Modified: " DATE "\r\n"));
	assert_str(head.type, "c/d");
	assert_str(head.last_modified, DATE);
	assert_int_equal(head.date.n, 0);
	assert_true(head.made_etag && str_eq(head.etag, object_head(o)->etag));
	object_unref(&o);
	request_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields_sent_and_stored),
	    cmocka_unit_test(a_cookie_that_is_withheld),
	    cmocka_unit_test(everything_of_a_response),
	    cmocka_unit_test(nothing_of_a_response),
	    cmocka_unit_test(fields_that_are_added),
	    cmocka_unit_test(an_etag_is_the_bodys),
	    cmocka_unit_test(names_of_vary),
	    cmocka_unit_test(a_page_that_varies_by_too_much),
	    cmocka_unit_test_setup(a_page_and_its_marker, asking_setup),
	    cmocka_unit_test_setup(a_marker_begins_anew, asking_setup),
	    cmocka_unit_test(parts_of_pages),
	    cmocka_unit_test(slices_are_found_again),
	};

	return cmocka_run_group_tests(tests, asking_start, NULL);
}
