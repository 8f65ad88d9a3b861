/*
 * The head decides, the end confirms: nothing is stored before END_REQUEST said that it is complete
 * and the body is as long as Content-Length says. When it is clear that a page may not be shared,
 * its followers are let go at once, not when it ends.
 */
#include "flow/capture.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "flow/decide.h"
#include "flow/flight.h"
#include "flow/memo.h"
#include "flow/respond.h"
#include "store/store.h"

#define HIT_FOR_MISS_MS 60000
#define ERROR_MS        1000       /* the same for a 5xx, which will pass */
#define SMALL_RESPONSE  (1u << 20) /* is fetched to its end although its client has left */
#define ERR_BYTES_MAX   8192u      /* of one response's STDERR that goes to the log */

static bool out(struct sink *s, struct str bytes);
static void err(struct sink *s, struct str bytes);
static bool hangup(struct sink *s);

void capture_init(struct capture *c, struct request *r)
{
	*c = (struct capture){
	    .sink = {.out = out, .err = err, .hangup = hangup, .watch = -1},
	    .r = r,
	    .request_ms = clock_now_ms(),
	    .client_gone = !r->client,
	};
	buf_init(&c->bytes, 0);
	buf_init(&c->err_line, 1024);
	if (r->client) {
		c->sink.watch = r->client->fd;
		c->sink.watch_rdhup = r->client->tcp;
	}
}

void capture_fini(struct capture *c)
{
	buf_fini(&c->bytes);
	buf_fini(&c->err_line);
	object_unref(&c->object);
}

/* ---- STDERR ---- */

static void flush_err(struct capture *c)
{
	static struct log_limit limit;
	struct str line = str_trim(buf_str(&c->err_line));

	while (line.n > 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
		line.n--;
	if (line.n > 0 && log_allowed(&limit, 200))
		log_warning("application: %.*s (%.*s)", STR_ARG(line), STR_ARG(request_url(c->r)));
	c->err_line.n = 0;
}

/* PHP's own words are the only sign that half a page is half a page. */
static void look_for_fatal(struct capture *c)
{
	struct str line = buf_str(&c->err_line);

	for (size_t i = 0; i + 9 < line.n && !c->fatal; i++)
		c->fatal = str_starts(str_sub(line, i, line.n), STR("PHP Fatal error")) ||
			   str_starts(str_sub(line, i, line.n), STR("PHP Parse error"));
}

static void err(struct sink *s, struct str bytes)
{
	struct capture *c = CONTAINER_OF(s, struct capture, sink);

	for (size_t i = 0; i < bytes.n; i++) {
		if (c->err_bytes++ >= ERR_BYTES_MAX && bytes.p[i] != '\n')
			continue;
		if (bytes.p[i] != '\n' && buf_add(&c->err_line, bytes.p + i, 1))
			continue;
		look_for_fatal(c);
		flush_err(c);
	}
	look_for_fatal(c);
}

void capture_end(struct capture *c)
{
	flush_err(c);
}

/* ---- what goes out and what is stored ---- */

/* Fields that Connection names are this hop's (RFC 9110 section 7.6.1). */
static bool is_named_by_connection(const struct headers *h, struct str name)
{
	struct list_iter it = {0};
	struct str token;

	while (headers_list_next(h, STR("Connection"), &it, &token))
		if (str_ieq(token, name))
			return true;
	return false;
}

static bool is_passed_on(const struct capture *c, struct str name, bool stored)
{
	const struct rule *rule = c->r->plan.lookup ? c->r->plan.rule : NULL;

	if (str_ieq(name, STR("Content-Length")) || str_ieq(name, STR("Age")))
		return false;
	if (policy_is_control(name) || http_is_hop_by_hop(name) ||
	    is_named_by_connection(&c->head.headers, name))
		return false;
	if (rule && str_ieq(name, STR("Set-Cookie"))) {
		if (rule->policy.set_cookie == SET_COOKIE_DROP)
			return false;
		return !stored || rule->policy.set_cookie == SET_COOKIE_STORE;
	}
	return true;
}

/* "Status: 200 OK" and the fields, into the arena. stored: as the store gets it. */
static bool write_fields(struct capture *c, bool stored, struct str *fields)
{
	const struct headers *h = &c->head.headers;
	struct buf text = {0};
	struct str phrase = c->head.phrase;
	bool ok;

	if (phrase.n == 0)
		phrase = str_of(http_phrase(c->head.status));
	ok = buf_printf(&text, "Status: %d %.*s\r\n", c->head.status, STR_ARG(phrase));
	for (size_t i = 0; ok && i < h->n; i++) {
		if (!is_passed_on(c, h->v[i].name, stored))
			continue;
		ok = buf_add_str(&text, h->v[i].name) && buf_add(&text, ": ", 2) &&
		     buf_add_str(&text, h->v[i].value) && buf_add(&text, "\r\n", 2);
	}
	ok = ok && arena_dup(&c->r->arena, buf_str(&text), fields);
	buf_fini(&text);
	return ok;
}

/* The value of a field inside written fields, as a slice of them. */
static struct str field_in(struct str fields, struct str name)
{
	struct str line;

	while (str_split(&fields, '\n', &line)) {
		if (!str_istarts(line, name) || line.n <= name.n || line.p[name.n] != ':')
			continue;
		line = str_sub(line, name.n + 1, line.n);
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		return str_trim(line);
	}
	return STR("");
}

static int by_bytes(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

#define VARY_MAX 32u

static bool add_name(struct capture *c, struct str names[VARY_MAX], size_t *n, struct str name)
{
	char *p = arena_alloc(&c->r->arena, name.n);

	if (!p || *n == VARY_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++)
		p[i] = ascii_lower(name.p[i]);
	names[(*n)++] = str_make(p, name.n);
	return true;
}

/*
 * The names by which the page varies: the response's, those of the marker that led here, and
 * Accept-Encoding if the application encoded the body and forgot to say so.
 */
static bool collect_vary(struct capture *c)
{
	const struct headers *h = &c->head.headers;
	const struct header *encoding = headers_find(h, STR("Content-Encoding"));
	struct str names[VARY_MAX], name, known = c->r->plan.vary, text = STR("");
	struct list_iter it = {0};
	size_t n = 0;

	while (headers_list_next(h, STR("Vary"), &it, &name))
		if (!add_name(c, names, &n, name))
			return false;
	while (str_split(&known, ',', &name))
		if (!add_name(c, names, &n, name))
			return false;
	if (encoding && !str_ieq(encoding->value, STR("identity")) &&
	    !add_name(c, names, &n, STR("accept-encoding")))
		return false;
	qsort(names, n, sizeof(names[0]), by_bytes);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && str_eq(names[i], names[i - 1]))
			continue;
		if (!arena_printf(&c->r->arena, &text, "%.*s%s%.*s", STR_ARG(text),
				  text.n ? "," : "", STR_ARG(names[i])))
			return false;
	}
	c->vary = text;
	return true;
}

/* Opens the object that the body goes into. */
static bool open_object(struct capture *c)
{
	struct request *r = c->r;
	const struct policy_verdict *v = &c->verdict;
	struct object_head head = {
	    .kind = OBJECT_PAGE,
	    .status = c->head.status,
	    .born = clock_now_ms() - v->age,
	    .lifetime = v->lifetime,
	    .grace = v->grace,
	    .stale_if_error = v->stale_if_error,
	    .must_revalidate = v->must_revalidate,
	    .no_cache = v->no_cache,
	    .shared = v->shared,
	    .rule_lifetime = v->rule_lifetime,
	    .rule_grace = v->rule_grace,
	    .rule_error = v->rule_error,
	    .origin = r->plan.origin,
	};
	struct key key;

	if (!collect_vary(c) || !write_fields(c, true, &head.head) ||
	    !decide_variant(r, c->vary, &key))
		return false;
	if (r->plan.rule->policy.set_cookie == SET_COOKIE_STRIP &&
	    headers_find(&c->head.headers, STR("Set-Cookie")) &&
	    !write_fields(c, false, &c->client_fields))
		return false;
	head.etag = field_in(head.head, STR("ETag"));
	head.last_modified = field_in(head.head, STR("Last-Modified"));
	c->object = object_new(&key, &head,
			       c->head.has_content_length ? (size_t)c->head.content_length : 0);
	return c->object != NULL;
}

/* ---- from HEAD to the other states ---- */

/* The page may not be shared: whoever waits for it fetches for himself. */
static void let_followers_go(struct capture *c)
{
	struct request *r = c->r;

	if (r->plan.store)
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
	if (!write_fields(c, false, &fields))
		return refuse(c, "out of memory");
	c->state = CAPTURE_STREAM;
	r->status = c->head.status;
	r->age = c->verdict.age;
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
	    .born = clock_now_ms() - c->verdict.age,
	};
	struct key key = {.bytes = STR("")};

	if (!write_fields(c, false, &head.head))
		return false;
	c->object = object_new(&key, &head, 0);
	c->hold_only = c->object != NULL;
	return c->hold_only;
}

static bool is_failure(int status)
{
	return status == 500 || status == 502 || status == 503 || status == 504;
}

static void judge(struct capture *c)
{
	struct request *r = c->r;
	struct policy_request request = {
	    .authorized = r->plan.authorized,
	    .client_no_store = r->plan.client.no_store,
	};
	static const struct policy_rule no_rule;

	policy_judge(&c->head, r->plan.store ? &r->plan.rule->policy : &no_rule, &request,
		     c->request_ms, clock_now_ms(), &c->verdict);
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

/* The head is whole; body: what came behind it. */
static bool take_head(struct capture *c, struct str body)
{
	judge(c);
	if (is_failure(c->head.status) && (c->r->stale || !c->r->client)) {
		c->answer_stale = true;
		return refuse(c, "answered with an error status");
	}
	if (!c->verdict.store) {
		if (!must_be_held(c) || !open_held(c))
			return start_stream(c, body);
		let_followers_go(c);
	} else if (!open_object(c)) {
		request_reason(c->r, REASON_STORE_ERROR, STR(""));
		return start_stream(c, body);
	}
	c->state = CAPTURE_HOLD;
	if (has_no_body(c))
		return true;
	if (c->head.has_content_length && c->body > c->head.content_length)
		return refuse(c, "a body longer than Content-Length");
	if (outgrows(c, body.n)) {
		request_reason(c->r, REASON_TOO_LARGE, STR(""));
		return start_stream(c, body);
	}
	if (!object_append(c->object, body.p, body.n))
		return refuse(c, "out of memory");
	return true;
}

static bool more_head(struct capture *c, struct str bytes)
{
	size_t max = c->r->rules->settings.max_header;

	if (!buf_add_str(&c->bytes, bytes))
		return refuse(c, "out of memory");
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
	if (c->state != CAPTURE_HOLD && c->state != CAPTURE_STREAM)
		return false;
	if (has_no_body(c) || !c->head.has_content_length)
		return true;
	return c->state == CAPTURE_HOLD ? c->body == c->head.content_length
					: c->body >= c->head.content_length;
}

/* The marker that leads from the primary key to the variants. */
static bool store_marker(struct capture *c, struct store *store)
{
	const struct object_head *page = object_head(c->object);
	struct object_head head = {
	    .kind = OBJECT_VARY,
	    .vary = c->vary,
	    .born = page->born,
	    .lifetime = page->lifetime,
	    .grace = page->grace,
	    .stale_if_error = page->stale_if_error,
	};
	struct object *marker = object_new(&c->r->plan.primary, &head, 0);
	bool ok;

	if (!marker)
		return false;
	object_seal(marker);
	ok = store_set(store, marker);
	object_unref(&marker);
	return ok;
}

struct object *capture_seal(struct capture *c, struct store *store, uint32_t app_status)
{
	struct request *r = c->r;
	struct object *o;

	object_seal(c->object);
	if (c->hold_only) {
		r->stored = false;
	} else if (app_status != 0) {
		request_reason(r, REASON_APP_STATUS, STR(""));
	} else if (c->fatal) {
		request_reason(r, REASON_APP_ERROR, STR(""));
	} else if (store_set(store, c->object) && (c->vary.n == 0 || store_marker(c, store))) {
		r->stored = true;
		metrics_add(COUNTER_STORED, 1);
		memo_clear(MEMO_HIT_FOR_MISS, r->plan.key.hash);
	} else {
		request_reason(r, REASON_STORE_ERROR, STR(""));
	}
	o = c->object;
	c->object = NULL;
	return o;
}
