/*
 * Shards. The table is open addressing with linear probing; the hash stands beside the pointer, so
 * that nothing but the table is read before the object looked for, and moving a table to one of
 * twice the size reads no object. Objects carry their own links (struct object_links).
 *
 *     newest <-> ... <-> hand <-> ... <-> oldest        the queue, in order of listing
 *
 * SIEVE (Zhang et al., NSDI 2024): a hit only sets the object's visited bit. The hand goes from the
 * oldest to the newest, clears the bits that it meets and evicts the first object without one; what
 * is kept stays where it is. Hot objects stay, and what nobody asks for twice goes soon.
 */
#include "store/shard.h"

#include <stdatomic.h>
#include <stdlib.h>

#define SLOTS_MIN 16u

/* ------------------------------------------------------------------------------ table */

static bool has_key(const struct object *o, const struct key *key)
{
	struct key own = object_key(o);

	return key_eq(&own, key);
}

struct object *shard_find(const struct shard *sh, const struct key *key)
{
	const struct slot *slot = &sh->slots[key->hash & sh->mask];

	while (slot->object && (slot->hash != key->hash || !has_key(slot->object, key)))
		slot = slot == &sh->slots[sh->mask] ? sh->slots : slot + 1;
	return slot->object;
}

/* The slot of a listed object. */
static size_t slot_of(const struct shard *sh, const struct object *o)
{
	size_t i = object_key(o).hash & sh->mask;

	while (sh->slots[i].object != o) {
		CHECK(sh->slots[i].object);
		i = (i + 1) & sh->mask;
	}
	return i;
}

static void fill_slot(struct slot *slots, size_t mask, struct slot slot)
{
	size_t i = slot.hash & mask;

	while (slots[i].object)
		i = (i + 1) & mask;
	slots[i] = slot;
}

/* Frees slot i, and moves back those behind it that would not be found any more. */
static void free_slot(struct shard *sh, size_t i)
{
	struct slot *slots = sh->slots;
	size_t mask = sh->mask;

	for (size_t j = (i + 1) & mask; slots[j].object; j = (j + 1) & mask) {
		size_t home = slots[j].hash & mask;

		if (((j - home) & mask) >= ((j - i) & mask)) {
			slots[i] = slots[j];
			i = j;
		}
	}
	slots[i] = (struct slot){0};
}

/* Replaces the table by `slots`, all free and n of them. The old one, for free(). */
static struct slot *move_table(struct shard *sh, struct slot *slots, size_t n)
{
	struct slot *old = sh->slots;

	for (size_t i = 0; i <= sh->mask; i++)
		if (old[i].object)
			fill_slot(slots, n - 1, old[i]);
	sh->slots = slots;
	sh->mask = n - 1;
	return old;
}

/* Doubles the table, which had n slots, unless another thread has. Without the lock. */
static bool grow(struct shard *sh, size_t n)
{
	struct slot *slots = calloc(n * 2, sizeof(*slots));

	if (!slots)
		return false;
	pthread_mutex_lock(&sh->lock);
	if (sh->mask + 1 == n)
		slots = move_table(sh, slots, n * 2);
	pthread_mutex_unlock(&sh->lock);
	free(slots);
	return true;
}

/* Three quarters full is full; fifteen sixteenths while memory is out. */
bool shard_lock_with_room(struct shard *sh)
{
	bool can_grow = true;
	size_t n;

	for (;;) {
		pthread_mutex_lock(&sh->lock);
		n = sh->mask + 1;
		if (sh->used < (can_grow ? n - n / 4 : n - n / 16))
			return true;
		pthread_mutex_unlock(&sh->lock);
		if (!can_grow)
			return false;
		can_grow = grow(sh, n);
	}
}

/* ------------------------------------------------------------------------------ queue */

static void push_newest(struct shard *sh, struct object *o)
{
	struct object_links *l = object_links(o);

	l->newer = NULL;
	l->older = sh->newest;
	if (sh->newest)
		object_links(sh->newest)->newer = o;
	else
		sh->oldest = o;
	sh->newest = o;
}

static void take_out(struct shard *sh, struct object *o)
{
	struct object_links *l = object_links(o);

	if (sh->hand == o)
		sh->hand = l->newer;
	if (l->newer)
		object_links(l->newer)->older = l->older;
	else
		sh->newest = l->older;
	if (l->older)
		object_links(l->older)->newer = l->newer;
	else
		sh->oldest = l->newer;
	l->newer = l->older = NULL;
}

bool shard_visited(struct object *o)
{
	return atomic_load_explicit(&object_links(o)->visited, memory_order_relaxed);
}

/* Writes only where it changes something: most hits find the bit set. */
static void set_visited(struct object *o, bool visited)
{
	if (shard_visited(o) != visited)
		atomic_store_explicit(&object_links(o)->visited, visited, memory_order_relaxed);
}

void shard_visit(struct object *o)
{
	set_visited(o, true);
}

struct object *shard_sieve(struct shard *sh, const struct object *keep, unsigned *bits)
{
	struct object *o = sh->hand ? sh->hand : sh->oldest;

	for (; o; o = object_links(o)->newer) {
		if (o == keep)
			continue;
		if (*bits == 0 || !shard_visited(o))
			break;
		set_visited(o, false);
		(*bits)--;
	}
	sh->hand = o;
	return o;
}

/* ------------------------------------------------------------------------------ both */

void shard_list(struct shard *sh, struct object *o, bool visited)
{
	fill_slot(sh->slots, sh->mask, (struct slot){object_key(o).hash, o});
	push_newest(sh, o);
	set_visited(o, visited);
	sh->used++;
}

void shard_unlist(struct shard *sh, struct object *o)
{
	free_slot(sh, slot_of(sh, o));
	take_out(sh, o);
	sh->used--;
}

/* An unlisted object's slot may get another: it is looked at again. */
struct object *shard_sweep(struct shard *sh, int64_t now_ms, unsigned *slots)
{
	for (; *slots > 0 && sh->sweep <= sh->mask; (*slots)--) {
		struct object *o = sh->slots[sh->sweep].object;

		if (o && object_dead_at(o) <= now_ms)
			return o;
		sh->sweep++;
	}
	if (sh->sweep > sh->mask)
		sh->sweep = 0;
	return NULL;
}

bool shard_init(struct shard *sh)
{
	*sh = (struct shard){.mask = SLOTS_MIN - 1};
	sh->slots = calloc(SLOTS_MIN, sizeof(*sh->slots));
	if (!sh->slots)
		return false;
	pthread_mutex_init(&sh->lock, NULL);
	return true;
}

void shard_fini(struct shard *sh)
{
	CHECK(sh->used == 0);
	pthread_mutex_destroy(&sh->lock);
	free(sh->slots);
}
