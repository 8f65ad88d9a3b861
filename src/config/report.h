/*
 * Mistakes: where in the file a value stands, and one line for each that is wrong.
 */
#ifndef FCGICACHE_CONFIG_REPORT_H
#define FCGICACHE_CONFIG_REPORT_H

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/rules.h"

#define REPORT_LINES_MAX 200u /* further mistakes are counted, not shown */

/* The place of a value: "rules[3].ttl". Lives on the stack of whoever reads it. */
struct place {
	const struct place *up; /* NULL: the whole file, which has no name */
	const char *key;        /* a key of an object; NULL: an element of a list */
	size_t index;
};

/* One file that is being read: where mistakes go, and where compiled values go. One thread. */
struct reading {
	const char *file;
	struct report *report;
	struct arena *arena;
	bool utf8;      /* the charset of paths, for regexes */
	bool no_memory; /* said already */
	unsigned shown; /* lines that are in the report */
};

/*
 * Adds "FILE: PLACE: text", bytes that could disturb a terminal escaped as \xNN. at may be NULL.
 * When memory is out, the mistake is counted all the same.
 */
void reading_mistake(struct reading *r, const struct place *at, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* Adds "FILE:LINE:COLUMN: text". */
void reading_syntax(struct reading *r, int line, int column, const char *text);
/* Adds "FILE: out of memory", once. */
void reading_no_memory(struct reading *r);
/* Says how many mistakes are not shown: too many, or no memory for their lines. Last. */
void reading_end(struct reading *r);

#define QUOTE_MAX 80
/* A foreign text in quotes, cut if it is long. Returns out. */
const char *report_quote(struct str s, char out[QUOTE_MAX]);

#endif
