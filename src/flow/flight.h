/*
 * Flights: one fetch for a page that many ask for. The first is the leader and fetches; the others
 * follow: they wait as data, without a thread, until the flight lands.
 *
 *     flight_join --LEAD--> fetch --> flight_land: all followers come back with the landing
 *         '------FOLLOW--> waits      flight_hand_over: the first follower leads on
 *
 * A leader never waits for another flight. Any thread; the locks are leaves.
 */
#ifndef FCGICACHE_FLOW_FLIGHT_H
#define FCGICACHE_FLOW_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "flow/request.h"
#include "store/key.h"

/* Once, before threads. */
bool flight_start(void) MUST_CHECK;
void flight_stop(void);

enum flight_join {
	FLIGHT_LEAD,   /* r->flight is r's to land or to hand over */
	FLIGHT_FOLLOW, /* r waits: do not touch it any more */
	FLIGHT_BUSY,   /* there is a flight, and r did not want to follow */
	FLIGHT_GONE,   /* the web server has hung up: r is still the caller's */
	FLIGHT_NO_MEMORY,
};
/*
 * Joins the flight for the key. follow: wait if there is one, at most until r->follow_deadline;
 * r's client must expect hang-ups. In *first, for FOLLOW: r's deadline is the earliest of all.
 */
enum flight_join flight_join(const struct key *key, struct request *r, bool follow,
			     bool *first) MUST_CHECK;

/*
 * Leader: the flight is over. Gives back its followers, their turns taken, linked by next, each
 * with r->landing = landing and a reference to object if there is one.
 */
struct request *flight_land(struct request *leader, enum landing landing, struct object *object);

/*
 * Leader: cannot go on. The first follower that still waits leads now (r->landing =
 * LANDING_LEAD, its turn taken) and is given back; NULL: nobody waits, the flight is over.
 */
struct request *flight_hand_over(struct request *leader);

/* Gives what flight_land gave back to the workers. */
void flight_resume(struct request *list);

/* Whether there is a flight for the key now. */
bool flight_exists(const struct key *key);

/* Whether anybody follows. */
bool flight_followed(const struct request *leader);

/* After taking a follower's turn: it follows no more. */
void flight_leave(struct request *r);

/*
 * A follower whose deadline is over, its turn taken, no longer following; NULL: none. *next: the
 * earliest deadline left, INT64_MAX if none.
 */
struct request *flight_expired(int64_t now, int64_t *next);

/* Requests that follow now. */
unsigned flight_waiting(void);

#endif
