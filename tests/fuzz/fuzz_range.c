/*
 * Fuzz: a value of Range, on the next line one of Content-Range, then a Content-Type.
 *
 * Promises that are checked: ranges lie within the length, neither overlap nor touch, and hold
 * exactly the bytes that their members hold one by one; a multipart body is as long as it says, and
 * reads back as what was asked for.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "http/headers.h"
#include "http/range.h"

#define PAGE_MAX 1000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char page[PAGE_MAX];

static void check_ranges(const struct range *v, size_t n, uint64_t length)
{
	CHECK(n >= 1 && n <= RANGES_MAX);
	for (size_t i = 0; i < n; i++) {
		CHECK(v[i].first <= v[i].last && v[i].last < length);
		for (size_t k = 0; k < i; k++)
			CHECK(v[i].first > v[k].last + 1 || v[k].first > v[i].last + 1);
	}
	if (n > 1)
		CHECK(v[0].first > 0 || v[0].last < length - 1);
}

static void mark(bool *bytes, const struct range *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		memset(bytes + v[i].first, true, v[i].last - v[i].first + 1);
}

/* The bytes of all members, each asked for alone. False: the value is not one that counts. */
static bool mark_members(struct arena *a, struct str value, size_t length, bool *bytes, size_t *n)
{
	struct str rest = str_trim(value), element, alone;
	struct range v[RANGES_MAX];
	size_t parts;

	*n = 0;
	if (!str_istarts(rest, STR("bytes=")))
		return false;
	rest = str_sub(rest, 6, rest.n);
	while (list_next(&rest, &element)) {
		CHECK(arena_printf(a, &alone, "bytes=%.*s", STR_ARG(element)));
		if (range_parse(alone, length, v, &parts) == RANGE_WHOLE || ++*n > RANGES_MAX)
			return false;
		mark(bytes, v, parts);
	}
	return *n > 0;
}

static void check_members(struct str value, size_t length)
{
	bool asked[PAGE_MAX] = {false}, given[PAGE_MAX] = {false};
	struct range v[RANGES_MAX];
	enum range_answer answer;
	size_t n, members;
	struct arena a;

	CHECK(length > 0 && length <= PAGE_MAX);
	arena_init(&a);
	answer = range_parse(value, length, v, &n);
	if (mark_members(&a, value, length, asked, &members)) {
		if (answer == RANGE_WHOLE) {
			CHECK(members > 1);
			memset(given, true, length);
		}
		mark(given, v, n);
		CHECK(memcmp(asked, given, sizeof(asked)) == 0);
	} else {
		CHECK(answer == RANGE_WHOLE);
	}
	arena_fini(&a);
}

/* ------------------------------------------------------------------ multipart */

static void expect(struct str *rest, struct str wanted)
{
	CHECK(str_starts(*rest, wanted));
	*rest = str_sub(*rest, wanted.n, rest->n);
}

/* Reads one part off the front as its client would. */
static void read_part(struct str *rest, struct str boundary, struct str type, const struct range *r,
		      size_t length)
{
	struct content_range said;
	size_t n = r->last - r->first + 1;
	struct str line;

	expect(rest, STR("--"));
	expect(rest, boundary);
	expect(rest, STR("\r\n"));
	if (type.n > 0) {
		expect(rest, STR("Content-Type: "));
		expect(rest, type);
		expect(rest, STR("\r\n"));
	}
	expect(rest, STR("Content-Range: "));
	CHECK(str_split(rest, '\r', &line));
	CHECK(range_parse_content(line, &said));
	CHECK(said.range.first == r->first && said.range.last == r->last);
	CHECK(said.complete == length);
	expect(rest, STR("\n\r\n"));
	expect(rest, str_make(page + r->first, n));
	expect(rest, STR("\r\n"));
}

static void check_multipart(const struct range *v, size_t n, size_t length, struct str type)
{
	struct str *slices, boundary = STR("3d6b6a416f9b5"), rest;
	struct buf all = {0};
	uint64_t said;
	struct arena a;
	size_t n_slices;

	arena_init(&a);
	CHECK(range_multipart(&a, v, n, str_make(page, length), type, boundary, &slices, &n_slices,
			      &said));
	for (size_t i = 0; i < n_slices; i++)
		CHECK(buf_add_str(&all, slices[i]));
	CHECK(all.n == said);
	rest = buf_str(&all);
	for (size_t i = 0; i < n; i++)
		read_part(&rest, boundary, type, &v[i], length);
	expect(&rest, STR("--"));
	expect(&rest, boundary);
	CHECK(str_eq(rest, STR("--\r\n")));
	buf_fini(&all);
	arena_fini(&a);
}

/* ------------------------------------------------------------------ an input */

static void run(struct str value, uint64_t length, struct str type)
{
	struct range v[RANGES_MAX];
	size_t n;

	if (range_parse(value, length, v, &n) == RANGE_SOME) {
		check_ranges(v, n, length);
		if (length <= PAGE_MAX)
			check_multipart(v, n, length, type);
	} else {
		CHECK(n == 0);
	}
	if (length > 0 && length <= PAGE_MAX)
		check_members(value, length);
}

static void check_content(struct str value, struct str range, struct str type)
{
	struct content_range c;

	if (!range_parse_content(value, &c))
		return;
	CHECK(c.range.first <= c.range.last && c.range.last < c.complete);
	run(range, c.complete, type);
}

/* A value has no NUL (headers.h), and what is printed as one must not have it either. */
static struct str without_nul(struct str s)
{
	return str_sub(s, 0, str_find(s, '\0'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t lengths[] = {0, 1, 10, PAGE_MAX, UINT64_C(1) << 32, UINT64_MAX};
	struct str rest = str_make((const char *)data, size);
	struct str range = {0}, content = {0}, type;

	for (size_t i = 0; i < PAGE_MAX; i++)
		page[i] = (char)('a' + i % 26);
	(void)str_split(&rest, '\n', &range);
	(void)str_split(&rest, '\n', &content);
	type = without_nul(rest);
	range = without_nul(range);
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++)
		run(range, lengths[i], type);
	check_content(content, range, type);
	return 0;
}
