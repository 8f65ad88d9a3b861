/*
 * Fuzz: values of request headers in one spelling. The input is a name, a newline, and the value.
 *
 * Promises that are checked: what is in its normal spelling stays as it is, a value that does not
 * change is not copied, the order of languages and of codings does not matter, and the preferred
 * language is the first.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "http/vary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str normalise(struct arena *a, struct str name, struct str value)
{
	struct str out, again;

	CHECK(vary_normalise(a, name, value, &out));
	CHECK(out.p || str_eq(name, STR("accept-encoding")));
	CHECK(!str_eq(out, value) || out.p == value.p || out.n == 0);
	if (!out.p)
		return out;
	CHECK(vary_normalise(a, name, out, &again));
	CHECK(again.p == out.p && again.n == out.n);
	return out;
}

/* The elements in their opposite order, commas inside quotes not excepted. */
static struct str turn_round(struct arena *a, struct str value)
{
	char *p = arena_alloc(a, value.n);
	size_t end;

	CHECK(p);
	for (size_t start = 0; start < value.n; start = end + 1) {
		end = start + str_find(str_sub(value, start, value.n), ',');
		memcpy(p + value.n - end, value.p + start, end - start);
		if (end < value.n)
			p[value.n - 1 - end] = ',';
	}
	return str_make(p, value.n);
}

static void check_order(struct arena *a, struct str name, struct str value, struct str out)
{
	struct str round = turn_round(a, value), other = normalise(a, name, round);

	/* a value that is no list stays as it came, in either order */
	CHECK(str_eq(other, out) || (str_eq(out, value) && str_eq(other, round)));
	CHECK(str_eq(other, out) || str_eq(name, STR("accept-language")));
}

static void check_preferred(struct str out)
{
	struct str first = vary_preferred_language(out);

	if (first.n == 0)
		return;
	CHECK(first.p == out.p && first.n <= out.n);
	CHECK(first.n == out.n || out.p[first.n] == ',' || out.p[first.n] == ';');
	for (size_t i = 0; i < first.n; i++)
		CHECK(ascii_lower(first.p[i]) == first.p[i] && first.p[i] != '*');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = str_make((const char *)data, size);
	size_t end = str_find(input, '\n');
	struct str name = str_sub(input, 0, end), value = str_sub(input, end + 1, size);
	struct arena a;
	struct str out;

	arena_init(&a);
	out = normalise(&a, name, value.p ? value : STR(""));
	if (str_eq(name, STR("accept-language")) || str_eq(name, STR("accept-encoding")))
		check_order(&a, name, value, out);
	if (str_eq(name, STR("accept-language")))
		check_preferred(out);
	arena_fini(&a);
	return 0;
}
