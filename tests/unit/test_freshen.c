/*
 * News of stored pages: what a 304 or an answer to HEAD changes of them, which others it concerns,
 * and parts that make up a page.
 */
#include "asking.h"

#include "flow/freshen.h"
#include "flow/variants.h"

#define OK    "Status: 200 OK\r\n"
#define LATER (NOW + 60000) /* when the news comes */
#define THEN  "Sun, 06 Nov 1994 08:50:37 GMT"
#define FRESH "Cache-Control: max-age=60\n"

/* ------------------------------------------------------------------ fields */

#define TAG  "ETag: \"a\"\n"
#define TAGR "ETag: \"a\"\r\n"

static const struct {
	const char *rule, *stored, *news; /* news: without its Status */
	const char *fields, *control;
	int64_t lifetime; /* s; -1: not to be stored any more */
} merged[] = {
    {"", TAG FRESH "X-A: 1\n", "", OK TAGR "Cache-Control: max-age=60\r\nX-A: 1\r\n", "", 60},
    {"", TAG FRESH, "Cache-Control: max-age=5\n", OK TAGR "Cache-Control: max-age=5\r\n", "", 5},
    /* all lines of a name go, and all new ones come */
    {"'ttl': 9", TAG "X-A: 1\nX-B: 2\nx-a: 3\n", "X-A: 4\n", OK TAGR "X-B: 2\r\nX-A: 4\r\n", "", 9},
    {"'ttl': 9", TAG "X-A: 1\n", "x-a: 2\nX-A: 3\n", OK TAGR "x-a: 2\r\nX-A: 3\r\n", "", 9},
    {"'ttl': 9", TAG "X-A: 1\n", "X-A:\n", OK TAGR "X-A: \r\n", "", 9},
    {"'ttl': 9", TAG, TAG "X-A: 1\n", OK TAGR "X-A: 1\r\n", "", 9},
    {"'ttl': 9", TAG "Content-Type: a/b\n", "Content-Type: c/d\n", OK TAGR "Content-Type: c/d\r\n",
     "", 9},
    {"'ttl': 9", TAG "Last-Modified: " DATE "\n", "", OK TAGR "Last-Modified: " DATE "\r\n", "", 9},
    /* a Date that is not there is now, not that of then */
    {"'ttl': 9", "Date: " DATE "\n" TAG, "", OK TAGR, "", 9},
    {"'ttl': 9", "Date: " DATE "\n" TAG, "Date: " THEN "\n", OK TAGR "Date: " THEN "\r\n", "", 9},
    /* what says how to read the body stays with the body */
    {"'ttl': 9", TAG "Content-Encoding: gzip\n", "Content-Encoding: br\nContent-Length: 0\n",
     OK TAGR "Content-Encoding: gzip\r\n", "", 9},
    {"'ttl': 9", TAG, "Content-Encoding: gzip\nContent-Length: 7\n", OK TAGR, "", 9},
    /* this hop's */
    {"'ttl': 9", TAG "X-A: 1\n", "Connection: close, X-B\nX-B: 2\n", OK TAGR "X-A: 1\r\n", "", 9},
    /* what steers the cache goes on to do so, unless the news says otherwise */
    {"", TAG "X-Accel-Expires: 5\n", "", OK TAGR, "X-Accel-Expires: 5\r\n", 5},
    {"", TAG "X-Accel-Expires: 5\n", FRESH, OK TAGR "Cache-Control: max-age=60\r\n",
     "X-Accel-Expires: 5\r\n", 5},
    {"", TAG "X-Accel-Expires: 5\n", "X-Accel-Expires: 7\n", OK TAGR, "X-Accel-Expires: 7\r\n", 7},
    {"", TAG "Surrogate-Control: max-age=5\nSurrogate-Key: a b\n", "Surrogate-Key: c\n", OK TAGR,
     "Surrogate-Control: max-age=5\r\nSurrogate-Key: c\r\n", 5},
    {"", TAG "X-Accel-Expires: 5\n", "X-Accel-Expires: 0\n", OK TAGR, "X-Accel-Expires: 0\r\n", -1},
    /* what forbids storing */
    {"", TAG FRESH, "Cache-Control: no-store\n", OK TAGR "Cache-Control: no-store\r\n", "", -1},
    {"", TAG FRESH, "Cache-Control: private, max-age=5\n",
     OK TAGR "Cache-Control: private, max-age=5\r\n", "", -1},
    {"", TAG FRESH, "Set-Cookie: a=1\n", OK TAGR "Cache-Control: max-age=60\r\n", "", -1},
    {"", TAG FRESH, "Vary: *\n", OK TAGR "Cache-Control: max-age=60\r\nVary: *\r\n", "", -1},
    {"'set_cookie': 'strip'", TAG FRESH, "Set-Cookie: a=1\n",
     OK TAGR "Cache-Control: max-age=60\r\n", "", 60},
    /* fields of our own are made anew */
    {"'client_cache': '1h', 'ttl': 9", TAG "Last-Modified: x\n", "",
     OK TAGR "Last-Modified: x\r\nCache-Control: max-age=3600\r\n"
	     "Expires: Sun, 06 Nov 1994 09:50:37 GMT\r\n",
     "", 9},
    {"'client_cache': '1h'", TAG "Last-Modified: x\n", FRESH,
     OK TAGR "Last-Modified: x\r\nCache-Control: max-age=60\r\n", "", 60},
};

/* base with these fields of a 304; *client: what else this client gets. */
static struct object *freshened(struct request *r, struct object *base, const char *fields,
				struct policy_verdict *verdict, struct str *client)
{
	struct object *o;
	struct str vary;
	char news[256];

	snprintf(news, sizeof(news), "Status: 304\n%s", fields);
	o = freshen_page(r, base, &answer_at(r, news, LATER)->source, verdict, &vary, client);
	assert_non_null(o);
	return o;
}

static void fields_one_by_one(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(merged); i++) {
		struct request *r = ASK(merged[i].rule, "REQUEST_URI=/");
		struct object *base = page_of(r, merged[i].stored, "body"), *o;
		struct policy_verdict verdict;
		struct str client;

		o = freshened(r, base, merged[i].news, &verdict, &client);
		if (!str_eq(object_fields(o), str_of(merged[i].fields)) ||
		    !str_eq(object_head(o)->control, str_of(merged[i].control)) ||
		    verdict.store != (merged[i].lifetime >= 0) ||
		    (verdict.store && object_head(o)->lifetime != merged[i].lifetime * 1000)) {
			print_error("case %zu: %s, %s: %lld\n%.*s\n%.*s\n", i, merged[i].stored,
				    merged[i].news, (long long)object_head(o)->lifetime,
				    STR_ARG(object_fields(o)), STR_ARG(object_head(o)->control));
			wrong++;
		}
		object_unref(&base);
		assert_str(object_body(o), "body");
		object_unref(&o);
		request_free(&r);
	}
	assert_int_equal(wrong, 0);
}

static void a_page_that_is_young_again(void **state)
{
	struct request *r = ASK("", "REQUEST_URI=/");
	struct object *base = page_of(r, TAG FRESH "Date: " DATE "\n", "body"), *o;
	struct answer *news = answer_at(r, "Status: 304\nAge: 3\nVary: X-A\n", LATER);
	struct policy_verdict verdict;
	struct str vary, client;
	struct key key;

	(void)state;
	news->source.asked = LATER * 1000 - 500;
	o = freshen_page(r, base, &news->source, &verdict, &vary, &client);
	assert_non_null(o);
	assert_true(object_sealed(o));
	assert_int_equal(object_head(o)->kind, OBJECT_PAGE);
	assert_int_equal(object_head(o)->status, 200);
	/* half a millisecond of waiting, rounded up, and the Age that it came with */
	assert_true(object_head(o)->born == LATER - 3001);
	assert_true(object_head(o)->asked == LATER * 1000 - 500);
	assert_ptr_equal(object_body(o).p, object_body(base).p);
	assert_str(vary, "x-a");
	assert_true(decide_variant(r, vary, &key));
	assert_true(str_eq(object_key(o).bytes, key.bytes));
	assert_true(str_eq(object_head(o)->labels, object_head(base)->labels));
	object_unref(&o);
	object_unref(&base);
	request_free(&r);
}

/* The ETag that we made is that of the body, and so the same again. */
static void an_etag_of_ours_stays(void **state)
{
	struct request *r = ASK("'etag': true", "REQUEST_URI=/");
	struct object *base = page_of(r, "Last-Modified: " DATE "\n" FRESH, "body"), *o;
	struct policy_verdict verdict;
	struct str client;

	(void)state;
	o = freshened(r, base, "", &verdict, &client);
	assert_true(object_head(o)->made_etag);
	assert_true(str_eq(object_head(o)->etag, object_head(base)->etag));
	object_unref(&o);
	object_unref(&base);
	request_free(&r);
}

/* Who asked gets what is not stored. */
static void what_the_client_gets_besides(void **state)
{
	static const struct {
		const char *rule, *news, *client;
	} cases[] = {
	    {"'set_cookie': 'strip'", "", ""},
	    {"'set_cookie': 'strip'", "Set-Cookie: a=1\n",
	     OK TAGR "Cache-Control: max-age=60\r\nSet-Cookie: a=1\r\n"},
	    {"'set_cookie': 'drop'", "Set-Cookie: a=1\n", ""},
	    {"'set_cookie': 'store'", "Set-Cookie: a=1\n", ""},
	    {"'heuristic': true", "Cache-Control: max-age=5, no-cache=\"x-a\"\nX-A: 1\n",
	     OK TAGR "Cache-Control: max-age=5, no-cache=\"x-a\"\r\nX-A: 1\r\n"},
	    {"'heuristic': true", "Cache-Control: max-age=5, no-cache=\"x-a\"\nX-B: 1\n", ""},
	    {"", "Cache-Control: max-age=5, no-cache=\"x-a\"\nX-A: 1\n", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request *r = ASK(cases[i].rule, "REQUEST_URI=/");
		struct object *base = page_of(r, TAG FRESH, "body"), *o;
		struct policy_verdict verdict;
		struct str client;

		o = freshened(r, base, cases[i].news, &verdict, &client);
		assert_true(verdict.store);
		assert_str(client, cases[i].client);
		object_unref(&o);
		object_unref(&base);
		request_free(&r);
	}
}

/* ------------------------------------------------------------------ the answer to a HEAD */

static void news_by_head(void **state)
{
	static const struct {
		const char *rule, *stored, *news;
		bool same;
	} cases[] = {
	    {"", TAG, TAG, true},
	    {"", "", "", true},
	    {"", "", TAG, false},
	    {"", "", "Last-Modified: " DATE "\n", false},
	    {"", "", "Content-Length: 4\n", true},
	    /* who has validators to name and names none speaks of another page */
	    {"", TAG, "", false},
	    {"", TAG, "X-A: 1\n", false},
	    {"", TAG, "Content-Length: 4\n", true},
	    {"", TAG, "Content-Length: 3\n", false},
	    {"", "Last-Modified: " DATE "\n", "", false},
	    {"", TAG "Last-Modified: " DATE "\n", "", false},
	    {"", TAG "Last-Modified: " DATE "\n", "Last-Modified: " DATE "\n", true},
	    {"", "Last-Modified: " DATE "\n", TAG "Last-Modified: " DATE "\n", false},
	    {"", TAG, "ETag: \"b\"\n", false},
	    {"", TAG, "ETag: W/\"a\"\n", false},
	    {"", TAG, TAG "Content-Length: 4\n", true},
	    {"", TAG, TAG "Content-Length: 5\n", false},
	    {"", "", "Content-Length: 0\n", false},
	    {"", "Last-Modified: " DATE "\n", "Last-Modified: " DATE "\n", true},
	    {"", "Last-Modified: " DATE "\n", "Last-Modified: " THEN "\n", false},
	    {"", TAG "Last-Modified: " DATE "\n", TAG "Last-Modified: " THEN "\n", false},
	    {"", TAG "Last-Modified: " DATE "\n", TAG, true},
	    /* what we made says nothing about the application's page */
	    {"'etag': true", "", "", true},
	    {"'etag': true", "Last-Modified: " DATE "\n", "", false},
	    {"'etag': true", "", TAG, false},
	    {"'client_cache': '1h'", "", "", true},
	    {"'client_cache': '1h'", "", "Last-Modified: " DATE "\n", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request *r = ASK(cases[i].rule, "REQUEST_METHOD=HEAD");
		struct object *base = page_of(r, cases[i].stored, "body");

		if (freshen_same(base, &answer(r, cases[i].news)->head) != cases[i].same)
			fail_msg("%s, %s", cases[i].stored, cases[i].news);
		object_unref(&base);
		request_free(&r);
	}
}

/* ------------------------------------------------------------------ other variants */

#define BY_A "Vary: X-A\n" FRESH

/* A stored variant: what is asked, with what it was answered, whether the news reaches it. */
struct stored_variant {
	const char *line, *fields;
	bool renewed;
};

static struct object *put_variant(struct store *store, const struct stored_variant *v)
{
	struct request *r = ASK("", v->line);
	struct str vary;
	struct object *o = page_at(r, v->fields, "body", NOW, &vary);

	assert_true(page_store(r, store, o, vary));
	request_free(&r);
	return o;
}

/* Bans the group of a page that is in one. */
static void ban_group(const struct object *o)
{
	struct str labels = object_head(o)->labels;
	uint64_t of[3]; /* its URL's, its key's, its group's */

	if (labels.n != sizeof(of))
		return;
	memcpy(of, labels.p, sizeof(of));
	bans_add(of[2], NOW * 1000);
}

/* News of the first of them, which the others may share. What is in a group has been banned. */
static void assert_renewed(const char *fields, const struct stored_variant *v, size_t n)
{
	struct store *store = open_store();
	struct object *old[5], *now;
	struct request *r;
	struct answer *news;

	/* the last is the oldest */
	for (size_t i = n; i-- > 0;)
		old[i] = put_variant(store, &v[i]);
	r = ASK("", v[0].line);
	r->marker = store_get(store, &r->plan.primary);
	assert_non_null(r->marker);
	for (size_t i = 0; i < n; i++)
		ban_group(old[i]);
	news = answer_at(r, fields, LATER);
	freshen_others(r, store, old[0], &news->source);
	for (size_t i = 0; i < n; i++) {
		struct key key = object_key(old[i]);

		now = store_get(store, &key);
		assert_non_null(now);
		if ((now != old[i]) != v[i].renewed)
			fail_msg("%s: %s", v[i].line, v[i].fields);
		if (now != old[i]) {
			assert_true(str_ends(object_fields(now), STR("X-New: 1\r\n")));
			assert_true(object_head(now)->born == LATER);
			assert_ptr_equal(object_body(now).p, object_body(old[i]).p);
		}
		object_unref(&now);
		object_unref(&old[i]);
	}
	request_free(&r);
	store_close(&store);
}

static void other_variants_with_the_same_tag(void **state)
{
	static const struct stored_variant some[] = {
	    {"HTTP_X_A=1", BY_A TAG, false}, /* the page itself: its caller stores it */
	    {"HTTP_X_A=2", BY_A TAG, true},
	    {"HTTP_X_A=3", BY_A "ETag: \"b\"\n", false},
	    {"HTTP_X_A=4", BY_A "ETag: W/\"a\"\n", false},
	    {"HTTP_X_A=5", BY_A TAG "X-A: 1\n", true},
	};
	static const struct stored_variant weak[] = {
	    {"HTTP_X_A=1", BY_A "ETag: W/\"a\"\n", false},
	    {"HTTP_X_A=2", BY_A "ETag: W/\"a\"\n", false},
	};
	static const struct stored_variant none[] = {
	    {"HTTP_X_A=1", BY_A, false},
	    {"HTTP_X_A=2", BY_A, false},
	};

	(void)state;
	assert_renewed("Status: 304\nX-New: 1\n", some, ARRAY_LEN(some));
	assert_renewed("Status: 304\nX-New: 1\n", weak, ARRAY_LEN(weak));
	assert_renewed("Status: 304\nX-New: 1\n", none, ARRAY_LEN(none));
}

/* Invalidated, another script's, or not to be stored any more. */
static void variants_that_stay_as_they_are(void **state)
{
	static const struct stored_variant kept[] = {
	    {"HTTP_X_A=1", BY_A TAG, false},
	    {"HTTP_X_A=2", BY_A TAG, true},
	    {"HTTP_X_A=3", BY_A TAG "Cache-Groups: \"banned\"\n", false},
	};
	static const struct stored_variant scripts[] = {
	    {"HTTP_X_A=1", BY_A TAG, false},
	    {"SCRIPT_FILENAME=/b.php", BY_A TAG, false},
	};
	static const struct stored_variant forbidden[] = {
	    {"HTTP_X_A=1", BY_A TAG, false},
	    {"HTTP_X_A=2", BY_A TAG, false},
	};

	(void)state;
	assert_renewed("Status: 304\nX-New: 1\n", kept, ARRAY_LEN(kept));
	assert_renewed("Status: 304\nX-New: 1\n", scripts, ARRAY_LEN(scripts));
	assert_renewed("Status: 304\nCache-Control: private\n", forbidden, ARRAY_LEN(forbidden));
}

/* ------------------------------------------------------------------ parts */

#define WHOLE "0123456789"

/* Bytes from..to-1 of WHOLE. */
struct piece {
	unsigned from, to;
	const char *fields;
};

static struct object *part(struct request *r, const struct piece *p, unsigned whole)
{
	char fields[256], body[sizeof(WHOLE)];

	snprintf(fields, sizeof(fields), "Status: 206\nContent-Range: bytes %u-%u/%u\n%s", p->from,
		 p->to - 1, whole, p->fields);
	snprintf(body, sizeof(body), "%.*s", (int)(p->to - p->from), &WHOLE[p->from]);
	return page_of(r, fields, body);
}

static const struct {
	struct piece old, news;
	enum object_kind kind;
	const char *body; /* NULL: they do not go together */
} pairs[] = {
    {{0, 4, TAG}, {4, 10, TAG}, OBJECT_PAGE, WHOLE},
    {{4, 10, TAG}, {0, 4, TAG}, OBJECT_PAGE, WHOLE},
    {{0, 6, TAG}, {3, 10, TAG}, OBJECT_PAGE, WHOLE},
    {{3, 10, TAG}, {0, 6, TAG}, OBJECT_PAGE, WHOLE},
    {{0, 10, TAG}, {3, 5, TAG}, OBJECT_PAGE, WHOLE},
    {{3, 5, TAG}, {0, 10, TAG}, OBJECT_PAGE, WHOLE},
    {{9, 10, TAG}, {0, 9, TAG}, OBJECT_PAGE, WHOLE},
    /* something is still missing */
    {{0, 4, TAG}, {4, 9, TAG}, OBJECT_PART, "012345678"},
    {{4, 10, TAG}, {1, 4, TAG}, OBJECT_PART, "123456789"},
    {{2, 5, TAG}, {4, 8, TAG}, OBJECT_PART, "234567"},
    {{2, 8, TAG}, {3, 5, TAG}, OBJECT_PART, "234567"},
    {{3, 5, TAG}, {2, 8, TAG}, OBJECT_PART, "234567"},
    {{2, 5, TAG}, {2, 8, TAG}, OBJECT_PART, "234567"},
    {{2, 8, TAG}, {2, 5, TAG}, OBJECT_PART, "234567"},
    {{2, 5, TAG}, {2, 5, TAG}, OBJECT_PART, "234"},
    /* a gap */
    {{0, 4, TAG}, {5, 10, TAG}},
    {{5, 10, TAG}, {0, 4, TAG}},
    {{0, 1, TAG}, {9, 10, TAG}},
    /* only a strong entity-tag in common says that they are of one page */
    {{0, 4, TAG}, {4, 10, "ETag: \"b\"\n"}},
    {{0, 4, "ETag: W/\"a\"\n"}, {4, 10, "ETag: W/\"a\"\n"}},
    {{0, 4, TAG}, {4, 10, "ETag: W/\"a\"\n"}},
    {{0, 4, "ETag: a\n"}, {4, 10, "ETag: a\n"}},
    {{0, 4, TAG}, {4, 10, ""}},
    {{0, 4, ""}, {4, 10, ""}},
    {{0, 4, "Last-Modified: " DATE "\n"}, {4, 10, "Last-Modified: " DATE "\n"}},
};

static void two_parts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct request *r = ASK("'ttl': 9", "REQUEST_URI=/");
		struct object *old = part(r, &pairs[i].old, 10),
			      *news = part(r, &pairs[i].news, 10),
			      *o = freshen_combine(r, old, news);
		unsigned first =
		    pairs[i].old.from < pairs[i].news.from ? pairs[i].old.from : pairs[i].news.from;

		if ((o != NULL) != (pairs[i].body != NULL))
			fail_msg("pair %zu", i);
		if (o) {
			bool whole = pairs[i].kind == OBJECT_PAGE;

			assert_true(object_sealed(o));
			assert_str(object_body(o), pairs[i].body);
			assert_int_equal(object_head(o)->kind, pairs[i].kind);
			assert_int_equal(object_head(o)->status, whole ? 200 : 206);
			assert_str(object_fields(o),
				   whole ? OK TAGR : "Status: 206 Partial Content\r\n" TAGR);
			assert_str(object_head(o)->etag, "\"a\"");
			assert_true(whole || object_head(o)->first == first);
			assert_true(whole || object_head(o)->whole == 10);
		}
		object_unref(&o);
		object_unref(&old);
		object_unref(&news);
		request_free(&r);
	}
}

/* Whose page it is: the younger part's fields, times and place. */
static void the_younger_part_speaks(void **state)
{
	static const struct piece low = {0, 4, TAG "X-A: old\nX-Accel-Expires: 5\n"},
				  high = {4, 10,
					  TAG "X-A: new\nX-Accel-Expires: 7\nDate: " DATE "\n"};
	struct request *r = ASK("", "REQUEST_URI=/");
	struct object *old = part(r, &low, 10), *news = part(r, &high, 10),
		      *o = freshen_combine(r, old, news);
	struct str vary;

	(void)state;
	assert_non_null(o);
	assert_str(object_fields(o), OK TAGR "X-A: new\r\nDate: " DATE "\r\n");
	assert_str(object_head(o)->date, DATE);
	assert_str(object_head(o)->control, "X-Accel-Expires: 7\r\n");
	assert_int_equal(object_head(o)->lifetime, 7000);
	assert_true(str_eq(object_key(o).bytes, object_key(news).bytes));
	assert_true(str_eq(object_head(o)->labels, object_head(news)->labels));
	assert_int_equal(object_head(o)->first, 0);
	object_unref(&o);
	object_unref(&news);
	/* parts of pages of another length, or no parts */
	news = part(r, &high, 11);
	assert_null(freshen_combine(r, old, news));
	object_unref(&news);
	news = page_at(r, TAG, WHOLE, NOW, &vary);
	assert_null(freshen_combine(r, old, news));
	assert_null(freshen_combine(r, news, old));
	object_unref(&news);
	object_unref(&old);
	request_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields_one_by_one),
	    cmocka_unit_test(a_page_that_is_young_again),
	    cmocka_unit_test(an_etag_of_ours_stays),
	    cmocka_unit_test(what_the_client_gets_besides),
	    cmocka_unit_test(news_by_head),
	    cmocka_unit_test_setup(other_variants_with_the_same_tag, asking_setup),
	    cmocka_unit_test_setup(variants_that_stay_as_they_are, asking_setup),
	    cmocka_unit_test(two_parts),
	    cmocka_unit_test(the_younger_part_speaks),
	};

	return cmocka_run_group_tests(tests, asking_start, NULL);
}
