/*
 * Fuzz: cache groups. Each line of the input is a line of the field.
 *
 * Promises that are checked: names are printable and within their length, there are no more of them
 * than commas allow, written out again they read the same, and a field that is none costs nothing.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "http/groups.h"

#define FIELD     STR("Cache-Groups")
#define LINES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_names(const struct str *v, size_t n, size_t size)
{
	CHECK(n <= size / 2);
	for (size_t i = 0; i < n; i++) {
		CHECK(v[i].n <= GROUP_LENGTH_MAX);
		for (size_t j = 0; j < v[i].n; j++)
			CHECK(v[i].p[j] >= 0x20 && v[i].p[j] <= 0x7e);
	}
}

/* As RFC 9651 section 4.1 writes a List of Strings; p has room. */
static size_t write_list(char *p, const struct str *v, size_t n)
{
	char *start = p;

	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			*p++ = ',';
		*p++ = '"';
		for (size_t j = 0; j < v[i].n; j++) {
			if (v[i].p[j] == '"' || v[i].p[j] == '\\')
				*p++ = '\\';
			*p++ = v[i].p[j];
		}
		*p++ = '"';
	}
	return (size_t)(p - start);
}

static void check_again(struct arena *a, const struct str *v, size_t n, size_t size)
{
	char *p = arena_alloc(a, size * 2 + 1);
	struct header line = {FIELD, {p, 0}};
	struct headers h = {&line, 1, 1};
	struct str *again;
	size_t n_again;

	CHECK(p);
	line.value.n = write_list(p, v, n);
	CHECK(line.value.n <= size * 2);
	CHECK(groups_read(&h, FIELD, a, &again, &n_again));
	CHECK(n_again == n);
	for (size_t i = 0; i < n; i++)
		CHECK(str_eq(again[i], v[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_make((const char *)data, size), line;
	struct header lines[LINES_MAX];
	struct headers h = {lines, 0, LINES_MAX};
	struct arena a;
	struct str *v;
	size_t n;

	while (h.n < LINES_MAX && str_split(&rest, '\n', &line))
		lines[h.n++] = (struct header){FIELD, line};
	arena_init(&a);
	CHECK(groups_read(&h, FIELD, &a, &v, &n));
	CHECK((n == 0) == (v == NULL));
	if (n == 0)
		CHECK(!a.blocks);
	check_names(v, n, size);
	if (n > 0)
		check_again(&a, v, n, size);
	arena_fini(&a);
	return 0;
}
