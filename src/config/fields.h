/*
 * Objects of the rules file, read by tables: a line for each key says its name, kind, place in a C
 * struct, default and range. What is wrong goes into the report; reading goes on.
 */
#ifndef FCGICACHE_CONFIG_FIELDS_H
#define FCGICACHE_CONFIG_FIELDS_H

#include <stdint.h>

#include <jansson.h>

#include "base/check.h"
#include "base/str.h"
#include "config/report.h"
#include "config/rules.h"

enum kind {                /* what is written to the struct */
	    KIND_BOOL,     /* bool */
	    KIND_COUNT,    /* unsigned */
	    KIND_DURATION, /* int64_t, ms */
	    KIND_SIZE,     /* size_t, bytes */
	    KIND_WORD,     /* an enum, whose values are the indices of words */
	    KIND_STRING,   /* struct str in the arena, NUL behind it */
	    KIND_LIST,     /* struct words in the arena; one string is a list of one */
	    KIND_OTHER,    /* as read() has it */
	    KIND_LATER,    /* a key of a later version */
};

struct field {
	const char *name;
	enum kind kind;
	size_t offset;
	const char *fallback;     /* the default as the file would have it; NULL: all bytes zero */
	int64_t min, max;         /* of a count, ms, bytes; max 0: as much as the kind has */
	const char *const *words; /* ends with NULL */
	const char *(*check)(struct str s); /* of each string: what is wrong with it, or NULL */
	void (*read)(struct reading *r, const struct place *at, json_t *v, void *out);
	const char *missing; /* the key is required; said when it is not there */
};

struct field_set {
	const char *home; /* where its keys belong, for messages: "a rule" */
	const struct field *v;
	size_t n;
};

/* Defaults into out. */
void fields_default(const struct field_set *set, void *out);
/*
 * The object v into out; keys it does not have are left as they are. others: sets to look a
 * misplaced key up in, ended by NULL; or NULL. False if v is no object.
 */
bool fields_read(struct reading *r, const struct place *at, json_t *v, const struct field_set *set,
		 const struct field_set *const *others, void *out);

/* Pieces for read(). False: said in the report, *out untouched. */
bool field_string(struct reading *r, const struct place *at, json_t *v,
		  const char *(*check)(struct str), struct str *out);
bool field_list(struct reading *r, const struct place *at, json_t *v,
		const char *(*check)(struct str), struct words *out);
bool field_duration(struct reading *r, const struct place *at, json_t *v, int64_t min, int64_t max,
		    int64_t *out) MUST_CHECK;
/* Says "not WHAT: VALUE". */
void field_wrong(struct reading *r, const struct place *at, const char *what, json_t *v);
/* A key that begins with "//". */
bool field_is_comment(const char *key);

#endif
