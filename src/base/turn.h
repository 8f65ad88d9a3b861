/*
 * Turns: whose is a thing that one thread works on now and that others may wake?
 *
 *              turn_wait (false: an event came meanwhile, the owner goes on)
 *     RUNNING -----------------------------------------------------------> WAITING
 *        ^  one owner                                       anybody may take it |
 *        '----- turn_take, turn_take_event: exactly one of all takers wins <----'
 *
 * The memory of a turn is never given back to the allocator, so a late event may look at it; one
 * that was meant for an earlier life is a false alarm, and its taker must see that. Lock-free, any
 * thread.
 */
#ifndef FCGICACHE_BASE_TURN_H
#define FCGICACHE_BASE_TURN_H

#include <stdatomic.h>
#include <stdbool.h>

struct turn {
	_Atomic unsigned word;
};

#define TURN_WAITING 1u
#define TURN_EVENT   2u

/* Owner: forgets events so far. Call before arming what brings the next one. */
static inline void turn_expect(struct turn *t)
{
	atomic_fetch_and_explicit(&t->word, ~TURN_EVENT, memory_order_relaxed);
}

/* Owner: gives it up until somebody takes it. False: an event came since turn_expect. */
static inline bool turn_wait(struct turn *t)
{
	unsigned word = 0;

	return atomic_compare_exchange_strong_explicit(&t->word, &word, TURN_WAITING,
	    memory_order_acq_rel, memory_order_relaxed);
}

/* Takes a waiting thing. False: somebody else has it. */
static inline bool turn_take(struct turn *t)
{
	unsigned word = TURN_WAITING;

	return atomic_compare_exchange_strong_explicit(&t->word, &word, 0, memory_order_acq_rel,
	    memory_order_relaxed);
}

/* For an event: takes the thing if it waits; else leaves a mark for turn_wait. */
static inline bool turn_take_event(struct turn *t)
{
	unsigned word = atomic_load_explicit(&t->word, memory_order_relaxed);

	while (!atomic_compare_exchange_weak_explicit(&t->word, &word,
	    word & TURN_WAITING ? 0 : TURN_EVENT, memory_order_acq_rel, memory_order_relaxed))
		;
	return word & TURN_WAITING;
}

#endif
