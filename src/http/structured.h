/*
 * Structured fields (RFC 9651): Lists and Dictionaries, member by member. Pure.
 */
#ifndef FCGICACHE_HTTP_STRUCTURED_H
#define FCGICACHE_HTTP_STRUCTURED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "http/headers.h"

enum sf_kind {
	SF_NONE, /* no member is of it */
	SF_INTEGER,
	SF_STRING,
	SF_FALSE,
	SF_TRUE,
	SF_OTHER, /* well-formed, whatever else it is; an Inner List too */
};

struct sf_member {
	struct str key; /* in a Dictionary */
	enum sf_kind kind;
	struct str text; /* as written; of a String what is between the quotes, escapes and all */
};

/* Start all zero. Not to be used again after a false, but to see how it ended. */
struct sf_iter {
	const struct header *line;
	struct str rest;
	bool malformed;
};

/*
 * Iterate over the members of a List (RFC 9651 section 3.1) or a Dictionary (section 3.2) in all
 * lines of the field; a key that is there twice is given twice, and its last value counts (section
 * 3.2). Parameters are checked and passed over. False at the end; it->malformed then says that the
 * field is none, and all that was given before counts as not said (section 4.2). An empty line is
 * malformed, also where it is the only one, which says as little.
 */
bool sf_list_next(const struct headers *h, struct str name, struct sf_iter *it,
		  struct sf_member *member);
bool sf_dictionary_next(const struct headers *h, struct str name, struct sf_iter *it,
			struct sf_member *member);

#endif
