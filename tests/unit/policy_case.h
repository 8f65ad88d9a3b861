/*
 * What the tests of policy have in common: a line of their tables, and how it is
 * tried. Include it after cmocka.h.
 */
#ifndef FCGICACHE_UNIT_POLICY_CASE_H
#define FCGICACHE_UNIT_POLICY_CASE_H

#include "http/policy.h"

/* Sun, 06 Nov 1994 08:49:37 GMT, and a bit: dates are whole seconds, times are not. */
#define NOW INT64_C(784111777600)

#define S(n) (INT64_C(1000) * (n))
#define MAX  POLICY_TIME_MAX

#define ETAG          "ETag: \"a\"\n"
#define LAST_MODIFIED "Last-Modified: Sun, 06 Nov 1994 08:32:57 GMT\n"

struct policy_case {
	const char *head; /* fields, each ended by LF */
	struct policy_rule rule;
	enum reason reason; /* NONE: stored, as the times below say; else only age is asked */
	int64_t lifetime, age, grace, stale_if_error, keep;
	bool must_revalidate, no_cache, immutable, shared;
	int64_t took; /* ms from request to head */
	bool authorized, client_no_store, ranged;
};

static inline void fail_case(const struct policy_case *c, const struct policy_verdict *v,
			     const char *what)
{
	fail_msg("%s wrong: reason \"%s\" lifetime %lld age %lld grace %lld error %lld keep %lld "
		 "for\n%s",
		 what, reason_name(v->reason).p, (long long)v->lifetime, (long long)v->age,
		 (long long)v->grace, (long long)v->stale_if_error, (long long)v->keep, c->head);
}

/* fields: as in a case. */
static inline void parse_case(const char *fields, struct arena *a, struct cgi_head *head)
{
	struct str bytes;

	assert_true(arena_printf(a, &bytes, "%s\n", fields));
	if (cgi_head_parse(bytes, 65536, a, head) != HEAD_DONE)
		fail_msg("no head: %s", fields);
}

static inline void judge(const struct policy_case *c, struct policy_verdict *v)
{
	struct policy_request request = {c->authorized, c->client_no_store, c->ranged};
	struct cgi_head head;
	struct arena a;

	arena_init(&a);
	parse_case(c->head, &a, &head);
	policy_judge(&head, &c->rule, &request, NOW - c->took, NOW, v);
	arena_fini(&a);
}

static inline void check(const struct policy_case *c)
{
	struct policy_verdict v;

	judge(c, &v);
	if (v.reason != c->reason || v.store != (c->reason == REASON_NONE))
		fail_case(c, &v, "reason");
	if (v.lifetime != c->lifetime || v.age != c->age)
		fail_case(c, &v, "lifetime or age");
	if (v.grace != c->grace || v.stale_if_error != c->stale_if_error)
		fail_case(c, &v, "staleness");
	if (v.keep != c->keep || v.no_cache != c->no_cache)
		fail_case(c, &v, "keep or no_cache");
	if (v.immutable != c->immutable)
		fail_case(c, &v, "immutable");
	if (v.must_revalidate != c->must_revalidate)
		fail_case(c, &v, "must_revalidate");
	if (v.shared != c->shared)
		fail_case(c, &v, "shared");
}

#define CHECK_ALL(cases)                                                                           \
	do {                                                                                       \
		(void)state;                                                                       \
		for (size_t i = 0; i < ARRAY_LEN(cases); i++)                                      \
			check(&(cases)[i]);                                                        \
	} while (0)

#define STORED(seconds) .lifetime = S(seconds)
#define KEPT            .keep = POLICY_KEEP
#define CHECKED         KEPT, .no_cache = true, .must_revalidate = true
#define TTL(seconds)    .rule = {.ttl = S(seconds)}

#endif
