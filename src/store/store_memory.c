/*
 * The memory store: shards of objects (store/shard.h), and limits over all of them.
 *
 * A key's hash chooses the shard by its high bits. Limits count what is listed in all shards
 * together: object_size, and the number of objects. A set lists its object first and then evicts
 * others until the limits hold, so only objects whose set has not returned can be over them. No set
 * evicts the object that it lists.
 *
 * Each eviction goes to the next shard in turn. A hand that comes to the end of its queue lets the
 * next shard have its turn, so that the shards make one large queue. Where the limits are small
 * there are fewer shards: SIEVE chooses badly among a few objects.
 *
 * Locks: one mutex a shard, held for pointers only. Tables are allocated and freed, and objects
 * unreffed, without it; no thread holds two. What goes over a whole shard takes it for BATCH slots
 * at a time. The counters are exact when no operation is under way. A hit holds it for some tens of
 * nanoseconds; a rwlock measured no better.
 */
#include "store/store.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "store/shard.h"

#define SHARDS_MAX      64u
#define SHARD_BYTES     (UINT64_C(1) << 20) /* at least, of max_size */
#define SHARD_ENTRIES   256u                /* at least, of max_entries */
#define BATCH           64u
#define UPKEEP_SLOTS    16384u /* a call of upkeep */
#define VISITED_CLEARED 256u   /* bits that an eviction clears before it takes what comes */

struct options {
	uint64_t max_size, max_entries;
};

struct store_memory {
	struct store store;
	struct options limits;
	struct shard *shards;
	unsigned n_shards; /* a power of two */
	alignas(CACHE_LINE) atomic_uint_fast64_t bytes;
	atomic_uint_fast64_t entries;
	atomic_uint_fast64_t evicted;
	atomic_uint evict_turn, upkeep_turn;
};

static const struct store_arg args_table[] = {
    {"max_size", STORE_ARG_SIZE, offsetof(struct options, max_size), 1, INT64_MAX},
    {"max_entries", STORE_ARG_COUNT, offsetof(struct options, max_entries), 0, INT64_MAX},
};

static struct store_memory *of(struct store *s)
{
	return CONTAINER_OF(s, struct store_memory, store);
}

static struct shard *shard_of(struct store_memory *m, uint64_t hash)
{
	return &m->shards[(hash >> 48) & (m->n_shards - 1)];
}

/* ------------------------------------------------------------------------------ listing */

/* An object has one pair of links: one store lists it. */
static bool claim(struct store_memory *m, struct object *o)
{
	const void *nobody = NULL;

	return atomic_compare_exchange_strong(&object_links(o)->owner, &nobody, m);
}

/* With the lock held, as unlist. The list takes a reference of its own. */
static void list(struct store_memory *m, struct shard *sh, struct object *o, bool visited)
{
	shard_list(sh, object_ref(o), visited);
	atomic_fetch_add_explicit(&m->bytes, object_size(o), memory_order_relaxed);
	atomic_fetch_add_explicit(&m->entries, 1, memory_order_relaxed);
}

/* The list's reference is the caller's, who drops it after unlocking. */
static void unlist(struct store_memory *m, struct shard *sh, struct object *o)
{
	shard_unlist(sh, o);
	atomic_fetch_sub_explicit(&m->bytes, object_size(o), memory_order_relaxed);
	atomic_fetch_sub_explicit(&m->entries, 1, memory_order_relaxed);
	atomic_store(&object_links(o)->owner, NULL);
}

static void unref_all(struct object **objects, size_t n)
{
	for (size_t i = 0; i < n; i++)
		object_unref(&objects[i]);
}

/* ------------------------------------------------------------------------------ eviction */

static bool over_limits(struct store_memory *m)
{
	uint64_t max = m->limits.max_entries;

	return atomic_load_explicit(&m->bytes, memory_order_relaxed) > m->limits.max_size ||
	       (max && atomic_load_explicit(&m->entries, memory_order_relaxed) > max);
}

/*
 * Evicts one object other than `keep`, beginning at the shard whose turn it is: once around by the
 * bits, then whatever is there. False: there is no other.
 */
static bool evict_one(struct store_memory *m, const struct object *keep)
{
	unsigned turn = atomic_fetch_add_explicit(&m->evict_turn, 1, memory_order_relaxed);
	unsigned bits = VISITED_CLEARED;
	struct object *victim = NULL;

	for (unsigned i = 0; i < 2 * m->n_shards && !victim; i++) {
		struct shard *sh = &m->shards[(turn + i) & (m->n_shards - 1)];

		if (i == m->n_shards)
			bits = 0;
		pthread_mutex_lock(&sh->lock);
		victim = shard_sieve(sh, keep, &bits);
		if (victim)
			unlist(m, sh, victim);
		pthread_mutex_unlock(&sh->lock);
	}
	if (!victim)
		return false;
	object_unref(&victim);
	atomic_fetch_add_explicit(&m->evicted, 1, memory_order_relaxed);
	metrics_add(COUNTER_EVICTED, 1);
	return true;
}

/* ------------------------------------------------------------------------------ operations */

static struct object *memory_get(struct store *s, const struct key *key)
{
	struct shard *sh = shard_of(of(s), key->hash);
	struct object *o;

	pthread_mutex_lock(&sh->lock);
	o = shard_find(sh, key);
	if (o) {
		object_ref(o);
		shard_visit(o);
	}
	pthread_mutex_unlock(&sh->lock);
	return o;
}

static bool memory_remove(struct store *s, const struct key *key)
{
	struct store_memory *m = of(s);
	struct shard *sh = shard_of(m, key->hash);
	struct object *o;
	bool found;

	pthread_mutex_lock(&sh->lock);
	o = shard_find(sh, key);
	found = o != NULL;
	if (found)
		unlist(m, sh, o);
	pthread_mutex_unlock(&sh->lock);
	object_unref(&o);
	return found;
}

/*
 * Lists o in the place of what has its key, which is left in *old for the caller to unref. A page
 * that is asked for often stays one when it is refreshed: the visited bit goes over. With the
 * lock held.
 */
static bool replace(struct store_memory *m, struct shard *sh, struct object *o, bool only_new,
		    struct object **old)
{
	struct key key = object_key(o);
	struct object *there = shard_find(sh, &key);
	bool visited = there && shard_visited(there);

	if (there && only_new && object_dead_at(there) > clock_now_ms())
		return false;
	if (there == o)
		return true;
	if (!claim(m, o))
		return false; /* another store lists it */
	if (there)
		unlist(m, sh, there);
	*old = there;
	list(m, sh, o, visited);
	return true;
}

static bool put(struct store_memory *m, struct object *o, bool only_new)
{
	struct shard *sh = shard_of(m, object_key(o).hash);
	struct object *old = NULL;
	bool done;

	if (!shard_lock_with_room(sh))
		return false;
	done = replace(m, sh, o, only_new, &old);
	pthread_mutex_unlock(&sh->lock);
	object_unref(&old);
	while (over_limits(m) && evict_one(m, o))
		continue;
	return done;
}

static bool memory_set(struct store *s, struct object *o)
{
	struct store_memory *m = of(s);
	struct key key = object_key(o);

	CHECK(object_sealed(o));
	if (object_size(o) > m->limits.max_size) {
		memory_remove(s, &key);
		return false;
	}
	return put(m, o, false);
}

static bool memory_add(struct store *s, struct object *o)
{
	struct store_memory *m = of(s);

	CHECK(object_sealed(o));
	return object_size(o) <= m->limits.max_size && put(m, o, true);
}

/* Unlists up to BATCH of the oldest, at most *left. */
static void flush_batch(struct store_memory *m, struct shard *sh, size_t *left)
{
	struct object *gone[BATCH];
	size_t n = 0;

	pthread_mutex_lock(&sh->lock);
	while (*left > 0 && sh->oldest && n < BATCH) {
		gone[n] = sh->oldest;
		unlist(m, sh, gone[n++]);
		(*left)--;
	}
	if (!sh->oldest)
		*left = 0;
	pthread_mutex_unlock(&sh->lock);
	unref_all(gone, n);
}

/* As many of the oldest of each shard as it has at first: what comes meanwhile is newer. */
static void memory_flush(struct store *s)
{
	struct store_memory *m = of(s);

	for (unsigned i = 0; i < m->n_shards; i++) {
		struct shard *sh = &m->shards[i];
		size_t left;

		pthread_mutex_lock(&sh->lock);
		left = sh->used;
		pthread_mutex_unlock(&sh->lock);
		while (left > 0)
			flush_batch(m, sh, &left);
	}
}

/* Looks at the next BATCH slots. True at the end of the table: the next call begins anew. */
static bool sweep_batch(struct store_memory *m, struct shard *sh, int64_t now_ms)
{
	struct object *gone[BATCH], *o;
	unsigned slots = BATCH;
	size_t n = 0;
	bool end;

	pthread_mutex_lock(&sh->lock);
	while (n < BATCH && (o = shard_sweep(sh, now_ms, &slots))) {
		unlist(m, sh, o);
		gone[n++] = o;
	}
	end = sh->sweep == 0;
	pthread_mutex_unlock(&sh->lock);
	unref_all(gone, n);
	return end;
}

/* Goes on where the last call ended, around all shards once at most. */
static void memory_upkeep(struct store *s, int64_t now_ms)
{
	struct store_memory *m = of(s);
	unsigned ends = 0;

	for (unsigned slots = 0; slots < UPKEEP_SLOTS && ends < m->n_shards; slots += BATCH) {
		unsigned turn = atomic_load_explicit(&m->upkeep_turn, memory_order_relaxed);

		if (sweep_batch(m, &m->shards[turn & (m->n_shards - 1)], now_ms)) {
			atomic_fetch_add_explicit(&m->upkeep_turn, 1, memory_order_relaxed);
			ends++;
		}
	}
}

static void memory_stats(struct store *s, struct store_stats *out)
{
	struct store_memory *m = of(s);

	out->entries = atomic_load_explicit(&m->entries, memory_order_relaxed);
	out->bytes = atomic_load_explicit(&m->bytes, memory_order_relaxed);
	out->max_entries = m->limits.max_entries;
	out->max_bytes = m->limits.max_size;
	out->evicted = atomic_load_explicit(&m->evicted, memory_order_relaxed);
}

/* ------------------------------------------------------------------------------ open and close */

static bool read_options(struct str path, struct str args, struct options *o, struct buf *error)
{
	bool ok = path.n == 0 || str_eq(path, STR("/"));

	*o = (struct options){.max_size = UINT64_C(256) << 20, .max_entries = 0};
	if (!ok)
		store_error(error, "memory has no path; write memory:///?max_size=256m");
	return store_args("memory", args, args_table, ARRAY_LEN(args_table), o, error) && ok;
}

static bool memory_check(struct str path, struct str args, struct buf *error)
{
	struct options o;

	return read_options(path, args, &o, error);
}

static unsigned shards_for(const struct options *o)
{
	unsigned n = SHARDS_MAX;

	while (n > 1 && (o->max_size / n < SHARD_BYTES ||
			 (o->max_entries && o->max_entries / n < SHARD_ENTRIES)))
		n /= 2;
	return n;
}

static void memory_close(struct store *s)
{
	struct store_memory *m = of(s);

	memory_flush(s);
	for (unsigned i = 0; i < m->n_shards; i++)
		shard_fini(&m->shards[i]);
	free(m->shards);
	free(m);
}

static struct store_memory *make(const struct options *limits)
{
	struct store_memory *m = aligned_alloc(CACHE_LINE, sizeof(*m));
	unsigned n = shards_for(limits);

	if (!m)
		return NULL;
	*m = (struct store_memory){.store = {&store_memory_ops}, .limits = *limits};
	m->shards = aligned_alloc(CACHE_LINE, n * sizeof(*m->shards));
	while (m->shards && m->n_shards < n && shard_init(&m->shards[m->n_shards]))
		m->n_shards++;
	if (m->n_shards < n) {
		memory_close(&m->store);
		return NULL;
	}
	return m;
}

static struct store *memory_open(struct str path, struct str args, struct buf *error)
{
	struct options limits;
	struct store_memory *m;

	if (!read_options(path, args, &limits, error))
		return NULL;
	m = make(&limits);
	if (!m) {
		store_error(error, "memory is out");
		return NULL;
	}
	return &m->store;
}

const struct store_ops store_memory_ops = {
    .scheme = "memory",
    .check = memory_check,
    .open = memory_open,
    .close = memory_close,
    .get = memory_get,
    .set = memory_set,
    .add = memory_add,
    .remove = memory_remove,
    .flush = memory_flush,
    .upkeep = memory_upkeep,
    .stats = memory_stats,
};
