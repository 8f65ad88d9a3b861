/*
 * Small memories about keys that have no page: hit-for-miss, uses so far, refreshes that failed.
 * Fixed in size: a newer key takes the place of an older one, and two keys may in rare cases be
 * taken for one another - so only what does no harm when it is wrong or forgotten belongs here.
 * Lock-free, any thread.
 */
#ifndef FCGICACHE_FLOW_MEMO_H
#define FCGICACHE_FLOW_MEMO_H

#include <stdbool.h>
#include <stdint.h>

enum memo {
	MEMO_HIT_FOR_MISS,   /* a response was not storable: do not wait for one another */
	MEMO_REFRESH_FAILED, /* leave the application alone for a moment */
	MEMO_UNTIL_COUNT
};

/* hash: key_hash. For ms from now (clock_mono_ms). */
void memo_set(enum memo memo, uint64_t hash, int64_t now, int64_t ms);
void memo_clear(enum memo memo, uint64_t hash);
bool memo_is_set(enum memo memo, uint64_t hash, int64_t now);

/* Counts one more use of the key and returns how many there were, this one included. */
unsigned memo_use(uint64_t hash);

#endif
