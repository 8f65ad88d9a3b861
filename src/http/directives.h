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
	DIRECTIVE_NO_CACHE, /* with a list of fields too */
	DIRECTIVE_PRIVATE,  /* with a list of fields too */
	DIRECTIVE_PUBLIC,
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

/* All zero: nothing said. */
struct directives {
	bool has[DIRECTIVE_COUNT];
	int64_t ms[DIRECTIVE_COUNT]; /* 0..POLICY_TIME_MAX; of those that take a number */
};

/*
 * Adds one value of Cache-Control, a request's or a response's. Names in any case, unknown ones
 * passed over. What cannot be read is read so that less is stored: a broken number is 0, of two
 * numbers the one that keeps less counts, and a quote that never closes hides nothing.
 */
void directives_add(struct directives *d, struct str value);
/* The same over all lines of a field. */
void directives_read(struct directives *d, const struct headers *h, struct str name);

/*
 * A targeted field: a Dictionary of RFC 8941 section 3.2 over all its lines. False, and *d as if
 * nothing was said, when it is not there, empty, or any of it is malformed (RFC 9213 section 2.1).
 * A number of another type than Integer counts as 0.
 */
bool directives_read_targeted(struct directives *d, const struct headers *h, struct str name);

/*
 * Surrogate-Control: max-age=SECONDS[+SECONDS] (the second: served stale so long), no-store.
 * Directives for one surrogate by name (";name") are passed over.
 */
void directives_read_surrogate(struct directives *d, const struct headers *h, struct str name);

/* delta-seconds (RFC 9111 section 1.2.2) in ms. Broken: 0; 2^31 and more: POLICY_TIME_MAX. */
int64_t directives_seconds(struct str s);

#endif
