/*
 * Bans, in a table of buckets with a few places each. The label alone chooses the bucket and is
 * compared in it; a time stands beside it. 1 MiB, of which nothing is touched before the first ban.
 *
 *     bucket  = floor, label x 15, time x 15        four cache lines
 *     a place: empty (time 0) --ban--> taken --a newer ban in a full bucket--> another label's
 *
 * Writers take a lock, readers take none. A place that changes hands is written in this order,
 * the last two with release:
 *
 *     1. floor >= the time that is forgotten    2. the new time    3. the new label
 *
 * So a reader that finds the new label in place of its own, or the new time beside its own, sees
 * the floor that replaces what was there; one that finds the new label as its own sees the new
 * time.
 */
#include "flow/bans.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>

#include "base/check.h"

#define BUCKETS 4096u
#define PLACES  15u

struct bucket {
	_Atomic int64_t
	    floor; /* what was asked for until then is banned; 0: nothing was forgotten */
	_Atomic uint64_t labels[PLACES];
	_Atomic int64_t times[PLACES];
};

static alignas(64) struct bucket buckets[BUCKETS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* a leaf, for writers */
static atomic_size_t count;                              /* places taken */
static atomic_bool any;                                  /* there was a ban */

static struct bucket *bucket_of(uint64_t label)
{
	return &buckets[label % BUCKETS];
}

/* ------------------------------------------------------------------ adding */

/* The lock is held: what only writers write they read as they like. */
static int64_t time_at(const struct bucket *b, unsigned place)
{
	return atomic_load_explicit(&b->times[place], memory_order_relaxed);
}

/* The label's own place, else the first empty one, else that of the oldest. */
static unsigned choose_place(const struct bucket *b, uint64_t label)
{
	unsigned chosen = 0;

	for (unsigned i = 0; i < PLACES; i++) {
		int64_t time = time_at(b, i);

		if (time && atomic_load_explicit(&b->labels[i], memory_order_relaxed) == label)
			return i;
		if (time < time_at(b, chosen))
			chosen = i;
	}
	return chosen;
}

static void raise_floor(struct bucket *b, int64_t time)
{
	if (atomic_load_explicit(&b->floor, memory_order_relaxed) < time)
		atomic_store_explicit(&b->floor, time, memory_order_relaxed);
}

static void put_ban(struct bucket *b, uint64_t label, int64_t now)
{
	unsigned place = choose_place(b, label);
	int64_t before = time_at(b, place);

	if (atomic_load_explicit(&b->floor, memory_order_relaxed) >= now)
		return; /* the floor says as much */
	if (!before)
		atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
	else if (atomic_load_explicit(&b->labels[place], memory_order_relaxed) != label)
		raise_floor(b, before);
	else if (before > now)
		return;
	atomic_store_explicit(&b->times[place], now, memory_order_release);
	atomic_store_explicit(&b->labels[place], label, memory_order_release);
}

void bans_add(uint64_t label, int64_t now)
{
	CHECK(now > 0);
	pthread_mutex_lock(&lock);
	put_ban(bucket_of(label), label, now);
	pthread_mutex_unlock(&lock);
	atomic_store_explicit(&any, true, memory_order_release);
}

/* ------------------------------------------------------------------ looking */

static bool is_banned(uint64_t label, int64_t asked)
{
	const struct bucket *b = bucket_of(label);

	for (unsigned i = 0; i < PLACES; i++)
		if (atomic_load_explicit(&b->labels[i], memory_order_acquire) == label &&
		    atomic_load_explicit(&b->times[i], memory_order_acquire) >= asked)
			return true;
	/* last: who was thrown out while we looked has left its time here */
	return atomic_load_explicit(&b->floor, memory_order_relaxed) >= asked;
}

bool bans_hold(struct str labels, int64_t asked)
{
	uint64_t label;

	if (!atomic_load_explicit(&any, memory_order_acquire))
		return false;
	for (size_t i = 0; i + sizeof(label) <= labels.n; i += sizeof(label)) {
		memcpy(&label, labels.p + i, sizeof(label));
		if (is_banned(label, asked))
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------ for tests */

size_t bans_count(void)
{
	return atomic_load_explicit(&count, memory_order_relaxed);
}

size_t bans_places(void)
{
	return (size_t)BUCKETS * PLACES;
}

void bans_forget(void)
{
	atomic_store(&any, false);
	atomic_store(&count, 0);
	for (size_t i = 0; i < BUCKETS; i++) {
		atomic_store(&buckets[i].floor, 0);
		for (unsigned j = 0; j < PLACES; j++) {
			atomic_store(&buckets[i].labels[j], 0);
			atomic_store(&buckets[i].times[j], 0);
		}
	}
}
