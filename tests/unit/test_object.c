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
	assert_true(object_head(o)->must_revalidate);
	assert_false(object_head(o)->no_cache);
	object_unref(&o);
	assert_null(o);
}

static void a_vary_marker_holds_its_names(void **state)
{
	struct object_head head = {.kind = OBJECT_MARKER, .vary = STR("accept,accept-language")};
	struct key key = key_make(STR("http://a/"));
	struct object *o = object_new(&key, &head, 0);

	(void)state;
	assert_non_null(o);
	object_seal(o);
	assert_int_equal(object_head(o)->kind, OBJECT_MARKER);
	assert_str(object_head(o)->vary, "accept,accept-language");
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
	assert_in_range(object_size(o), n, n + 300);
	object_unref(&o);
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
		int64_t born, lifetime, grace, error, dead_at;
	} cases[] = {
	    {1000, 0, 0, 0, 1000},
	    {1000, 50, 0, 0, 1050},
	    {1000, 50, 30, 0, 1080},
	    {1000, 50, 30, 40, 1090},
	    {-500, 50, 0, 0, -450},
	    {1000, INT64_MAX, 5, 0, INT64_MAX},
	    {1000, 1, INT64_MAX, 0, INT64_MAX},
	    {1000, -5, -5, -5, 1000},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct object_head head = {.born = cases[i].born,
					   .lifetime = cases[i].lifetime,
					   .grace = cases[i].grace,
					   .stale_if_error = cases[i].error};
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
	    cmocka_unit_test(a_vary_marker_holds_its_names),
	    cmocka_unit_test(a_body_grows_piece_by_piece),
	    cmocka_unit_test(sealing_gives_back_spare_room),
	    cmocka_unit_test(a_size_is_key_head_body_and_little_more),
	    cmocka_unit_test(a_taken_body_replaces_reserved_room),
	    cmocka_unit_test(it_is_dead_after_the_last_of_its_times),
	    cmocka_unit_test(the_last_of_many_threads_frees_it),
	    cmocka_unit_test(misuse_is_caught),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
