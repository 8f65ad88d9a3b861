/*
 * Turns: whose is a connection that one thread works on now and that others may wake?
 *
 *     RUNNING --turn_wait--> WAITING   for bytes: any event takes it
 *        |  ^ one owner         |
 *        |  '--- taken by exactly one of all takers: turn_take, turn_take_event, turn_take_hangup
 *        |                      |
 *        '-----turn_hold---> HELD      for a page: who brings it takes it, or a hang-up
 *
 * What comes while the owner runs leaves a mark, and turn_wait or turn_hold says no: the owner goes
 * on. The memory of a turn is never given back to the allocator, so a late event may look at
 * it; one that was meant for an earlier life is a false alarm. Lock-free, any thread.
 */
#ifndef FCGICACHE_BASE_TURN_H
#define FCGICACHE_BASE_TURN_H

#include <stdatomic.h>
#include <stdbool.h>

struct turn {
	_Atomic unsigned word;
};

#define TURN_WAITING 1u
#define TURN_HELD    2u
#define TURN_EVENT   4u /* something came since turn_expect */
#define TURN_HANGUP  8u /* the peer has gone */

/* Owner: forgets the marks. Call before looking at what is there already. */
static inline void turn_expect(struct turn *t)
{
	atomic_store_explicit(&t->word, 0, memory_order_relaxed);
}

/* Owner: RUNNING -> state, unless one of the marks is there. */
static inline bool turn_give(struct turn *t, unsigned state, unsigned marks)
{
	unsigned word = atomic_load_explicit(&t->word, memory_order_relaxed);

	do {
		if (word & marks)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
	    &t->word, &word, word | state, memory_order_acq_rel, memory_order_relaxed));
	return true;
}

/* Owner: gives it up until something comes. False: it has come since turn_expect. */
static inline bool turn_wait(struct turn *t)
{
	return turn_give(t, TURN_WAITING, TURN_EVENT);
}

/* Owner: gives it up until somebody takes it. False: the peer has gone. */
static inline bool turn_hold(struct turn *t)
{
	return turn_give(t, TURN_HELD, TURN_HANGUP);
}

/* Takes it out of the states; if it is in none, leaves the marks. */
static inline bool turn_take_from(struct turn *t, unsigned states, unsigned marks)
{
	unsigned word = atomic_load_explicit(&t->word, memory_order_relaxed), next;

	do
		next = word & states ? word & ~states : word | marks;
	while (!atomic_compare_exchange_weak_explicit(&t->word, &word, next, memory_order_acq_rel,
						      memory_order_relaxed));
	return word & states;
}

/* Takes what waits or is held. False: somebody else has it. */
static inline bool turn_take(struct turn *t)
{
	return turn_take_from(t, TURN_WAITING | TURN_HELD, 0);
}

/* Something came: takes what waits for it. */
static inline bool turn_take_event(struct turn *t)
{
	return turn_take_from(t, TURN_WAITING, TURN_EVENT);
}

/* The peer has gone: takes what is held. */
static inline bool turn_take_hangup(struct turn *t)
{
	return turn_take_from(t, TURN_HELD, TURN_HANGUP);
}

#endif
