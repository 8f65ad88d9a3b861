/*
 *     serve_request: plan -> bypass ------------------------------------------> enqueue
 *                         -> lookup -> fresh: answer
 *                                   -> stale: answer, and a refresh is enqueued
 *                                   -> miss: flight -> lead ------------------> enqueue
 *                                                   -> follow: wait -> serve_resume
 *
 * Every function that takes a request either finishes it, gives it to somebody else, or says so.
 */
#include "flow/serve.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/crew.h"
#include "base/metrics.h"
#include "flow/decide.h"
#include "flow/end.h"
#include "flow/fetcher.h"
#include "flow/find.h"
#include "flow/flight.h"
#include "flow/invalidate.h"
#include "flow/memo.h"
#include "flow/respond.h"
#include "upstream/pool.h"

#define FETCHER_IDLE_MS 10000

static struct {
	pthread_mutex_t lock; /* of rules */
	struct ruleset *rules;
	struct store *store;
	struct crew *crew;
	struct pool *pool;
	void (*wake_at)(int64_t mono_ms);
} serve;

static void lookup(struct request *r);

bool serve_start(struct ruleset *rules, struct store *store, void (*wake_at)(int64_t mono_ms))
{
	serve.rules = rules;
	serve.store = store;
	serve.wake_at = wake_at;
	serve.pool = pool_new();
	serve.crew =
	    crew_new("fetcher", rules->settings.application.max_connections, FETCHER_IDLE_MS);
	fetcher_start(store, serve.pool);
	return serve.pool && serve.crew && flight_start() &&
	       pthread_mutex_init(&serve.lock, NULL) == 0;
}

bool serve_stop(int64_t deadline)
{
	return crew_stop(serve.crew, deadline);
}

void serve_end(void)
{
	crew_free(&serve.crew);
	pool_free(&serve.pool);
	flight_stop();
	request_stop();
	ruleset_unref(&serve.rules);
	pthread_mutex_destroy(&serve.lock);
}

struct ruleset *serve_rules(void)
{
	struct ruleset *rules;

	pthread_mutex_lock(&serve.lock);
	rules = ruleset_ref(serve.rules);
	pthread_mutex_unlock(&serve.lock);
	return rules;
}

void serve_reload(struct ruleset *rules)
{
	struct ruleset *old;

	crew_set_max(serve.crew, rules->settings.application.max_connections);
	pthread_mutex_lock(&serve.lock);
	old = serve.rules;
	serve.rules = rules;
	pthread_mutex_unlock(&serve.lock);
	ruleset_unref(&old);
}

/* ---- to the application ---- */

/* Gives the request to the fetchers. */
static void enqueue(struct request *r)
{
	int64_t deadline = clock_mono_ms() + r->rules->settings.application.queue_timeout;

	r->job = (struct job){
	    .run = fetcher_run,
	    .deadline = deadline,
	    .turn = r->client ? &r->client->turn : NULL,
	};
	if (r->client)
		r->client->ops->expect_hangup(r->client);
	switch (crew_add(serve.crew, &r->job)) {
	case CREW_QUEUED:
		serve.wake_at(deadline);
		break;
	case CREW_EVENT:
		serve_hangup(r);
		break;
	case CREW_REFUSED:
		end_land_failed(r, 503);
		end_with_failure(r, 503, REASON_OVERLOAD);
		break;
	}
}

static void pass(struct request *r, enum forward forward)
{
	r->forward = forward;
	r->outcome = r->plan.lookup ? OUTCOME_MISS : OUTCOME_BYPASS;
	enqueue(r);
}

/* ---- refreshing a stale page in the background ---- */

/* A copy of the request that has no client. The method is GET, whatever it was. */
static struct request *copy_for_refresh(const struct request *r)
{
	struct request *copy = request_new(NULL, ruleset_ref(r->rules));
	struct param *params;
	bool ok;

	if (!copy)
		return NULL;
	params = arena_alloc(&copy->arena, (r->n_params + 1) * sizeof(*params));
	ok = params != NULL;
	for (size_t i = 0; ok && i < r->n_params; i++) {
		const struct param *in = &r->params[i];

		ok = arena_dup(&copy->arena, in->name, &params[i].name) &&
		     arena_dup(&copy->arena, in->value, &params[i].value);
		if (ok && r->is_head && str_eq(in->name, STR("REQUEST_METHOD")))
			params[i].value = STR("GET");
	}
	ok = ok && request_set_params(copy, params, r->n_params, r->role) && decide_plan(copy) &&
	     copy->plan.store && arena_dup(&copy->arena, r->plan.vary, &copy->plan.vary) &&
	     decide_variant(copy, copy->plan.vary, &copy->plan.key);
	if (!ok)
		request_free(&copy);
	return copy;
}

/* A stale page has been found: one refresh for all who find it. */
static void refresh(struct request *r, struct object *o)
{
	struct request *copy;
	bool first;

	if (memo_is_set(MEMO_REFRESH_FAILED, r->plan.key.hash, clock_mono_ms()) ||
	    flight_exists(&r->plan.key))
		return;
	copy = copy_for_refresh(r);
	if (!copy)
		return;
	copy->check = object_ref(o);
	copy->marker = r->marker ? object_ref(r->marker) : NULL;
	if (flight_join(&copy->plan.key, copy, false, &first) != FLIGHT_LEAD) {
		request_free(&copy);
		return;
	}
	metrics_add(COUNTER_REFRESHES, 1);
	enqueue(copy);
}

/* A place in the flight for the page, or the lead. */
static void join(struct request *r)
{
	int64_t deadline = clock_mono_ms() + r->plan.rule->coalesce_timeout;
	bool first;

	r->follow_deadline = deadline;
	r->client->ops->expect_hangup(r->client);
	switch (flight_join(&r->plan.key, r, true, &first)) {
	case FLIGHT_LEAD: {
		/* the flight before ours may have landed since we looked */
		struct object *o = find_page(r, serve.store);
		bool fresh = o && decide_object(r, o, clock_now_ms()) == VERDICT_FRESH;

		if (fresh) {
			end_land(r, LANDING_OBJECT, o);
			end_with_object(r, o, OUTCOME_HIT);
		} else {
			enqueue(r);
		}
		object_unref(&o);
		break;
	}
	case FLIGHT_FOLLOW:
		if (first)
			serve.wake_at(deadline);
		break;
	case FLIGHT_GONE:
		serve_hangup(r);
		break;
	case FLIGHT_BUSY:
	case FLIGHT_NO_MEMORY:
		enqueue(r);
		break;
	}
}

/*
 * The client's Range goes to the application if the rule lets clients steer, and no whole page is
 * stored that would only have to be checked; or if the page is known not to be stored, whole or
 * not.
 */
static bool wants_range(const struct request *r, bool not_storable)
{
	if (!r->known[KNOWN_RANGE].p || !r->is_get || r->completes)
		return false;
	if (r->check && object_head(r->check)->kind == OBJECT_PAGE)
		return false;
	/* what is expected of the page is compared with it here, if it is stored */
	if (!not_storable && (r->known[KNOWN_IF_MATCH].p || r->known[KNOWN_IF_UNMODIFIED_SINCE].p))
		return false;
	return not_storable || r->plan.rule->client_control;
}

/* Whether to wait for one fetch with others: not where each would have to ask again anyway. */
static bool may_collapse(const struct request *r)
{
	const struct rule *rule = r->plan.rule;

	return r->plan.store && rule->coalesce && rule->policy.validate != VALIDATE_ALWAYS &&
	       !r->ranged && (!r->check || decide_shares(r, r->check, object_head(r->check)->born));
}

static void miss(struct request *r)
{
	const struct rule *rule = r->plan.rule;
	bool not_storable;

	r->outcome = OUTCOME_MISS;
	if (r->plan.client.only_if_cached) {
		r->outcome = OUTCOME_SYNTHETIC;
		request_reason(r, REASON_ONLY_IF_CACHED, STR(""));
		end_response(r, respond_error(r, 504));
		return;
	}
	if (r->is_head && !r->check && !r->marker)
		request_reason(r, REASON_METHOD, STR(""));
	if (rule->min_uses > 1 && r->plan.store && !r->check &&
	    memo_use(r->plan.primary.hash) < rule->min_uses) {
		r->plan.store = false;
		request_reason(r, REASON_MIN_USES, STR(""));
	}
	not_storable =
	    r->plan.store && memo_is_set(MEMO_HIT_FOR_MISS, r->plan.key.hash, clock_mono_ms());
	r->ranged = wants_range(r, not_storable);
	if (not_storable)
		metrics_reason(REASON_HIT_FOR_MISS);
	if (!not_storable && may_collapse(r))
		join(r);
	else
		enqueue(r);
}

/* Puts a reference to o, or nothing, in the place of *place. */
static void keep(struct object **place, struct object *o)
{
	object_unref(place);
	*place = o ? object_ref(o) : NULL;
}

/* A part that may be completed: it begins or ends with the page, and is fresh. */
static bool is_completable(const struct request *r, const struct object *o)
{
	const struct object_head *head = object_head(o);
	uint64_t end = head->first + object_body(o).n;

	return head->kind == OBJECT_PART && r->is_get && r->plan.store &&
	       !r->known[KNOWN_RANGE].p && r->plan.rule->client_control && decide_fits(r, o) &&
	       (head->first == 0 || end == head->whole) && decide_ttl(r, o, clock_now_ms()) > 0;
}

/* o: what is stored and cannot be the answer as it is; or NULL. */
static void lookup_failed(struct request *r, struct object *o, enum verdict verdict)
{
	int64_t now = clock_now_ms();
	bool is_part = o && object_head(o)->kind == OBJECT_PART && decide_fits(r, o);

	r->forward = r->plan.vary.n > 0 ? FWD_VARY_MISS : FWD_URI_MISS;
	if (is_part)
		r->forward = FWD_PARTIAL;
	else if (verdict == VERDICT_CHECK ||
		 (r->marker && r->plan.rule->policy.validate == VALIDATE_ALWAYS))
		r->forward = FWD_STALE;
	if (verdict == VERDICT_CHECK && !object_head(o)->no_cache && decide_ttl(r, o, now) > 0)
		r->forward = FWD_REQUEST;
	r->completes = o && is_completable(r, o);
	keep(&r->check, verdict == VERDICT_CHECK || is_part ? o : NULL);
	keep(&r->stale, o && decide_survives(r, o, now) ? o : NULL);
	miss(r);
}

static void lookup(struct request *r)
{
	struct object *o = find_page(r, serve.store);
	enum verdict verdict = o ? decide_object(r, o, clock_now_ms()) : VERDICT_USELESS;

	switch (verdict) {
	case VERDICT_FRESH:
		end_with_object(r, o, OUTCOME_HIT);
		break;
	case VERDICT_STALE:
		refresh(r, o);
		end_with_object(r, o, OUTCOME_STALE);
		break;
	case VERDICT_CHECK:
	case VERDICT_USELESS:
		lookup_failed(r, o, verdict);
		break;
	}
	object_unref(&o);
}

void serve_request(struct request *r)
{
	metrics_add(COUNTER_REQUESTS, 1);
	if (r->contradicts) {
		end_with_error(r, 400, REASON_BAD_REQUEST);
	} else if (!decide_plan(r)) {
		metrics_add(COUNTER_NO_MEMORY, 1);
		end_with_error(r, 503, REASON_OVERLOAD);
	} else if (r->plan.lookup) {
		lookup(r);
	} else {
		request_reason(r, r->plan.reason, r->plan.reason_arg);
		pass(r, r->reason == REASON_METHOD ? FWD_METHOD : FWD_BYPASS);
	}
}

/* ---- back from a flight, from waiting to send, or from a dead client ---- */

static void follower_timeout(struct request *r)
{
	enum on_timeout action = r->plan.rule->on_timeout;

	if (action == ON_TIMEOUT_503) {
		end_with_error(r, 503, REASON_COALESCE_TIMEOUT);
	} else if (action == ON_TIMEOUT_STALE && r->stale) {
		request_reason(r, REASON_COALESCE_TIMEOUT, STR(""));
		end_with_object(r, r->stale, OUTCOME_STALE);
	} else {
		enqueue(r);
	}
}

/* The leader's page, if it is this one's too. */
static void take_landed(struct request *r)
{
	struct object *o = r->landed;
	struct key key = object_key(o);

	r->landed = NULL;
	if (object_head(o)->kind == OBJECT_PAGE && key_eq(&key, &r->plan.key) &&
	    decide_fits(r, o) && !invalidate_holds(o)) {
		r->collapsed = true;
		end_with_object(r, o, OUTCOME_COLLAPSED);
	} else {
		lookup(r);
	}
	object_unref(&o);
}

void serve_resume(struct request *r)
{
	enum landing landing = r->landing;

	r->landing = LANDING_NONE;
	switch (landing) {
	case LANDING_OBJECT:
		take_landed(r);
		break;
	case LANDING_FAILED:
		end_with_failure(r, r->landing_status,
				 r->landing_status == 504 ? REASON_TIMEOUT : REASON_APPLICATION);
		break;
	case LANDING_TIMEOUT:
		follower_timeout(r);
		break;
	case LANDING_NONE:
	case LANDING_PASS:
	case LANDING_LEAD:
		enqueue(r);
		break;
	}
}

void serve_writable(struct request *r)
{
	end_response(r, respond_continue(r));
}

/* The turn is ours; whatever r waited for, it waits no more. */
void serve_hangup(struct request *r)
{
	metrics_add(COUNTER_CLIENT_LEFT, 1);
	serve_abandon(r);
}

void serve_abandon(struct request *r)
{
	if (r->leads)
		end_hand_over(r);
	else
		flight_leave(r);
	crew_remove(serve.crew, &r->job);
	end_request(r, CLIENT_CLOSE);
}

void serve_timer(void)
{
	int64_t now = clock_mono_ms(), next_flight, next_job;
	struct request *r;
	struct job *job;

	while ((r = flight_expired(now, &next_flight)))
		serve_resume(r);
	while ((job = crew_expired(serve.crew, now, &next_job))) {
		r = CONTAINER_OF(job, struct request, job);
		metrics_add(COUNTER_QUEUE_TIMEOUTS, 1);
		end_land_failed(r, 503);
		end_with_failure(r, 503, REASON_OVERLOAD);
	}
	serve.wake_at(next_flight < next_job ? next_flight : next_job);
}

void serve_upkeep(void)
{
	pool_upkeep(serve.pool, clock_mono_ms());
	store_upkeep(serve.store, clock_now_ms());
}
