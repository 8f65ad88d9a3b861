/*
 * Turns: every transition, and a crowd in which exactly one wins.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "base/check.h"
#include "base/turn.h"

static unsigned word_of(struct turn *t)
{
	return atomic_load(&t->word);
}

enum act { WAIT, HOLD, TAKE, TAKE_EVENT, TAKE_HANGUP };

static bool act(struct turn *t, enum act what)
{
	switch (what) {
	case WAIT:
		return turn_wait(t);
	case HOLD:
		return turn_hold(t);
	case TAKE:
		return turn_take(t);
	case TAKE_EVENT:
		return turn_take_event(t);
	case TAKE_HANGUP:
		return turn_take_hangup(t);
	}
	return false;
}

static void every_transition(void **state)
{
	static const struct {
		unsigned before;
		enum act what;
		bool says;
		unsigned after;
	} cases[] = {
#define W TURN_WAITING
#define H TURN_HELD
#define E TURN_EVENT
#define G TURN_HANGUP
	    /* the owner gives it up */
	    {0, WAIT, true, W},
	    {E, WAIT, false, E},
	    {G, WAIT, true, W | G},
	    {E | G, WAIT, false, E | G},
	    {0, HOLD, true, H},
	    {E, HOLD, true, H | E},
	    {G, HOLD, false, G},
	    {E | G, HOLD, false, E | G},
	    /* others come while it runs */
	    {0, TAKE, false, 0},
	    {E | G, TAKE, false, E | G},
	    {0, TAKE_EVENT, false, E},
	    {G, TAKE_EVENT, false, E | G},
	    {0, TAKE_HANGUP, false, G},
	    {E, TAKE_HANGUP, false, E | G},
	    /* while it waits for bytes */
	    {W, TAKE, true, 0},
	    {W, TAKE_EVENT, true, 0},
	    {W, TAKE_HANGUP, false, W | G},
	    {W | G, TAKE_EVENT, true, G},
	    /* while it is held for a page */
	    {H, TAKE, true, 0},
	    {H, TAKE_EVENT, false, H | E},
	    {H, TAKE_HANGUP, true, 0},
	    {H | E, TAKE_HANGUP, true, E},
	    {H | E, TAKE, true, E},
#undef W
#undef H
#undef E
#undef G
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct turn t = {cases[i].before};
		bool says = act(&t, cases[i].what);

		if (says != cases[i].says || word_of(&t) != cases[i].after)
			fail_msg("case %zu: %d, %x", i, says, word_of(&t));
	}
}

static void marks_are_forgotten_once_expected(void **state)
{
	struct turn t = {0};

	(void)state;
	assert_false(turn_take_event(&t));
	assert_false(turn_take_hangup(&t));
	turn_expect(&t);
	assert_true(turn_wait(&t));
	assert_true(turn_take_event(&t));
	assert_true(turn_hold(&t));
	assert_true(turn_take_hangup(&t));
}

static void a_second_taker_comes_too_late(void **state)
{
	struct turn t = {0};

	(void)state;
	assert_true(turn_hold(&t));
	assert_true(turn_take(&t));
	assert_false(turn_take(&t));
	assert_false(turn_take_hangup(&t));
	/* but the hang-up is not lost */
	assert_false(turn_hold(&t));
}

/* ------------------------------------------------------------------ a crowd */

#define TAKERS 4
#define ROUNDS 10000

static struct turn shared;
static _Atomic unsigned won, done;
static unsigned owned; /* whoever has the turn writes it: a race unless there is one owner */

static void *take_often(void *arg)
{
	enum act what = (enum act)(uintptr_t)arg;

	while (!atomic_load(&done)) {
		if (act(&shared, what)) {
			owned++;
			atomic_fetch_add(&won, 1);
		} else {
			sched_yield();
		}
	}
	return NULL;
}

/* The owner gives it up again and again; each time exactly one of the takers gets it. */
static void give_rounds(enum act how, const enum act takers[TAKERS])
{
	pthread_t threads[TAKERS];

	turn_expect(&shared);
	atomic_store(&won, 0);
	atomic_store(&done, 0);
	owned = 0;
	for (size_t i = 0; i < TAKERS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, take_often, (void *)(uintptr_t)takers[i]), 0);
	for (unsigned i = 1; i <= ROUNDS; i++) {
		do
			turn_expect(&shared);
		while (!act(&shared, how));
		while (atomic_load(&won) < i)
			sched_yield();
		CHECK(owned == i);
	}
	atomic_store(&done, 1);
	for (size_t i = 0; i < TAKERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&won), ROUNDS);
	assert_int_equal(owned, ROUNDS);
}

static void one_of_many_takes_what_waits(void **state)
{
	static const enum act takers[TAKERS] = {TAKE, TAKE_EVENT, TAKE_EVENT, TAKE_HANGUP};

	(void)state;
	give_rounds(WAIT, takers);
}

static void one_of_many_takes_what_is_held(void **state)
{
	static const enum act takers[TAKERS] = {TAKE, TAKE, TAKE_HANGUP, TAKE_EVENT};

	(void)state;
	give_rounds(HOLD, takers);
}

/* An event is never lost: either it takes what waits, or the owner sees its mark. */
static void *one_event(void *arg)
{
	return turn_take_event(arg) ? arg : NULL;
}

static void no_event_is_lost(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		struct turn t = {0};
		pthread_t thread;
		void *taken;
		bool waits;

		turn_expect(&t);
		assert_int_equal(pthread_create(&thread, NULL, one_event, &t), 0);
		if (i % 2)
			sched_yield();
		waits = turn_wait(&t);
		assert_int_equal(pthread_join(thread, &taken), 0);
		assert_int_equal(waits, taken != NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_transition),
	    cmocka_unit_test(marks_are_forgotten_once_expected),
	    cmocka_unit_test(a_second_taker_comes_too_late),
	    cmocka_unit_test(one_of_many_takes_what_waits),
	    cmocka_unit_test(one_of_many_takes_what_is_held),
	    cmocka_unit_test(no_event_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
