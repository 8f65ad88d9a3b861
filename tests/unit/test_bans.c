/*
 * Bans: a page is banned by its labels and by when it was asked for. Nothing that was banned is
 * ever let through, however full the table is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "base/check.h"
#include "base/clock.h"
#include "flow/bans.h"

#define T INT64_C(1700000000000000) /* some time, in microseconds */

/* Labels as hashes are: well mixed (splitmix64). */
static uint64_t label_of(uint64_t n)
{
	n += UINT64_C(0x9e3779b97f4a7c15);
	n = (n ^ (n >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	n = (n ^ (n >> 27)) * UINT64_C(0x94d049bb133111eb);
	return n ^ (n >> 31);
}

/* Whether a page with this label alone, asked for then, is banned. */
static bool hold(uint64_t label, int64_t asked)
{
	return bans_hold(str_make((const char *)&label, sizeof(label)), asked);
}

static int setup(void **state)
{
	(void)state;
	bans_forget();
	return 0;
}

static void nothing_is_banned_to_begin_with(void **state)
{
	(void)state;
	assert_int_equal(bans_count(), 0);
	assert_false(hold(label_of(1), 1));
	assert_false(hold(0, 1));
	assert_false(bans_hold(str_make(NULL, 0), 1));
	bans_add(label_of(1), T);
	assert_false(hold(0, 1)); /* an empty place is nobody's */
	assert_false(bans_hold(str_make(NULL, 0), 1));
}

static void what_was_asked_for_before_is_banned(void **state)
{
	static const struct {
		int64_t asked;
		bool banned;
	} cases[] = {
	    {1, true}, {T - 1000000, true}, {T - 1, true}, {T, true}, {T + 1, false},
	};

	(void)state;
	bans_add(label_of(1), T);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(hold(label_of(1), cases[i].asked), cases[i].banned);
		assert_false(hold(label_of(2), cases[i].asked));
	}
}

static void the_latest_ban_of_a_label_counts(void **state)
{
	(void)state;
	bans_add(label_of(1), T);
	bans_add(label_of(1), T + 10);
	assert_true(hold(label_of(1), T + 10));
	assert_false(hold(label_of(1), T + 11));
	bans_add(label_of(1), T + 9); /* another thread's, a little late */
	assert_true(hold(label_of(1), T + 10));
	assert_int_equal(bans_count(), 1);
}

static void any_label_of_a_page_will_do(void **state)
{
	char bytes[1 + 3 * sizeof(uint64_t)];
	struct str labels = str_make(bytes + 1, 3 * sizeof(uint64_t)); /* not aligned */

	(void)state;
	for (uint64_t i = 0; i < 3; i++) {
		uint64_t label = label_of(i);

		memcpy(bytes + 1 + i * sizeof(label), &label, sizeof(label));
	}
	bans_add(label_of(3), T);
	assert_false(bans_hold(labels, T));
	for (uint64_t i = 0; i < 3; i++) {
		bans_forget();
		bans_add(label_of(i), T);
		assert_true(bans_hold(labels, T));
		assert_false(bans_hold(labels, T + 1));
		/* a piece of a label is none */
		assert_int_equal(bans_hold(str_sub(labels, 0, labels.n - 1), T), i < 2);
	}
	bans_forget();
	bans_add(0, T); /* a label like any other */
	assert_true(hold(0, T));
	assert_false(bans_hold(labels, T));
}

/* Half full, nearly all pages are told apart; nothing is let through at any time. */
static void a_table_that_fills_up(void **state)
{
	size_t places = bans_places(), wrong = 0;

	(void)state;
	for (size_t i = 0; i < places / 2; i++)
		bans_add(label_of(i), T + (int64_t)i);
	for (size_t i = 0; i < places / 2; i++) {
		assert_true(hold(label_of(i), T + (int64_t)i));
		wrong += hold(label_of(i), T + (int64_t)i + 1);
		wrong += hold(label_of(i + places), T);
	}
	assert_true(wrong < places / 100);
	for (size_t i = places / 2; i < places * 4; i++)
		bans_add(label_of(i), T + (int64_t)i);
	assert_true(bans_count() <= places);
	assert_true(bans_count() > places - places / 100);
	for (size_t i = 0; i < places * 4; i++)
		assert_true(hold(label_of(i), T + (int64_t)i));
}

/* What is asked for after the last ban is free of all that was forgotten. */
static void a_full_table_bans_the_past_only(void **state)
{
	size_t n = bans_places() * 3, kept = 0;

	(void)state;
	for (size_t i = 0; i < n; i++)
		bans_add(label_of(i), T + (int64_t)i);
	for (size_t i = 0; i < n; i++)
		assert_false(hold(label_of(i), T + (int64_t)n));
	/* the newest are remembered one by one: most other pages of that time are free */
	for (size_t i = n - n / 6; i < n; i++)
		kept += !hold(label_of(i + n), T + (int64_t)i);
	assert_true(kept > n / 6 - n / 60);
}

/* One place that many labels want (which hashes do not): the newest 15 are told apart. */
static void a_bucket_that_overflows(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 20; i++)
		bans_add(i << 32, T + (int64_t)i * 10);
	assert_int_equal(bans_count(), 15);
	for (uint64_t i = 0; i < 20; i++) {
		int64_t at = T + (int64_t)i * 10;

		assert_true(hold(i << 32, at));
		assert_int_equal(hold(i << 32, at + 1), i < 4);
	}
	/* the time of the last that was forgotten holds for the bucket, and for no other */
	assert_true(hold(UINT64_C(99) << 32, T + 40));
	assert_false(hold(UINT64_C(99) << 32, T + 41));
	assert_false(hold((UINT64_C(99) << 32) + 1, T));
	/* banned again, a forgotten label is itself again */
	bans_add(0, T + 500);
	assert_true(hold(0, T + 500));
	assert_false(hold(0, T + 501));
}

/* ------------------------------------------------------------------ threads */

#define WRITERS 3
#define ROUNDS  30000

static atomic_bool over;

/* Bans labels, few enough buckets for them to push each other out, and looks for them. */
static void *ban(void *arg)
{
	uint64_t who = (uint64_t)(uintptr_t)arg;

	for (uint64_t i = 1; i <= ROUNDS; i++) {
		uint64_t label = label_of(who * ROUNDS + i) & ~UINT64_C(0xff0);

		bans_add(label, T + (int64_t)i);
		CHECK(hold(label, T + (int64_t)i));
		label = label_of(who * ROUNDS + i / 2 + 1) & ~UINT64_C(0xff0);
		CHECK(hold(label, T + (int64_t)(i / 2 + 1)));
	}
	return NULL;
}

static void *look(void *arg)
{
	(void)arg;
	for (uint64_t i = 0; !atomic_load(&over); i++) {
		CHECK(!hold(label_of(i) & ~UINT64_C(0xff0), T + ROUNDS + 1));
		CHECK(hold(UINT64_C(0xff00), T)); /* banned before all */
	}
	return NULL;
}

static void nothing_slips_through_among_threads(void **state)
{
	pthread_t writers[WRITERS], readers[2];

	(void)state;
	atomic_store(&over, false);
	bans_add(UINT64_C(0xff00), T);
	for (size_t i = 0; i < ARRAY_LEN(readers); i++)
		assert_int_equal(pthread_create(&readers[i], NULL, look, NULL), 0);
	for (size_t i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&writers[i], NULL, ban, (void *)(uintptr_t)i), 0);
	for (size_t i = 0; i < WRITERS; i++)
		pthread_join(writers[i], NULL);
	atomic_store(&over, true);
	for (size_t i = 0; i < ARRAY_LEN(readers); i++)
		pthread_join(readers[i], NULL);
}

/* ------------------------------------------------------------------ the clock */

static void two_clocks_are_one(void **state)
{
	int64_t before, now, after;

	(void)state;
	clock_start();
	before = clock_now_ms();
	now = clock_now_us();
	after = clock_now_ms();
	assert_true(now > T);
	assert_in_range(now / 1000, before, after);
	assert_true(clock_now_us() >= now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(nothing_is_banned_to_begin_with, setup),
	    cmocka_unit_test_setup(what_was_asked_for_before_is_banned, setup),
	    cmocka_unit_test_setup(the_latest_ban_of_a_label_counts, setup),
	    cmocka_unit_test_setup(any_label_of_a_page_will_do, setup),
	    cmocka_unit_test_setup(a_table_that_fills_up, setup),
	    cmocka_unit_test_setup(a_full_table_bans_the_past_only, setup),
	    cmocka_unit_test_setup(a_bucket_that_overflows, setup),
	    cmocka_unit_test_setup(nothing_slips_through_among_threads, setup),
	    cmocka_unit_test(two_clocks_are_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
