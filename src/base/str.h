/*
 * Slices of bytes: a pointer and a length, not owned, not NUL-terminated.
 * Pure; no function here allocates. Letters are ASCII letters in every locale.
 */
#ifndef FCGICACHE_BASE_STR_H
#define FCGICACHE_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p; /* may be NULL when n is 0 */
	size_t n;
};

#define STR(literal) ((struct str){("" literal), sizeof(literal) - 1})
/* For printf: "%.*s", STR_ARG(s) */
#define STR_ARG(s) (int)((s).n > 0x7fffffff ? 0x7fffffff : (s).n), ((s).p ? (s).p : "")

/* The bytes of a NUL-terminated string; NULL gives the empty slice. */
static inline struct str str_of(const char *s)
{
	return (struct str){s, s ? strlen(s) : 0};
}

static inline struct str str_make(const char *p, size_t n)
{
	return (struct str){p, n};
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline bool ascii_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Value of a hexadecimal digit, -1 for anything else. */
int ascii_hex(char c);

/* Equal but for the case of ASCII letters. */
bool str_ieq(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_istarts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Index of the first c, or s.n if there is none. */
size_t str_find(struct str s, char c);
/* memcmp order, the shorter first: <0, 0, >0. */
int str_cmp(struct str a, struct str b);
/* s[from, to), clipped to s. */
struct str str_sub(struct str s, size_t from, size_t to);
/* Without leading and trailing SP and HTAB (OWS, RFC 9110 section 5.6.3). */
struct str str_trim(struct str s);

/*
 * Takes the part before the next sep off *rest into *part and leaves what follows sep.
 * False when nothing is left. "a,,b" gives "a", "", "b"; "" gives nothing; "a," gives "a".
 */
bool str_split(struct str *rest, char sep, struct str *part);

/* Decimal digits only, nothing else. False when empty, not a number, or above UINT64_MAX. */
bool str_to_u64(struct str s, uint64_t *out);

/*
 * Glob: '*' any run, '?' any one byte, '\' takes the next literally. Time is bounded by
 * pattern.n * s.n; no recursion. glob_imatch ignores the case of ASCII letters.
 */
bool glob_match(struct str pattern, struct str s);
bool glob_imatch(struct str pattern, struct str s);

#endif
