/*
 * Statuses: which are stored without being named, by the rule's table, by RFC 9111's own reading
 * ("heuristic"), and as a part of a page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy_case.h"

static const struct status_ttl statuses[] = {
    {404, S(30)}, {410, 0}, {503, S(5)}, {5, S(2)}, {3, 0}, {301, S(60)},
};
static const struct status_ttl redirects[] = {{3, S(5)}};
static const struct status_ttl refusals[] = {{4, S(5)}};
#define STATUSES .statuses = statuses, .n_statuses = ARRAY_LEN(statuses)

static void test_statuses_with_max_age(void **state)
{
	static const short stored[] = {200, 203, 204, 300, 301, 302, 307, 308, 404, 405, 410, 414};
	char head[64];

	(void)state;
	for (int status = 200; status <= 999; status++) {
		struct policy_case c = {.head = head, .reason = REASON_STATUS};

		snprintf(head, sizeof(head), "Status: %d\nCache-Control: max-age=60\n", status);
		for (size_t i = 0; i < ARRAY_LEN(stored); i++) {
			if (stored[i] == status) {
				c.reason = REASON_NONE;
				c.lifetime = S(60);
			}
		}
		if (status == 206)
			c.reason = REASON_PARTIAL;
		check(&c);
	}
}

static void test_statuses_with_ttl(void **state)
{
	char head[32];

	(void)state;
	for (int status = 200; status <= 599; status++) {
		struct policy_case c = {.head = head, TTL(10)}, explicit = {.head = head};
		struct policy_verdict v;

		snprintf(head, sizeof(head), "Status: %d\n", status);
		judge(&c, &v);
		assert_int_equal(v.store,
				 status == 200 || status == 203 || status == 301 || status == 308);
		judge(&explicit, &v);
		assert_false(v.store);
	}
}

static const struct policy_case status_cases[] = {
    {"Status: 200\n", TTL(10), STORED(10)},
    {"Status: 404\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Status: 302\nLocation: /\n", TTL(10), .reason = REASON_NO_LIFETIME},
    {"Status: 500\n", TTL(10), .reason = REASON_STATUS},
    /* the table of the rule */
    {"Status: 404\n", .rule = {STATUSES}, STORED(30)},
    {"Status: 503\n", .rule = {STATUSES}, STORED(5)},
    {"Status: 500\n", .rule = {STATUSES}, STORED(2)},
    {"Status: 599\n", .rule = {STATUSES}, STORED(2)},
    {"Status: 301\n", .rule = {STATUSES}, STORED(60)},
    {"Status: 200\n", .rule = {STATUSES}, .reason = REASON_NO_LIFETIME},
    {"Status: 200\n", .rule = {.ttl = S(10), STATUSES}, STORED(10)},
    {"Status: 203\n", .rule = {.ttl = S(10), STATUSES}, STORED(10)},
    {"Status: 404\n", .rule = {.ttl = S(10), STATUSES}, STORED(30)},
    {"Status: 403\n", .rule = {STATUSES}, .reason = REASON_STATUS},
    /* 0 forbids, whatever the response says */
    {"Status: 410\nCache-Control: max-age=60\n", .rule = {STATUSES}, .reason = REASON_STATUS},
    {"Status: 308\nCache-Control: max-age=60\n", .rule = {.ttl = S(10), STATUSES},
     .reason = REASON_STATUS},
    /* a status that is named obeys the response's lifetime */
    {"Status: 503\nCache-Control: max-age=1\n", .rule = {STATUSES}, STORED(1)},
    {"Status: 503\nCache-Control: no-store\n", .rule = {STATUSES}, .reason = REASON_NO_STORE},
    /* never */
    {"Status: 206\nCache-Control: max-age=60\n", TTL(10), .reason = REASON_PARTIAL},
    {"Status: 304\nCache-Control: max-age=60\n", TTL(10), .reason = REASON_STATUS},
    {"Status: 304\n", .rule = {.statuses = redirects, .n_statuses = 1}, .reason = REASON_STATUS},
    {"Status: 303\n", .rule = {.statuses = redirects, .n_statuses = 1}, STORED(5)},
    {"Status: 416\n", .rule = {.statuses = refusals, .n_statuses = 1}, .reason = REASON_STATUS},
    {"Status: 417\n", .rule = {.statuses = refusals, .n_statuses = 1}, STORED(5)},
};

static void test_statuses(void **state)
{
	CHECK_ALL(status_cases);
}

/* RFC 9111 section 3: with "heuristic" a time of its own, or public, makes any status storable. */
static void test_statuses_of_the_rfc(void **state)
{
	char head[64];

	(void)state;
	for (int status = 200; status <= 999; status++) {
		struct policy_case c = {.head = head, .rule = {.heuristic = true}, STORED(60)};

		snprintf(head, sizeof(head), "Status: %d\nCache-Control: max-age=60\n", status);
		if (status == 206 || status == 304 || status == 416 || status > 599) {
			c.reason = status == 206 ? REASON_PARTIAL : REASON_STATUS;
			c.lifetime = 0;
		}
		check(&c);
	}
}

#define WIDE .rule = {.heuristic = true}

static const struct policy_case wide_cases[] = {
    /* who gives a time */
    {"Status: 500\nCache-Control: max-age=60\n", WIDE, STORED(60)},
    {"Status: 500\nCache-Control: s-maxage=60\n", WIDE, STORED(60), .must_revalidate = true,
     .shared = true},
    {"Status: 500\nX-Accel-Expires: 60\n", WIDE, STORED(60)},
    {"Status: 500\nCDN-Cache-Control: max-age=60\n", WIDE, STORED(60)},
    {"Status: 500\nSurrogate-Control: max-age=60\n", WIDE, STORED(60)},
    {"Status: 500\nDate: Sun, 06 Nov 1994 08:49:37 GMT\n"
     "Expires: Sun, 06 Nov 1994 08:50:37 GMT\n",
     WIDE, STORED(60)},
    {"Status: 599\nCache-Control: no-cache, max-age=60\nETag: \"a\"\n", WIDE, STORED(60), CHECKED},
    {"Status: 599\nCache-Control: no-cache, public\nETag: \"a\"\n", WIDE, CHECKED, .shared = true},
    /* and who does not */
    {"Status: 500\nA: b\n", WIDE, .reason = REASON_STATUS},
    {"Status: 500\n", .rule = {.heuristic = true, .ttl = S(10)}, .reason = REASON_STATUS},
    {"Status: 599\nCache-Control: no-cache\nETag: \"a\"\n", WIDE, .reason = REASON_STATUS},
    {"Status: 599\nPragma: no-cache\nETag: \"a\"\n", WIDE, .reason = REASON_STATUS},
    {"Status: 599\nCache-Control: stale-if-error=60\n", WIDE, .reason = REASON_STATUS},
    /* the rest holds */
    {"Status: 599\nCache-Control: max-age=0\n", WIDE, .reason = REASON_NO_LIFETIME},
    {"Status: 599\nCache-Control: public\n", WIDE, .reason = REASON_NO_LIFETIME, .shared = false},
    {"Status: 599\nX-Accel-Expires: 0\n", WIDE, .reason = REASON_NO_LIFETIME},
    {"Status: 599\nCache-Control: no-store, max-age=60\n", WIDE, .reason = REASON_NO_STORE},
    {"Status: 599\nCache-Control: private, max-age=60\n", WIDE, .reason = REASON_PRIVATE},
    /* `statuses` comes first */
    {"Status: 410\nCache-Control: max-age=60\n", .rule = {.heuristic = true, STATUSES},
     .reason = REASON_STATUS},
    {"Status: 307\nCache-Control: max-age=60\n", .rule = {.heuristic = true, STATUSES},
     .reason = REASON_STATUS},
    {"Status: 503\n", .rule = {.heuristic = true, STATUSES}, STORED(5)},
    {"Status: 418\nCache-Control: max-age=60\n", .rule = {.heuristic = true, STATUSES}, STORED(60)},
    /* without "heuristic" 5xx have to be named, 501 too */
    {"Status: 501\nCache-Control: max-age=60\n", .reason = REASON_STATUS},
    {"Status: 501\nCache-Control: max-age=60\n", .rule = {STATUSES}, STORED(60)},
    {"Status: 500\nCache-Control: public, max-age=60\n", .reason = REASON_STATUS},
};

static void test_wide_statuses(void **state)
{
	CHECK_ALL(wide_cases);
}

/* RFC 9111 section 5.2.2.3 */
static const struct policy_case understood_cases[] = {
    {"Cache-Control: must-understand, no-store, max-age=60\n", STORED(60)},
    {"Cache-Control: no-store, Must-Understand, max-age=60\n", STORED(60)},
    {"Cache-Control: no-store\nCache-Control: must-understand, max-age=60\n", STORED(60)},
    {"CDN-Cache-Control: must-understand, no-store, max-age=60\n", STORED(60)},
    {"Status: 302\nCache-Control: must-understand, no-store, max-age=60\n", STORED(60)},
    {"Cache-Control: must-understand, max-age=60\n", STORED(60)},
    {"Cache-Control: must-understand, no-store\n", .reason = REASON_NO_LIFETIME},
    /* what else forbids still does */
    {"Cache-Control: must-understand, no-store, private, max-age=60\n", .reason = REASON_PRIVATE},
    {"Cache-Control: must-understand, no-store, max-age=60\n", .authorized = true,
     .reason = REASON_AUTHORIZATION},
    {"Cache-Control: must-understand, max-age=60\nSurrogate-Control: no-store\n",
     .reason = REASON_NO_STORE},
    {"Cache-Control: must-understand, max-age=60\nCDN-Cache-Control: no-store\n",
     .reason = REASON_NO_STORE},
    {"Surrogate-Control: must-understand\nCache-Control: no-store, max-age=60\n",
     .reason = REASON_NO_STORE},
    /* a status that is not understood, by whatever else it might be stored */
    {"Status: 299\nCache-Control: must-understand, max-age=60\n", WIDE, .reason = REASON_STATUS},
    {"Status: 599\nCache-Control: must-understand, no-store, max-age=60\n", WIDE,
     .reason = REASON_STATUS},
    {"Status: 503\nCache-Control: must-understand\n", .rule = {STATUSES}, .reason = REASON_STATUS},
    {"Status: 503\nCache-Control: must-understand\n",
     .rule = {STATUSES, .override = OVERRIDE_FORCE}, STORED(5), .shared = true},
    {"Status: 501\nCache-Control: must-understand, no-store, max-age=60\n", WIDE, STORED(60)},
    /* in its proper form only */
    {"Cache-Control: must-understand;, no-store, max-age=60\n", .reason = REASON_NO_STORE},
    {"Cache-Control: \"must-understand\", no-store, max-age=60\n", .reason = REASON_NO_STORE},
    {"Cache-Control: ext=\"must-understand\", no-store, max-age=60\n", .reason = REASON_NO_STORE},
    {"CDN-Cache-Control: must-understand=1, no-store, max-age=60\n", .reason = REASON_NO_STORE},
};

static void test_must_understand(void **state)
{
	CHECK_ALL(understood_cases);
}

static const struct status_ttl no_parts[] = {{206, 0}, {200, S(30)}};
static const struct status_ttl no_success[] = {{2, 0}};
static const struct status_ttl no_page[] = {{200, 0}};
static const struct status_ttl parts[] = {{206, S(7)}, {2, S(8)}, {200, S(9)}};
static const struct status_ttl pages[] = {{200, S(9)}, {4, 0}};
#define TABLE(t) .rule = {.ttl = S(10), .statuses = (t), .n_statuses = ARRAY_LEN(t)}
#define PART     "Status: 206\nContent-Range: bytes 0-4/10\n"

/* RFC 9111 section 3.3, RFC 9110 sections 14.4 and 15.3.7 */
static const struct policy_case part_cases[] = {
    /* an answer to the client's Range: as a 200 would be */
    {PART "Cache-Control: max-age=60\n", .ranged = true, STORED(60)},
    {PART, TTL(10), .ranged = true, STORED(10)},
    {PART, .ranged = true, .reason = REASON_NO_LIFETIME},
    {PART "Cache-Control: no-store\n", TTL(10), .ranged = true, .reason = REASON_NO_STORE},
    {PART "Cache-Control: no-cache\nETag: \"a\"\n", .ranged = true, CHECKED},
    {PART "Set-Cookie: a\n", TTL(10), .ranged = true, .reason = REASON_SET_COOKIE},
    {PART "Date: Sun, 06 Nov 1994 08:49:37 GMT\nLast-Modified: Sun, 06 Nov 1994 08:32:57 GMT\n",
     WIDE, .ranged = true, STORED(100), KEPT},
    {PART, .rule = {.ttl = S(9), .override = OVERRIDE_YES}, .ranged = true, STORED(9)},
    {"Status: 206\nContent-Range: Bytes 4-9/10\n", TTL(10), .ranged = true, STORED(10)},
    /* the table: its own entry, its class's, that of the whole */
    {PART, TABLE(parts), .ranged = true, STORED(7)},
    {PART, TABLE(pages), .ranged = true, STORED(9)},
    {PART "Cache-Control: max-age=60\n", TABLE(no_parts), .ranged = true, .reason = REASON_STATUS},
    {PART "Cache-Control: max-age=60\n", TABLE(no_success), .ranged = true,
     .reason = REASON_STATUS},
    {PART "Cache-Control: max-age=60\n", TABLE(no_page), .ranged = true, .reason = REASON_STATUS},
    /* nobody asked for it */
    {PART "Cache-Control: max-age=60\n", TTL(10), .reason = REASON_PARTIAL},
    {PART, .rule = {.ttl = S(9), .override = OVERRIDE_FORCE}, .reason = REASON_PARTIAL},
    /* which part it is does not become clear */
    {"Status: 206\n", TTL(10), .ranged = true, .reason = REASON_PARTIAL},
    {"Status: 206\nContent-Type: multipart/byteranges; boundary=x\n", TTL(10), .ranged = true,
     .reason = REASON_PARTIAL},
    {PART "Content-Range: bytes 0-4/10\n", TTL(10), .ranged = true, .reason = REASON_PARTIAL},
    {"Status: 206\nContent-Range: bytes 0-4/*\n", TTL(10), .ranged = true,
     .reason = REASON_PARTIAL},
    {"Status: 206\nContent-Range: bytes */10\n", TTL(10), .ranged = true, .reason = REASON_PARTIAL},
    {"Status: 206\nContent-Range: bytes 0-10/10\n", TTL(10), .ranged = true,
     .reason = REASON_PARTIAL},
    {"Status: 206\nContent-Range: bytes 4-0/10\n", TTL(10), .ranged = true,
     .reason = REASON_PARTIAL},
    {"Status: 206\nContent-Range: lines 0-4/10\n", TTL(10), .ranged = true,
     .reason = REASON_PARTIAL},
    {"Status: 206\nContent-Range:\n", TTL(10), .ranged = true, .reason = REASON_PARTIAL},
    /* the whole after all */
    {"Cache-Control: max-age=60\n", .ranged = true, STORED(60)},
    /* on it Content-Range means nothing; or it is a mistake, of whatever */
    {"Content-Range: bytes 0-1/2\nCache-Control: max-age=60\n", WIDE, STORED(60)},
    {"Content-Range: bytes 0-1/2\nCache-Control: max-age=60\n", WIDE, .ranged = true, STORED(60)},
    {"Status: 404\nContent-Range: nonsense\nCache-Control: max-age=60\n", WIDE, STORED(60)},
    {"Content-Range: bytes 0-1/2\nCache-Control: max-age=60\n", .reason = REASON_PARTIAL},
    {"Content-Range: bytes 0-1/2\nCache-Control: max-age=60\n", .ranged = true,
     .reason = REASON_PARTIAL},
    {"content-range:\nCache-Control: max-age=60\n", TTL(10), .reason = REASON_PARTIAL},
    {"Content-Range: bytes 0-1/2\n", .rule = {.ttl = S(9), .override = OVERRIDE_FORCE},
     .reason = REASON_PARTIAL},
    {"Status: 404\nContent-Range: nonsense\nCache-Control: max-age=60\n", .reason = REASON_PARTIAL},
    {"Status: 500\nContent-Range: bytes */10\n", TTL(10), .reason = REASON_PARTIAL},
    {"Content-Range: bytes 0-1/2\nCache-Control: no-store\n", TTL(10), .reason = REASON_PARTIAL},
    {"Status: 416\nContent-Range: bytes */10\nCache-Control: max-age=60\n", .ranged = true,
     .reason = REASON_STATUS},
    {"Status: 416\nContent-Range: bytes */10\nCache-Control: max-age=60\n", WIDE, .ranged = true,
     .reason = REASON_STATUS},
};

static void test_parts(void **state)
{
	CHECK_ALL(part_cases);
}

static void test_rule_ttl(void **state)
{
	const struct policy_rule rule = {.ttl = S(10), STATUSES};
	const struct policy_rule part_rule = {.statuses = parts, .n_statuses = ARRAY_LEN(parts)};
	const struct policy_rule page_rule = {.statuses = pages, .n_statuses = ARRAY_LEN(pages)};

	(void)state;
	assert_int_equal(policy_rule_ttl(&rule, 200), S(10));
	assert_int_equal(policy_rule_ttl(&rule, 404), S(30));
	assert_int_equal(policy_rule_ttl(&rule, 503), S(5));
	assert_int_equal(policy_rule_ttl(&rule, 502), S(2));
	assert_int_equal(policy_rule_ttl(&rule, 308), 0);
	assert_int_equal(policy_rule_ttl(&rule, 204), 0);
	assert_int_equal(policy_rule_ttl(&rule, 410), 0);
	assert_int_equal(policy_rule_ttl(&rule, 501), S(2));
	assert_int_equal(policy_rule_ttl(&rule, 206), S(10));
	assert_int_equal(policy_rule_ttl(&part_rule, 206), S(7));
	assert_int_equal(policy_rule_ttl(&page_rule, 206), S(9));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_statuses_with_max_age),
	    cmocka_unit_test(test_statuses_with_ttl),
	    cmocka_unit_test(test_statuses),
	    cmocka_unit_test(test_statuses_of_the_rfc),
	    cmocka_unit_test(test_wide_statuses),
	    cmocka_unit_test(test_must_understand),
	    cmocka_unit_test(test_parts),
	    cmocka_unit_test(test_rule_ttl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
