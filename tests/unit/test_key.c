/*
 * Keys: equal bytes are equal keys, and nothing else is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "store/key.h"

static void equal_bytes_are_one_key(void **state)
{
	char copy[] = "https://example.org/a";
	struct key a = key_make(STR("https://example.org/a")), b = key_make(str_of(copy));

	(void)state;
	assert_true(a.hash == b.hash);
	assert_true(key_eq(&a, &b));
}

static void other_bytes_are_another_key(void **state)
{
	struct key a = key_make(STR("a|b")), b = key_make(STR("a|c")), c = key_make(STR("a|b\0"));

	(void)state;
	assert_false(key_eq(&a, &b));
	assert_false(key_eq(&a, &c));
}

static void an_equal_hash_is_not_an_equal_key(void **state)
{
	struct key a = key_make(STR("one")), b = key_make(STR("two"));

	(void)state;
	b.hash = a.hash;
	assert_false(key_eq(&a, &b));
}

static void no_bytes_are_a_key_too(void **state)
{
	struct key none = key_make(str_make(NULL, 0)), empty = key_make(STR(""));

	(void)state;
	assert_true(key_eq(&none, &empty));
}

static void the_secret_stays_for_the_life_of_the_process(void **state)
{
	uint64_t hash = key_hash(STR("page"));

	(void)state;
	assert_true(key_start());
	assert_true(key_hash(STR("page")) == hash);
}

/* Keys that differ in a counter fill the places of a small table evenly. */
static void hashes_spread(void **state)
{
	unsigned low[64] = {0}, high[64] = {0};
	char text[64];
	int n;

	(void)state;
	for (int i = 0; i < 64000; i++) {
		n = snprintf(text, sizeof(text), "https://example.org/page?id=%d", i);
		low[key_hash(str_make(text, (size_t)n)) % 64]++;
		high[key_hash(str_make(text, (size_t)n)) >> 58]++;
	}
	for (int i = 0; i < 64; i++) {
		assert_in_range(low[i], 800, 1200);
		assert_in_range(high[i], 800, 1200);
	}
}

static int start(void **state)
{
	(void)state;
	return key_start() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(equal_bytes_are_one_key),
	    cmocka_unit_test(other_bytes_are_another_key),
	    cmocka_unit_test(an_equal_hash_is_not_an_equal_key),
	    cmocka_unit_test(no_bytes_are_a_key_too),
	    cmocka_unit_test(the_secret_stays_for_the_life_of_the_process),
	    cmocka_unit_test(hashes_spread),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
