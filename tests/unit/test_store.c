/*
 * Stores by their URIs: what is accepted, and what a mistake is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store.h"

static const char *const right[] = {
    "memory:///",
    "memory://",
    "memory:///?",
    "memory:///?max_size=256m",
    "memory:///?max_size=1g&max_entries=1000",
    "memory:///?max_entries=0",
    "memory:///?max_size=65536",
    "memory:///?max_size=64k&",
    "null:///",
    "null://",
};

/* A URI, and the whole message. */
static const char *const wrong[][2] = {
    {"", "\"\" is not a URI, as memory:///?max_size=256m is"},
    {"memory", "\"memory\" is not a URI, as memory:///?max_size=256m is"},
    {"memory:/?a", "\"memory:/?a\" is not a URI, as memory:///?max_size=256m is"},
    {"redis://x/", "no store \"redis\"; there are memory, null"},
    {"MEMORY:///", "no store \"MEMORY\"; there are memory, null"},
    {"memory:///tmp", "memory has no path; write memory:///?max_size=256m"},
    {"null://x", "null has no path; write null:///"},
    {"memory:///?max_sise=1m", "unknown argument \"max_sise\"; memory takes max_size, max_entries"},
    {"memory:///?=1", "unknown argument \"\"; memory takes max_size, max_entries"},
    {"null:///?max_size=1m", "unknown argument \"max_size\"; null takes none"},
    {"memory:///?max_size=", "max_size: \"\" is not a size: bytes, or as 64k, 8m, 1g"},
    {"memory:///?max_size", "max_size: \"\" is not a size: bytes, or as 64k, 8m, 1g"},
    {"memory:///?max_size=1x", "max_size: \"1x\" is not a size: bytes, or as 64k, 8m, 1g"},
    {"memory:///?max_size=-1", "max_size: \"-1\" is not a size: bytes, or as 64k, 8m, 1g"},
    {"memory:///?max_size=k", "max_size: \"k\" is not a size: bytes, or as 64k, 8m, 1g"},
    {"memory:///?max_size=99999999999g",
     "max_size: \"99999999999g\" is not a size: bytes, or as 64k, 8m, 1g"},
    {"memory:///?max_size=0", "max_size: 0 is not from 1 to 9223372036854775807"},
    {"memory:///?max_entries=1k", "max_entries: \"1k\" is not a whole number"},
    {"memory:///?max_entries=18446744073709551615",
     "max_entries: 18446744073709551615 is not from 0 to 9223372036854775807"},
    {"memory:///?max_size=1m&max_size=2m", "max_size is given twice"},
    {"memory://x/?max_entries=x&size=1",
     "memory has no path; write memory:///?max_size=256m; "
     "max_entries: \"x\" is not a whole number; "
     "unknown argument \"size\"; memory takes max_size, max_entries"},
};

static void right_uris_open(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(right); i++) {
		struct buf error = {0};
		struct store *s;

		assert_true(store_check(str_of(right[i]), &error));
		s = store_open(str_of(right[i]), &error);
		assert_non_null(s);
		assert_int_equal(error.n, 0);
		store_close(&s);
		assert_null(s);
		buf_fini(&error);
	}
}

static void wrong_uris_say_what_is_right(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct buf error = {0};

		assert_false(store_check(str_of(wrong[i][0]), &error));
		assert_true(buf_add(&error, "", 1));
		assert_string_equal(error.p, wrong[i][1]);
		assert_null(store_open(str_of(wrong[i][0]), &error));
		buf_fini(&error);
	}
}

static void a_message_is_added_to_what_is_there(void **state)
{
	struct buf error = {0};

	(void)state;
	assert_true(buf_add_str(&error, STR("store: ")));
	assert_false(store_check(STR("memory:///?max_size=0"), &error));
	assert_true(buf_add(&error, "", 1));
	assert_string_equal(error.p, "store: max_size: 0 is not from 1 to 9223372036854775807");
	buf_fini(&error);
}

static void limits_are_those_of_the_uri(void **state)
{
	struct buf error = {0};
	struct store *s = store_open(STR("memory:///?max_size=3m&max_entries=77"), &error);
	struct store_stats stats;

	(void)state;
	assert_non_null(s);
	store_stats(s, &stats);
	assert_int_equal(stats.max_bytes, 3 << 20);
	assert_int_equal(stats.max_entries, 77);
	store_close(&s);
	s = store_open(STR("memory:///"), &error);
	assert_non_null(s);
	store_stats(s, &stats);
	assert_int_equal(stats.max_bytes, 256 << 20);
	assert_int_equal(stats.max_entries, 0);
	store_close(&s);
}

static void null_keeps_nothing(void **state)
{
	struct buf error = {0};
	struct store *s = store_open(STR("null:///"), &error);
	struct key key = key_make(STR("k"));
	struct object *o = object_new(&key, &(struct object_head){.lifetime = 1000}, 0);
	struct store_stats stats;

	(void)state;
	assert_non_null(s);
	assert_non_null(o);
	object_seal(o);
	assert_false(store_set(s, o));
	assert_false(store_add(s, o));
	assert_null(store_get(s, &key));
	assert_false(store_remove(s, &key));
	store_flush(s);
	store_upkeep(s, 0);
	store_stats(s, &stats);
	assert_int_equal(stats.entries, 0);
	object_unref(&o);
	store_close(&s);
	store_close(&s);
}

static int start(void **state)
{
	(void)state;
	return key_start() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(right_uris_open),
	    cmocka_unit_test(wrong_uris_say_what_is_right),
	    cmocka_unit_test(a_message_is_added_to_what_is_there),
	    cmocka_unit_test(limits_are_those_of_the_uri),
	    cmocka_unit_test(null_keeps_nothing),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
