/*
 * Memos: set for a while, cleared, counted; other keys are left alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/check.h"
#include "flow/memo.h"

/* Hashes of different slots; the upper half is the tag. */
#define A      UINT64_C(0x1111111100000001)
#define B      UINT64_C(0x2222222200000002)
#define NO_TAG UINT64_C(0x0000000000000003)
/* The slot of A, another key. */
#define A_RIVAL UINT64_C(0x3333333300000001)

static void it_is_set_for_its_time(void **state)
{
	static const int64_t nows[] = {1000, 0, INT64_C(68719476736) - 500, INT64_C(34359738368)};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(nows); i++) {
		int64_t now = nows[i];

		memo_clear(MEMO_HIT_FOR_MISS, A);
		assert_false(memo_is_set(MEMO_HIT_FOR_MISS, A, now));
		memo_set(MEMO_HIT_FOR_MISS, A, now, 1000);
		assert_true(memo_is_set(MEMO_HIT_FOR_MISS, A, now));
		assert_true(memo_is_set(MEMO_HIT_FOR_MISS, A, now + 900));
		assert_false(memo_is_set(MEMO_HIT_FOR_MISS, A, now + 1000 + 16));
		assert_false(memo_is_set(MEMO_HIT_FOR_MISS, A, now + 1000000));
	}
}

static void nothing_is_set_to_begin_with(void **state)
{
	(void)state;
	assert_false(memo_is_set(MEMO_REFRESH_FAILED, 0, 0));
	assert_false(memo_is_set(MEMO_REFRESH_FAILED, 0, 1000));
	assert_false(memo_is_set(MEMO_REFRESH_FAILED, NO_TAG, 1000));
	memo_set(MEMO_REFRESH_FAILED, NO_TAG, 1000, 500);
	assert_true(memo_is_set(MEMO_REFRESH_FAILED, NO_TAG, 1000));
	assert_false(memo_is_set(MEMO_REFRESH_FAILED, NO_TAG, 2000));
}

static void keys_and_memos_are_apart(void **state)
{
	(void)state;
	memo_set(MEMO_HIT_FOR_MISS, A, 5000, 1000);
	assert_false(memo_is_set(MEMO_REFRESH_FAILED, A, 5000));
	assert_false(memo_is_set(MEMO_HIT_FOR_MISS, B, 5000));
	assert_false(memo_is_set(MEMO_HIT_FOR_MISS, A_RIVAL, 5000));
	memo_set(MEMO_HIT_FOR_MISS, B, 5000, 2000);
	assert_true(memo_is_set(MEMO_HIT_FOR_MISS, A, 5000));
	assert_false(memo_is_set(MEMO_HIT_FOR_MISS, A, 6100));
	assert_true(memo_is_set(MEMO_HIT_FOR_MISS, B, 6100));
}

static void setting_anew_replaces(void **state)
{
	(void)state;
	memo_set(MEMO_HIT_FOR_MISS, A, 5000, 1000);
	memo_set(MEMO_HIT_FOR_MISS, A, 5000, 100);
	assert_false(memo_is_set(MEMO_HIT_FOR_MISS, A, 5200));
	memo_set(MEMO_HIT_FOR_MISS, A, 5200, 1000);
	assert_true(memo_is_set(MEMO_HIT_FOR_MISS, A, 6000));
}

static void a_newer_key_takes_the_place(void **state)
{
	(void)state;
	memo_set(MEMO_HIT_FOR_MISS, A, 5000, 1000);
	memo_set(MEMO_HIT_FOR_MISS, A_RIVAL, 5000, 1000);
	assert_false(memo_is_set(MEMO_HIT_FOR_MISS, A, 5000));
	assert_true(memo_is_set(MEMO_HIT_FOR_MISS, A_RIVAL, 5000));
	/* the one that was pushed out cannot clear the other's */
	memo_clear(MEMO_HIT_FOR_MISS, A);
	assert_true(memo_is_set(MEMO_HIT_FOR_MISS, A_RIVAL, 5000));
	memo_clear(MEMO_HIT_FOR_MISS, A_RIVAL);
	assert_false(memo_is_set(MEMO_HIT_FOR_MISS, A_RIVAL, 5000));
}

static void uses_are_counted(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 100; i++)
		assert_int_equal(memo_use(A), i);
	assert_int_equal(memo_use(B), 1);
	assert_int_equal(memo_use(NO_TAG), 1);
	assert_int_equal(memo_use(NO_TAG), 2);
	assert_int_equal(memo_use(A), 101);
	assert_int_equal(memo_use(A_RIVAL), 1);
	assert_int_equal(memo_use(A), 1);
}

#define SHARED UINT64_C(0x4444444400000009)
#define ROUNDS 20000

static void *use(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		(void)memo_use(SHARED);
		memo_set(MEMO_HIT_FOR_MISS, SHARED, i, 1000);
		(void)memo_is_set(MEMO_HIT_FOR_MISS, SHARED, i);
		memo_clear(MEMO_HIT_FOR_MISS, SHARED);
	}
	return NULL;
}

static void no_use_is_lost_among_threads(void **state)
{
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(memo_use(SHARED), 4 * ROUNDS + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_set_to_begin_with),
	    cmocka_unit_test(it_is_set_for_its_time),
	    cmocka_unit_test(keys_and_memos_are_apart),
	    cmocka_unit_test(setting_anew_replaces),
	    cmocka_unit_test(a_newer_key_takes_the_place),
	    cmocka_unit_test(uses_are_counted),
	    cmocka_unit_test(no_use_is_lost_among_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
