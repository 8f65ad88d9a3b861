/*
 * Fuzz: the head of a CGI response, and the policy's verdict on what it says.
 *
 * Promises that are checked: the slices lie in the input, a value holds no control byte, a head is
 * the same however its bytes trickle in, and a verdict's times are in their range.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "http/headers.h"
#include "http/policy.h"

#define TRICKLE_MAX 1024 /* bytes given one by one; more would take time without telling more */
#define NOW         INT64_C(784111777600)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_slice(struct str bytes, struct str slice)
{
	if (slice.n == 0)
		return;
	CHECK(slice.p >= bytes.p && slice.n <= bytes.n);
	CHECK((size_t)(slice.p - bytes.p) <= bytes.n - slice.n);
	for (size_t i = 0; i < slice.n; i++) {
		unsigned char c = (unsigned char)slice.p[i];

		CHECK((c >= 0x20 || c == '\t') && c != 0x7f);
	}
	CHECK(str_eq(str_trim(slice), slice));
}

static void check_done(struct str bytes, size_t max, const struct cgi_head *head)
{
	size_t lengths = 0;

	CHECK(head->length > 0 && head->length <= bytes.n && head->length <= max);
	CHECK(bytes.p[head->length - 1] == '\n');
	CHECK(head->status >= 200 && head->status <= 999);
	CHECK(head->dropped >= 0 && head->dropped <= HEADS_DROPPED_MAX);
	CHECK(head->headers.n <= HEADERS_MAX);
	check_slice(bytes, head->phrase);
	for (size_t i = 0; i < head->headers.n; i++) {
		const struct header *field = &head->headers.v[i];

		check_slice(bytes, field->name);
		check_slice(bytes, field->value);
		CHECK(http_is_token(field->name));
		CHECK(!str_ieq(field->name, STR("Status")));
		CHECK(!str_ieq(field->name, STR("Transfer-Encoding")));
		lengths += str_ieq(field->name, STR("Content-Length"));
	}
	CHECK(lengths == head->has_content_length);
}

static void check_same(const struct cgi_head *a, const struct cgi_head *b)
{
	CHECK(a->length == b->length && a->status == b->status && a->dropped == b->dropped);
	CHECK(a->nph == b->nph && a->has_status == b->has_status);
	CHECK(str_eq(a->phrase, b->phrase) && a->headers.n == b->headers.n);
	for (size_t i = 0; i < a->headers.n; i++) {
		CHECK(str_eq(a->headers.v[i].name, b->headers.v[i].name));
		CHECK(str_eq(a->headers.v[i].value, b->headers.v[i].value));
	}
}

/* Byte by byte the result is MORE until it is what it is for the whole. */
static void check_trickle(struct str bytes, size_t max, enum head_result whole,
			  const struct cgi_head *whole_head)
{
	enum head_result result = HEAD_MORE;
	struct cgi_head head;
	struct arena a;
	size_t seen = 0;

	arena_init(&a);
	for (size_t n = 0; n <= bytes.n && result == HEAD_MORE; n++) {
		struct str part = str_sub(bytes, 0, n);
		bool ends = cgi_head_ends(part, &seen);

		CHECK(seen == n);
		result = cgi_head_parse(part, max, &a, &head);
		CHECK(result == HEAD_MORE || ends || n > max);
		if (result == HEAD_DONE)
			CHECK(head.length == n);
	}
	CHECK(result == whole);
	if (result == HEAD_DONE)
		check_same(&head, whole_head);
	arena_fini(&a);
}

static void check_verdict(const struct policy_verdict *v)
{
	CHECK(v->store == (v->reason == REASON_NONE));
	CHECK(v->lifetime >= 0 && v->lifetime <= POLICY_TIME_MAX);
	CHECK(v->age >= 0 && v->age <= POLICY_TIME_MAX);
	CHECK(v->grace >= 0 && v->grace <= POLICY_TIME_MAX);
	CHECK(v->stale_if_error >= 0 && v->stale_if_error <= POLICY_TIME_MAX);
	CHECK(!v->must_revalidate || (v->grace == 0 && v->stale_if_error == 0));
	if (v->store)
		CHECK(v->age < v->lifetime + v->grace + v->stale_if_error + v->keep);
}

static void judge(const struct cgi_head *head)
{
	static const struct status_ttl statuses[] = {{404, 1000}, {5, 2000}, {2, 0}};
	static const struct policy_rule rules[] = {
	    {.override = OVERRIDE_NO},
	    {.ttl = 10000, .grace = 20000, .heuristic = true, .set_cookie = SET_COOKIE_DROP},
	    {.ttl = 10000, .stale_if_error = 30000, .override = OVERRIDE_YES},
	    {.ttl = 10000, .override = OVERRIDE_FORCE, .set_cookie = SET_COOKIE_STORE},
	    {.statuses = statuses, .n_statuses = ARRAY_LEN(statuses)},
	};
	struct policy_verdict v;

	for (size_t i = 0; i < ARRAY_LEN(rules) * 2; i++) {
		struct policy_request request = {.authorized = i % 2, .ranged = i % 3 == 0};

		policy_judge(head, &rules[i / 2], &request, NOW - 50, NOW, &v);
		check_verdict(&v);
	}
}

static void run(struct str bytes, size_t max)
{
	struct cgi_head head;
	enum head_result result;
	struct arena a;

	arena_init(&a);
	result = cgi_head_parse(bytes, max, &a, &head);
	if (result == HEAD_DONE) {
		check_done(bytes, max, &head);
		judge(&head);
	} else {
		CHECK(a.blocks == NULL);
		CHECK(result != HEAD_BAD || head.error);
	}
	if (bytes.n <= TRICKLE_MAX)
		check_trickle(bytes, max, result, &head);
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = str_make((const char *)data, size);

	run(bytes, 65536);
	run(bytes, 200);
	return 0;
}
