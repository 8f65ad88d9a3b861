/*
 * A hash table in shards, each with its lock; a flight lives in one chain from join to landing.
 * Its key is a copy, so that the leader's request may go.
 *
 * The turn of a follower is taken under the shard's lock; who takes it elsewhere (a hang-up) calls
 * flight_leave, which takes the lock too: so nobody frees a follower that is being looked at.
 */
#include "flow/flight.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SHARDS  16u
#define BUCKETS 256u

struct flight {
	struct flight *next;
	struct request *first, *last; /* followers */
	struct shard *shard;
	struct key key;
	char bytes[];
};

struct shard {
	pthread_mutex_t lock;
	int64_t earliest; /* no follower's deadline is before this */
	unsigned following;
	struct flight *buckets[BUCKETS];
};

static struct shard shards[SHARDS];

bool flight_start(void)
{
	for (unsigned i = 0; i < SHARDS; i++) {
		shards[i].earliest = INT64_MAX;
		if (pthread_mutex_init(&shards[i].lock, NULL) != 0)
			return false;
	}
	return true;
}

void flight_stop(void)
{
	for (unsigned i = 0; i < SHARDS; i++)
		pthread_mutex_destroy(&shards[i].lock);
}

static struct shard *shard_of(const struct key *key)
{
	return &shards[key->hash % SHARDS];
}

static struct flight **bucket_of(struct shard *shard, const struct key *key)
{
	return &shard->buckets[key->hash / SHARDS % BUCKETS];
}

static struct flight *find(struct shard *shard, const struct key *key)
{
	struct flight *f;

	for (f = *bucket_of(shard, key); f; f = f->next)
		if (key_eq(&f->key, key))
			break;
	return f;
}

static struct flight *add_flight(struct shard *shard, const struct key *key)
{
	struct flight *f = malloc(sizeof(*f) + key->bytes.n);

	if (!f)
		return NULL;
	*f = (struct flight){.shard = shard, .key = *key};
	memcpy(f->bytes, key->bytes.p, key->bytes.n);
	f->key.bytes.p = f->bytes;
	f->next = *bucket_of(shard, key);
	*bucket_of(shard, key) = f;
	return f;
}

static void unlink_flight(struct flight *f)
{
	struct flight **at = bucket_of(f->shard, &f->key);

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
}

static void link_follower(struct flight *f, struct request *r)
{
	r->flight = f;
	r->leads = false;
	r->next = NULL;
	r->prev = f->last;
	if (f->last)
		f->last->next = r;
	else
		f->first = r;
	f->last = r;
	f->shard->following++;
}

static void unlink_follower(struct flight *f, struct request *r)
{
	if (r->prev)
		r->prev->next = r->next;
	else
		f->first = r->next;
	if (r->next)
		r->next->prev = r->prev;
	else
		f->last = r->prev;
	r->next = r->prev = NULL;
	r->flight = NULL;
	f->shard->following--;
}

static enum flight_join follow_it(struct flight *f, struct request *r, bool *first)
{
	if (!turn_hold(&r->client->turn))
		return FLIGHT_GONE;
	link_follower(f, r);
	*first = r->follow_deadline < f->shard->earliest;
	if (*first)
		f->shard->earliest = r->follow_deadline;
	return FLIGHT_FOLLOW;
}

enum flight_join flight_join(const struct key *key, struct request *r, bool follow, bool *first)
{
	struct shard *shard = shard_of(key);
	enum flight_join result = FLIGHT_BUSY;
	struct flight *f;

	*first = false;
	pthread_mutex_lock(&shard->lock);
	f = find(shard, key);
	if (!f) {
		f = add_flight(shard, key);
		r->flight = f;
		r->leads = f != NULL;
		result = f ? FLIGHT_LEAD : FLIGHT_NO_MEMORY;
	} else if (follow) {
		result = follow_it(f, r, first);
	}
	pthread_mutex_unlock(&shard->lock);
	return result;
}

/*
 * The first follower whose turn can be had, unlinked. Others are being taken by a hang-up: they
 * stay for flight_leave, or are cut loose when the flight goes.
 */
static struct request *take_follower(struct flight *f)
{
	for (struct request *r = f->first; r; r = r->next) {
		if (turn_take(&r->client->turn)) {
			unlink_follower(f, r);
			return r;
		}
	}
	return NULL;
}

static void cut_loose(struct flight *f)
{
	while (f->first)
		unlink_follower(f, f->first);
}

struct request *flight_land(struct request *leader, enum landing landing, struct object *object)
{
	struct flight *f = leader->flight;
	struct request *list = NULL, **end = &list, *r;

	CHECK(f && leader->leads);
	pthread_mutex_lock(&f->shard->lock);
	unlink_flight(f);
	while ((r = take_follower(f))) {
		*end = r;
		end = &r->next;
		r->landing = landing;
		r->landing_status = leader->landing_status;
		r->landed = object ? object_ref(object) : NULL;
	}
	cut_loose(f);
	pthread_mutex_unlock(&f->shard->lock);
	leader->flight = NULL;
	leader->leads = false;
	free(f);
	return list;
}

struct request *flight_hand_over(struct request *leader)
{
	struct flight *f = leader->flight;
	struct request *heir;

	CHECK(f && leader->leads);
	pthread_mutex_lock(&f->shard->lock);
	heir = take_follower(f);
	if (heir) {
		heir->flight = f;
		heir->leads = true;
		heir->landing = LANDING_LEAD;
	} else {
		unlink_flight(f);
		cut_loose(f);
	}
	pthread_mutex_unlock(&f->shard->lock);
	leader->flight = NULL;
	leader->leads = false;
	if (!heir)
		free(f);
	return heir;
}

void flight_resume(struct request *list)
{
	while (list) {
		struct request *r = list;

		list = r->next;
		r->next = NULL;
		r->client->ops->resume(r->client);
	}
}

bool flight_exists(const struct key *key)
{
	struct shard *shard = shard_of(key);
	bool exists;

	pthread_mutex_lock(&shard->lock);
	exists = find(shard, key) != NULL;
	pthread_mutex_unlock(&shard->lock);
	return exists;
}

bool flight_followed(const struct request *leader)
{
	struct flight *f = leader->flight;
	bool followed;

	if (!f)
		return false;
	pthread_mutex_lock(&f->shard->lock);
	followed = f->first != NULL;
	pthread_mutex_unlock(&f->shard->lock);
	return followed;
}

void flight_leave(struct request *r)
{
	struct shard *shard = shard_of(&r->plan.key);

	pthread_mutex_lock(&shard->lock);
	if (r->flight)
		unlink_follower(r->flight, r);
	pthread_mutex_unlock(&shard->lock);
}

/* Looks through the followers of one shard. */
static struct request *expired_in(struct shard *shard, int64_t now)
{
	struct request *found = NULL;
	int64_t earliest = INT64_MAX;

	for (unsigned i = 0; i < BUCKETS; i++) {
		for (struct flight *f = shard->buckets[i]; f; f = f->next) {
			for (struct request *r = f->first, *next; r; r = next) {
				next = r->next;
				if (!found && r->follow_deadline <= now &&
				    turn_take(&r->client->turn)) {
					unlink_follower(f, r);
					found = r;
				} else if (r->follow_deadline < earliest) {
					earliest = r->follow_deadline;
				}
			}
		}
	}
	shard->earliest = earliest;
	return found;
}

struct request *flight_expired(int64_t now, int64_t *next)
{
	struct request *found = NULL;

	*next = INT64_MAX;
	for (unsigned i = 0; i < SHARDS; i++) {
		struct shard *shard = &shards[i];

		pthread_mutex_lock(&shard->lock);
		if (!found && shard->earliest <= now)
			found = expired_in(shard, now);
		if (shard->earliest < *next)
			*next = shard->earliest;
		pthread_mutex_unlock(&shard->lock);
	}
	if (found)
		found->landing = LANDING_TIMEOUT;
	return found;
}

unsigned flight_waiting(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SHARDS; i++) {
		pthread_mutex_lock(&shards[i].lock);
		n += shards[i].following;
		pthread_mutex_unlock(&shards[i].lock);
	}
	return n;
}
