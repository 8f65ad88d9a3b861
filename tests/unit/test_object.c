/*
 * Objects: what goes in comes out, the size is what is held, and the last reference frees.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/object.h"

static const char page_head[] =
    "Status: 200 OK\r\nETag: \"v1\"\r\nLast-Modified: Sat, 21 Nov 2026 11:33:02 GMT\r\n";

static struct object_head page(void)
{
	return (struct object_head){
	    .kind = OBJECT_PAGE,
	    .status = 200,
	    .head = str_of(page_head),
	    .etag = str_make(page_head + 22, 4),
	    .last_modified = str_make(page_head + 43, 29),
	    .born = 1000,
	    .lifetime = 100,
	};
}

static struct object *make(const char *key, size_t capacity)
{
	struct object_head head = page();
	struct key k = key_make(str_of(key));
	struct object *o = object_new(&k, &head, capacity);

	assert_non_null(o);
	return o;
}

static void assert_str(struct str s, const char *expected)
{
	assert_int_equal(s.n, strlen(expected));
	assert_memory_equal(s.p, expected, s.n);
}

static void key_and_head_are_copied(void **state)
{
	char key_bytes[] = "http://a/", head_bytes[sizeof(page_head)];
	struct object_head head = page();
	struct key key;
	struct object *o;

	(void)state;
	memcpy(head_bytes, page_head, sizeof(head_bytes));
	head.head.p = head_bytes;
	head.etag.p = head_bytes + 22;
	head.last_modified.p = head_bytes + 43;
	head.origin = 7;
	head.first = UINT64_C(1) << 40;
	head.whole = UINT64_MAX;
	head.must_revalidate = true;
	key = key_make(str_of(key_bytes));
	o = object_new(&key, &head, 0);
	assert_non_null(o);
	memset(key_bytes, 'x', sizeof(key_bytes));
	memset(head_bytes, 'x', sizeof(head_bytes));

	assert_str(object_key(o).bytes, "http://a/");
	assert_true(object_key(o).hash == key.hash);
	assert_str(object_head(o)->head, page_head);
	assert_str(object_head(o)->etag, "\"v1\"");
	assert_str(object_head(o)->last_modified, "Sat, 21 Nov 2026 11:33:02 GMT");
	assert_int_equal(object_head(o)->vary.n, 0);
	assert_int_equal(object_head(o)->status, 200);
	assert_int_equal(object_head(o)->origin, 7);
	assert_true(object_head(o)->first == UINT64_C(1) << 40);
	assert_true(object_head(o)->whole == UINT64_MAX);
	assert_true(object_head(o)->must_revalidate);
	assert_false(object_head(o)->no_cache);
	object_unref(&o);
	assert_null(o);
}

/* What stands behind this in a text, n bytes. */
static struct str behind(const char *text, const char *name, size_t n)
{
	const char *p = strstr(text, name);

	assert_non_null(p);
	return str_make(p + strlen(name), n);
}

static void assert_within(struct str part, struct str whole)
{
	assert_true(part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

/* Every text is the object's own; slices lie in its copy of what they were slices of. */
static void all_texts_are_copied(void **state)
{
	char head[] = "Status: 200 OK\r\nDate: d\r\nContent-Language: l\r\nContent-Type: t\r\n",
	     made[] = "ETag: \"e\"\r\nLast-Modified: m\r\n", control[] = "X-Accel-Expires: 5\r\n",
	     vary[] = "accept,cookie", variants[] = "list", labels[] = "12345678";
	char *const texts[] = {head, made, control, vary, variants, labels};
	struct object_head from = {.head = str_of(head),
				   .made = str_of(made),
				   .control = str_of(control),
				   .vary = str_of(vary),
				   .variants = str_of(variants),
				   .labels = str_of(labels),
				   .etag = behind(made, "ETag: ", 3),
				   .last_modified = behind(made, "Modified: ", 1),
				   .date = behind(head, "Date: ", 1),
				   .language = behind(head, "Language: ", 1),
				   .type = behind(head, "Type: ", 1),
				   .made_etag = true,
				   .made_modified = true};
	struct key key = key_make(STR("k"));
	struct object *o;
	const struct object_head *got;

	(void)state;
	o = object_new(&key, &from, 0);
	assert_non_null(o);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		memset(texts[i], 'x', strlen(texts[i]));
	got = object_head(o);
	assert_str(got->head, "Status: 200 OK\r\nDate: d\r\nContent-Language: l\r\n"
			      "Content-Type: t\r\n");
	assert_str(got->made, "ETag: \"e\"\r\nLast-Modified: m\r\n");
	assert_str(got->control, "X-Accel-Expires: 5\r\n");
	assert_str(got->vary, "accept,cookie");
	assert_str(got->variants, "list");
	assert_str(got->labels, "12345678");
	assert_str(got->date, "d");
	assert_str(got->language, "l");
	assert_str(got->type, "t");
	assert_str(got->etag, "\"e\"");
	assert_str(got->last_modified, "m");
	assert_within(got->date, got->head);
	assert_within(got->language, got->head);
	assert_within(got->type, got->head);
	assert_within(got->etag, got->made);
	assert_within(got->last_modified, got->made);
	object_unref(&o);
}

/* What is sent of a head: the application's fields and ours, in one run. */
static void fields_are_head_and_made(void **state)
{
	static const char *const cases[][3] = {
	    {"Status: 200 OK\r\n", "", "Status: 200 OK\r\n"},
	    {"Status: 200 OK\r\n", "ETag: \"000\"\r\n", "Status: 200 OK\r\nETag: \"000\"\r\n"},
	    {"", "", ""},
	};
	struct key key = key_make(STR("k"));

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct object_head head = {.head = str_of(cases[i][0]),
					   .made = str_of(cases[i][1]),
					   .control = STR("X-Accel-Expires: 5\r\n"),
					   .vary = STR("accept")};
		struct object *o = object_new(&key, &head, 0);

		assert_non_null(o);
		assert_str(object_fields(o), cases[i][2]);
		object_unref(&o);
	}
}

/* Until it is sealed, what we made can still be written over. */
static void made_fields_are_filled_in_late(void **state)
{
	struct object_head head = {.head = STR("Status: 200 OK\r\n"),
				   .made = STR("ETag: \"000\"\r\n")};
	struct key key = key_make(STR("k"));
	struct object *o;

	(void)state;
	head.etag = str_sub(head.made, 6, 11);
	o = object_new(&key, &head, 0);
	assert_non_null(o);
	memcpy(object_made(o) + 7, "abc", 3);
	object_seal(o);
	assert_str(object_head(o)->etag, "\"abc\"");
	assert_str(object_fields(o), "Status: 200 OK\r\nETag: \"abc\"\r\n");
	object_unref(&o);
}

static void a_marker_says_where_the_pages_are(void **state)
{
	struct object_head head = {.kind = OBJECT_MARKER,
				   .vary = STR("accept,accept-language"),
				   .variants = STR("what flow/variants writes")};
	struct key key = key_make(STR("http://a/"));
	struct object *o = object_new(&key, &head, 0);

	(void)state;
	assert_non_null(o);
	object_seal(o);
	assert_int_equal(object_head(o)->kind, OBJECT_MARKER);
	assert_str(object_head(o)->vary, "accept,accept-language");
	assert_str(object_head(o)->variants, "what flow/variants writes");
	assert_int_equal(object_fields(o).n, 0);
	assert_int_equal(object_head(o)->etag.n, 0);
	assert_int_equal(object_body(o).n, 0);
	object_unref(&o);
}

static void a_body_grows_piece_by_piece(void **state)
{
	struct object *o = make("k", 0);
	struct str body;

	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		assert_true(object_append(o, &(char){(char)(i % 251)}, 1));
	assert_true(object_append(o, NULL, 0));
	object_seal(o);
	body = object_body(o);
	assert_int_equal(body.n, 100000);
	for (unsigned i = 0; i < body.n; i++)
		if (body.p[i] != (char)(i % 251))
			fail_msg("byte %u is wrong", i);
	object_unref(&o);
}

static void sealing_gives_back_spare_room(void **state)
{
	struct object *o = make("k", 1 << 20);
	size_t open, empty;

	(void)state;
	assert_true(object_append(o, "12345", 5));
	open = object_size(o);
	assert_false(object_sealed(o));
	object_seal(o);
	assert_true(object_sealed(o));
	assert_str(object_body(o), "12345");
	assert_true(open >= 1 << 20);
	assert_true(object_size(o) < 1000);
	object_unref(&o);

	o = make("k", 1 << 20);
	object_seal(o);
	empty = object_size(o);
	assert_true(empty < 1000);
	assert_int_equal(object_body(o).n, 0);
	object_unref(&o);
}

static void a_size_is_key_head_body_and_little_more(void **state)
{
	struct object *o = make("http://example.org/", 0);
	size_t n = strlen("http://example.org/") + strlen(page_head) + 10000;
	char *body = malloc(10000);

	(void)state;
	assert_non_null(body);
	memset(body, 'b', 10000);
	object_take_body(o, body, 10000);
	object_seal(o);
	assert_ptr_equal(object_body(o).p, body);
	assert_in_range(object_size(o), n, n + 500);
	object_unref(&o);
}

static void a_size_counts_every_text(void **state)
{
	static char text[1000];
	struct str all = str_make(text, sizeof(text));
	struct object_head none = {0},
			   heads[] = {{.head = all}, {.made = all},     {.control = all},
				      {.vary = all}, {.variants = all}, {.labels = all}};
	struct key key = key_make(STR("k"));
	struct object *small = object_new(&key, &none, 0);

	(void)state;
	assert_non_null(small);
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		struct object *o = object_new(&key, &heads[i], 0);

		assert_non_null(o);
		assert_int_equal(object_size(o), object_size(small) + sizeof(text));
		object_unref(&o);
	}
	object_unref(&small);
}

/* A body goes on in other objects, and lives as long as any of them. */
static void a_body_may_be_shared(void **state)
{
	struct object *first = make("a", 0), *second = make("b", 0), *third = make("c", 0);
	size_t alone = object_size(second);

	(void)state;
	assert_true(object_append(first, "the body", 8));
	object_seal(first);
	object_share_body(second, first);
	object_seal(second);
	assert_ptr_equal(object_body(second).p, object_body(first).p);
	assert_int_equal(object_size(second), object_size(first));
	assert_true(object_size(second) >= alone + 8);
	/* the lender of a lender */
	object_share_body(third, second);
	object_seal(third);
	object_unref(&first);
	assert_str(object_body(second), "the body");
	object_unref(&second);
	assert_str(object_body(third), "the body");
	object_unref(&third);
}

static void an_empty_body_may_be_shared(void **state)
{
	struct object *first = make("a", 0), *second = make("b", 0);

	(void)state;
	object_seal(first);
	object_share_body(second, first);
	object_seal(second);
	object_unref(&first);
	assert_int_equal(object_body(second).n, 0);
	object_unref(&second);
}

/* Given up before it is sealed, it gives nothing up but its own. */
static void a_borrower_may_go_first(void **state)
{
	struct object *first = make("a", 0), *second = make("b", 0);

	(void)state;
	assert_true(object_append(first, "x", 1));
	object_seal(first);
	object_share_body(second, first);
	object_unref(&second);
	assert_str(object_body(first), "x");
	object_unref(&first);
}

static void a_taken_body_replaces_reserved_room(void **state)
{
	struct object *o = make("k", 100);

	(void)state;
	object_take_body(o, strdup("other"), 5);
	object_seal(o);
	assert_str(object_body(o), "other");
	object_unref(&o);
}

static void it_is_dead_after_the_last_of_its_times(void **state)
{
	static const struct {
		int64_t born, lifetime, grace, error, keep, dead_at;
	} cases[] = {
	    {1000, 0, 0, 0, 0, 1000},
	    {1000, 50, 0, 0, 0, 1050},
	    {1000, 50, 30, 0, 0, 1080},
	    {1000, 50, 30, 40, 0, 1090},
	    {1000, 50, 30, 40, 35, 1090},
	    {1000, 50, 30, 40, 60, 1110},
	    {1000, 50, 0, 0, 60, 1110},
	    {1000, 0, 0, 0, 60, 1060},
	    {-500, 50, 0, 0, 0, -450},
	    {1000, INT64_MAX, 5, 0, 0, INT64_MAX},
	    {1000, 1, INT64_MAX, 0, 0, INT64_MAX},
	    {1000, 1, 0, 0, INT64_MAX, INT64_MAX},
	    {1000, -5, -5, -5, -5, 1000},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct object_head head = {.born = cases[i].born,
					   .lifetime = cases[i].lifetime,
					   .grace = cases[i].grace,
					   .stale_if_error = cases[i].error,
					   .keep = cases[i].keep};
		struct key key = key_make(STR("k"));
		struct object *o = object_new(&key, &head, 0);

		assert_non_null(o);
		assert_true(object_dead_at(o) == cases[i].dead_at);
		object_unref(&o);
	}
}

static void *use(void *arg)
{
	struct object *o = arg;

	for (int i = 0; i < 10000; i++) {
		struct object *mine = object_ref(o);

		assert_int_equal(object_body(mine).p[0], 'x');
		object_unref(&mine);
	}
	object_unref(&o);
	return NULL;
}

static void the_last_of_many_threads_frees_it(void **state)
{
	pthread_t threads[4];
	struct object *o = make("k", 0);

	(void)state;
	assert_true(object_append(o, "x", 1));
	object_seal(o);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use, object_ref(o)), 0);
	object_unref(&o);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

/* Whether the process dies of a failed check when it does this. */
static bool aborts(void (*act)(struct object *), struct object *o)
{
	struct rlimit no_core = {0, 0};
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		setrlimit(RLIMIT_CORE, &no_core);
		close(STDERR_FILENO);
		act(o);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void append_one(struct object *o)
{
	(void)!object_append(o, "x", 1);
}

static void take_one(struct object *o)
{
	object_take_body(o, NULL, 0);
}

static void write_made(struct object *o)
{
	(void)object_made(o);
}

static void misuse_is_caught(void **state)
{
	struct object *o = make("k", 0);

	(void)state;
	assert_false(aborts(append_one, o));
	assert_false(aborts(take_one, o));
	object_seal(o);
	assert_true(aborts(append_one, o));
	assert_true(aborts(take_one, o));
	assert_true(aborts(object_seal, o));
	assert_true(aborts(write_made, o));
	object_unref(&o);
}

static int start(void **state)
{
	(void)state;
	return key_start() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(key_and_head_are_copied),
	    cmocka_unit_test(all_texts_are_copied),
	    cmocka_unit_test(fields_are_head_and_made),
	    cmocka_unit_test(made_fields_are_filled_in_late),
	    cmocka_unit_test(a_marker_says_where_the_pages_are),
	    cmocka_unit_test(a_body_grows_piece_by_piece),
	    cmocka_unit_test(sealing_gives_back_spare_room),
	    cmocka_unit_test(a_size_is_key_head_body_and_little_more),
	    cmocka_unit_test(a_size_counts_every_text),
	    cmocka_unit_test(a_body_may_be_shared),
	    cmocka_unit_test(an_empty_body_may_be_shared),
	    cmocka_unit_test(a_borrower_may_go_first),
	    cmocka_unit_test(a_taken_body_replaces_reserved_room),
	    cmocka_unit_test(it_is_dead_after_the_last_of_its_times),
	    cmocka_unit_test(the_last_of_many_threads_frees_it),
	    cmocka_unit_test(misuse_is_caught),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
