/*
 * Serve: the life of a request, one step after another. A worker brings it as far as it goes
 * without the application; a fetcher takes it on from there.
 */
#ifndef FCGICACHE_FLOW_SERVE_H
#define FCGICACHE_FLOW_SERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "config/rules.h"
#include "flow/request.h"
#include "store/store.h"

/*
 * Once, before threads. rules: reference taken over. wake_at(ms) must see to it that serve_timer
 * is called at that time (clock_mono_ms) or soon after; any thread calls it.
 */
bool serve_start(struct ruleset *rules, struct store *store,
		 void (*wake_at)(int64_t mono_ms)) MUST_CHECK;
/* No more work for the application; waits for what is under way until deadline. */
bool serve_stop(int64_t deadline);
/* After serve_stop said true. */
void serve_end(void);

/* The rules in force; the caller owns the reference. */
struct ruleset *serve_rules(void);
/* New rules from the next request on; the reference is taken over. */
void serve_reload(struct ruleset *rules);

/* A request with its parameters set: goes on until it is answered or waits. */
void serve_request(struct request *r);
/* The same for one that was resumed, whose client takes bytes again, or has hung up. */
void serve_resume(struct request *r);
void serve_writable(struct request *r);
void serve_hangup(struct request *r);
/* The client took no byte for too long, or the process stops. */
void serve_abandon(struct request *r);

/* What waits too long; called when wake_at's time has come. */
void serve_timer(void);
/* Once a second. */
void serve_upkeep(void);

#endif
