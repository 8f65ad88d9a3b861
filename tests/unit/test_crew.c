/*
 * Crews: threads on demand, the queue and its order, deadlines, and the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/crew.h"

/* ------------------------------------------------------------------ jobs that wait at a gate */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool gate_open;
static unsigned at_gate, through;
static char order[64];

struct piece {
	struct job job;
	struct turn turn;
	char name;
};

static struct piece *piece_of(struct job *job)
{
	return CONTAINER_OF(job, struct piece, job);
}

/* Waits until the gate is open. */
static void run_gate(struct job *job)
{
	(void)job;
	pthread_mutex_lock(&lock);
	at_gate++;
	pthread_cond_broadcast(&changed);
	while (!gate_open)
		pthread_cond_wait(&changed, &lock);
	at_gate--;
	through++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* Writes its name down. */
static void run_name(struct job *job)
{
	size_t n;

	pthread_mutex_lock(&lock);
	n = strlen(order);
	CHECK(n + 1 < sizeof(order));
	order[n] = piece_of(job)->name;
	through++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void wait_for(const unsigned *what, unsigned n)
{
	pthread_mutex_lock(&lock);
	while (*what != n)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static void open_gate(void)
{
	pthread_mutex_lock(&lock);
	gate_open = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static struct crew *begin(unsigned max, int64_t idle_ms)
{
	struct crew *c = crew_new("test", max, idle_ms);

	assert_non_null(c);
	gate_open = false;
	at_gate = through = 0;
	memset(order, 0, sizeof(order));
	return c;
}

static void finish(struct crew *c)
{
	open_gate();
	assert_true(crew_stop(c, clock_mono_ms() + 20000));
	crew_free(&c);
	assert_null(c);
}

static struct piece piece(char name, void (*run)(struct job *), int64_t deadline)
{
	return (struct piece){.job = {.run = run, .deadline = deadline}, .name = name};
}

static struct crew_stats stats_of(struct crew *c)
{
	struct crew_stats s;

	crew_stats(c, &s);
	return s;
}

/* Until the crew has so many threads; they end in their own time. */
static void wait_threads(struct crew *c, unsigned n)
{
	for (int i = 0; i < 5000 && stats_of(c).threads != n; i++)
		nanosleep(&(struct timespec){0, 2000000}, NULL);
	assert_int_equal(stats_of(c).threads, n);
}

/* ------------------------------------------------------------------ threads and the queue */

static void threads_start_on_demand_up_to_the_limit(void **state)
{
	struct crew *c = begin(3, 10000);
	struct piece pieces[5];
	struct crew_stats s;

	(void)state;
	assert_int_equal(stats_of(c).threads, 0);
	for (unsigned i = 0; i < 5; i++) {
		pieces[i] = piece('a', run_gate, INT64_MAX);
		assert_int_equal(crew_add(c, &pieces[i].job), CREW_QUEUED);
		assert_int_equal(stats_of(c).threads, i < 3 ? i + 1 : 3);
	}
	wait_for(&at_gate, 3);
	s = stats_of(c);
	assert_int_equal(s.busy, 3);
	assert_int_equal(s.waiting, 2);
	open_gate();
	wait_for(&through, 5);
	finish(c);
}

static void an_idle_thread_is_used_again(void **state)
{
	struct crew *c = begin(3, 10000);

	(void)state;
	for (unsigned i = 1; i <= 20; i++) {
		struct piece p = piece('a', run_name, INT64_MAX);

		assert_int_equal(crew_add(c, &p.job), CREW_QUEUED);
		wait_for(&through, i);
		for (int k = 0; k < 5000 && stats_of(c).busy; k++)
			nanosleep(&(struct timespec){0, 1000000}, NULL);
	}
	assert_int_equal(stats_of(c).threads, 1);
	finish(c);
}

static void idle_threads_end(void **state)
{
	struct crew *c = begin(3, 20);
	struct piece pieces[3];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		pieces[i] = piece('a', run_gate, INT64_MAX);
		assert_int_equal(crew_add(c, &pieces[i].job), CREW_QUEUED);
	}
	open_gate();
	wait_for(&through, 3);
	wait_threads(c, 0);
	/* and come back */
	assert_int_equal(crew_add(c, &pieces[0].job), CREW_QUEUED);
	wait_for(&through, 4);
	finish(c);
}

static void first_in_first_out(void **state)
{
	struct crew *c = begin(1, 10000);
	struct piece gate = piece('g', run_gate, INT64_MAX), pieces[6];

	(void)state;
	assert_int_equal(crew_add(c, &gate.job), CREW_QUEUED);
	wait_for(&at_gate, 1);
	for (unsigned i = 0; i < 6; i++) {
		pieces[i] = piece((char)('a' + i), run_name, INT64_MAX - i);
		assert_int_equal(crew_add(c, &pieces[i].job), CREW_QUEUED);
	}
	crew_remove(c, &pieces[0].job);
	crew_remove(c, &pieces[3].job);
	crew_remove(c, &pieces[3].job); /* no longer there */
	crew_remove(c, &pieces[5].job);
	assert_int_equal(stats_of(c).waiting, 3);
	open_gate();
	wait_for(&through, 4);
	assert_string_equal(order, "bce");
	finish(c);
}

/* ------------------------------------------------------------------ turns */

static void a_job_waits_under_its_turn(void **state)
{
	struct crew *c = begin(1, 10000);
	struct piece gate = piece('g', run_gate, INT64_MAX), pieces[3];

	(void)state;
	assert_int_equal(crew_add(c, &gate.job), CREW_QUEUED);
	wait_for(&at_gate, 1);
	for (unsigned i = 0; i < 3; i++) {
		pieces[i] = piece((char)('a' + i), run_name, INT64_MAX);
		pieces[i].job.turn = &pieces[i].turn;
		turn_expect(&pieces[i].turn);
	}
	/* the peer has gone before */
	assert_false(turn_take_hangup(&pieces[0].turn));
	assert_int_equal(crew_add(c, &pieces[0].job), CREW_EVENT);
	assert_int_equal(stats_of(c).waiting, 0);
	/* the peer goes while it waits */
	assert_int_equal(crew_add(c, &pieces[1].job), CREW_QUEUED);
	assert_int_equal(crew_add(c, &pieces[2].job), CREW_QUEUED);
	assert_true(turn_take_hangup(&pieces[1].turn));
	open_gate();
	wait_for(&through, 2);
	assert_string_equal(order, "c");
	assert_false(turn_take_hangup(&pieces[2].turn));
	crew_remove(c, &pieces[1].job);
	assert_int_equal(stats_of(c).waiting, 0);
	finish(c);
}

static void deadlines(void **state)
{
	struct crew *c = begin(1, 10000);
	struct piece gate = piece('g', run_gate, INT64_MAX), a = piece('a', run_name, 300),
		     b = piece('b', run_name, 100), d = piece('d', run_name, 200);
	int64_t next;

	(void)state;
	assert_null(crew_expired(c, INT64_MAX - 1, &next));
	assert_true(next == INT64_MAX);
	assert_int_equal(crew_add(c, &gate.job), CREW_QUEUED);
	wait_for(&at_gate, 1);
	b.job.turn = &b.turn;
	assert_int_equal(crew_add(c, &a.job), CREW_QUEUED);
	assert_int_equal(crew_add(c, &b.job), CREW_QUEUED);
	assert_int_equal(crew_add(c, &d.job), CREW_QUEUED);
	assert_null(crew_expired(c, 99, &next));
	assert_true(next == 100);
	assert_ptr_equal(crew_expired(c, 100, &next), &b.job);
	assert_true(next == 200);
	assert_false(turn_take(&b.turn)); /* taken */
	assert_null(crew_expired(c, 199, &next));
	assert_true(next == 200);
	/* both are over: the first in the queue first, and more to come at once */
	assert_ptr_equal(crew_expired(c, 1000, &next), &a.job);
	assert_true(next == 200);
	assert_ptr_equal(crew_expired(c, 1000, &next), &d.job);
	assert_true(next == INT64_MAX);
	assert_null(crew_expired(c, 1000, &next));
	assert_int_equal(stats_of(c).waiting, 0);
	finish(c);
	assert_string_equal(order, "");
}

static void what_somebody_took_does_not_expire(void **state)
{
	struct crew *c = begin(1, 10000);
	struct piece gate = piece('g', run_gate, INT64_MAX), a = piece('a', run_name, 100);
	int64_t next;

	(void)state;
	assert_int_equal(crew_add(c, &gate.job), CREW_QUEUED);
	wait_for(&at_gate, 1);
	a.job.turn = &a.turn;
	assert_int_equal(crew_add(c, &a.job), CREW_QUEUED);
	assert_true(turn_take_hangup(&a.turn));
	assert_null(crew_expired(c, 1000, &next));
	crew_remove(c, &a.job);
	assert_null(crew_expired(c, 1000, &next));
	assert_true(next == INT64_MAX);
	finish(c);
}

/* ------------------------------------------------------------------ the limit, the end */

static void a_lower_limit_ends_threads(void **state)
{
	struct crew *c = begin(4, 10000);
	struct piece pieces[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		pieces[i] = piece('a', run_gate, INT64_MAX);
		assert_int_equal(crew_add(c, &pieces[i].job), CREW_QUEUED);
	}
	wait_for(&at_gate, 4);
	crew_set_max(c, 1);
	assert_int_equal(stats_of(c).threads, 4);
	open_gate();
	wait_for(&through, 4);
	wait_threads(c, 1);
	assert_int_equal(crew_add(c, &pieces[0].job), CREW_QUEUED);
	wait_for(&through, 5);
	assert_int_equal(stats_of(c).threads, 1);
	finish(c);
}

static void no_thread_no_job(void **state)
{
	struct crew *c = begin(0, 10000);
	struct piece a = piece('a', run_name, INT64_MAX);

	(void)state;
	a.job.turn = &a.turn;
	assert_int_equal(crew_add(c, &a.job), CREW_REFUSED);
	assert_false(turn_take(&a.turn)); /* still the caller's */
	assert_int_equal(stats_of(c).waiting, 0);
	finish(c);
}

static void stopping(void **state)
{
	struct crew *c = begin(1, 10000);
	struct piece gate = piece('g', run_gate, INT64_MAX), a = piece('a', run_name, INT64_MAX),
		     b = piece('b', run_name, INT64_MAX);

	(void)state;
	assert_int_equal(crew_add(c, &gate.job), CREW_QUEUED);
	wait_for(&at_gate, 1);
	assert_int_equal(crew_add(c, &a.job), CREW_QUEUED);
	assert_false(crew_stop(c, clock_mono_ms() + 20));
	assert_int_equal(crew_add(c, &b.job), CREW_REFUSED);
	assert_false(crew_stop(c, clock_mono_ms() - 1000));
	/* what was queued before is still done */
	finish(c);
	assert_string_equal(order, "a");
}

/* ------------------------------------------------------------------ a crowd */

#define JOBS   64
#define ROUNDS 200

static struct piece crowd[JOBS];
static _Atomic unsigned by_crew, by_hangup, by_clock, crowd_done;

static void run_count(struct job *job)
{
	CHECK(!job->queued);
	atomic_fetch_add(&by_crew, 1);
}

static void *hang_up(void *arg)
{
	struct crew *c = arg;

	for (unsigned i = 0; !atomic_load(&crowd_done); i++) {
		struct piece *p = &crowd[i % JOBS];

		if (turn_take_hangup(&p->turn)) {
			crew_remove(c, &p->job);
			atomic_fetch_add(&by_hangup, 1);
		}
	}
	return NULL;
}

static void *expire(void *arg)
{
	int64_t next;

	while (!atomic_load(&crowd_done))
		if (crew_expired(arg, 1000, &next))
			atomic_fetch_add(&by_clock, 1);
	return NULL;
}

/* Crew, hang-ups and the clock at the same jobs: each job goes to exactly one of them. */
static void every_job_goes_to_one(void **state)
{
	struct crew *c = begin(3, 10000);
	pthread_t threads[2];
	unsigned given = 0, taken;

	(void)state;
	for (unsigned i = 0; i < JOBS; i++) {
		crowd[i] = piece('a', run_count, i % 2 ? 500 : INT64_MAX);
		crowd[i].job.turn = &crowd[i].turn;
	}
	assert_int_equal(pthread_create(&threads[0], NULL, hang_up, c), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, expire, c), 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned queued = 0;

		for (unsigned i = 0; i < JOBS; i++) {
			turn_expect(&crowd[i].turn);
			switch (crew_add(c, &crowd[i].job)) {
			case CREW_QUEUED:
				queued++;
				break;
			case CREW_EVENT:
				break;
			case CREW_REFUSED:
				fail();
			}
		}
		given += queued;
		do
			taken = atomic_load(&by_crew) + atomic_load(&by_hangup) +
				atomic_load(&by_clock);
		while (taken < given);
		assert_int_equal(taken, given);
		assert_int_equal(stats_of(c).waiting, 0);
	}
	atomic_store(&crowd_done, 1);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	finish(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(threads_start_on_demand_up_to_the_limit),
	    cmocka_unit_test(an_idle_thread_is_used_again),
	    cmocka_unit_test(idle_threads_end),
	    cmocka_unit_test(first_in_first_out),
	    cmocka_unit_test(a_job_waits_under_its_turn),
	    cmocka_unit_test(deadlines),
	    cmocka_unit_test(what_somebody_took_does_not_expire),
	    cmocka_unit_test(a_lower_limit_ends_threads),
	    cmocka_unit_test(no_thread_no_job),
	    cmocka_unit_test(stopping),
	    cmocka_unit_test(every_job_goes_to_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
