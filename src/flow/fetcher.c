/*
 *     body_open --> filter_params --> fetch_run ==> capture --> conclude
 *
 *     conclude:  held and whole     store, land the flight, answer
 *                streamed and whole END_REQUEST
 *                not whole          stale page, error of our own, or a visible break
 */
#include "flow/fetcher.h"

#include "base/clock.h"
#include "base/log.h"
#include "flow/ask.h"
#include "flow/body.h"
#include "flow/capture.h"
#include "flow/decide.h"
#include "flow/end.h"
#include "flow/filter.h"
#include "flow/invalidate.h"
#include "flow/memo.h"
#include "flow/respond.h"
#include "upstream/fetch.h"

#define REFRESH_PAUSE_MS 1000 /* after a refresh that failed */

static struct {
	struct store *store;
	struct pool *pool;
} fetcher;

void fetcher_start(struct store *store, struct pool *pool)
{
	fetcher.store = store;
	fetcher.pool = pool;
}

static const struct {
	int status;
	enum reason reason;
} failures[] = {
    [FETCH_COMPLETE] = {502, REASON_APPLICATION},
    [FETCH_UNREACHABLE] = {502, REASON_APPLICATION},
    [FETCH_OVERLOADED] = {503, REASON_OVERLOAD},
    [FETCH_BROKEN] = {502, REASON_APPLICATION},
    [FETCH_TIMEOUT] = {504, REASON_TIMEOUT},
    [FETCH_BODY_BROKEN] = {400, REASON_BAD_REQUEST},
    [FETCH_BODY_TIMEOUT] = {408, REASON_BAD_REQUEST},
    [FETCH_STOPPED] = {502, REASON_APPLICATION},
    [FETCH_TOO_LARGE] = {431, REASON_BAD_REQUEST},
    [FETCH_NO_RESOURCES] = {503, REASON_OVERLOAD},
};

static void log_failure(struct request *r, const struct capture *c, const struct fetch *f,
			enum fetch_result result)
{
	static struct log_limit limit;
	const char *error = c->error ? c->error : f->error;

	if (!error || (result == FETCH_STOPPED && !c->error))
		return;
	if (log_allowed(&limit, 20))
		log_warning("application: %s (%.*s)", error, STR_ARG(request_url(r)));
}

/* Followers of a fetch that failed: all fail with it, or the next one tries. */
static void release_followers(struct request *r, enum fetch_result result)
{
	switch (result) {
	case FETCH_UNREACHABLE:
	case FETCH_OVERLOADED:
	case FETCH_NO_RESOURCES:
		end_land_failed(r, failures[result].status);
		break;
	default:
		end_hand_over(r);
		break;
	}
}

/* The exchange gave no whole response. */
static void conclude_failure(struct request *r, struct capture *c, enum fetch_result result)
{
	int status = failures[result].status;
	enum reason reason = failures[result].reason;

	if (!r->client)
		memo_set(MEMO_REFRESH_FAILED, r->plan.key.hash, clock_mono_ms(), REFRESH_PAUSE_MS);
	if (c->answer_stale) {
		status = c->head.status;
		end_land_failed(r, status);
	}
	release_followers(r, result);
	if (c->state == CAPTURE_STREAM) {
		respond_abort(r);
		r->reason = REASON_INCOMPLETE;
		end_request(r, CLIENT_CLOSE);
	} else if (c->client_gone) {
		end_request(r, CLIENT_CLOSE);
	} else {
		end_with_failure(r, status, reason);
	}
}

/* Whether all who wait for the page may have this one. */
static bool is_for_all(struct request *r, const struct capture *c, const struct object *o)
{
	if (c->state != CAPTURE_FRESHEN && !r->stored && r->reason != REASON_STORE_ERROR)
		return false;
	return object_head(o)->kind == OBJECT_PAGE && decide_shares(r, o, clock_now_ms());
}

static void conclude_taken(struct request *r, struct capture *c, const struct fetch *f,
			   struct object *o)
{
	bool shared = is_for_all(r, c, o);

	r->app_status = f->app_status;
	end_land(r, shared ? LANDING_OBJECT : LANDING_PASS, shared ? o : NULL);
	if (c->client_gone)
		end_request(r, CLIENT_CLOSE);
	else
		end_with_object(r, o, r->outcome);
}

/* False: it has to be asked again. */
static bool conclude(struct request *r, struct capture *c, const struct fetch *f,
		     enum fetch_result result)
{
	struct object *o;
	bool ok;

	if (!capture_is_whole(c, result)) {
		if (!c->error && result == FETCH_COMPLETE)
			c->error = "the response is not whole";
		log_failure(r, c, f, result);
		conclude_failure(r, c, result);
	} else if (c->state != CAPTURE_STREAM) {
		o = capture_take(c, f->app_status);
		if (!o)
			return false;
		conclude_taken(r, c, f, o);
		object_unref(&o);
	} else {
		ok = respond_stream_end(r, f->app_status);
		end_request(r, ok ? CLIENT_DONE : CLIENT_CLOSE);
	}
	return true;
}

/* The spool's size becomes CONTENT_LENGTH. */
static bool set_length(struct request *r, struct param *params, size_t *n, uint64_t size)
{
	struct param *length = NULL;

	for (size_t i = 0; i < *n; i++)
		if (str_eq(params[i].name, STR("CONTENT_LENGTH")))
			length = &params[i];
	if (!length)
		length = &params[(*n)++]; /* filter_params leaves room for one more */
	length->name = STR("CONTENT_LENGTH");
	return arena_printf(&r->arena, &length->value, "%llu", (unsigned long long)size);
}

static enum fetch_result exchange(struct request *r, struct capture *c, struct fetch *f)
{
	struct body body;
	struct param *params;
	enum fetch_result result = FETCH_NO_RESOURCES;

	*f = (struct fetch){
	    .app = &r->rules->settings.application,
	    .role = r->role,
	    .safe = r->is_get || r->is_head,
	    .sink = &c->sink,
	};
	switch (body_open(&body, r)) {
	case BODY_NONE:
		break;
	case BODY_READY:
		f->source = &body.source;
		break;
	case BODY_BROKEN:
		body_close(&body);
		return FETCH_BODY_BROKEN;
	case BODY_TIMEOUT:
		body_close(&body);
		return FETCH_BODY_TIMEOUT;
	case BODY_NO_RESOURCES:
		body_close(&body);
		return FETCH_NO_RESOURCES;
	}
	if (filter_params(r, &params, &f->n_params) &&
	    (body.spool < 0 || set_length(r, params, &f->n_params, body.size))) {
		f->params = params;
		result = fetch_run(fetcher.pool, f);
	}
	body_close(&body);
	return result;
}

/* One exchange. False: what came answers nothing, and it has to be asked again. */
static bool ask(struct request *r)
{
	struct capture c;
	struct fetch f;
	enum fetch_result result;
	bool done = false;

	capture_init(&c, r, fetcher.store);
	r->fetched = true;
	r->fetched_status = 0;
	result = exchange(r, &c, &f);
	if (result != FETCH_COMPLETE)
		r->stored = false;
	/* conclude may end r: what capture still holds of it must go before */
	capture_end(&c);
	if (r->fetched_status == 0 && result != FETCH_UNREACHABLE && result != FETCH_OVERLOADED)
		invalidate_in_doubt(r);
	if (c.state != CAPTURE_AGAIN)
		done = conclude(r, &c, &f, result);
	capture_fini(&c);
	return done;
}

void fetcher_run(struct job *job)
{
	struct request *r = CONTAINER_OF(job, struct request, job);

	if (ask(r))
		return;
	/* nothing is asked about the second time, so it cannot come to a third */
	ask_plainly(r);
	CHECK(ask(r));
}
