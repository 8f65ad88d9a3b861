/*
 * Policy: what may be stored, and for how long it is fresh (RFC 9111, 5861, 9213). Pure: the
 * response's fields, the rule's lifetimes and `now` come in, a verdict goes out.
 */
#ifndef FCGICACHE_HTTP_POLICY_H
#define FCGICACHE_HTTP_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "http/headers.h"
#include "http/reason.h"

enum set_cookie_mode {
	SET_COOKIE_BYPASS, /* not stored */
	SET_COOKIE_STRIP,  /* stored without it; the one who asked gets it */
	SET_COOKIE_DROP,   /* stored without it, nobody gets it */
	SET_COOKIE_STORE,  /* stored and replayed */
};

enum override_mode { OVERRIDE_NO, OVERRIDE_YES, OVERRIDE_FORCE };

/* TTL by status: an exact code, or a class ("5xx": code 5). The exact one wins. */
struct status_ttl {
	int code;    /* 100..999, or 1..9 for a class */
	int64_t ttl; /* ms; 0: not stored */
};

/* The part of a rule that policy needs. */
struct policy_rule {
	int64_t ttl, grace, stale_if_error; /* ms */
	enum override_mode override;
	bool heuristic;
	const struct status_ttl *statuses; /* the "statuses" table; NULL: none given */
	size_t n_statuses;
	bool has_statuses;
	enum set_cookie_mode set_cookie;
};

/* What the request brings. */
struct policy_request {
	bool authorized;      /* Authorization or REMOTE_USER */
	bool client_no_store; /* Cache-Control: no-store of a client whose rule honours it */
};

struct policy_verdict {
	bool store;
	enum reason reason;     /* why not */
	int64_t age;            /* ms: corrected initial age (RFC 9111 section 4.2.3) */
	int64_t lifetime;       /* ms from birth (age 0): fresh while age < lifetime */
	int64_t grace;          /* ms after that, served stale while it is refreshed */
	int64_t stale_if_error; /* ms after lifetime */
	bool must_revalidate;   /* never stale, whatever the rule says */
	bool no_cache;          /* stored, but to be checked before each use */
	bool shared;            /* may answer Authorization (section 3.5), as may all with FORCE */
	/* which of the times come from the rule, not from the response */
	bool rule_lifetime, rule_grace, rule_error;
};

#define POLICY_TIME_MAX INT64_C(2147483648000) /* ms: 2^31 s, what larger numbers mean */

/*
 * head: the response; now_ms: when its head came; request_ms: when the request was sent (both of
 * clock_now_ms). Order of the questions, and so of the reasons: status and kind of response, what
 * the response forbids, who asked, lifetime.
 *  - 1xx, 206, Content-Range, 304: not stored. NPH: not stored.
 *  - no-store, private (with or without fields), Vary: *: not stored unless override is FORCE.
 *  - Set-Cookie by the rule's set_cookie (FORCE does not change it).
 *  - Authorization: RFC 9111 section 3.5 (public, s-maxage, must-revalidate allow it), or FORCE.
 *  - X-Accel-Redirect, X-Sendfile, X-Sendfile2, X-LIGHTTPD-send-file, X-LIGHTTPD-send-file2,
 *    X-Reproxy-URL: not stored unless override.
 *  - X-Accel-Buffering: no, text/event-stream: STREAM.
 *  - lifetime, the first that speaks: X-Accel-Expires (seconds, 0, @epoch), CDN-Cache-Control,
 *    Surrogate-Control (max-age), Cache-Control (s-maxage, max-age, no-cache), Expires, the rule
 *    (`statuses`, else `ttl` for 200, 203, 301, 308), heuristic. With override the rule's own
 *    comes first. Without an explicit lifetime a Pragma: no-cache counts as no-cache.
 *  - CDN-Cache-Control, if it is a valid structured field, stands in for all of Cache-Control,
 *    Expires and Pragma (RFC 9213 section 2.2): its no-store forbids, theirs does not count.
 *  - Against X-Accel-Expires and Surrogate-Control no-store and private of Cache-Control hold.
 *  - X-Accel-Expires of 0, or of a time that is over: not stored, even with a grace.
 *  - no-cache (with or without fields) is not stored in this version.
 *  - stale-while-revalidate and stale-if-error replace the rule's grace and stale_if_error, unless
 *    the rule's ttl overrides. must-revalidate, proxy-revalidate and s-maxage set must_revalidate;
 *    of them a rule that overrides is bound by the first two, with FORCE by none.
 *  - A lifetime that is over (max-age=0, Age) is stored as long as it may be served stale.
 *  - statuses that may be stored when the response itself gives a lifetime: the ones of RFC 9110
 *    section 15.1 that are heuristically cacheable plus 302, 307; 5xx, 401, 403 and other
 *    4xx only when `statuses` names them. A `statuses` entry of 0 forbids.
 *  - Broken numbers count as 0, too large ones as POLICY_TIME_MAX; two different max-age: the
 *    smaller.
 *  - The rule's ttl and X-Accel-Expires count from the arrival of the head: a page that takes
 *    longer than its ttl can be cached. The other lifetimes count the application's time as age.
 */
void policy_judge(const struct cgi_head *head, const struct policy_rule *rule,
		  const struct policy_request *request, int64_t request_ms, int64_t now_ms,
		  struct policy_verdict *verdict);

/* The rule's own TTL for a status: `statuses`, else `ttl` for 200, 203, 301, 308, else 0. ms. */
int64_t policy_rule_ttl(const struct policy_rule *rule, int status);

/*
 * Response fields that steer the cache and go no further: Cache-Tag, Surrogate-Control,
 * Surrogate-Key, X-Accel-Expires. (Never stored besides: hop-by-hop ones, Age, Set-Cookie as the
 * rule says.)
 */
bool policy_is_control(struct str name);

/*
 * The client's Cache-Control and Pragma (RFC 9111 sections 5.2.1 and 5.4). -1: not given. Pragma
 * counts when there is no Cache-Control.
 */
struct policy_client {
	bool no_store, no_cache, only_if_cached;
	int64_t max_age, min_fresh; /* ms */
	int64_t max_stale;          /* ms; POLICY_TIME_MAX when given without a value */
};
void policy_client_parse(struct str cache_control, struct str pragma, struct policy_client *out);

/* The application means it to be sent as it comes: text/event-stream, X-Accel-Buffering: no. */
bool policy_is_stream(const struct cgi_head *head);

#endif
