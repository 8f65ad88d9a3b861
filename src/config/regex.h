/*
 * Regular expressions on paths: PCRE2, compiled to machine code where the system allows it, with
 * limits, so that no pattern takes longer than some milliseconds on any path.
 */
#ifndef FCGICACHE_CONFIG_REGEX_H
#define FCGICACHE_CONFIG_REGEX_H

#include <stdbool.h>

#include "base/check.h"
#include "base/str.h"
#include "config/rules.h"

struct regex;

#define REGEX_ERROR_MAX   160
#define REGEX_SUBJECT_MAX 8192u /* bytes; what web servers take for a request line by default */

/*
 * Compiles. utf8: pattern and subjects are UTF-8 (the pattern is known to be). NULL: error says
 * why, empty when memory is out. One thread; the result may be used by all.
 */
struct regex *regex_new(struct str pattern, bool utf8, char error[REGEX_ERROR_MAX]) MUST_CHECK;
void regex_free(struct regex **re);
/* How many groups it captures. */
unsigned regex_groups(const struct regex *re);

enum regex_result {
	REGEX_NO,
	REGEX_YES,
	REGEX_NOT_UTF8, /* the subject is not valid in the pattern's charset */
	REGEX_LIMIT,    /* gave up */
	REGEX_NO_MEMORY,
};

/*
 * Searches subject. valid: an earlier match of another pattern of the same charset did not return
 * REGEX_NOT_UTF8 for this very subject, which saves looking again. captures: filled with slices of
 * subject on REGEX_YES, empty where a group took no part. Any thread: what a match works with
 * belongs to the thread, is made at its first match and freed when it ends.
 */
enum regex_result regex_match(const struct regex *re, struct str subject, bool valid,
			      struct captures *captures) MUST_CHECK;

#endif
