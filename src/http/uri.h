/*
 * Paths and queries of request targets (RFC 3986). Pure.
 */
#ifndef FCGICACHE_HTTP_URI_H
#define FCGICACHE_HTTP_URI_H

#include <stdbool.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"

enum uri_result {
	URI_OK,
	URI_ODD, /* not in normal form: must not be matched or stored */
	URI_BAD, /* broken percent-encoding, a raw control byte, a NUL, or no '/' in front */
	URI_NO_MEMORY,
};

/*
 * raw: the path as it stands in REQUEST_URI, percent-encoded, without the query.
 * *normal: RFC 3986 section 6.2.2 - unreserved characters decoded, other escapes in upper case,
 * bytes that may not stand in a path (blank, ", <, >, \, ^, `, {, |, } and above 0x7f) encoded.
 * *decoded: every escape decoded, for matching. Both in the arena, or raw itself when nothing
 * changes; a path that is normal and has no escapes takes no memory. URI_ODD when a decoded path
 * has a "." or ".." segment, an empty segment that is not the last ("//"), a backslash or a control
 * byte, or when raw holds an encoded slash (%2F), '?' or '#'. With URI_ODD and URI_BAD both are
 * raw.
 */
enum uri_result uri_path(struct str raw, struct arena *a, struct str *normal,
			 struct str *decoded) MUST_CHECK;

/* True if s is well-formed UTF-8 (no overlong forms, no surrogates). */
bool uri_is_utf8(struct str s);

/* One parameter of a query: "name=value", "name", or "" between two '&'. Slices of the query. */
struct query_param {
	struct str whole;
	struct str name; /* as it was written, percent-encoded */
	struct str value;
	bool has_value; /* there was a '=' */
};
/* Takes the next one off *rest; false at the end. '&' separates; ';' does not. As str_split. */
bool query_next(struct str *rest, struct query_param *param);
/*
 * Decodes %XX and '+' of a name for matching with globs; raw itself when nothing changes. A broken
 * escape stays as it is. False when memory is out.
 */
bool query_decode(struct str raw, struct arena *a, struct str *out) MUST_CHECK;

/*
 * A Host as in RFC 9110 section 7.2: reg-name (not empty), IPv4 or [IPv6], perhaps ":port" (at most
 * 65535, or empty). Nothing else: no blank, list, user, zone or IPvFuture.
 */
bool uri_host_valid(struct str host);
/* Splits a valid Host; port is empty if there is none. */
void uri_host_split(struct str host, struct str *name, struct str *port);

/* One cookie of a Cookie header (RFC 6265 section 5.4). */
struct cookie {
	struct str whole; /* "name=value" trimmed */
	struct str name;  /* empty for a cookie without a name */
	struct str value;
};
/* Takes the next one off *rest, empty pieces skipped; false at the end. Only ';' separates. */
bool cookie_next(struct str *rest, struct cookie *cookie);

#endif
