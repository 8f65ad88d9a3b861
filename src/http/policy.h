/*
 * Policy: what may be stored, and for how long it is fresh (RFC 9111, 5861, 9213). Pure: the
 * response's fields, the rule's lifetimes and `now` come in, a verdict goes out.
 */
#ifndef FCGICACHE_HTTP_POLICY_H
#define FCGICACHE_HTTP_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "http/directives.h"
#include "http/headers.h"
#include "http/reason.h"

enum set_cookie_mode {
	SET_COOKIE_BYPASS, /* not stored */
	SET_COOKIE_STRIP,  /* stored without it; the one who asked gets it */
	SET_COOKIE_DROP,   /* stored without it, nobody gets it */
	SET_COOKIE_STORE,  /* stored and replayed */
};

enum override_mode { OVERRIDE_NO, OVERRIDE_YES, OVERRIDE_FORCE };

/* When a stored page is checked with the application: once it is stale, or before each use. */
enum validate_mode { VALIDATE_STALE, VALIDATE_ALWAYS };

/* TTL by status: an exact code, or a class ("5xx": code 5). The exact one wins. */
struct status_ttl {
	int code;    /* 100..999, or 1..9 for a class */
	int64_t ttl; /* ms; 0: not stored */
};

/* The part of a rule that policy needs. */
struct policy_rule {
	int64_t ttl, grace, stale_if_error; /* ms */
	enum override_mode override;
	bool heuristic; /* RFC 9111's own reading: guesses, and statuses that nobody named */
	enum validate_mode validate;
	const struct status_ttl *statuses; /* the "statuses" table; NULL: none given */
	size_t n_statuses;
	enum set_cookie_mode set_cookie;
};

/* What the request brings. */
struct policy_request {
	bool authorized;      /* Authorization or REMOTE_USER */
	bool client_no_store; /* Cache-Control: no-store of a client whose rule honours it */
	bool ranged;          /* its Range reached the application: a 206 is an answer to it */
};

/* Without store all but reason and age is zero. */
struct policy_verdict {
	bool store;
	enum reason reason;     /* why not */
	int64_t age;            /* ms: corrected initial age (RFC 9111 section 4.2.3) */
	int64_t lifetime;       /* ms from birth (age 0): fresh while age < lifetime */
	int64_t grace;          /* ms after that, served stale while it is refreshed */
	int64_t stale_if_error; /* ms after lifetime */
	int64_t keep;         /* ms after lifetime, kept to be checked; 0: nothing to check it by */
	bool must_revalidate; /* never stale, whatever the rule says */
	bool no_cache;        /* stored, but to be checked before each use */
	bool immutable;       /* RFC 8246: while it is fresh there is nothing to check */
	bool shared;          /* may answer Authorization (section 3.5), as may all with FORCE */
	/* which of the times come from the rule, not from the response */
	bool rule_lifetime, rule_grace, rule_error;
};

#define POLICY_TIME_MAX INT64_C(2147483648000) /* ms: 2^31 s, what larger numbers mean */
#define POLICY_KEEP     INT64_C(86400000)      /* ms: a day */

/*
 * head: the response; now_ms: when its head came; request_ms: when the request was sent (both of
 * clock_now_ms). Order of the questions, and so of the reasons: status and kind of response, what
 * the response forbids, who asked, lifetime. Sections are RFC 9111's where no RFC is named.
 *
 * What it is
 *  - 1xx, 304, 416: not stored (3, 3.2). NPH: not stored.
 *  - 206: not stored, unless the request is ranged and the response has one Content-Range, valid
 *    and of a known length (3.3): then it is judged as a 200 would be, with the entry 206, 2xx or
 *    200 of `statuses`, and the caller stores it as a part. On another status Content-Range means
 *    nothing (RFC 9110 section 14.4), but may be a mistake: stored only with heuristic.
 *  - Stored when they have a lifetime: the statuses that are heuristically cacheable (RFC 9110
 *    section 15.1) but 501, and 302, 307. Others, 5xx among them, when `statuses` names them. With
 *    heuristic also 501, and any of 200..599 if the response gives a time itself or is public (3).
 *    A `statuses` entry of 0 forbids.
 *  - X-Accel-Redirect, X-Sendfile, X-Sendfile2, X-LIGHTTPD-send-file, X-LIGHTTPD-send-file2,
 *    X-Reproxy-URL: not stored unless override.
 *  - X-Accel-Buffering: no, text/event-stream: STREAM.
 *
 * What it forbids
 *  - must-understand (5.2.2.3): not stored with a status that is not understood, named or not,
 *    unless override is FORCE. With one that is, no-store of the same field does not count.
 *    Understood are the heuristically cacheable ones, 302 and 307.
 *  - no-store (5.2.2.5), private (5.2.2.7), Vary: * (4.1): not stored unless override is FORCE. A
 *    private that lists fields might be stored without them; it is not stored, since whoever wrote
 *    it wanted less to be shared, and may have got the list wrong.
 *  - Set-Cookie by the rule's set_cookie (FORCE does not change it).
 *  - CDN-Cache-Control, if it is a valid structured field, stands in for all of Cache-Control,
 *    Expires and Pragma (RFC 9213 section 2.2): its no-store forbids, theirs does not count.
 *  - Against X-Accel-Expires and Surrogate-Control no-store and private of Cache-Control hold.
 *
 * Who asked
 *  - Authorization: 3.5 (public, s-maxage, must-revalidate allow it), or FORCE.
 *
 * Lifetime and age
 *  - The first that speaks: X-Accel-Expires (seconds, 0, @epoch), CDN-Cache-Control,
 *    Surrogate-Control (max-age, no-cache), Cache-Control (s-maxage, max-age, no-cache: 4.2.1),
 *    Expires (5.3), Pragma: no-cache if there is no Cache-Control (5.4), the rule (`statuses`,
 *    else `ttl` for 200, 203, 206, 301, 308), with heuristic a tenth of Date less Last-Modified,
 *    at most a day, for statuses of RFC 9110 section 15.1 and for what is public (4.2.2, 5.2.2.9).
 *    With override the rule's own comes first.
 *  - X-Accel-Expires of 0, or of a time that is over: not stored, even with a grace.
 *  - no-cache without a list (5.2.2.4): stored if there is a validator, with no_cache, never to be
 *    stale; lifetime is what the directives say beside it, or 0. With a list of fields it is no
 *    no-cache if the rule has heuristic: see policy_withholds. With and without: without.
 *  - Broken numbers count as 0, too large ones as POLICY_TIME_MAX (1.2.2); of two different max-age
 *    the smaller counts (4.2.1: the first, or stale; this is never longer than the first). Broken:
 *    anything but digits, in quotes or not; blanks around the '='. But "3600.0" is what programs
 *    write that reckon in floating point: whole seconds. Of several Expires the earliest.
 *  - No Date, or none that is a date: now (RFC 9110 section 6.6.1). The age is the larger of what
 *    Date shows and what Age says, and is told of what is not stored too; of Age the first member
 *    counts, without parameters, and is ignored if it is not a number (5.1).
 *  - The rule's ttl and X-Accel-Expires count from the arrival of the head: a page that takes
 *    longer than its ttl can be cached. The other lifetimes count the application's time as age.
 *
 * Beyond the lifetime
 *  - stale-while-revalidate and stale-if-error (RFC 5861) replace the rule's grace and
 *    stale_if_error, unless the rule's ttl overrides.
 *  - must-revalidate, proxy-revalidate, s-maxage and no-cache set must_revalidate (4.2.4, 5.2.2.2,
 *    5.2.2.8, 5.2.2.10): grace and stale_if_error are 0. Of them a rule that overrides is bound by
 *    the first two, with FORCE by none.
 *  - keep is POLICY_KEEP if there is a validator: an ETag that is not empty, or a Last-Modified
 *    that is a date; neither counts when it is withheld.
 *  - A lifetime that is over (max-age=0, Age) is stored as long as grace, stale_if_error or keep
 *    makes it useful.
 *  - VALIDATE_ALWAYS: stored with an ETag, with or without a lifetime (0), not without one. All
 *    that forbids holds, X-Accel-Expires: 0 too.
 */
void policy_judge(const struct cgi_head *head, const struct policy_rule *rule,
		  const struct policy_request *request, int64_t request_ms, int64_t now_ms,
		  struct policy_verdict *verdict);

/*
 * Whether a field is listed in a no-cache="a, b" (5.2.2.4) of what directives_read_response gave,
 * the Cache-Control or CDN-Cache-Control that counts: it is passed on, but not stored. A list that
 * is none lists nothing: it counts as a no-cache without one. So does a list with Content-Encoding,
 * Content-Range, Content-Type, Location or Vary, without which the rest would mean something else;
 * these are never withheld.
 */
bool policy_withholds(const struct directives *control, struct str name);

/*
 * The rule's own TTL for a status: `statuses`, else `ttl` for 200, 203, 206, 301, 308, else 0. ms.
 * 206 is a part of a 200: its entry is 206, else 2xx, else 200.
 */
int64_t policy_rule_ttl(const struct policy_rule *rule, int status);

/*
 * Response fields that steer the cache and go no further: Cache-Tag, Surrogate-Control,
 * Surrogate-Key, X-Accel-Expires. (Never stored besides: hop-by-hop ones, Age, Set-Cookie as the
 * rule says.)
 */
bool policy_is_control(struct str name);

/*
 * The client's Cache-Control and Pragma (RFC 9111 sections 5.2.1 and 5.4). -1: not given. Pragma
 * counts when there is no Cache-Control. What is broken is read as 0, which asks for a page that is
 * fresh and no more: a max-age of 0 (5.2.1.1) has it checked, a max-stale of 0 (5.2.1.2) bears
 * nothing stale, a min-fresh of 0 (5.2.1.3) is content with a page that is fresh now. Of two the
 * one that asks for more counts: the smaller max-age and max-stale, the larger min-fresh. no-cache
 * (5.2.1.4) takes no list; one changes nothing.
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
