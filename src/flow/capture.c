/*
 * The head decides, the end confirms: nothing is stored before END_REQUEST said that it is complete
 * and the body is as long as Content-Length says. When it is clear that a page may not be shared,
 * its followers are let go at once, not when it ends.
 */
#include "flow/capture.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "flow/ask.h"
#include "flow/flight.h"
#include "flow/freshen.h"
#include "flow/invalidate.h"
#include "flow/memo.h"
#include "flow/page.h"
#include "flow/respond.h"
#include "http/range.h"

#define HIT_FOR_MISS_MS 60000
#define ERROR_MS        1000       /* the same for a 5xx, which will pass */
#define SMALL_RESPONSE  (1u << 20) /* is fetched to its end although its client has left */

static bool out(struct sink *s, struct str bytes);
static void err(struct sink *s, struct str bytes);
static bool hangup(struct sink *s);

void capture_init(struct capture *c, struct request *r, struct store *store)
{
	*c = (struct capture){
	    .sink = {.out = out, .err = err, .hangup = hangup, .watch = -1},
	    .r = r,
	    .store = store,
	    .asked = clock_now_us(),
	    .client_gone = !r->client,
	};
	buf_init(&c->bytes, 0);
	app_log_init(&c->app_log);
	if (r->client) {
		c->sink.watch = r->client->fd;
		c->sink.watch_rdhup = r->client->tcp;
	}
}

void capture_fini(struct capture *c)
{
	buf_fini(&c->bytes);
	app_log_fini(&c->app_log);
	object_unref(&c->object);
	object_unref(&c->base);
}

static void err(struct sink *s, struct str bytes)
{
	struct capture *c = CONTAINER_OF(s, struct capture, sink);

	app_log_add(&c->app_log, c->r, bytes);
}

void capture_end(struct capture *c)
{
	app_log_end(&c->app_log, c->r);
}

/* ---- from HEAD to the other states ---- */

/* Whether what speaks against storing is about the page, not about who asked for it. */
static bool forbids_page(enum reason reason)
{
	return reason != REASON_CLIENT_NO_STORE && reason != REASON_AUTHORIZATION;
}

/* Whether a status says something of the page; other errors are about the request, or pass. */
static bool is_about_page(int status)
{
	return status < 400 || status == 404 || status == 410;
}

/*
 * The application has another answer now, and it may not be stored: what is stored must not go on
 * answering in its grace.
 */
static void drop_stored(struct capture *c)
{
	struct request *r = c->r;
	struct key key;

	if (!r->check || !r->plan.store || !is_about_page(c->head.status) ||
	    !forbids_page(c->verdict.reason))
		return;
	key = object_key(r->check);
	store_remove(c->store, &key);
}

/* The page may not be shared: whoever waits for it fetches for himself. */
static void let_followers_go(struct capture *c)
{
	struct request *r = c->r;

	drop_stored(c);

	/* what came for a range says nothing about the page */
	if (r->plan.store && !r->ranged && forbids_page(c->verdict.reason))
		memo_set(MEMO_HIT_FOR_MISS, r->plan.key.hash, clock_mono_ms(),
			 c->head.status >= 500 ? ERROR_MS : HIT_FOR_MISS_MS);
	if (r->flight)
		flight_resume(flight_land(r, LANDING_PASS, NULL));
}

static bool refuse(struct capture *c, const char *error)
{
	c->error = error;
	c->state = CAPTURE_REFUSED;
	return false;
}

static bool has_no_body(const struct capture *c)
{
	return c->r->is_head || c->head.status == 204 || c->head.status == 304;
}

/* From here on every byte goes through at once. body: what came of it so far. */
static bool start_stream(struct capture *c, struct str body)
{
	struct request *r = c->r;
	uint64_t length = c->head.has_content_length && c->head.status != 204
			      ? c->head.content_length
			      : UINT64_MAX;
	struct str fields;

	let_followers_go(c);
	if (c->client_gone)
		return refuse(c, NULL); /* nobody waits for it */
	if (!page_fields(r, &c->head, false, &fields))
		return refuse(c, "out of memory");
	c->state = CAPTURE_STREAM;
	r->status = c->head.status;
	r->age = headers_find(&c->head.headers, STR("Age")) ? c->verdict.age : 0;
	if (has_no_body(c))
		body.n = 0;
	else if (length != UINT64_MAX && body.n > length)
		body.n = (size_t)length;
	c->client_gone = !respond_stream_head(r, fields, length, body);
	return !c->client_gone;
}

static bool outgrows(const struct capture *c, uint64_t size)
{
	const struct request *r = c->r;

	return size > (r->plan.rule ? r->plan.rule->max_object : r->rules->settings.max_object);
}

/*
 * lighttpd takes a response that breaks off for a whole one, unless Content-Length was announced;
 * by default it sends nothing before the end anyway. So it gets such a response whole, with a
 * length, or an error. What the application means to stream is streamed.
 */
static bool must_be_held(const struct capture *c)
{
	const struct request *r = c->r;

	return str_starts(r->known[KNOWN_SERVER_SOFTWARE], STR("lighttpd")) &&
	       r->role == FCGI_ROLE_RESPONDER && !c->client_gone && !c->head.has_content_length &&
	       !has_no_body(c) && !policy_is_stream(&c->head);
}

/* An object for the response that the store never sees. */
static bool open_held(struct capture *c)
{
	struct object_head head = {
	    .kind = OBJECT_PAGE,
	    .status = c->head.status,
	    .born = c->came - c->verdict.age,
	};
	struct key key = {.bytes = STR("")};

	if (!page_fields(c->r, &c->head, false, &head.head))
		return false;
	c->object = object_new(&key, &head, 0);
	c->hold_only = c->object != NULL;
	return c->hold_only;
}

static bool is_failure(int status)
{
	return status == 500 || status == 502 || status == 503 || status == 504;
}

static struct page_source source_of(const struct capture *c)
{
	return (struct page_source){
	    .head = &c->head,
	    .verdict = &c->verdict,
	    .asked = c->asked,
	    .now_ms = c->came,
	};
}

/* Opens the object that the body goes into. */
static bool open_object(struct capture *c)
{
	struct request *r = c->r;
	struct page_source source = source_of(c);
	size_t capacity = c->head.has_content_length ? (size_t)c->head.content_length : 0;
	bool withholds = page_withholds(r, &c->head) || c->head.status == 206;

	if (withholds && !page_fields(r, &c->head, false, &c->client_fields))
		return false;
	c->object = page_open(r, &source, capacity, &c->vary);
	return c->object != NULL;
}

static void judge(struct capture *c)
{
	struct request *r = c->r;
	struct policy_request request = {
	    .authorized = r->plan.authorized,
	    .client_no_store = r->plan.client.no_store,
	    .ranged = r->completes || (r->ranged && r->plan.rule->client_control),
	};
	static const struct policy_rule no_rule;

	policy_judge(&c->head, r->plan.store ? &r->plan.rule->policy : &no_rule, &request,
		     c->asked / 1000, c->came, &c->verdict);
	if (!r->plan.store) {
		c->verdict.store = false;
	} else if (!c->verdict.store) {
		struct str code = STR("");

		if (c->verdict.reason == REASON_STATUS)
			(void)!arena_printf(&r->arena, &code, "%03d", c->head.status);
		request_reason(r, c->verdict.reason, code);
	} else if (c->head.has_content_length && outgrows(c, c->head.content_length)) {
		c->verdict.store = false;
		request_reason(r, REASON_TOO_LARGE, STR(""));
	}
}

static bool ask_again(struct capture *c)
{
	c->state = CAPTURE_AGAIN;
	return false;
}

/* The head says something of what is stored, and no new page comes. */
static bool is_news(struct capture *c)
{
	struct request *r = c->r;
	struct key key;

	if (c->head.status == 304 && ask_is_conditional(r)) {
		c->base = ask_selected(r, c->store, &c->head);
		return true;
	}
	if (!r->is_head || c->head.status != 200 || !r->check ||
	    object_head(r->check)->kind != OBJECT_PAGE)
		return false;
	if (freshen_same(r->check, &c->head)) {
		c->base = object_ref(r->check);
		return true;
	}
	/* RFC 9111 section 4.3.5: what is stored is not what the application has now */
	key = object_key(r->check);
	store_remove(c->store, &key);
	return false;
}

/* It was asked for to complete a part; if it is of no use the whole page is asked for. */
static bool is_rest(const struct capture *c)
{
	return c->r->completes && (c->head.status == 206 || c->head.status == 416);
}

/* A page to be held until it is whole, although it may not be stored, or because it may. */
static bool start_hold(struct capture *c, struct str body)
{
	c->state = CAPTURE_HOLD;
	if (has_no_body(c))
		return true;
	if (c->head.has_content_length && c->body > c->head.content_length)
		return refuse(c, "a body longer than Content-Length");
	if (outgrows(c, body.n)) {
		if (is_rest(c))
			return ask_again(c);
		request_reason(c->r, REASON_TOO_LARGE, STR(""));
		return start_stream(c, body);
	}
	if (!object_append(c->object, body.p, body.n))
		return refuse(c, "out of memory");
	return true;
}

/* The head is whole; body: what came behind it. */
static bool take_head(struct capture *c, struct str body)
{
	struct request *r = c->r;

	r->fetched_status = c->head.status;
	c->came = clock_now_ms();
	invalidate_after(r, &c->head);
	if (is_news(c)) {
		c->state = CAPTURE_FRESHEN;
		return c->base ? true : ask_again(c);
	}
	judge(c);
	if (c->head.status == 304 && r->plan.store)
		return refuse(c, "a 304 to a request without conditions");
	if (is_failure(c->head.status) && (r->stale || !r->client)) {
		c->answer_stale = true;
		return refuse(c, "answered with an error status");
	}
	if (is_rest(c) && (!c->verdict.store || !ask_completes(r, &c->head)))
		return ask_again(c);
	if (!c->verdict.store) {
		if (!must_be_held(c) || !open_held(c))
			return start_stream(c, body);
		let_followers_go(c);
	} else if (!open_object(c)) {
		request_reason(r, REASON_STORE_ERROR, STR(""));
		return start_stream(c, body);
	}
	return start_hold(c, body);
}

static bool more_head(struct capture *c, struct str bytes)
{
	size_t max = c->r->rules->settings.max_header;

	if (!buf_add_str(&c->bytes, bytes))
		return refuse(c, "out of memory");
	if (c->bytes.n <= max && !cgi_head_ends(buf_str(&c->bytes), &c->seen))
		return true;
	switch (cgi_head_parse(buf_str(&c->bytes), max, &c->r->arena, &c->head)) {
	case HEAD_MORE:
		return true;
	case HEAD_DONE:
		break;
	case HEAD_BAD:
		return refuse(c, c->head.error);
	case HEAD_NO_MEMORY:
		return refuse(c, "out of memory");
	}
	c->body = c->bytes.n - c->head.length;
	return take_head(c, str_sub(buf_str(&c->bytes), c->head.length, c->bytes.n));
}

static bool more_hold(struct capture *c, struct str bytes)
{
	struct str so_far;

	if (has_no_body(c))
		return true;
	if (c->head.has_content_length && c->body > c->head.content_length)
		return refuse(c, "a body longer than Content-Length");
	if (is_rest(c) && outgrows(c, c->body))
		return ask_again(c);
	if (!outgrows(c, c->body)) {
		if (object_append(c->object, bytes.p, bytes.n))
			return true;
		request_reason(c->r, REASON_STORE_ERROR, STR(""));
	} else {
		request_reason(c->r, REASON_TOO_LARGE, STR(""));
	}
	so_far = object_body(c->object);
	if (!start_stream(c, so_far))
		return false;
	object_unref(&c->object);
	c->client_gone = !respond_stream(c->r, bytes);
	return !c->client_gone;
}

static bool more_stream(struct capture *c, struct str bytes)
{
	uint64_t before = c->body - bytes.n;

	if (has_no_body(c))
		return true;
	if (c->head.has_content_length) {
		uint64_t length = c->head.content_length;

		bytes = str_sub(bytes, 0, before < length ? (size_t)(length - before) : 0);
	}
	if (bytes.n > 0)
		c->client_gone = !respond_stream(c->r, bytes);
	return !c->client_gone;
}

static bool out(struct sink *s, struct str bytes)
{
	struct capture *c = CONTAINER_OF(s, struct capture, sink);

	if (c->state != CAPTURE_HEAD)
		c->body += bytes.n;
	switch (c->state) {
	case CAPTURE_HEAD:
		return more_head(c, bytes);
	case CAPTURE_HOLD:
		return more_hold(c, bytes);
	case CAPTURE_STREAM:
		return more_stream(c, bytes);
	case CAPTURE_FRESHEN:
		return true; /* a 304 has no body, whatever comes */
	case CAPTURE_AGAIN:
	case CAPTURE_REFUSED:
		break;
	}
	return false;
}

/* The client has left: go on if others wait, or if the rest is worth it. */
static bool hangup(struct sink *s)
{
	struct capture *c = CONTAINER_OF(s, struct capture, sink);
	struct request *r = c->r;

	c->client_gone = true;
	metrics_add(COUNTER_CLIENT_LEFT, 1);
	r->client->ops->drop(r->client);
	if (c->state == CAPTURE_STREAM || !r->plan.store || r->client->has_body)
		return false;
	if (flight_followed(r))
		return true;
	return !c->head.has_content_length || c->head.content_length <= SMALL_RESPONSE;
}

/* ---- the end ---- */

bool capture_is_whole(const struct capture *c, enum fetch_result result)
{
	if (result != FETCH_COMPLETE)
		return false;
	if (c->state == CAPTURE_FRESHEN)
		return true;
	if (c->state != CAPTURE_HOLD && c->state != CAPTURE_STREAM)
		return false;
	if (has_no_body(c) || !c->head.has_content_length)
		return true;
	return c->state == CAPTURE_HOLD ? c->body == c->head.content_length
					: c->body >= c->head.content_length;
}

static void store_page(struct capture *c, struct object *o)
{
	struct request *r = c->r;

	if (invalidate_holds(o)) {
		request_reason(r, REASON_PURGED, STR(""));
		return;
	}
	r->stored = page_store(r, c->store, o, c->vary);
	if (!r->stored) {
		request_reason(r, REASON_STORE_ERROR, STR(""));
		return;
	}
	metrics_add(COUNTER_STORED, 1);
	memo_clear(MEMO_HIT_FOR_MISS, r->plan.key.hash);
}

/* A part that came for the client's own range, with what is stored of the same page. */
static void store_part(struct capture *c, struct object *part)
{
	struct request *r = c->r;
	struct object *more = r->check ? freshen_combine(r, r->check, part) : NULL;

	store_page(c, more && !outgrows(c, object_body(more).n) ? more : part);
	object_unref(&more);
}

/* The page that a part and its rest make; NULL: they make none. Takes the rest over. */
static struct object *complete(struct capture *c, struct object *rest)
{
	struct object *page = freshen_combine(c->r, c->r->check, rest);

	object_unref(&rest);
	if (page && object_head(page)->kind != OBJECT_PAGE)
		object_unref(&page);
	if (!page)
		return NULL;
	c->client_fields = STR(""); /* they are of the rest alone */
	if (outgrows(c, object_body(page).n))
		request_reason(c->r, REASON_TOO_LARGE, STR(""));
	else
		store_page(c, page);
	return page;
}

/* What speaks against storing what came, now that it is here. */
static enum reason late_objection(const struct capture *c, const struct object *o,
				  uint32_t app_status)
{
	if (app_status != 0)
		return REASON_APP_STATUS;
	if (c->app_log.fatal)
		return REASON_APP_ERROR;
	if (object_head(o)->kind == OBJECT_PART && c->body != page_part_length(&c->head))
		return REASON_PARTIAL;
	return REASON_NONE;
}

static struct object *take_held(struct capture *c, uint32_t app_status)
{
	struct object *o = c->object;
	enum reason reason = late_objection(c, o, app_status);

	c->object = NULL;
	page_seal(o);
	if (is_rest(c)) {
		if (reason == REASON_NONE)
			return complete(c, o);
		object_unref(&o);
	} else if (c->hold_only) {
		c->r->stored = false;
	} else if (reason != REASON_NONE) {
		request_reason(c->r, reason, STR(""));
	} else if (object_head(o)->kind == OBJECT_PART) {
		store_part(c, o);
	} else {
		store_page(c, o);
	}
	return o;
}

/* The stored page and what is new of it. If the page may not be stored any more, it goes. */
static struct object *take_news(struct capture *c, uint32_t app_status)
{
	struct request *r = c->r;
	struct page_source source = source_of(c);
	struct key key = object_key(c->base);
	struct object *o =
	    freshen_page(r, c->base, &source, &c->verdict, &c->vary, &c->client_fields);
	enum reason reason;

	r->outcome = OUTCOME_REVALIDATED;
	if (!o)
		return object_ref(c->base);
	reason = late_objection(c, o, app_status);
	if (reason != REASON_NONE) {
		request_reason(r, reason, STR(""));
	} else if (c->verdict.store) {
		store_page(c, o);
		freshen_others(r, c->store, o, &source);
	} else {
		request_reason(r, c->verdict.reason, STR(""));
		if (forbids_page(c->verdict.reason))
			store_remove(c->store, &key);
	}
	return o;
}

struct object *capture_take(struct capture *c, uint32_t app_status)
{
	struct request *r = c->r;
	struct object *o =
	    c->state == CAPTURE_FRESHEN ? take_news(c, app_status) : take_held(c, app_status);

	/* without memory it is what others get */
	if (o && c->client_fields.n > 0 &&
	    !arena_printf(&r->arena, &r->fields, "%.*s%.*s", STR_ARG(c->client_fields),
			  STR_ARG(object_head(o)->made)))
		r->fields = STR("");
	return o;
}
