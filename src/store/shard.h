/*
 * A shard of the memory store: a table of objects by key, and the queue in which SIEVE evicts them.
 *
 * The caller holds the lock for every function that does not say otherwise. None of them allocates,
 * frees or blocks under the lock, and none counts references: the list's reference comes with
 * shard_list and is the caller's again after shard_unlist.
 */
#ifndef FCGICACHE_STORE_SHARD_H
#define FCGICACHE_STORE_SHARD_H

#include <pthread.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "store/object.h"

#define CACHE_LINE 64

struct slot {
	uint64_t hash;
	struct object *object; /* NULL: free */
};

struct shard {
	alignas(CACHE_LINE) pthread_mutex_t lock; /* a leaf */
	struct slot *slots;
	size_t mask; /* number of slots - 1; a power of two - 1 */
	size_t used;
	struct object *newest, *oldest;
	struct object *hand; /* looks at this one next; NULL: at the oldest */
	size_t sweep;        /* shard_sweep looks at this slot next */
};

/* False: memory is out. */
bool shard_init(struct shard *sh) MUST_CHECK;
/* An empty one, which nobody uses any more. */
void shard_fini(struct shard *sh);

/*
 * Takes the lock, with room in the table for one object more. False, and not locked: there is none,
 * for memory is out. Called without the lock; the table grows by doubling.
 */
bool shard_lock_with_room(struct shard *sh) MUST_CHECK;

struct object *shard_find(const struct shard *sh, const struct key *key);
/* Into the table, and into the queue as the newest. Its key is not in the table. */
void shard_list(struct shard *sh, struct object *o, bool visited);
void shard_unlist(struct shard *sh, struct object *o);

/* Counts as a use. */
void shard_visit(struct object *o);
bool shard_visited(struct object *o);
/*
 * Moves the hand on to the first object without a visited bit: the one to evict. NULL if the queue
 * ends before. Clears at most *bits on the way; from then on any object but `keep` will do.
 */
struct object *shard_sieve(struct shard *sh, const struct object *keep, unsigned *bits);

/*
 * Looks at *slots slots, on from where it stopped, and stops at an object that is dead: then *slots
 * has what is left to do, and the object has to be unlisted before the next call. NULL: *slots is
 * used up, or the table has ended, and then sh->sweep is 0.
 */
struct object *shard_sweep(struct shard *sh, int64_t now_ms, unsigned *slots);

#endif
