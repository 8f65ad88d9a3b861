/*
 * Assertions on our own state, on in production too. Foreign bytes are never asserted.
 */
#ifndef FCGICACHE_BASE_CHECK_H
#define FCGICACHE_BASE_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (__builtin_expect(!(cond), 0))                                                  \
			check_failed(#cond, __FILE__, __LINE__);                                   \
	} while (0)

#define MUST_CHECK                    __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a)             __attribute__((format(printf, f, a)))
#define ARRAY_LEN(a)                  (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

/* Says what failed on stderr and aborts. */
static inline __attribute__((noreturn, cold)) void check_failed(const char *what, const char *file,
								int line)
{
	fprintf(stderr, "fcgicache: %s:%d: check failed: %s\n", file, line, what);
	abort();
}

#endif
