/*
 * Cache directives, as they are written in Cache-Control (RFC 9111 section 5.2), in its targeted
 * forms (RFC 9213) and in Surrogate-Control (W3C Edge Architecture 1.0). Pure.
 */
#ifndef FCGICACHE_HTTP_DIRECTIVES_H
#define FCGICACHE_HTTP_DIRECTIVES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "http/headers.h"

enum directive {
	DIRECTIVE_NO_STORE,
	DIRECTIVE_NO_CACHE, /* not when all that it says is a list of fields: see `lists` */
	DIRECTIVE_PRIVATE,  /* with a list of fields too */
	DIRECTIVE_PUBLIC,
	DIRECTIVE_MUST_UNDERSTAND,
	DIRECTIVE_IMMUTABLE,
	DIRECTIVE_MUST_REVALIDATE,
	DIRECTIVE_PROXY_REVALIDATE,
	DIRECTIVE_ONLY_IF_CACHED,
	DIRECTIVE_MAX_AGE,
	DIRECTIVE_S_MAXAGE,
	DIRECTIVE_STALE_WHILE_REVALIDATE,
	DIRECTIVE_STALE_IF_ERROR,
	DIRECTIVE_MIN_FRESH,
	DIRECTIVE_MAX_STALE,
	DIRECTIVE_COUNT
};

/* Qualified no-cache in one response; one more counts as unqualified. */
#define DIRECTIVES_LISTS 8u

/* All zero: nothing said. */
struct directives {
	bool has[DIRECTIVE_COUNT];
	int64_t ms[DIRECTIVE_COUNT]; /* 0..POLICY_TIME_MAX; of those that take a number */
	/* what no-cache="a, b" lists (RFC 9111 section 5.2.2.4): slices of the field, all tokens */
	struct str lists[DIRECTIVES_LISTS];
	size_t n_lists;
};

/*
 * Adds one value of Cache-Control, a request's or a response's. Names in any case, unknown ones
 * passed over. What cannot be read is read so that less is stored: a broken number is 0 (with
 * blanks around its '=' too: RFC 9111 section 5.2 knows none there; a fraction of a second is cut
 * off), of two numbers the one that keeps less counts, a no-cache whose list is none is one without
 * a list, a directive that allows counts only where it is written as it should be, and a quote that
 * never closes hides nothing.
 */
void directives_add(struct directives *d, struct str value);
/* The same over all lines of a field. */
void directives_read(struct directives *d, const struct headers *h, struct str name);

/*
 * A targeted field: a Dictionary of RFC 9651 section 3.2 over all its lines. False, and *d as if
 * nothing was said, when it is not there, empty, or any of it is malformed (RFC 9213 section 2.1).
 * A number of another type than Integer counts as 0. The list of a no-cache is a String; of another
 * type, or no list, it is a no-cache without a list.
 */
bool directives_read_targeted(struct directives *d, const struct headers *h, struct str name);

/*
 * What counts of a response: CDN-Cache-Control if it is a valid targeted field (true), else
 * Cache-Control (RFC 9213 section 2.2). *d is what that field says and nothing else.
 */
bool directives_read_response(struct directives *d, const struct headers *h);

/*
 * Surrogate-Control: max-age=SECONDS[+SECONDS] (the second: served stale so long), no-store.
 * Directives for one surrogate by name (";name") are passed over. no-cache counts, with a list as
 * without.
 */
void directives_read_surrogate(struct directives *d, const struct headers *h, struct str name);

/* Whether a qualified no-cache lists the field, in any case of letters. */
bool directives_withhold(const struct directives *d, struct str name);

/* delta-seconds (RFC 9111 section 1.2.2) in ms. Broken: 0; 2^31 and more: POLICY_TIME_MAX. */
int64_t directives_seconds(struct str s);

#endif
