/*
 * Memory: the arena's blocks, and the buffer's limit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdalign.h>

#include "base/mem.h"

static void assert_str(struct str s, const char *expected)
{
	assert_int_equal(s.n, strlen(expected));
	assert_memory_equal(s.p, expected, s.n);
}

static void assert_aligned(const void *p)
{
	assert_non_null(p);
	assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
}

/* ------------------------------------------------------------------ the arena */

static void every_piece_is_aligned_and_its_own(void **state)
{
	enum { N = 500 };
	static char *pieces[N];
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < N; i++) {
		pieces[i] = arena_alloc(&a, i * 7 % 300);
		assert_aligned(pieces[i]);
		memset(pieces[i], (int)(i % 251), i * 7 % 300);
		if (i * 7 % 300 == 0)
			pieces[i][0] = (char)(i % 251);
	}
	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k < i * 7 % 300 || k == 0; k++)
			assert_true(pieces[i][k] == (char)(i % 251));
	arena_fini(&a);
	assert_null(a.blocks);
}

static void small_pieces_share_a_block(void **state)
{
	struct arena a;
	char *first, *second;

	(void)state;
	arena_init(&a);
	assert_null(a.blocks);
	first = arena_alloc(&a, 1);
	second = arena_alloc(&a, 1);
	assert_ptr_equal(second, first + alignof(max_align_t));
	arena_fini(&a);
}

/* What is large gets a block of its own, and the open one goes on. */
static void a_big_piece_wastes_no_open_block(void **state)
{
	struct arena a;
	char *first, *big, *second;

	(void)state;
	arena_init(&a);
	first = arena_alloc(&a, 16);
	big = arena_alloc(&a, 1 << 20);
	assert_aligned(big);
	memset(big, 'b', 1 << 20);
	second = arena_alloc(&a, 16);
	assert_ptr_equal(second, first + 16);
	arena_fini(&a);
}

static void zeroed_pieces(void **state)
{
	static max_align_t room[64];
	struct arena a;

	(void)state;
	memset(room, 0xff, sizeof(room));
	arena_init_with(&a, room, sizeof(room));
	for (size_t n = 0; n < 200; n += 13) {
		char *p = arena_zalloc(&a, n);

		assert_aligned(p);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
	}
	arena_fini(&a);
}

static void it_begins_with_the_callers_memory(void **state)
{
	static max_align_t room[8];
	char *start = (char *)room, *p;
	struct arena a;

	(void)state;
	arena_init_with(&a, room, sizeof(room));
	assert_ptr_equal(arena_alloc(&a, 1), start);
	p = arena_alloc(&a, sizeof(room) - alignof(max_align_t));
	assert_ptr_equal(p, start + alignof(max_align_t));
	assert_null(a.blocks);
	p = arena_alloc(&a, 1);
	assert_aligned(p);
	assert_true(p < start || p >= start + sizeof(room));
	assert_non_null(a.blocks);
	arena_fini(&a);
	assert_null(a.blocks);
	/* what is left of it goes on after a piece that did not fit */
	arena_init_with(&a, room, sizeof(room));
	assert_non_null(arena_alloc(&a, 100000));
	assert_ptr_equal(arena_alloc(&a, 1), start);
	arena_fini(&a);
}

static void too_much_is_refused(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc(&a, SIZE_MAX - 15));
	assert_null(arena_alloc(&a, SIZE_MAX / 2 + 1));
	assert_null(arena_zalloc(&a, SIZE_MAX));
	assert_non_null(arena_alloc(&a, 1));
	arena_fini(&a);
}

static void copies_end_with_nul(void **state)
{
	char long_text[5000];
	struct arena a;
	struct str s;

	(void)state;
	arena_init(&a);
	assert_true(arena_dup(&a, STR("abc"), &s));
	assert_str(s, "abc");
	assert_int_equal(s.p[3], '\0');
	assert_true(arena_dup(&a, str_make(NULL, 0), &s));
	assert_int_equal(s.n, 0);
	assert_int_equal(s.p[0], '\0');
	assert_true(arena_printf(&a, &s, "%s-%d", "x", 42));
	assert_str(s, "x-42");
	assert_true(arena_printf(&a, &s, "%s", ""));
	assert_int_equal(s.n, 0);
	memset(long_text, 'l', sizeof(long_text));
	assert_true(arena_printf(&a, &s, "%.*s", (int)sizeof(long_text), long_text));
	assert_int_equal(s.n, sizeof(long_text));
	assert_memory_equal(s.p, long_text, sizeof(long_text));
	arena_fini(&a);
}

/* ------------------------------------------------------------------ the buffer */

static void a_buffer_grows(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	assert_int_equal(buf_str(&b).n, 0);
	for (unsigned i = 0; i < 100000; i++)
		assert_true(buf_add(&b, &(char){(char)(i % 251)}, 1));
	assert_int_equal(b.n, 100000);
	for (unsigned i = 0; i < b.n; i++)
		assert_true(b.p[i] == (char)(i % 251));
	buf_fini(&b);
	assert_null(b.p);
	assert_int_equal(b.n + b.cap, 0);
}

static void all_zero_is_an_empty_one(void **state)
{
	struct buf b = {.max = 3};

	(void)state;
	assert_true(buf_add_str(&b, STR("abc")));
	assert_false(buf_add_str(&b, STR("d")));
	buf_fini(&b);
	assert_int_equal(b.max, 3);
	assert_true(buf_add(&b, NULL, 0));
	assert_null(b.p);
}

static void the_limit_holds(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	for (unsigned i = 0; i < 100; i++)
		assert_true(buf_add(&b, "0123456789", 10));
	assert_false(buf_add(&b, "x", 1));
	assert_false(buf_reserve(&b, 1));
	assert_true(buf_reserve(&b, 0));
	assert_true(buf_add(&b, "x", 0));
	assert_int_equal(b.n, 1000);
	assert_true(b.cap <= 1000);
	assert_memory_equal(b.p + 990, "0123456789", 10);
	buf_consume(&b, 1);
	assert_true(buf_add(&b, "x", 1));
	assert_false(buf_add(&b, "x", 1));
	buf_fini(&b);
}

static void too_much_leaves_it_as_it_was(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	assert_true(buf_add_str(&b, STR("abc")));
	assert_false(buf_reserve(&b, SIZE_MAX));
	assert_false(buf_reserve(&b, SIZE_MAX - 2));
	assert_str(buf_str(&b), "abc");
	buf_fini(&b);
	buf_init(&b, 8);
	assert_true(buf_add_str(&b, STR("abc")));
	assert_false(buf_add_str(&b, STR("defghi")));
	assert_false(buf_reserve(&b, SIZE_MAX));
	assert_str(buf_str(&b), "abc");
	buf_fini(&b);
}

static void printing_into_it(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 16);
	assert_true(buf_printf(&b, "%d,", 12));
	assert_true(buf_printf(&b, "%s", "abc"));
	assert_str(buf_str(&b), "12,abc");
	assert_false(buf_printf(&b, "%s", "this is too long"));
	assert_str(buf_str(&b), "12,abc");
	buf_fini(&b);
}

static void consuming(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	buf_consume(&b, 0);
	assert_true(buf_add_str(&b, STR("abcdef")));
	buf_consume(&b, 0);
	assert_str(buf_str(&b), "abcdef");
	buf_consume(&b, 2);
	assert_str(buf_str(&b), "cdef");
	buf_consume(&b, 4);
	assert_int_equal(b.n, 0);
	assert_true(buf_add_str(&b, STR("g")));
	assert_str(buf_str(&b), "g");
	buf_fini(&b);
}

static void room_is_the_callers(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	assert_true(buf_reserve(&b, 1000));
	assert_true(b.cap >= 1000);
	memset(b.p, 'r', 1000);
	b.n += 1000;
	assert_true(buf_reserve(&b, 1));
	assert_int_equal(b.p[999], 'r');
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_piece_is_aligned_and_its_own),
	    cmocka_unit_test(small_pieces_share_a_block),
	    cmocka_unit_test(a_big_piece_wastes_no_open_block),
	    cmocka_unit_test(zeroed_pieces),
	    cmocka_unit_test(it_begins_with_the_callers_memory),
	    cmocka_unit_test(too_much_is_refused),
	    cmocka_unit_test(copies_end_with_nul),
	    cmocka_unit_test(a_buffer_grows),
	    cmocka_unit_test(all_zero_is_an_empty_one),
	    cmocka_unit_test(the_limit_holds),
	    cmocka_unit_test(too_much_leaves_it_as_it_was),
	    cmocka_unit_test(printing_into_it),
	    cmocka_unit_test(consuming),
	    cmocka_unit_test(room_is_the_callers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
