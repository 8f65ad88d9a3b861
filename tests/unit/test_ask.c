/*
 * Asking: what the application is told of the pages that are stored, which of them its 304 means,
 * and which bytes it is asked for.
 */
#include "asking.h"

#include "flow/ask.h"
#include "flow/variants.h"

#define TAG   "ETag: \"a\"\n"
#define OTHER "ETag: \"b\"\n"
#define SINCE "Last-Modified: " DATE "\n"
#define BY_A  "Vary: X-A\nCache-Control: max-age=60\n"

/* ------------------------------------------------------------------ conditions */

/* What ask_params adds, as "NAME=VALUE\n" each. */
static const char *asked(struct request *r)
{
	static char text[16384];
	struct param params[ASK_PARAMS];
	size_t n = 0, end = 0;

	assert_true(ask_params(r, params, &n));
	assert_true(n <= ASK_PARAMS);
	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		end += (size_t)snprintf(text + end, sizeof(text) - end, "%.*s=%.*s\n",
					STR_ARG(params[i].name), STR_ARG(params[i].value));
	return text;
}

static void conditions_of_a_page(void **state)
{
	static const struct {
		const char *rule, *fields, *asked;
	} cases[] = {
	    {"", TAG, "HTTP_IF_NONE_MATCH=\"a\"\n"},
	    {"", SINCE, "HTTP_IF_MODIFIED_SINCE=" DATE "\n"},
	    {"", SINCE TAG, "HTTP_IF_NONE_MATCH=\"a\"\nHTTP_IF_MODIFIED_SINCE=" DATE "\n"},
	    {"", "ETag: W/\"a\"\n", "HTTP_IF_NONE_MATCH=W/\"a\"\n"},
	    {"", "ETag: a\n", "HTTP_IF_NONE_MATCH=a\n"},
	    {"", "Last-Modified: tomorrow\n", "HTTP_IF_MODIFIED_SINCE=tomorrow\n"},
	    {"", "", ""},
	    /* never "*", which says yes to everything */
	    {"", "ETag: *\n" SINCE, "HTTP_IF_MODIFIED_SINCE=" DATE "\n"},
	    {"", "ETag: *\n", ""},
	    {"", "ETag: \"*\"\n", "HTTP_IF_NONE_MATCH=\"*\"\n"},
	    {"", "ETag: W/\"*\"\n", "HTTP_IF_NONE_MATCH=W/\"*\"\n"},
	    /* the application knows nothing of what we made */
	    {"'etag': true", "", ""},
	    {"'client_cache': '1h'", "", ""},
	    {"'etag': true", SINCE, "HTTP_IF_MODIFIED_SINCE=" DATE "\n"},
	    {"'client_cache': '1h', 'etag': true", TAG, "HTTP_IF_NONE_MATCH=\"a\"\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request *r = ASK(cases[i].rule, "HTTP_IF_NONE_MATCH=\"client's\"",
					"HTTP_RANGE=bytes=0-1", "HTTP_IF_RANGE=\"client's\"");

		assert_false(ask_is_conditional(r));
		assert_string_equal(asked(r), "");
		r->check = page_of(r, cases[i].fields, "body");
		assert_string_equal(asked(r), cases[i].asked);
		assert_int_equal(ask_is_conditional(r), cases[i].asked[0] != '\0');
		request_free(&r);
	}
}

/* A star in what is no entity-tag might be read as "*" too: then nothing is asked about. */
static void tags_that_are_not_asked_about(void **state)
{
	static const char *const tags[] = {"*", "a*b", "W/*", "\"a\"*"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		struct request *r = ASK("", "REQUEST_URI=/");
		char fields[64];

		snprintf(fields, sizeof(fields), "ETag: %s\n", tags[i]);
		r->check = page_of(r, fields, "");
		assert_string_equal(asked(r), "");
		if (ask_is_conditional(r))
			fail_msg("%s", tags[i]);
		request_free(&r);
	}
}

/* ------------------------------------------------------------------ many pages */

/* Stored for X-A: a number, with these fields; the answer to GET / of the rule "". */
static void put_page(struct store *store, const char *line, const char *fields, const char *body)
{
	struct request *r = ASK("", line);
	char all[2048];
	struct object *o;
	struct str vary;

	snprintf(all, sizeof(all), BY_A "%s", fields);
	o = page_at(r, all, body, NOW, &vary);
	assert_true(page_store(r, store, o, vary));
	object_unref(&o);
	request_free(&r);
}

/* A request as it is when the page for it was looked for: its marker, and what was found. */
static struct request *look_up(struct store *store, const char *line)
{
	struct request *r = ASK("", line);

	r->marker = store_get(store, &r->plan.primary);
	if (r->marker && object_head(r->marker)->kind != OBJECT_MARKER)
		object_unref(&r->marker);
	r->plan.vary = r->marker ? object_head(r->marker)->vary : STR("");
	assert_true(decide_variant(r, r->plan.vary, &r->plan.key));
	r->check = store_get(store, &r->plan.key);
	return r;
}

/* The page for these headers first, then all others, youngest first, each tag once. */
static void conditions_of_all_variants(void **state)
{
	static const struct {
		const char *line, *asked;
	} cases[] = {
	    {"HTTP_X_A=1", "HTTP_IF_NONE_MATCH=\"a\", \"c\", W/\"b\"\n"},
	    {"HTTP_X_A=2", "HTTP_IF_NONE_MATCH=W/\"b\", \"c\", \"a\"\n"
			   "HTTP_IF_MODIFIED_SINCE=" DATE "\n"},
	    {"HTTP_X_A=3", "HTTP_IF_NONE_MATCH=\"c\", W/\"b\", \"a\"\n"},
	    {"HTTP_X_A=4", "HTTP_IF_NONE_MATCH=\"a\", \"c\", W/\"b\"\n"},
	    {"HTTP_X_A=5", "HTTP_IF_NONE_MATCH=\"c\", W/\"b\", \"a\"\n"},
	    {"HTTP_X_A=6", "HTTP_IF_NONE_MATCH=\"c\", W/\"b\", \"a\"\n"},
	    {"HTTP_X_A=none", "HTTP_IF_NONE_MATCH=\"c\", W/\"b\", \"a\"\n"},
	};
	struct store *store = open_store();

	(void)state;
	put_page(store, "HTTP_X_A=6", "ETag: *\n", "");
	put_page(store, "HTTP_X_A=1", TAG, "");
	put_page(store, "HTTP_X_A=4", TAG, "");
	put_page(store, "HTTP_X_A=2", "ETag: W/\"b\"\n" SINCE, "");
	put_page(store, "HTTP_X_A=5", "", "");
	put_page(store, "HTTP_X_A=3", "ETag: \"c\"\n", "");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request *r = look_up(store, cases[i].line);

		assert_string_equal(asked(r), cases[i].asked);
		assert_true(ask_is_conditional(r));
		request_free(&r);
	}
	store_close(&store);
}

static void as_many_as_a_marker_lists(void **state)
{
	struct store *store = open_store();
	struct request *r;
	unsigned tags = 0;

	(void)state;
	for (unsigned i = 0; i < VARIANTS_MAX + 4; i++) {
		char line[32], fields[32];

		snprintf(line, sizeof(line), "HTTP_X_A=%u", i);
		snprintf(fields, sizeof(fields), "ETag: \"%u\"\n", i);
		put_page(store, line, fields, "");
	}
	/* one that is stored, but has fallen off the list */
	r = look_up(store, "HTTP_X_A=0");
	assert_non_null(r->check);
	for (const char *p = asked(r); *p; p++)
		tags += *p == '"';
	assert_int_equal(tags, 2 * (VARIANTS_MAX + 1));
	request_free(&r);
	store_close(&store);
}

/* No header that an application would refuse: the page's own tag, and what else there is room for.
 */
static void as_much_as_a_header_holds(void **state)
{
	struct store *store = open_store();
	struct request *r;
	const char *text;

	(void)state;
	put_page(store, "HTTP_X_A=0", TAG, "");
	for (unsigned i = 1; i < 20; i++) {
		char line[32], fields[1200];

		snprintf(line, sizeof(line), "HTTP_X_A=%u", i);
		snprintf(fields, sizeof(fields), "ETag: \"%0999u\"\n", i);
		put_page(store, line, fields, "");
	}
	r = look_up(store, "HTTP_X_A=1");
	text = asked(r);
	assert_true(strlen(text) < 8000);
	assert_non_null(strstr(text, "0001\""));
	assert_non_null(strstr(text, "0019\""));
	assert_non_null(strstr(text, "\"a\""));
	request_free(&r);
	store_close(&store);
}

static void what_bypasses_asks_about_nothing(void **state)
{
	struct request *r = ASK("", "REQUEST_METHOD=POST");

	(void)state;
	r->check = page_of(r, TAG, "");
	assert_false(ask_is_conditional(r));
	request_free(&r);
}

/* ------------------------------------------------------------------ which one a 304 means */

#define GONE  "gone"
#define WEAK  "ETag: W/\"a\"\n"
#define BARE  "ETag: a\n"
#define STAR  "ETag: *\n"
#define OLDER "Last-Modified: Sun, 06 Nov 1994 08:32:57 GMT\n"

static const struct {
	const char *variants[4]; /* fields of those for X-A: 0, 1, 2, 3; NULL: not there */
	const char *line;        /* what is asked */
	const char *news;        /* the 304's fields */
	const char *selected;    /* its X-A; NULL: it cannot be told */
} selections[] = {
    /* one page, and its own tag or none */
    {{TAG}, "HTTP_X_A=0", TAG, "0"},
    {{TAG}, "HTTP_X_A=0", WEAK, "0"},
    {{TAG}, "HTTP_X_A=0", BARE, "0"},
    {{TAG}, "HTTP_X_A=0", "", "0"},
    {{TAG SINCE}, "HTTP_X_A=0", "", "0"},
    {{TAG}, "HTTP_X_A=0", OTHER, NULL},
    {{TAG SINCE}, "HTTP_X_A=0", OTHER SINCE, NULL},
    {{WEAK}, "HTTP_X_A=0", WEAK, "0"},
    {{WEAK}, "HTTP_X_A=0", "", "0"},
    {{BARE}, "HTTP_X_A=0", BARE, "0"},
    {{BARE}, "HTTP_X_A=0", "", "0"},
    /* a strong one means what has it as a strong one (RFC 9111 section 4.3.4) */
    {{WEAK}, "HTTP_X_A=0", TAG, NULL},
    {{BARE}, "HTTP_X_A=0", TAG, NULL},
    {{WEAK, TAG}, "HTTP_X_A=0", TAG, "1"},
    {{WEAK, TAG}, "HTTP_X_A=0", WEAK, "0"},
    {{TAG, WEAK}, "HTTP_X_A=9", TAG, "0"},
    /* asked about by its date alone */
    {{SINCE}, "HTTP_X_A=0", "", "0"},
    {{SINCE}, "HTTP_X_A=0", OTHER, "0"},
    {{SINCE}, "HTTP_X_A=0", SINCE, "0"},
    {{SINCE}, "HTTP_X_A=0", OLDER, NULL},
    {{SINCE}, "HTTP_X_A=0", OTHER OLDER, NULL},
    {{STAR SINCE}, "HTTP_X_A=0", "", "0"},
    {{STAR SINCE}, "HTTP_X_A=0", OLDER, NULL},
    /* several: the tag says which */
    {{TAG, OTHER}, "HTTP_X_A=0", TAG, "0"},
    {{TAG, OTHER}, "HTTP_X_A=0", OTHER, "1"},
    {{TAG, OTHER}, "HTTP_X_A=0", "ETag: \"c\"\n", NULL},
    {{TAG, OTHER}, "HTTP_X_A=0", "", NULL},
    {{TAG SINCE, OTHER SINCE}, "HTTP_X_A=0", SINCE, NULL},
    {{TAG, SINCE}, "HTTP_X_A=1", TAG, "0"},
    {{TAG, SINCE}, "HTTP_X_A=1", "ETag: \"c\"\n", NULL},
    {{TAG, TAG, OTHER}, "HTTP_X_A=1", TAG, "1"},
    /* one tag was asked about: it is meant, whoever has it */
    {{TAG, TAG}, "HTTP_X_A=0", "", "0"},
    {{TAG, SINCE}, "HTTP_X_A=0", "", "0"},
    {{TAG, SINCE}, "HTTP_X_A=1", "", NULL}, /* or its date */
    {{TAG, ""}, "HTTP_X_A=1", "", "0"},
    {{TAG, STAR}, "HTTP_X_A=1", "", "0"},
    {{TAG, STAR}, "HTTP_X_A=9", "", "0"},
    /* none for these headers */
    {{TAG}, "HTTP_X_A=9", TAG, "0"},
    {{TAG}, "HTTP_X_A=9", WEAK, "0"},
    {{TAG}, "HTTP_X_A=9", "", "0"},
    {{TAG, TAG}, "HTTP_X_A=9", "", "1"},
    {{TAG, OTHER}, "HTTP_X_A=9", "", NULL},
    {{TAG, OTHER}, "HTTP_X_A=9", OTHER, "1"},
    {{TAG, TAG}, "HTTP_X_A=9", TAG, "1"},
    {{SINCE}, "HTTP_X_A=9", "", NULL},
    {{NULL}, "HTTP_X_A=9", TAG, NULL},
    {{NULL}, "HTTP_X_A=9", "", NULL},
    /* listed, and not there any more */
    {{TAG, OTHER GONE}, "HTTP_X_A=0", OTHER, NULL},
    {{TAG, OTHER GONE}, "HTTP_X_A=0", "", NULL},
    {{TAG GONE}, "HTTP_X_A=9", "", NULL},
    {{TAG, TAG GONE}, "HTTP_X_A=9", TAG, "0"},
    {{TAG, TAG GONE}, "HTTP_X_A=9", "", "0"},
};

static void put_selection(struct store *store, size_t at)
{
	for (unsigned k = 0; k < ARRAY_LEN(selections[at].variants); k++) {
		const char *given = selections[at].variants[k], *gone;
		char line[32], body[2] = {(char)('0' + k)}, fields[256];
		struct request *r;

		if (!given)
			continue;
		gone = strstr(given, GONE);
		snprintf(line, sizeof(line), "HTTP_X_A=%u", k);
		snprintf(fields, sizeof(fields), "%.*s",
			 (int)(gone ? (size_t)(gone - given) : strlen(given)), given);
		put_page(store, line, fields, body);
		if (!gone)
			continue;
		r = look_up(store, line);
		assert_true(store_remove(store, &r->plan.key));
		request_free(&r);
	}
}

static void the_page_that_is_meant(void **state)
{
	struct store *store = open_store();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(selections); i++) {
		const char *selected = selections[i].selected;
		char fields[128];
		struct request *r;
		struct object *o;

		store_flush(store);
		put_selection(store, i);
		r = look_up(store, selections[i].line);
		snprintf(fields, sizeof(fields), "Status: 304\n%s", selections[i].news);
		o = ask_selected(r, store, &answer(r, fields)->head);
		if ((o != NULL) != (selected != NULL) ||
		    (o && !str_eq(object_body(o), str_of(selected))))
			fail_msg("case %zu: %.*s", i, STR_ARG(o ? object_body(o) : STR("none")));
		object_unref(&o);
		request_free(&r);
	}
	store_close(&store);
}

/* Another script's page is none of ours, whatever its tag; nor is what was invalidated. */
static void pages_that_cannot_be_meant(void **state)
{
	struct store *store = open_store();
	struct request *r;
	struct object *o;
	uint64_t label;

	(void)state;
	put_page(store, "HTTP_X_A=0", TAG, "0");
	r = look_up(store, "SCRIPT_FILENAME=/b.php");
	assert_null(r->check);
	assert_null(ask_selected(r, store, &answer(r, "Status: 304\n" TAG)->head));
	assert_null(ask_selected(r, store, &answer(r, "Status: 304\n")->head));
	request_free(&r);

	r = look_up(store, "HTTP_X_A=9");
	o = ask_selected(r, store, &answer(r, "Status: 304\n" TAG)->head);
	assert_non_null(o);
	memcpy(&label, object_head(o)->labels.p, sizeof(label));
	object_unref(&o);
	bans_add(label, NOW * 1000);
	assert_null(ask_selected(r, store, &answer(r, "Status: 304\n" TAG)->head));
	assert_null(ask_selected(r, store, &answer(r, "Status: 304\n")->head));
	request_free(&r);
	store_close(&store);
}

/* A tag of ours is not what the application means, whatever it says. */
static void a_page_with_a_tag_of_ours(void **state)
{
	struct store *store = open_store();
	struct request *r = ASK("'etag': true", "REQUEST_URI=/");
	struct object *o;

	(void)state;
	r->check = page_of(r, SINCE, "body");
	assert_true(object_head(r->check)->made_etag);
	o = ask_selected(r, store, &answer(r, "Status: 304\nETag: \"x\"\n")->head);
	assert_ptr_equal(o, r->check);
	object_unref(&o);
	request_free(&r);
	store_close(&store);
}

/* ------------------------------------------------------------------ ranges */

/* Bytes from..to-1 of ten, with these fields. */
static struct object *part(struct request *r, unsigned from, unsigned to, const char *fields)
{
	char all[256], body[16];

	snprintf(all, sizeof(all), "Status: 206\nContent-Range: bytes %u-%u/10\n%s", from, to - 1,
		 fields);
	snprintf(body, sizeof(body), "%.*s", (int)(to - from), "0123456789");
	return page_of(r, all, body);
}

static void the_clients_range(void **state)
{
	static const struct {
		const char *lines[3], *asked;
	} cases[] = {
	    {{"HTTP_RANGE=bytes=0-1"}, "HTTP_RANGE=bytes=0-1\n"},
	    {{"HTTP_IF_RANGE=\"a\"", "HTTP_RANGE=bytes=-5"},
	     "HTTP_RANGE=bytes=-5\nHTTP_IF_RANGE=\"a\"\n"},
	    {{"HTTP_RANGE=bytes=0-1", "HTTP_IF_NONE_MATCH=\"a\""}, "HTTP_RANGE=bytes=0-1\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request *r = ask_as(NULL, FCGI_ROLE_RESPONDER, "", cases[i].lines);

		r->ranged = true;
		assert_string_equal(asked(r), cases[i].asked);
		assert_false(ask_is_conditional(r));
		/* a part that is stored asks for nothing by itself */
		r->check = part(r, 0, 4, TAG);
		assert_string_equal(asked(r), cases[i].asked);
		assert_false(ask_is_conditional(r));
		r->ranged = false;
		assert_string_equal(asked(r), "");
		assert_false(ask_is_conditional(r));
		request_free(&r);
	}
}

static void the_rest_of_a_part(void **state)
{
	static const struct {
		unsigned from, to;
		const char *fields, *asked;
	} cases[] = {
	    {0, 4, TAG, "HTTP_RANGE=bytes=4-\nHTTP_IF_RANGE=\"a\"\n"},
	    {0, 9, TAG SINCE, "HTTP_RANGE=bytes=9-\nHTTP_IF_RANGE=\"a\"\n"},
	    {4, 10, TAG, "HTTP_RANGE=bytes=0-3\nHTTP_IF_RANGE=\"a\"\n"},
	    {1, 10, TAG, "HTTP_RANGE=bytes=0-0\nHTTP_IF_RANGE=\"a\"\n"},
	    {0, 4, "ETag: W/\"a\"\n", "HTTP_RANGE=bytes=4-\n"},
	    {0, 4, SINCE, "HTTP_RANGE=bytes=4-\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request *r = ASK("", "HTTP_IF_RANGE=\"client's\"");

		r->check = part(r, cases[i].from, cases[i].to, cases[i].fields);
		r->completes = true;
		assert_string_equal(asked(r), cases[i].asked);
		assert_false(ask_is_conditional(r));
		request_free(&r);
	}
}

static void whether_it_is_the_rest(void **state)
{
	static const struct {
		unsigned from, to;  /* what is stored */
		const char *fields; /* its validators */
		const char *answer; /* besides its Status */
		bool completes;
	} cases[] = {
	    {0, 4, TAG, TAG "Content-Range: bytes 4-9/10\n", true},
	    {0, 4, TAG, TAG "Content-Range: bytes 3-9/10\n", true},
	    {0, 4, TAG, TAG "Content-Range: bytes 0-9/10\n", true},
	    {0, 4, TAG, TAG "Content-Range: bytes 5-9/10\n", false},
	    {0, 4, TAG, TAG "Content-Range: bytes 4-8/10\n", false},
	    {0, 4, TAG, TAG "Content-Range: bytes 4-9/11\n", false},
	    {0, 4, TAG, TAG "Content-Range: bytes 4-10/11\n", false},
	    {0, 4, TAG, TAG "Content-Range: bytes 4-9/*\n", false},
	    {4, 10, TAG, TAG "Content-Range: bytes 0-3/10\n", true},
	    {4, 10, TAG, TAG "Content-Range: bytes 0-4/10\n", true},
	    {4, 10, TAG, TAG "Content-Range: bytes 0-9/10\n", true},
	    {4, 10, TAG, TAG "Content-Range: bytes 0-2/10\n", false},
	    {4, 10, TAG, TAG "Content-Range: bytes 1-3/10\n", false},
	    /* of another page, or of one that nobody names */
	    {0, 4, TAG, OTHER "Content-Range: bytes 4-9/10\n", false},
	    {0, 4, TAG, "ETag: W/\"a\"\nContent-Range: bytes 4-9/10\n", false},
	    {0, 4, TAG, "Content-Range: bytes 4-9/10\n", false},
	    {0, 4, "ETag: W/\"a\"\n", "ETag: W/\"a\"\nContent-Range: bytes 4-9/10\n", false},
	    {0, 4, SINCE, SINCE "Content-Range: bytes 4-9/10\n", false},
	    {0, 4, SINCE, TAG "Content-Range: bytes 4-9/10\n", false},
	    /* no range, or a broken one */
	    {0, 4, TAG, TAG, false},
	    {0, 4, TAG, TAG "Content-Range: bytes 4-/10\n", false},
	    {0, 4, TAG, TAG "Content-Range: bytes */10\n", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request *r = ASK("", "REQUEST_URI=/");
		char fields[256];

		r->check = part(r, cases[i].from, cases[i].to, cases[i].fields);
		r->completes = true;
		snprintf(fields, sizeof(fields), "Status: 206\n%s", cases[i].answer);
		if (ask_completes(r, &answer(r, fields)->head) != cases[i].completes)
			fail_msg("%u-%u, %s", cases[i].from, cases[i].to, cases[i].answer);
		request_free(&r);
	}
}

/* ------------------------------------------------------------------ once more */

static void the_second_time_nothing_is_asked_about(void **state)
{
	struct store *store = open_store();
	struct request *r;

	(void)state;
	put_page(store, "HTTP_X_A=0", TAG, "0");
	r = look_up(store, "HTTP_X_A=0");
	assert_true(r->check && r->marker && ask_is_conditional(r));
	r->ranged = r->completes = true;
	request_reason(r, REASON_PARTIAL, STR("x"));
	ask_plainly(r);
	assert_false(r->check || r->marker || r->ranged || r->completes);
	assert_int_equal(r->reason, REASON_NONE);
	assert_string_equal(asked(r), "");
	assert_false(ask_is_conditional(r));
	request_free(&r);
	store_close(&store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(conditions_of_a_page),
	    cmocka_unit_test(tags_that_are_not_asked_about),
	    cmocka_unit_test_setup(conditions_of_all_variants, asking_setup),
	    cmocka_unit_test_setup(as_many_as_a_marker_lists, asking_setup),
	    cmocka_unit_test_setup(as_much_as_a_header_holds, asking_setup),
	    cmocka_unit_test(what_bypasses_asks_about_nothing),
	    cmocka_unit_test_setup(the_page_that_is_meant, asking_setup),
	    cmocka_unit_test_setup(pages_that_cannot_be_meant, asking_setup),
	    cmocka_unit_test(a_page_with_a_tag_of_ours),
	    cmocka_unit_test(the_clients_range),
	    cmocka_unit_test(the_rest_of_a_part),
	    cmocka_unit_test(whether_it_is_the_rest),
	    cmocka_unit_test(the_second_time_nothing_is_asked_about),
	};

	return cmocka_run_group_tests(tests, asking_start, NULL);
}
