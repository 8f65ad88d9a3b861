/*
 * Header values as they are compared for Vary (RFC 9111 section 4.1): brought into one spelling, so
 * that requests that mean the same find the same page. What is compared is also what is sent to the
 * application (README: promise 2), so a spelling must not change what a value means. Pure.
 */
#ifndef FCGICACHE_HTTP_VARY_H
#define FCGICACHE_HTTP_VARY_H

#include <stdbool.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"

/*
 * One value of a request header in its normal spelling; value itself if that is how it came. name:
 * in lower case, "accept-language". out->p is NULL when nothing is left that says anything (only
 * for Accept-Encoding). Normalising again changes nothing. False: memory is out.
 *
 *  - accept-encoding (RFC 9110 section 12.5.3): those of br, zstd, gzip, deflate that are wanted,
 *    in this order, without weights: "br, gzip". "x-gzip" is gzip. Refused ones (q=0), unknown ones
 *    and "*" are left out; of one given twice, being wanted counts.
 *  - accept-language (section 12.5.4): language ranges in lower case, by falling weight, those of
 *    equal weight in alphabetical order; a weight is written as ";q=0.5", in as few digits as it
 *    has, and not at all when it is 1; of one range given twice the greater weight counts; refused
 *    ones (q=0) stay, at the end. A value that is not a list of ranges stays as it came.
 *  - accept, accept-charset (sections 12.5.1, 12.5.2): lower case but in quotes and behind a '=',
 *    no blanks but one behind each comma, no empty elements or parameters. An unclosed quote, a
 *    blank anywhere but beside a comma or semicolon, or an element without a name: all of it stays
 *    as it came.
 *  - user-agent, cookie, authorization, referer, dates and entity-tags, whose blanks, commas or
 *    quotes have a meaning of their own: as they came.
 *  - any other: blanks around it are taken off. If it is a list of words - tokens, quoted strings,
 *    ';', '=', blanks and commas, nothing else - each comma outside of quotes becomes ", " and
 *    empty elements are left out. A value with a ':' or '/' or '(' and so on may be a URL, a date
 *    or a comment, in which a comma is no separator.
 */
bool vary_normalise(struct arena *a, struct str name, struct str value, struct str *out) MUST_CHECK;

/*
 * The one language that a normalised Accept-Language prefers to all others: its first, if no other
 * has the same weight, it is no "*" and is not refused. Else empty.
 */
struct str vary_preferred_language(struct str normalised);

#endif
