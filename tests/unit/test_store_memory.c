/*
 * The memory store: what is set is found, limits hold exactly, hot pages stay, dead ones go, and
 * several threads do not disturb each other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "store/store.h"

/* ------------------------------------------------------------------------------ helpers */

static struct store *open_store(const char *uri)
{
	struct buf error = {0};
	struct store *s = store_open(str_of(uri), &error);

	assert_non_null(s);
	buf_fini(&error);
	return s;
}

/* The key of a number; its bytes last until the thread's next call. */
static struct key key_of(unsigned id)
{
	static _Thread_local char text[64];
	int n = snprintf(text, sizeof(text), "http://example.org/page/%u", id);

	return key_make(str_make(text, (size_t)n));
}

/* A sealed page whose body is `mark` n times, which dies at born + lifetime. */
static struct object *page(unsigned id, char mark, size_t n, int64_t born, int64_t lifetime)
{
	struct object_head head = {.status = 200, .head = STR("Status: 200 OK\r\n")};
	struct key key = key_of(id);
	struct object *o;
	char *body = malloc(n ? n : 1);

	assert_non_null(body);
	memset(body, mark, n);
	head.born = born;
	head.lifetime = lifetime;
	o = object_new(&key, &head, 0);
	assert_non_null(o);
	object_take_body(o, body, n);
	object_seal(o);
	return o;
}

static bool set_page(struct store *s, unsigned id, char mark, size_t n)
{
	struct object *o = page(id, mark, n, 0, INT64_MAX);
	bool ok = store_set(s, o);

	object_unref(&o);
	return ok;
}

static bool has(struct store *s, unsigned id)
{
	struct key key = key_of(id);
	struct object *o = store_get(s, &key);
	bool found = o != NULL;

	object_unref(&o);
	return found;
}

/* The first byte of what is stored; 0: nothing is. */
static char mark_of(struct store *s, unsigned id)
{
	struct key key = key_of(id);
	struct object *o = store_get(s, &key);
	char mark = o ? object_body(o).p[0] : '\0';

	object_unref(&o);
	return mark;
}

static struct store_stats stats_of(struct store *s)
{
	struct store_stats stats;

	store_stats(s, &stats);
	return stats;
}

/* Counters, and what is found under the ids 0..n-1, say the same; and the limits hold. */
static void assert_exact(struct store *s, unsigned n)
{
	struct store_stats stats = stats_of(s);
	uint64_t entries = 0, bytes = 0;

	for (unsigned id = 0; id < n; id++) {
		struct key key = key_of(id);
		struct object *o = store_get(s, &key);

		if (!o)
			continue;
		entries++;
		bytes += object_size(o);
		object_unref(&o);
	}
	assert_int_equal(stats.entries, entries);
	assert_int_equal(stats.bytes, bytes);
	assert_true(bytes <= stats.max_bytes);
	assert_true(!stats.max_entries || entries <= stats.max_entries);
}

/* ------------------------------------------------------------------------------ one by one */

static void what_is_set_is_found(void **state)
{
	struct store *s = open_store("memory:///");

	(void)state;
	assert_false(has(s, 1));
	assert_true(set_page(s, 1, 'a', 100));
	assert_true(set_page(s, 2, 'b', 200));
	assert_int_equal(mark_of(s, 1), 'a');
	assert_int_equal(mark_of(s, 2), 'b');
	assert_false(has(s, 3));
	assert_exact(s, 10);
	store_close(&s);
}

static void setting_again_replaces(void **state)
{
	struct store *s = open_store("memory:///");

	(void)state;
	assert_true(set_page(s, 1, 'a', 100));
	assert_true(set_page(s, 1, 'b', 50000));
	assert_int_equal(mark_of(s, 1), 'b');
	assert_int_equal(stats_of(s).entries, 1);
	assert_exact(s, 10);
	store_close(&s);
}

static void adding_does_not(void **state)
{
	struct store *s = open_store("memory:///");
	struct object *a = page(1, 'a', 10, 0, INT64_MAX), *b = page(1, 'b', 10, 0, INT64_MAX);

	(void)state;
	assert_true(store_add(s, a));
	assert_false(store_add(s, b));
	assert_false(store_add(s, a));
	assert_int_equal(mark_of(s, 1), 'a');
	object_unref(&a);
	object_unref(&b);
	assert_exact(s, 10);
	store_close(&s);
}

static void adding_takes_the_place_of_a_dead_object(void **state)
{
	struct store *s = open_store("memory:///");
	struct object *dead = page(1, 'a', 10, clock_now_ms() - 1000, 500);
	struct object *next = page(1, 'b', 10, clock_now_ms(), 60000);

	(void)state;
	assert_true(store_add(s, dead));
	assert_int_equal(mark_of(s, 1), 'a');
	assert_true(store_add(s, next));
	assert_int_equal(mark_of(s, 1), 'b');
	assert_false(store_add(s, dead));
	object_unref(&dead);
	object_unref(&next);
	assert_exact(s, 10);
	store_close(&s);
}

static void the_same_object_may_be_set_again(void **state)
{
	struct store *s = open_store("memory:///"), *other = open_store("memory:///");
	struct object *o = page(1, 'a', 10, 0, INT64_MAX);
	struct key key = object_key(o);

	(void)state;
	assert_true(store_set(s, o));
	assert_true(store_set(s, o));
	assert_false(store_set(other, o)); /* it has room for one store's links */
	assert_exact(s, 10);
	assert_true(store_remove(s, &key));
	assert_true(store_set(other, o));
	object_unref(&o);
	assert_exact(other, 10);
	store_close(&s);
	store_close(&other);
}

static void removing_and_flushing(void **state)
{
	struct store *s = open_store("memory:///");
	struct key key = key_of(1);

	(void)state;
	for (unsigned id = 0; id < 1000; id++)
		assert_true(set_page(s, id, 'a', 10));
	key = key_of(1);
	assert_true(store_remove(s, &key));
	assert_false(store_remove(s, &key));
	assert_false(has(s, 1));
	assert_true(has(s, 2));
	assert_exact(s, 1000);
	store_flush(s);
	assert_int_equal(stats_of(s).entries, 0);
	assert_int_equal(stats_of(s).bytes, 0);
	assert_int_equal(stats_of(s).evicted, 0);
	assert_true(set_page(s, 2, 'b', 10));
	assert_int_equal(mark_of(s, 2), 'b');
	store_close(&s);
}

static void equal_hashes_are_different_pages(void **state)
{
	struct store *s = open_store("memory:///");
	struct object_head head = {.lifetime = INT64_MAX};
	struct object *o;
	char text[8];

	(void)state;
	for (int i = 0; i < 100; i++) {
		struct key key = {str_make(text, (size_t)snprintf(text, 8, "%d", i)), 12345};

		o = object_new(&key, &head, 0);
		assert_non_null(o);
		object_seal(o);
		assert_true(store_set(s, o));
		object_unref(&o);
	}
	for (int i = 0; i < 101; i++) {
		struct key key = {str_make(text, (size_t)snprintf(text, 8, "%d", i)), 12345};

		o = store_get(s, &key);
		assert_true(i < 100 ? o && str_eq(object_key(o).bytes, key.bytes) : !o);
		object_unref(&o);
		assert_true(store_remove(s, &key) == (i < 100));
	}
	assert_int_equal(stats_of(s).bytes, 0);
	store_close(&s);
}

/* ------------------------------------------------------------------------------ limits */

static void a_page_that_is_evicted_lives_on_where_it_is_sent(void **state)
{
	struct store *s = open_store("memory:///?max_entries=1");
	struct key key = key_of(1);
	struct object *sending;

	(void)state;
	assert_true(set_page(s, 1, 'a', 1000));
	sending = store_get(s, &key);
	assert_true(set_page(s, 2, 'b', 1000));
	assert_false(has(s, 1));
	assert_non_null(sending);
	assert_int_equal(object_body(sending).p[999], 'a');
	object_unref(&sending);
	store_close(&s);
}

static void the_limit_of_entries_holds(void **state)
{
	struct store *s = open_store("memory:///?max_entries=10");
	uint64_t counted = metrics_get(COUNTER_EVICTED);

	(void)state;
	for (unsigned id = 0; id < 1000; id++) {
		assert_true(set_page(s, id, 'a', 10));
		assert_true(has(s, id));
		assert_true(stats_of(s).entries <= 10);
	}
	assert_int_equal(stats_of(s).entries, 10);
	assert_int_equal(stats_of(s).evicted, 990);
	assert_int_equal(metrics_get(COUNTER_EVICTED) - counted, 990);
	assert_exact(s, 1000);
	store_close(&s);
}

static void the_limit_of_bytes_holds(void **state)
{
	struct store *s = open_store("memory:///?max_size=4m");

	(void)state;
	srandom(1);
	for (unsigned id = 0; id < 3000; id++) {
		assert_true(set_page(s, id, 'a', (size_t)random() % 20000));
		assert_true(has(s, id));
		assert_true(stats_of(s).bytes <= 4 << 20);
	}
	assert_true(stats_of(s).bytes > (4 << 20) - 20000);
	assert_exact(s, 3000);
	store_close(&s);
}

static void one_page_may_fill_the_store(void **state)
{
	struct store *s = open_store("memory:///?max_size=128m");
	struct object *o = page(1000, 'b', (128 << 20) - 1000, 0, INT64_MAX);

	(void)state;
	for (unsigned id = 0; id < 1000; id++)
		assert_true(set_page(s, id, 'a', 1000));
	assert_true(store_set(s, o));
	object_unref(&o);
	assert_int_equal(stats_of(s).entries, 1);
	assert_exact(s, 1001);
	assert_true(set_page(s, 1, 'a', 1000));
	assert_int_equal(stats_of(s).entries, 1);
	assert_exact(s, 1001);
	store_close(&s);
}

static void what_is_too_large_removes_what_it_was_to_replace(void **state)
{
	struct store *s = open_store("memory:///?max_size=64k");
	struct object *o;

	(void)state;
	assert_true(set_page(s, 1, 'a', 100));
	assert_true(set_page(s, 2, 'a', 100));
	assert_false(set_page(s, 1, 'b', 65536));
	assert_false(has(s, 1));
	o = page(2, 'b', 65536, 0, INT64_MAX);
	assert_false(store_add(s, o));
	object_unref(&o);
	assert_int_equal(mark_of(s, 2), 'a');
	assert_exact(s, 10);
	store_close(&s);
}

static void small_limits_evict_the_oldest_first(void **state)
{
	struct store *s = open_store("memory:///?max_entries=3");

	(void)state;
	for (unsigned id = 0; id < 3; id++)
		assert_true(set_page(s, id, 'a', 10));
	assert_true(has(s, 0));
	assert_true(set_page(s, 3, 'a', 10)); /* 0 was asked for, 1 goes */
	assert_true(has(s, 0) && !has(s, 1) && has(s, 2) && has(s, 3));
	store_close(&s);
}

/* 2,000 hot pages, asked for now and then, in a store for 10,000; a flood of 200,000 others. */
static void a_flood_of_strangers_does_not_drive_out_hot_pages(void **state)
{
	struct store *s = open_store("memory:///?max_entries=10000");
	unsigned hits = 0, asked = 0;

	(void)state;
	for (unsigned id = 0; id < 2000; id++)
		assert_true(set_page(s, id, 'a', 10));
	for (unsigned id = 0; id < 2000; id++)
		assert_true(has(s, id));
	for (unsigned i = 0; i < 200000; i++) {
		unsigned hot = i * 7 % 2000;

		assert_true(set_page(s, 2000 + i, 'x', 10));
		if (i % 3)
			continue;
		asked++;
		if (has(s, hot))
			hits++;
		else
			assert_true(set_page(s, hot, 'a', 10));
	}
	assert_true(hits >= asked * 0.99);
	assert_int_equal(stats_of(s).entries, 10000);
	store_close(&s);
}

static void a_refreshed_hot_page_stays_hot(void **state)
{
	struct store *s = open_store("memory:///?max_entries=100");

	(void)state;
	assert_true(set_page(s, 0, 'a', 10));
	assert_true(has(s, 0));
	assert_true(set_page(s, 0, 'b', 10));
	for (unsigned id = 1; id < 150; id++)
		assert_true(set_page(s, id, 'x', 10));
	assert_int_equal(mark_of(s, 0), 'b');
	store_close(&s);
}

static void a_store_of_hot_pages_only_still_takes_new_ones(void **state)
{
	struct store *s = open_store("memory:///?max_entries=5000");

	(void)state;
	for (unsigned id = 0; id < 5000; id++)
		assert_true(set_page(s, id, 'a', 10) && has(s, id));
	for (unsigned id = 5000; id < 10000; id++)
		assert_true(set_page(s, id, 'a', 10) && has(s, id));
	assert_int_equal(stats_of(s).entries, 5000);
	assert_exact(s, 10000);
	store_close(&s);
}

/* ------------------------------------------------------------------------------ upkeep */

static void upkeep_drops_the_dead_and_no_others(void **state)
{
	struct store *s = open_store("memory:///");

	(void)state;
	for (unsigned id = 0; id < 3000; id++) {
		struct object *o = page(id, 'a', 10, 1000, id % 3 ? 100 : 200);

		assert_true(store_set(s, o));
		object_unref(&o);
	}
	store_upkeep(s, 1099);
	assert_int_equal(stats_of(s).entries, 3000);
	store_upkeep(s, 1100);
	assert_int_equal(stats_of(s).entries, 1000);
	for (unsigned id = 0; id < 3000; id++)
		assert_true(has(s, id) == (id % 3 == 0));
	assert_int_equal(stats_of(s).evicted, 0);
	assert_exact(s, 3000);
	store_close(&s);
}

static void a_large_store_is_swept_in_several_calls(void **state)
{
	struct store *s = open_store("memory:///?max_size=1g");
	uint64_t left = 100000;
	int calls = 0;

	(void)state;
	for (unsigned id = 0; id < left; id++) {
		struct object *o = page(id, 'a', 1, 0, 100);

		assert_true(store_set(s, o));
		object_unref(&o);
	}
	while (stats_of(s).entries > 0) {
		store_upkeep(s, 1000);
		assert_true(left - stats_of(s).entries <= 16384);
		left = stats_of(s).entries;
		assert_true(++calls < 100);
	}
	assert_true(calls > 5);
	assert_int_equal(stats_of(s).bytes, 0);
	store_close(&s);
}

/* ------------------------------------------------------------------------------ threads */

#define THREADS 4
#define IDS     4000u
#define ROUNDS  60000

struct crowd {
	struct store *s;
	unsigned seed;
	_Atomic unsigned *bad;
};

/* Bodies repeat the low byte of their id: nobody may ever see another one. */
static void act(struct crowd *c, unsigned id, unsigned what)
{
	struct key key = key_of(id);
	struct object *o;

	if (what < 60) {
		o = store_get(c->s, &key);
		if (o && object_body(o).p[object_body(o).n - 1] != (char)id)
			atomic_fetch_add(c->bad, 1);
		object_unref(&o);
	} else if (what < 90) {
		o = page(id, (char)id, 1 + (id * 37 + what) % 3000, what < 70 ? 0 : 1000, 1000);
		if (what % 2)
			(void)!store_add(c->s, o);
		else
			store_set(c->s, o);
		object_unref(&o);
	} else if (what < 99) {
		store_remove(c->s, &key);
	} else {
		store_upkeep(c->s, 1500);
	}
}

static void *run_crowd(void *arg)
{
	struct crowd *c = arg;

	for (int i = 0; i < ROUNDS; i++) {
		unsigned r = (unsigned)rand_r(&c->seed);

		act(c, r % IDS, r / IDS % 100);
		if (i == ROUNDS / 2)
			store_flush(c->s);
	}
	return NULL;
}

static void accounts_are_exact_after_a_crowd(void **state)
{
	struct store *s = open_store("memory:///?max_size=1m&max_entries=600");
	struct crowd crowd[THREADS];
	pthread_t threads[THREADS];
	_Atomic unsigned bad = 0;

	(void)state;
	for (unsigned i = 0; i < THREADS; i++) {
		crowd[i] = (struct crowd){s, i + 1, &bad};
		assert_int_equal(pthread_create(&threads[i], NULL, run_crowd, &crowd[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(bad, 0);
	assert_true(stats_of(s).evicted > 0);
	assert_exact(s, IDS);
	store_close(&s);
}

static void *set_many(void *arg)
{
	struct crowd *c = arg;

	for (unsigned i = 0; i < 20000; i++)
		if (!set_page(c->s, c->seed * 20000 + i, 'a', 10))
			atomic_fetch_add(c->bad, 1);
	return NULL;
}

/* Tables grow under threads that set and find. */
static void a_growing_store_loses_nothing(void **state)
{
	struct store *s = open_store("memory:///?max_size=1g");
	struct crowd crowd[THREADS];
	pthread_t threads[THREADS];
	_Atomic unsigned bad = 0;

	(void)state;
	for (unsigned i = 0; i < THREADS; i++) {
		crowd[i] = (struct crowd){s, i, &bad};
		assert_int_equal(pthread_create(&threads[i], NULL, set_many, &crowd[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(bad, 0);
	assert_int_equal(stats_of(s).entries, THREADS * 20000);
	assert_exact(s, THREADS * 20000);
	store_close(&s);
}

static int start(void **state)
{
	(void)state;
	clock_start();
	return key_start() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_set_is_found),
	    cmocka_unit_test(setting_again_replaces),
	    cmocka_unit_test(adding_does_not),
	    cmocka_unit_test(adding_takes_the_place_of_a_dead_object),
	    cmocka_unit_test(the_same_object_may_be_set_again),
	    cmocka_unit_test(removing_and_flushing),
	    cmocka_unit_test(equal_hashes_are_different_pages),
	    cmocka_unit_test(a_page_that_is_evicted_lives_on_where_it_is_sent),
	    cmocka_unit_test(the_limit_of_entries_holds),
	    cmocka_unit_test(the_limit_of_bytes_holds),
	    cmocka_unit_test(one_page_may_fill_the_store),
	    cmocka_unit_test(what_is_too_large_removes_what_it_was_to_replace),
	    cmocka_unit_test(small_limits_evict_the_oldest_first),
	    cmocka_unit_test(a_flood_of_strangers_does_not_drive_out_hot_pages),
	    cmocka_unit_test(a_refreshed_hot_page_stays_hot),
	    cmocka_unit_test(a_store_of_hot_pages_only_still_takes_new_ones),
	    cmocka_unit_test(upkeep_drops_the_dead_and_no_others),
	    cmocka_unit_test(a_large_store_is_swept_in_several_calls),
	    cmocka_unit_test(accounts_are_exact_after_a_crowd),
	    cmocka_unit_test(a_growing_store_loses_nothing),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
