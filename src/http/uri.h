/*
 * Paths, queries and hosts of request targets, and references between them (RFC 3986). Pure.
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
/* Whether it is empty or the one that the scheme has anyway: 443 for "https", else 80. */
bool uri_port_is_default(struct str scheme, struct str port);
/*
 * A valid Host as it is compared (RFC 9110 section 4.2.3): in lower case, its port taken off if it
 * is empty or the scheme's own. scheme: "http" or "https". False: memory is out.
 */
bool uri_host_normal(struct str host, struct str scheme, struct arena *a,
		     struct str *out) MUST_CHECK;

/* What a reference leads to. What it does not name is empty: it is as in the request. */
struct uri_reference {
	struct str scheme; /* "http" or "https" */
	struct str host;   /* in lower case, with its port if one was given */
	struct str path;   /* begins with '/', without dot segments; else as it was written */
	struct str query;
	bool has_query;
};
/*
 * Resolves what Location or Content-Location says (RFC 3986 section 5.2; RFC 9110 sections 10.2.2
 * and 8.7) against a request. base_path: the request's, in normal form. A fragment is dropped. A
 * reference that leads to the same document ("", "#a") gives base_path and no query: the caller
 * takes the request's. Escapes are neither checked nor brought into one spelling: uri_path does.
 * URI_BAD: another scheme than http and https, or one of these without a host, user information
 * (RFC 9110 section 4.2.4), a host that is none, a ':' in the first segment of a relative path, a
 * blank or control byte anywhere, or a base_path without '/' in front. Never URI_ODD. All of *out
 * is empty unless it is URI_OK.
 */
enum uri_result uri_resolve(struct str base_path, struct str reference, struct arena *a,
			    struct uri_reference *out) MUST_CHECK;

/* One cookie of a Cookie header (RFC 6265 section 5.4). */
struct cookie {
	struct str whole; /* "name=value" trimmed */
	struct str name;  /* empty for a cookie without a name */
	struct str value;
};
/* Takes the next one off *rest, empty pieces skipped; false at the end. Only ';' separates. */
bool cookie_next(struct str *rest, struct cookie *cookie);

#endif
