/*
 * Keys of stored pages: bytes that name one page, and their hash.
 *
 * The bytes are made by flow/decide: the rendered template, then NUL and the lengths of its
 * variable parts, so that no value can forge a delimiter; for a variant the values of the Vary
 * headers follow. Every hit compares all bytes; the hash only finds the place.
 */
#ifndef FCGICACHE_STORE_KEY_H
#define FCGICACHE_STORE_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct key {
	struct str bytes; /* not owned */
	uint64_t hash;
};

/*
 * Once, before threads and before any hash: draws the secret that keys the hash, so that nobody can
 * flood a table. False: the system gives no random bytes.
 */
bool key_start(void);
/* XXH3 with the process's secret: for tables in this process only. */
uint64_t key_hash(struct str bytes);
struct key key_make(struct str bytes);
bool key_eq(const struct key *a, const struct key *b);

#endif
