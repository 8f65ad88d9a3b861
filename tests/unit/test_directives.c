/*
 * Directives: what is read of a field, written out in one line and compared. Each syntax has its
 * table; what policy makes of it is told in the other tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "http/directives.h"
#include "http/policy.h"

#define TEXT_MAX 512

struct directive_case {
	const char *field; /* lines are separated by LF */
	const char *says;  /* in the order of enum directive; numbers in s, lists in brackets */
};

static const struct {
	const char *name;
	bool number;
} names[DIRECTIVE_COUNT] = {
    [DIRECTIVE_NO_STORE] = {"no-store", false},
    [DIRECTIVE_NO_CACHE] = {"no-cache", false},
    [DIRECTIVE_PRIVATE] = {"private", false},
    [DIRECTIVE_PUBLIC] = {"public", false},
    [DIRECTIVE_MUST_UNDERSTAND] = {"must-understand", false},
    [DIRECTIVE_IMMUTABLE] = {"immutable", false},
    [DIRECTIVE_MUST_REVALIDATE] = {"must-revalidate", false},
    [DIRECTIVE_PROXY_REVALIDATE] = {"proxy-revalidate", false},
    [DIRECTIVE_ONLY_IF_CACHED] = {"only-if-cached", false},
    [DIRECTIVE_MAX_AGE] = {"max-age", true},
    [DIRECTIVE_S_MAXAGE] = {"s-maxage", true},
    [DIRECTIVE_STALE_WHILE_REVALIDATE] = {"stale-while-revalidate", true},
    [DIRECTIVE_STALE_IF_ERROR] = {"stale-if-error", true},
    [DIRECTIVE_MIN_FRESH] = {"min-fresh", true},
    [DIRECTIVE_MAX_STALE] = {"max-stale", true},
};

static void write_out(const struct directives *d, char out[TEXT_MAX])
{
	int n = 0;

	out[0] = '\0';
	for (int i = 0; i < DIRECTIVE_COUNT; i++) {
		if (!d->has[i])
			continue;
		n += snprintf(out + n, TEXT_MAX - (size_t)n, "%s%s", n ? " " : "", names[i].name);
		if (names[i].number)
			n += snprintf(out + n, TEXT_MAX - (size_t)n, "=%lld",
				      (long long)d->ms[i] / 1000);
	}
	for (size_t i = 0; i < d->n_lists; i++)
		n += snprintf(out + n, TEXT_MAX - (size_t)n, "%s[%.*s]", n ? " " : "",
			      STR_ARG(d->lists[i]));
	assert_true(n < TEXT_MAX);
}

static void compare(const struct directives *d, const struct directive_case *c)
{
	char text[TEXT_MAX];

	write_out(d, text);
	if (strcmp(text, c->says) != 0)
		fail_msg("\"%s\" says \"%s\", not \"%s\"", c->field, c->says, text);
}

static void fill(struct headers *h, struct arena *a, struct str name, const char *field)
{
	struct str rest = str_of(field), line;

	while (str_split(&rest, '\n', &line))
		assert_true(headers_add(h, a, name, str_trim(line)));
}

/* ------------------------------------------------------------------ Cache-Control */

static const struct directive_case control_cases[] = {
    {"", ""},
    {"no-store", "no-store"},
    {"NO-STORE,Private ,\tpublic", "no-store private public"},
    {"must-understand, immutable, must-revalidate, proxy-revalidate, only-if-cached",
     "must-understand immutable must-revalidate proxy-revalidate only-if-cached"},
    {"foo, no-transform, no-stores, no-stor", ""},
    {"a\nno-store\nb, private", "no-store private"},
    /* numbers: of two the one that keeps less */
    {"max-age=60", "max-age=60"},
    {"max-age=\"60\"", "max-age=60"},
    {"max-age=0060", "max-age=60"},
    {"max-age=60, max-age=30, max-age=90", "max-age=30"},
    {"max-age=60\nmax-age=30", "max-age=30"},
    {"max-age=60, max-age=x", "max-age=0"},
    {"s-maxage=1, stale-while-revalidate=2, stale-if-error=3",
     "s-maxage=1 stale-while-revalidate=2 stale-if-error=3"},
    {"min-fresh=5, min-fresh=9, min-fresh=7", "min-fresh=9"},
    {"max-stale", "max-stale=2147483648"},
    {"max-stale, max-stale=5", "max-stale=5"},
    {"max-age=2147483647", "max-age=2147483647"},
    {"max-age=2147483648", "max-age=2147483648"},
    {"max-age=99999999999999999999999999", "max-age=2147483648"},
    /* a fraction is cut off */
    {"max-age=60.0", "max-age=60"},
    {"max-age=3600.5", "max-age=3600"},
    {"max-age=59.999999999999999999999999", "max-age=59"},
    {"max-age=\"60.5\"", "max-age=60"},
    {"max-age=0.9", "max-age=0"},
    {"max-age=2147483648.5", "max-age=2147483648"},
    {"s-maxage=1.5, stale-while-revalidate=2.5, stale-if-error=3.5, min-fresh=4.5, max-stale=5.5",
     "s-maxage=1 stale-while-revalidate=2 stale-if-error=3 min-fresh=4 max-stale=5"},
    {"max-age=60.9, max-age=60.1", "max-age=60"},
    /* broken ones */
    {"max-age", "max-age=0"},
    {"max-age=", "max-age=0"},
    {"max-age=\"\"", "max-age=0"},
    {"max-age=\"", "max-age=0"},
    {"max-age=-1", "max-age=0"},
    {"max-age=60s", "max-age=0"},
    {"max-age='60'", "max-age=0"},
    {"max-age=60.", "max-age=0"},
    {"max-age=.5", "max-age=0"},
    {"max-age=.", "max-age=0"},
    {"max-age=6.x", "max-age=0"},
    {"max-age=60.5s", "max-age=0"},
    {"max-age=60.5.5", "max-age=0"},
    {"max-age=60.-5", "max-age=0"},
    {"max-age=-60.5", "max-age=0"},
    {"max-age=6e1.5", "max-age=0"},
    {"max-age=60,5", "max-age=60"},
    {"max-age =60", "max-age=0"},
    {"max-age= 60", "max-age=0"},
    {"max-age\t=\t60", "max-age=0"},
    {"max-age=60 30", "max-age=0"},
    {"max-age==60", "max-age=0"},
    {"max-age;=60", "max-age=0"},
    {"\"max-age=60\"", "max-age=0"},
    {"max-stale =5", "max-stale=0"},
    /* strings hide what is in them */
    {"ext=\"no-store\", ext=\"a, private\", ext=\"\\\", no-store\", max-age=1", "max-age=1"},
    {"max-age=1, \"a, no-store\"", "max-age=1"},
    /* unless they never close */
    {"ext=\"no-store, max-age=1", "max-age=1"},
    {"ext=\"a, no-store, max-age=1", "no-store max-age=1"},
    {"a=\",b, max-age=1", "max-age=1"},
    {"ext=\"\\\", no-store", "no-store"},
    {"ext=\"a, public, must-understand, immutable", ""},
    /* generous where it forbids, strict where it allows */
    {"no-store=1, private;, \"no-cache\"", "no-store no-cache private"},
    {"\"private", "private"},
    {"no-store x, private\tx", "no-store private"},
    {"public;, immutable x, \"must-understand\"", ""},
    {"public=1, immutable=\"a\"", "public immutable"},
    /* lists */
    {"no-cache", "no-cache"},
    {"no-cache=a", "[a]"},
    {"no-cache=\"a\"", "[a]"},
    {"no-cache=\" a ,,b\t\", max-age=1", "max-age=1 [ a ,,b\t]"},
    {"no-cache=\"a\", No-Cache=b\nno-cache=\"c, d\"", "[a] [b] [c, d]"},
    {"no-cache=a, no-cache", "no-cache [a]"},
    {"no-cache, no-cache=a", "no-cache [a]"},
    {"no-cache=", "no-cache"},
    {"no-cache=\"\"", "no-cache"},
    {"no-cache=\" , \"", "no-cache"},
    {"no-cache=\"a b\"", "no-cache"},
    {"no-cache=\"a\\b\"", "no-cache"},
    {"no-cache=\"a:\"", "no-cache"},
    {"no-cache=a b", "no-cache"},
    {"no-cache=a\"b\"", "no-cache"},
    {"no-cache =a", "no-cache"},
    {"no-cache= a", "no-cache"},
    {"\"no-cache=a\"", "no-cache"},
    {"no-cache=\"a, b", "no-cache"},
    {"x=\"y, no-cache=a", "no-cache"},
    {"no-cache=a,no-cache=a,no-cache=a,no-cache=a,no-cache=a,no-cache=a,no-cache=a,no-cache=a",
     "[a] [a] [a] [a] [a] [a] [a] [a]"},
    {"no-cache=a,no-cache=a,no-cache=a,no-cache=a,no-cache=a,no-cache=a,no-cache=a,no-cache=a,"
     "no-cache=b",
     "no-cache [a] [a] [a] [a] [a] [a] [a] [a]"},
    {"private=\"a, b\"", "private"},
};

static void test_cache_control(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(control_cases); i++) {
		struct directives d = {0};
		struct headers h = {0};
		struct arena a;

		arena_init(&a);
		fill(&h, &a, STR("Cache-Control"), control_cases[i].field);
		directives_read(&d, &h, STR("cache-control"));
		compare(&d, &control_cases[i]);
		assert_false(directives_read_response(&d, &h));
		arena_fini(&a);
	}
}

/* One value, in addition to what was said. */
static void test_add(void **state)
{
	struct directives d = {0};

	(void)state;
	directives_add(&d, STR("max-age=60, no-cache=a"));
	directives_add(&d, STR("max-age=90, private, no-cache=b"));
	directives_add(&d, STR(""));
	compare(&d, &(struct directive_case){"three values", "private max-age=60 [a] [b]"});
}

/* ------------------------------------------------------------------ targeted fields */

static const struct directive_case targeted_cases[] = {
    {"max-age=60", "max-age=60"},
    {"none", ""},
    {"a\nmax-age=60", "max-age=60"},
    {"no-store, private, public, must-understand, immutable, must-revalidate",
     "no-store private public must-understand immutable must-revalidate"},
    /* the last of two */
    {"max-age=60, max-age=90", "max-age=90"},
    {"no-store, no-store=?0", ""},
    {"no-store=?0\nno-store", "no-store"},
    /* types */
    {"max-age=60.0", "max-age=0"},
    {"max-age=\"60.5\"", "max-age=0"},
    {"max-age=\"60\"", "max-age=0"},
    {"max-age=-5", "max-age=0"},
    {"max-age", "max-age=0"},
    {"max-age=?0", ""},
    {"max-age=@60", "max-age=0"},
    {"max-age=60;x=@1, y=%\"no-store\"", "max-age=60"},
    {"max-age=999999999999999", "max-age=2147483648"},
    {"no-store=0, private=\"a\"", "no-store private"},
    {"public=1, must-understand=a, immutable=\"\"", ""},
    {"public=?1, immutable;a=1", "public immutable"},
    /* lists: a String */
    {"no-cache=\"a, b\"", "[a, b]"},
    {"no-cache=\"a\", no-cache=\"b\"", "[b]"},
    {"no-cache=\"a\";x=\"y\", max-age=1", "max-age=1 [a]"},
    {"no-cache=\"a\", no-cache", "no-cache"},
    {"no-cache, no-cache=\"a\"", "[a]"},
    {"no-cache=\"a\", no-cache=?0", ""},
    {"no-cache=a", "no-cache"},
    {"no-cache=1", "no-cache"},
    {"no-cache=(\"a\")", "no-cache"},
    {"no-cache=:YQ==:", "no-cache"},
    {"no-cache=\"\"", "no-cache"},
    {"no-cache=\"a\\\"b\"", "no-cache"},
    {"no-cache=\"a b\"", "no-cache"},
};

static void test_targeted(void **state)
{
	static const char *const malformed[] = {
	    "", "max-age=60,", "Max-Age=60", "max-age =60", "no-cache=\"a", "no-cache=\"a\\b\""};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(targeted_cases); i++) {
		struct directives d = {0};
		struct headers h = {0};
		struct arena a;

		arena_init(&a);
		fill(&h, &a, STR("CDN-Cache-Control"), targeted_cases[i].field);
		assert_true(directives_read_targeted(&d, &h, STR("cdn-cache-control")));
		compare(&d, &targeted_cases[i]);
		/* it alone counts */
		fill(&h, &a, STR("Cache-Control"), "no-store, only-if-cached, no-cache=z");
		assert_true(directives_read_response(&d, &h));
		compare(&d, &targeted_cases[i]);
		arena_fini(&a);
	}
	for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
		struct directives d = {.has = {true}, .n_lists = 1};
		struct headers h = {0};
		struct arena a;

		arena_init(&a);
		assert_true(headers_add(&h, &a, STR("CDN-Cache-Control"), str_of(malformed[i])));
		assert_false(directives_read_targeted(&d, &h, STR("CDN-Cache-Control")));
		compare(&d, &(struct directive_case){malformed[i], ""});
		fill(&h, &a, STR("Cache-Control"), "max-age=5");
		assert_false(directives_read_response(&d, &h));
		compare(&d, &(struct directive_case){malformed[i], "max-age=5"});
		arena_fini(&a);
	}
}

/* ------------------------------------------------------------------ Surrogate-Control */

static const struct directive_case surrogate_cases[] = {
    {"max-age=60", "max-age=60"},
    {"max-age=60.5", "max-age=60"},
    {"max-age=60+30", "max-age=60 stale-while-revalidate=30"},
    {"max-age=60+", "max-age=60 stale-while-revalidate=0"},
    {"max-age=+30", "max-age=0 stale-while-revalidate=30"},
    {"max-age=60+30+10", "max-age=60 stale-while-revalidate=0"},
    {"max-age =60+30", "max-age=0"},
    {"max-age=60 + 30", "max-age=0 stale-while-revalidate=0"},
    {"max-age=60+30, max-age=90+10", "max-age=60 stale-while-revalidate=10"},
    {"content=\"ESI/1.0\", no-store", "no-store"},
    {"no-store;abc, max-age=60;abc, max-age=5", "max-age=5"},
    {"no-cache", "no-cache"},
    {"no-cache=\"a\", max-age=60", "no-cache max-age=60"},
};

static void test_surrogate(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(surrogate_cases); i++) {
		struct directives d = {0};
		struct headers h = {0};
		struct arena a;

		arena_init(&a);
		fill(&h, &a, STR("Surrogate-Control"), surrogate_cases[i].field);
		directives_read_surrogate(&d, &h, STR("surrogate-control"));
		compare(&d, &surrogate_cases[i]);
		arena_fini(&a);
	}
}

/* ------------------------------------------------------------------ numbers and lists */

static void test_seconds(void **state)
{
	(void)state;
	assert_int_equal(directives_seconds(STR("0")), 0);
	assert_int_equal(directives_seconds(STR("000060")), 60000);
	assert_int_equal(directives_seconds(STR("2147483647")), POLICY_TIME_MAX - 1000);
	assert_int_equal(directives_seconds(STR("2147483648")), POLICY_TIME_MAX);
	assert_int_equal(directives_seconds(STR("18446744073709551616")), POLICY_TIME_MAX);
	assert_int_equal(directives_seconds(STR("")), 0);
	assert_int_equal(directives_seconds(STR(" 60")), 0);
	assert_int_equal(directives_seconds(STR("60 ")), 0);
	assert_int_equal(directives_seconds(STR("0x3c")), 0);
	assert_int_equal(directives_seconds(STR("+60")), 0);
	assert_int_equal(directives_seconds(STR("60.0")), 0);
}

static void test_withhold(void **state)
{
	struct directives d = {0};

	(void)state;
	assert_false(directives_withhold(&d, STR("a")));
	directives_add(&d, STR("no-cache=\" a,,X-B \", no-cache=c"));
	assert_true(directives_withhold(&d, STR("A")));
	assert_true(directives_withhold(&d, STR("x-b")));
	assert_true(directives_withhold(&d, STR("c")));
	assert_false(directives_withhold(&d, STR("x")));
	assert_false(directives_withhold(&d, STR("a,")));
	assert_false(directives_withhold(&d, STR("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cache_control), cmocka_unit_test(test_add),
	    cmocka_unit_test(test_targeted),      cmocka_unit_test(test_surrogate),
	    cmocka_unit_test(test_seconds),       cmocka_unit_test(test_withhold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
