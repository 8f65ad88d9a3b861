/*
 * Flights: who leads, who follows, how they land, and a crowd of both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "flow/flight.h"

/* A web server's connection and its request. */
struct peer {
	struct client client;
	struct request *r;
	_Atomic unsigned resumed;
};

static void resume(struct client *c)
{
	atomic_fetch_add(&CONTAINER_OF(c, struct peer, client)->resumed, 1);
}

static const struct client_ops ops = {.resume = resume};

static void peer_init(struct peer *p, const struct key *key)
{
	p->client = (struct client){.fd = -1, .ops = &ops};
	p->resumed = 0;
	p->r = calloc(1, sizeof(*p->r));
	CHECK(p->r);
	p->r->client = &p->client;
	p->r->plan.key = *key;
	p->r->follow_deadline = INT64_MAX;
}

static void peer_fini(struct peer *p)
{
	CHECK(!p->r->flight && !p->r->landed);
	free(p->r);
}

#define PEERS 5
static struct peer peers[PEERS];
static struct key key;
static bool first;

/* The first leads, the others follow. */
static int one_leads(void **state)
{
	(void)state;
	key = key_make(STR("http://a/"));
	for (size_t i = 0; i < PEERS; i++) {
		peer_init(&peers[i], &key);
		turn_expect(&peers[i].client.turn);
		if (flight_join(&key, peers[i].r, true, &first) !=
		    (i == 0 ? FLIGHT_LEAD : FLIGHT_FOLLOW))
			return -1;
	}
	return 0;
}

/* Nothing is left of it. */
static int all_is_over(void **state)
{
	(void)state;
	for (size_t i = 0; i < PEERS; i++)
		peer_fini(&peers[i]);
	return flight_exists(&key) || flight_waiting() ? -1 : 0;
}

static void end_it(struct peer *leader)
{
	assert_null(flight_land(leader->r, LANDING_PASS, NULL));
	assert_false(flight_exists(&key));
}

static void joining(void **state)
{
	struct key other = key_make(STR("http://b/"));
	struct peer p;

	(void)state;
	assert_true(flight_exists(&key));
	assert_false(flight_exists(&other));
	assert_true(peers[0].r->leads && !peers[1].r->leads);
	assert_int_equal(flight_waiting(), PEERS - 1);
	assert_true(flight_followed(peers[0].r));
	/* one that does not want to wait */
	peer_init(&p, &key);
	assert_int_equal(flight_join(&key, p.r, false, &first), FLIGHT_BUSY);
	assert_null(p.r->flight);
	/* one whose web server has gone */
	assert_false(turn_take_hangup(&p.client.turn));
	assert_int_equal(flight_join(&key, p.r, true, &first), FLIGHT_GONE);
	assert_null(p.r->flight);
	assert_int_equal(flight_waiting(), PEERS - 1);
	/* another key is another flight; the key's bytes may go */
	{
		char bytes[] = "http://b/";
		struct key mortal = key_make(str_of(bytes));

		assert_int_equal(flight_join(&mortal, p.r, true, &first), FLIGHT_LEAD);
		memset(bytes, 'x', sizeof(bytes));
	}
	assert_true(flight_exists(&other));
	assert_false(flight_followed(p.r));
	assert_null(flight_land(p.r, LANDING_PASS, NULL));
	assert_false(flight_exists(&other));
	assert_false(flight_followed(p.r));
	peer_fini(&p);
	(void)flight_land(peers[0].r, LANDING_PASS, NULL);
}

static void all_get_the_landing(void **state)
{
	struct object_head head = {.kind = OBJECT_PAGE, .status = 200};
	struct object *o = object_new(&key, &head, 0);
	struct request *list;

	(void)state;
	assert_non_null(o);
	object_seal(o);
	list = flight_land(peers[0].r, LANDING_OBJECT, o);
	assert_null(peers[0].r->flight);
	assert_false(peers[0].r->leads);
	for (size_t i = 1; i < PEERS; i++) {
		struct request *r = peers[i].r;

		assert_ptr_equal(list, r); /* in the order in which they came */
		assert_int_equal(r->landing, LANDING_OBJECT);
		assert_ptr_equal(r->landed, o);
		assert_null(r->flight);
		assert_false(turn_take(&peers[i].client.turn)); /* taken */
		list = r->next;
	}
	assert_null(list);
	flight_resume(peers[1].r);
	for (size_t i = 1; i < PEERS; i++) {
		assert_int_equal(peers[i].resumed, 1);
		assert_null(peers[i].r->next);
		object_unref(&peers[i].r->landed);
	}
	assert_int_equal(peers[0].resumed, 0);
	object_unref(&o);
}

static void a_failure_lands_with_its_status(void **state)
{
	struct request *list;

	(void)state;
	peers[0].r->landing_status = 504;
	list = flight_land(peers[0].r, LANDING_FAILED, NULL);
	for (; list; list = list->next) {
		assert_int_equal(list->landing, LANDING_FAILED);
		assert_int_equal(list->landing_status, 504);
		assert_null(list->landed);
	}
}

static void the_first_follower_is_heir(void **state)
{
	struct request *heir;

	(void)state;
	for (size_t i = 0; i + 1 < PEERS; i++) {
		heir = flight_hand_over(peers[i].r);
		assert_ptr_equal(heir, peers[i + 1].r);
		assert_null(peers[i].r->flight);
		assert_false(peers[i].r->leads);
		assert_true(heir->leads);
		assert_int_equal(heir->landing, LANDING_LEAD);
		assert_null(heir->next);
		assert_false(turn_take(&peers[i + 1].client.turn));
		assert_true(flight_exists(&key));
		assert_int_equal(flight_waiting(), PEERS - 2 - i);
	}
	assert_null(flight_hand_over(peers[PEERS - 1].r));
	assert_false(flight_exists(&key));
}

static void who_hangs_up_leaves(void **state)
{
	struct request *list;

	(void)state;
	assert_true(turn_take_hangup(&peers[1].client.turn));
	flight_leave(peers[1].r);
	assert_null(peers[1].r->flight);
	assert_true(turn_take_hangup(&peers[3].client.turn));
	flight_leave(peers[3].r);
	assert_int_equal(flight_waiting(), PEERS - 3);
	list = flight_land(peers[0].r, LANDING_PASS, NULL);
	assert_ptr_equal(list, peers[2].r);
	assert_ptr_equal(list->next, peers[4].r);
	assert_null(list->next->next);
}

/* Its turn is taken, but it has not left yet when the flight lands, or goes to an heir. */
static void who_is_leaving_is_cut_loose(void **state)
{
	struct request *heir;

	(void)state;
	assert_true(turn_take_hangup(&peers[1].client.turn));
	heir = flight_hand_over(peers[0].r);
	assert_ptr_equal(heir, peers[2].r);
	assert_int_equal(flight_waiting(), PEERS - 2);
	assert_true(turn_take_hangup(&peers[3].client.turn));
	assert_ptr_equal(flight_land(heir, LANDING_PASS, NULL), peers[4].r);
	assert_null(peers[4].r->next);
	assert_null(peers[1].r->flight);
	assert_null(peers[3].r->flight);
	assert_int_equal(flight_waiting(), 0);
	flight_leave(peers[1].r);
	flight_leave(peers[3].r);
	assert_int_equal(peers[1].r->landing, LANDING_NONE);
}

static void the_last_leaves_and_nobody_is_heir(void **state)
{
	(void)state;
	for (size_t i = 1; i < PEERS; i++)
		assert_true(turn_take_hangup(&peers[i].client.turn));
	assert_null(flight_hand_over(peers[0].r));
	assert_false(flight_exists(&key));
	for (size_t i = 1; i < PEERS; i++)
		flight_leave(peers[i].r);
}

static void followers_expire(void **state)
{
	struct peer late[3];
	static const int64_t at[] = {300, 100, 200};
	static const bool earliest[] = {true, true, false};
	int64_t next;

	(void)state;
	assert_null(flight_expired(1000, &next));
	assert_true(next == INT64_MAX);
	for (size_t i = 0; i < 3; i++) {
		peer_init(&late[i], &key);
		late[i].r->follow_deadline = at[i];
		assert_int_equal(flight_join(&key, late[i].r, true, &first), FLIGHT_FOLLOW);
		assert_int_equal(first, earliest[i]);
	}
	assert_null(flight_expired(99, &next));
	assert_true(next == 100);
	assert_ptr_equal(flight_expired(100, &next), late[1].r);
	assert_true(next == 200);
	assert_int_equal(late[1].r->landing, LANDING_TIMEOUT);
	assert_null(late[1].r->flight);
	assert_false(turn_take(&late[1].client.turn));
	/* both: one after the other, at once */
	assert_ptr_equal(flight_expired(300, &next), late[0].r);
	assert_true(next <= 300);
	assert_ptr_equal(flight_expired(300, &next), late[2].r);
	assert_true(next == INT64_MAX);
	assert_null(flight_expired(1000, &next));
	for (size_t i = 0; i < 3; i++)
		peer_fini(&late[i]);
	assert_int_equal(flight_waiting(), PEERS - 1);
	flight_resume(flight_land(peers[0].r, LANDING_PASS, NULL));
}

static void a_new_flight_after_the_old(void **state)
{
	(void)state;
	flight_resume(flight_land(peers[0].r, LANDING_PASS, NULL));
	turn_expect(&peers[1].client.turn);
	assert_int_equal(flight_join(&key, peers[1].r, true, &first), FLIGHT_LEAD);
	end_it(&peers[1]);
}

/* ------------------------------------------------------------------ a crowd */

#define KEYS   3
#define CROWD  24 /* requests */
#define ROUNDS 3000

static struct peer crowd[CROWD];
static struct key keys[KEYS];
static _Atomic unsigned leading[KEYS], crowd_done;
static _Atomic int owners[CROWD]; /* how many threads think that they have this one */
static unsigned counts[CROWD];    /* plain: TSan tells if a request ever has two owners */

static void own(struct request *r, int change)
{
	size_t i = (size_t)(CONTAINER_OF(r->client, struct peer, client) - crowd);

	counts[i]++;
	CHECK(atomic_fetch_add(&owners[i], change) + change == (change > 0));
}

static void lead(struct request *r, unsigned k, unsigned dice);

/* Whoever has r joins and goes on, until it waits or is done. */
static void fly(struct request *r, unsigned dice)
{
	unsigned k = dice % KEYS;
	bool is_first;

	r->plan.key = keys[k];
	r->follow_deadline = dice % 5 == 0 ? 0 : INT64_MAX;
	r->landing = LANDING_NONE;
	turn_expect(&r->client->turn);
	own(r, -1);
	switch (flight_join(&keys[k], r, dice % 7 != 0, &is_first)) {
	case FLIGHT_LEAD:
		own(r, 1);
		CHECK(atomic_fetch_add(&leading[k], 1) == 0);
		lead(r, k, dice / 7);
		break;
	case FLIGHT_FOLLOW:
		return;
	case FLIGHT_BUSY:
	case FLIGHT_GONE:
		own(r, 1);
		break;
	case FLIGHT_NO_MEMORY:
		CHECK(false);
	}
	atomic_store(&CONTAINER_OF(r->client, struct peer, client)->resumed, 1);
}

static void free_one(struct request *r)
{
	own(r, 1);
	CHECK(!r->flight);
	atomic_store(&CONTAINER_OF(r->client, struct peer, client)->resumed, 1);
}

static void lead(struct request *r, unsigned k, unsigned dice)
{
	struct request *list, *next;

	if (dice % 4 == 0)
		sched_yield();
	CHECK(r->leads);
	atomic_fetch_sub(&leading[k], 1);
	if (dice % 3 == 0) {
		struct request *heir = flight_hand_over(r);

		if (!heir)
			return;
		own(heir, 1);
		CHECK(heir->landing == LANDING_LEAD && heir->leads);
		CHECK(atomic_fetch_add(&leading[k], 1) == 0);
		lead(heir, k, dice / 3 + 1);
		atomic_store(&CONTAINER_OF(heir->client, struct peer, client)->resumed, 1);
		return;
	}
	for (list = flight_land(r, LANDING_PASS, NULL); list; list = next) {
		next = list->next;
		CHECK(list->landing == LANDING_PASS);
		free_one(list);
	}
}

/* Each thread starts those of its own that are free. */
static void *start_often(void *arg)
{
	size_t from = (size_t)(uintptr_t)arg;
	unsigned dice = (unsigned)from + 1;

	for (unsigned i = 0; i < ROUNDS; i++) {
		for (size_t k = from; k < CROWD; k += 3) {
			unsigned one = 1;

			if (!atomic_compare_exchange_strong(&crowd[k].resumed, &one, 0))
				continue;
			dice = dice * 1664525 + 1013904223;
			fly(crowd[k].r, dice >> 8);
		}
	}
	return NULL;
}

/* Hang-ups and the clock. */
static void *disturb(void *arg)
{
	int64_t next;

	(void)arg;
	for (unsigned i = 0; !atomic_load(&crowd_done); i++) {
		struct peer *p = &crowd[i % CROWD];
		struct request *r;

		if (turn_take_hangup(&p->client.turn)) {
			flight_leave(p->r);
			free_one(p->r);
		}
		r = flight_expired(1, &next);
		if (r) {
			CHECK(r->landing == LANDING_TIMEOUT);
			free_one(r);
		}
		if (i % 8 == 0)
			sched_yield();
	}
	return NULL;
}

static void leaders_followers_hangups_and_the_clock(void **state)
{
	static const char *const names[KEYS] = {"a", "b", "c"};
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < KEYS; i++)
		keys[i] = key_make(str_of(names[i]));
	for (size_t i = 0; i < CROWD; i++) {
		peer_init(&crowd[i], &keys[0]);
		crowd[i].resumed = 1;
		owners[i] = 1;
	}
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, start_often, (void *)(uintptr_t)i), 0);
	assert_int_equal(pthread_create(&threads[3], NULL, disturb, NULL), 0);
	for (size_t i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	/* every leader has landed: nobody is left behind, but those whom a hang-up has just taken
	 */
	for (size_t i = 0; i < CROWD; i++)
		while (!atomic_load(&crowd[i].resumed))
			sched_yield();
	atomic_store(&crowd_done, 1);
	pthread_join(threads[3], NULL);
	assert_int_equal(flight_waiting(), 0);
	for (size_t i = 0; i < KEYS; i++)
		assert_false(flight_exists(&keys[i]));
	for (size_t i = 0; i < CROWD; i++) {
		assert_int_equal(owners[i], 1);
		peer_fini(&crowd[i]);
	}
}

static int start(void **state)
{
	(void)state;
	return key_start() && flight_start() ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	flight_stop();
	return 0;
}

#define STORY(f) cmocka_unit_test_setup_teardown(f, one_leads, all_is_over)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORY(joining),
	    STORY(all_get_the_landing),
	    STORY(a_failure_lands_with_its_status),
	    STORY(the_first_follower_is_heir),
	    STORY(who_hangs_up_leaves),
	    STORY(who_is_leaving_is_cut_loose),
	    STORY(the_last_leaves_and_nobody_is_heir),
	    STORY(followers_expire),
	    STORY(a_new_flight_after_the_old),
	    cmocka_unit_test(leaders_followers_hangups_and_the_clock),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
