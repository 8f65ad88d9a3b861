/*
 * Direct-mapped tables of 64-bit words, each `tag << 32 | value`: the tag is the half of the hash
 * that did not choose the place, the value is a time in units of 16 ms or a count.
 */
#include "flow/memo.h"

#include <stdatomic.h>

#define SLOTS 65536u /* 512 KiB a table */

static _Atomic uint64_t until[MEMO_UNTIL_COUNT][SLOTS];
static _Atomic uint64_t uses[SLOTS];

static uint32_t ticks(int64_t ms)
{
	return (uint32_t)(ms >> 4);
}

static uint64_t word(uint64_t hash, uint32_t value)
{
	return (hash & UINT64_C(0xffffffff00000000)) | value;
}

static bool same_tag(uint64_t a, uint64_t b)
{
	return a >> 32 == b >> 32;
}

void memo_set(enum memo memo, uint64_t hash, int64_t now, int64_t ms)
{
	atomic_store_explicit(&until[memo][hash % SLOTS], word(hash, ticks(now + ms)),
			      memory_order_relaxed);
}

void memo_clear(enum memo memo, uint64_t hash)
{
	_Atomic uint64_t *slot = &until[memo][hash % SLOTS];

	if (same_tag(atomic_load_explicit(slot, memory_order_relaxed), hash))
		atomic_store_explicit(slot, 0, memory_order_relaxed);
}

bool memo_is_set(enum memo memo, uint64_t hash, int64_t now)
{
	uint64_t w = atomic_load_explicit(&until[memo][hash % SLOTS], memory_order_relaxed);

	return w != 0 && same_tag(w, hash) && (int32_t)((uint32_t)w - ticks(now)) > 0;
}

unsigned memo_use(uint64_t hash)
{
	_Atomic uint64_t *slot = &uses[hash % SLOTS];
	uint64_t old = atomic_load_explicit(slot, memory_order_relaxed);
	uint64_t next;

	do {
		uint32_t count = same_tag(old, hash) ? (uint32_t)old : 0;

		next = word(hash, count < UINT32_MAX ? count + 1 : count);
	} while (!atomic_compare_exchange_weak_explicit(slot, &old, next, memory_order_relaxed,
							memory_order_relaxed));
	return (unsigned)(uint32_t)next;
}
