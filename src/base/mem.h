/*
 * Memory: an arena for each request, and a growable buffer with a limit.
 * Any allocation may fail and says so; nothing here aborts. Not thread-safe: one owner at a time.
 */
#ifndef FCGICACHE_BASE_MEM_H
#define FCGICACHE_BASE_MEM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"
#include "base/str.h"

struct arena_block;

/* Freed as a whole. Callers embed it. */
struct arena {
	struct arena_block *blocks;
	char *next;
	size_t left;
};

void arena_init(struct arena *a);
/*
 * As arena_init, with memory to begin with, which stays the caller's and outlives the arena
 * (first.n bytes at p; aligned for any type).
 */
void arena_init_with(struct arena *a, void *p, size_t n);
void arena_fini(struct arena *a);
/* n bytes aligned for any type, not zeroed; NULL when memory is out. n = 0 is one byte. */
void *arena_alloc(struct arena *a, size_t n) MUST_CHECK;
void *arena_zalloc(struct arena *a, size_t n) MUST_CHECK;
/* A copy of s with a NUL behind it (not counted). False when memory is out. */
bool arena_dup(struct arena *a, struct str s, struct str *out) MUST_CHECK;
/* The same with ASCII letters in lower case. */
bool arena_lower(struct arena *a, struct str s, struct str *out) MUST_CHECK;
bool arena_printf(struct arena *a, struct str *out, const char *fmt, ...) MUST_CHECK
    PRINTF_LIKE(3, 4);

/* A growable run of bytes, owned. All zero (with max set) is an empty one. */
struct buf {
	char *p;
	size_t n;
	size_t cap;
	size_t max; /* never grows above this; 0: no limit */
};

void buf_init(struct buf *b, size_t max);
void buf_fini(struct buf *b);
/* False: memory is out, or the limit would be passed; the buffer is as it was. */
bool buf_add(struct buf *b, const void *p, size_t n) MUST_CHECK;
bool buf_add_str(struct buf *b, struct str s) MUST_CHECK;
bool buf_printf(struct buf *b, const char *fmt, ...) MUST_CHECK PRINTF_LIKE(2, 3);
bool buf_vprintf(struct buf *b, const char *fmt, va_list ap) MUST_CHECK PRINTF_LIKE(2, 0);
/* Room for n more bytes at b->p + b->n; the caller adds what it used to b->n. */
bool buf_reserve(struct buf *b, size_t n) MUST_CHECK;
/* Takes the first n bytes away. */
void buf_consume(struct buf *b, size_t n);
static inline struct str buf_str(const struct buf *b)
{
	return (struct str){b->p, b->n};
}

#endif
