/*
 * Cache groups (RFC 9875): names by which pages are invalidated together. Pure.
 */
#ifndef FCGICACHE_HTTP_GROUPS_H
#define FCGICACHE_HTTP_GROUPS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/headers.h"

/*
 * A longer name is cut off here. Names that begin alike so far become one group: more is
 * invalidated than was said, never less.
 */
#define GROUP_LENGTH_MAX 1024u

/*
 * What a page should be in at most (section 2 wants 32, RFC 9651 section 3.1 a parser that reads
 * 1024). No name is left out here, since a page would then survive its invalidation: a caller that
 * does not want to keep so many does not keep the page. An invalidation may name any number.
 */
#define GROUPS_MAX 128u

/*
 * The members of Cache-Groups (section 2) or Cache-Group-Invalidation (section 3; the caller
 * ignores it on a safe method): a List of Strings (RFC 9651 section 3.1) over all lines of the
 * field. Their escapes are undone, parameters are passed over, names are compared byte by byte. *v
 * is in the arena; the names are slices of the fields or in the arena; one that is there twice is
 * given twice. *n is 0, *v NULL and no memory taken when the field is not there, empty, is no List,
 * or has a member that is no String: then all of it counts as not said (RFC 9651 section 4.2).
 * False: memory is out.
 */
bool groups_read(const struct headers *h, struct str name, struct arena *a, struct str **v,
		 size_t *n) MUST_CHECK;

#endif
