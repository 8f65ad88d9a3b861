/*
 * Lifetimes: how long a response is fresh, who says so, and how old it is when it comes (RFC 9111
 * sections 4.2.1 to 4.2.3). Pure. The part of policy that reads times; the contract is policy.h's.
 */
#ifndef FCGICACHE_HTTP_LIFETIME_H
#define FCGICACHE_HTTP_LIFETIME_H

#include <stdbool.h>
#include <stdint.h>

#include "http/directives.h"
#include "http/headers.h"

/* What is read of a response once, and asked about its lifetime. */
struct lifetime_matter {
	const struct cgi_head *head;
	int64_t now_ms;
	int64_t date_ms;  /* Date; now when it is missing or none (RFC 9110 section 6.6.1) */
	int64_t rule_ttl; /* ms: the rule's for this status; 0: it has none */
	bool overrides;   /* the rule's ttl comes before what the response says */
	bool heuristic;   /* the rule wants guesses, and the response may be guessed about */
	bool targeted;    /* control is of CDN-Cache-Control: Cache-Control, Expires, Pragma rest */
	struct directives control;
	struct directives surrogate;
};

/* What the first source that speaks has said; all zero when none did. */
struct lifetime {
	bool given;
	int64_t ms;        /* 0..POLICY_TIME_MAX */
	bool explicit;     /* the response itself gives a time, were it 0 (RFC 9111 section 3) */
	bool no_cache;     /* to be checked before each use; ms is what stands beside it, or 0 */
	bool refused;      /* it wants the page not stored, whatever the grace */
	bool by_rule;      /* the rule's own ttl */
	bool from_arrival; /* what the application took to answer does not count as age */
};

/* Reads head; sets all but rule_ttl, overrides and heuristic. */
void lifetime_read(struct lifetime_matter *m, const struct cgi_head *head, int64_t now_ms);
/* Asks the sources in their order. */
struct lifetime lifetime_find(const struct lifetime_matter *m);
/* corrected_initial_age (RFC 9111 section 4.2.3), 0..POLICY_TIME_MAX; response_delay_ms likewise */
int64_t lifetime_age(const struct lifetime_matter *m, int64_t response_delay_ms);

/* ms from one time to a later one, clipped to 0..POLICY_TIME_MAX. */
int64_t lifetime_span(int64_t from_ms, int64_t to_ms);

#endif
