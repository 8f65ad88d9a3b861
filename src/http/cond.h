/*
 * Conditional requests on a stored response (RFC 9110 section 13). Pure.
 *
 * Everywhere here the value of a field that was not there is a slice with p NULL, and those of a
 * stored response are without blanks around them.
 */
#ifndef FCGICACHE_HTTP_COND_H
#define FCGICACHE_HTTP_COND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"

/* What the client sent. */
struct cond_request {
	struct str if_match;
	struct str if_none_match;
	struct str if_modified_since;
	struct str if_unmodified_since;
};

/* The stored response; empty slices for fields that it does not have. */
struct cond_page {
	struct str etag; /* with its quotes and W/ */
	struct str last_modified;
	struct str date;
	int64_t received_ms; /* when it came, since 1970 */
};

enum cond_answer {
	COND_SEND,         /* the stored response as it is (a part of it, if Range applies) */
	COND_NOT_MODIFIED, /* 304 */
	COND_FAILED,       /* 412 */
};

/*
 * Steps 1 to 4 of section 13.2.2, for a GET or HEAD answered from a stored 200 or 206.
 *
 *  - If-Match (13.1.1) compares strongly. Without it, If-Unmodified-Since (13.1.4), which is
 *    ignored when the page has no Last-Modified.
 *  - If-None-Match (13.1.2) compares weakly. Without it, If-Modified-Since (13.1.3), against
 *    Last-Modified; for a page that has none against Date, and without a Date that is one against
 *    the second in which the page was received (RFC 9111 section 4.3.2). One later than now is as
 *    good as any other.
 *  - A date that is none, or a list that is none, is ignored; so is If-Modified-Since even then if
 *    If-None-Match was there. A Last-Modified that is no date matches no condition.
 *
 * Weakly here has room for applications that forget the quotes or write the weakness flag oddly;
 * see cond_etags_equal. If-Match and If-Range, on which more depends, do not.
 */
enum cond_answer cond_evaluate(const struct cond_request *r, const struct cond_page *page,
			       int64_t now_ms);

/*
 * Step 5 of section 13.2.2, section 13.1.5: whether Range counts. True without If-Range. An
 * entity-tag has to be the page's, compared strongly; a date, in whichever form, the very second of
 * Last-Modified, which has to be a strong validator (8.8.2.2): the page has a Date at least one
 * second later. All else is false, and the whole page is sent. The method, and that there is a
 * Range, is the caller's business.
 */
bool cond_range_applies(struct str if_range, const struct cond_page *page, int64_t now_ms);

/* An entity-tag of section 8.8.3 without W/. */
bool cond_is_strong(struct str etag);

/*
 * Section 8.8.3.2. Strongly: both are entity-tags, neither has W/, the same bytes. Weakly: W/ does
 * not matter, and of what is no entity-tag
 *  - the same bytes are equal: w/"a" and w/"a", but not "a";
 *  - one word without its quotes (no comma, blank, quote, star) is taken as if it had them around
 *    all of it: a equals "a" and W/"a", and W/a equals "W/a".
 * An empty value equals nothing.
 */
bool cond_etags_equal(struct str a, struct str b, bool weak);

/*
 * Whether the list `tags` (or "*") holds the entity-tag; `weak` as above, where one member that is
 * no entity-tag has to be the whole of `tags`: with another one beside it the list is none.
 */
bool cond_etag_listed(struct str tags, struct str etag, bool weak);

/*
 * Whether an application may be asked about it: it is something, and nothing in which one might
 * read "*", which says yes to everything.
 */
bool cond_is_askable(struct str etag);

/*
 * If-None-Match by which an application is asked whether one of these is still current: well-formed
 * ones and others as they are. Left out: bytes that were there before, and those that it may not be
 * asked about. out->p is NULL when none is left. Time is n * n. False: memory is out.
 */
bool cond_list_etags(struct arena *a, const struct str *etags, size_t n,
		     struct str *out) MUST_CHECK;

#endif
