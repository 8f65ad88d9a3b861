/*
 * Values as they are written in the rules file: durations, sizes, addresses, globs, hosts; and the
 * nearest right word to a wrong one. Pure. Errors are static texts that follow "PLACE: ".
 */
#ifndef FCGICACHE_CONFIG_VALUES_H
#define FCGICACHE_CONFIG_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/str.h"

#define DURATION_MAX INT64_C(315360000000) /* ms: ten years of 365 days */

enum value_result {
	VALUE_OK,
	VALUE_BAD,     /* not of this kind at all */
	VALUE_NO_UNIT, /* a bare number */
	VALUE_TOO_LARGE,
};

/* "250ms", "10s", "5m", "1h", "30d", in *ms. At most DURATION_MAX. */
enum value_result duration_parse(struct str s, int64_t *ms) MUST_CHECK;
/* "64k", "8m", "1g" in powers of 1024, in *bytes. At most INT64_MAX. */
enum value_result size_parse(struct str s, int64_t *bytes) MUST_CHECK;

#define VALUE_TEXT_MAX 24
/* The way back, in the largest unit that leaves no rest. */
void duration_print(int64_t ms, char text[VALUE_TEXT_MAX]);
void size_print(int64_t bytes, char text[VALUE_TEXT_MAX]);

/*
 * What is wrong with it, or NULL. An address is "unix:/path" (path below 108 bytes, as sockaddr_un
 * has it) or "tcp:host:port" with a host name, an IPv4 address or "[IPv6]". Nothing is resolved.
 */
const char *address_error(struct str address);
const char *glob_error(struct str glob);
/* A glob of host names: no port, no scheme, no path; case does not matter. */
const char *host_error(struct str host);
/* An absolute path of a file. */
const char *file_error(struct str file);

/* The nearest of some right words to a wrong one. */
struct nearest {
	struct str word;
	const char *best;
	unsigned distance;
};
void nearest_init(struct nearest *n, struct str word);
/* candidate lives as long as n. */
void nearest_try(struct nearest *n, const char *candidate);
/* NULL when nothing is near. */
const char *nearest_get(const struct nearest *n);

#endif
