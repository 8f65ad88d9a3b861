/*
 *     role, path, host -> rule -> method, body, headers, cookies, query -> key
 *
 * The first question that says no gives the plan its reason, and the request bypasses the cache.
 *
 * A key is text, then a NUL and the length of every part that came from outside, four bytes each:
 * two different requests never have the same bytes, whatever delimiters they contain.
 */
#include "flow/decide.h"

#include <xxhash.h>

#include "flow/filter.h"
#include "flow/select.h"
#include "http/range.h"
#include "http/uri.h"

#define KEY_VALUES_MAX 128u /* parts of a key that come from outside */
#define KEY_TEXT_FIRST 512u

static void bypass(struct request *r, enum reason reason)
{
	r->plan.reason = reason;
}

/* Path and query of the request target. False: memory is out. */
static bool split_target(struct request *r, struct str *raw_path)
{
	struct str uri = r->known[KNOWN_URI];
	size_t question = str_find(uri, '?');

	if (uri.n > 0) {
		*raw_path = str_sub(uri, 0, question);
		r->plan.query = str_sub(uri, question + 1, uri.n);
		return true;
	}
	r->plan.query = r->known[KNOWN_QUERY];
	return arena_printf(&r->arena, raw_path, "%.*s%.*s", STR_ARG(r->known[KNOWN_SCRIPT_NAME]),
			    STR_ARG(r->known[KNOWN_PATH_INFO]));
}

static bool decide_path(struct request *r)
{
	struct str raw;

	if (!split_target(r, &raw))
		return false;
	switch (uri_path(raw, &r->arena, &r->plan.normal_path, &r->plan.path)) {
	case URI_OK:
		return true;
	case URI_ODD:
	case URI_BAD:
		bypass(r, REASON_PATH);
		return true;
	case URI_NO_MEMORY:
		break;
	}
	return false;
}

static void decide_rule(struct request *r)
{
	struct plan *plan = &r->plan;

	plan->rule = ruleset_match(r->rules, r->host_name, plan->path, &plan->captures);
	if (!plan->rule)
		bypass(r, REASON_NO_RULE);
	else if (!plan->rule->cache)
		bypass(r, REASON_RULE);
}

/* "HTTP_X_PREVIEW" against the globs of bypass_headers, "X-Preview". */
static bool has_bypass_header(const struct request *r)
{
	const struct words *globs = &r->plan.rule->bypass_headers;
	char name[128];

	for (size_t i = 0; globs->n > 0 && i < r->n_params; i++) {
		struct str param = r->params[i].name;

		if (!str_starts(param, STR("HTTP_")) || param.n - 5 > sizeof(name))
			continue;
		for (size_t k = 5; k < param.n; k++)
			name[k - 5] = param.p[k] == '_' ? '-' : param.p[k];
		if (words_imatch(globs, str_make(name, param.n - 5)))
			return true;
	}
	return false;
}

static bool has_bypass_query(struct request *r, bool *has)
{
	const struct rule *rule = r->plan.rule;
	struct str rest = r->plan.query;
	struct query_param param;

	*has = rule->query == QUERY_BYPASS && rest.n > 0;
	while (!*has && rule->bypass_query.n > 0 && query_next(&rest, &param)) {
		struct str name;

		if (!query_decode(param.name, &r->arena, &name))
			return false;
		*has = words_match(&rule->bypass_query, name);
	}
	return true;
}

/* Method, body, headers, cookies and query under the rule. False: memory is out. */
static bool decide_inputs(struct request *r)
{
	bool has;

	if (!r->is_get && !r->is_head)
		bypass(r, REASON_METHOD);
	else if ((r->client && r->client->has_body) ||
		 (r->content_length != UINT64_MAX && r->content_length > 0))
		bypass(r, REASON_BODY);
	else if (r->known[KNOWN_UPGRADE].n > 0)
		bypass(r, REASON_UPGRADE);
	else if (has_bypass_header(r))
		bypass(r, REASON_HEADER);
	if (r->plan.reason != REASON_NONE)
		return true;
	if (!has_bypass_query(r, &has))
		return false;
	if (has) {
		bypass(r, REASON_QUERY);
		return true;
	}
	return filter_cookies(r);
}

/* The value of one part of the template. */
static struct str part_value(struct request *r, const struct key_part *part)
{
	const struct plan *plan = &r->plan;
	struct query_param param;
	struct cookie cookie;
	struct str rest;

	switch (part->kind) {
	case KEY_LITERAL:
		return part->text;
	case KEY_SCHEME:
		return r->scheme;
	case KEY_HOST:
		return r->host;
	case KEY_PATH:
		return plan->normal_path;
	case KEY_QUERY:
		return plan->query;
	case KEY_METHOD:
		return STR("GET");
	case KEY_ARG:
		rest = plan->query;
		while (query_next(&rest, &param))
			if (str_eq(param.name, part->text))
				return param.value;
		break;
	case KEY_COOKIE:
		rest = plan->cookies;
		while (cookie_next(&rest, &cookie))
			if (str_eq(cookie.name, part->text))
				return cookie.value;
		break;
	case KEY_CAPTURE:
		return plan->captures.v[part->index];
	case KEY_HTTP:
	case KEY_PARAM:
		return request_param(r, part->text);
	case KEY_URI:
		break; /* two parts, see add_part */
	}
	return STR("");
}

/* Pieces of a key in the arena: text grows from the front, lengths are kept aside. */
struct key_builder {
	struct arena *arena;
	char *p; /* text so far */
	size_t n, room;
	size_t values;
	uint32_t lengths[KEY_VALUES_MAX];
	char first[KEY_TEXT_FIRST];
	bool failed;
};

static void builder_init(struct key_builder *b, struct arena *a)
{
	b->arena = a;
	b->p = b->first;
	b->room = sizeof(b->first);
	b->n = b->values = 0;
	b->failed = false;
}

static void add_literal(struct key_builder *b, struct str text)
{
	if (text.n > b->room - b->n) {
		size_t room = (b->room + text.n) * 2;
		char *p = arena_alloc(b->arena, room);

		b->failed |= !p;
		if (!p)
			return;
		memcpy(p, b->p, b->n);
		b->p = p;
		b->room = room;
	}
	if (text.n)
		memcpy(b->p + b->n, text.p, text.n);
	b->n += text.n;
}

static void add_value(struct key_builder *b, struct str value)
{
	b->failed |= b->values == KEY_VALUES_MAX;
	if (!b->failed)
		b->lengths[b->values++] = (uint32_t)value.n;
	add_literal(b, value);
}

static void add_part(struct key_builder *b, struct request *r, const struct key_part *part,
		     bool leads_to_query)
{
	struct str value;

	if (part->kind == KEY_LITERAL) {
		struct str text = part->text;

		/* the '?' in front of a query that is not there */
		if (leads_to_query && r->plan.query.n == 0 && str_ends(text, STR("?")))
			text.n--;
		add_literal(b, text);
	} else if (part->kind == KEY_URI) {
		add_value(b, r->plan.normal_path);
		add_literal(b, r->plan.query.n ? STR("?") : STR(""));
		add_value(b, r->plan.query);
	} else if (part->kind == KEY_HTTP || part->kind == KEY_PARAM) {
		b->failed |= !filter_values(r, part->text, &value);
		add_value(b, value);
	} else {
		add_value(b, part_value(r, part));
	}
}

/* Joins text and lengths in the arena, and gives the key. */
static bool finish_key(struct request *r, struct key_builder *b, struct key *key)
{
	size_t n = b->n + 1 + 4 * b->values;
	char *p = b->failed ? NULL : arena_alloc(&r->arena, n), *at;

	if (!p)
		return false;
	memcpy(p, b->p, b->n);
	at = p + b->n;
	*at++ = '\0';
	for (size_t i = 0; i < b->values; i++) {
		*at++ = (char)(b->lengths[i] >> 24);
		*at++ = (char)(b->lengths[i] >> 16);
		*at++ = (char)(b->lengths[i] >> 8);
		*at++ = (char)b->lengths[i];
	}
	*key = key_make(str_make(p, n));
	return true;
}

static void add_template(struct key_builder *b, struct request *r)
{
	const struct key_template *key = &r->plan.rule->key;

	builder_init(b, &r->arena);
	add_value(b, r->rules->settings.key_prefix);
	for (size_t i = 0; i < key->n; i++)
		add_part(b, r, &key->v[i], i + 1 < key->n && key->v[i + 1].kind == KEY_QUERY);
}

bool decide_label(struct request *r, uint64_t *label)
{
	struct key_builder b;
	struct key key;

	add_template(&b, r);
	if (!finish_key(r, &b, &key))
		return false;
	*label = XXH3_64bits(key.bytes.p, key.bytes.n);
	return true;
}

static bool decide_key(struct request *r)
{
	const struct rule *rule = r->plan.rule;
	struct key_builder b;
	struct str value;

	add_template(&b, r);
	if (r->plan.key_cookies.n > 0) {
		add_literal(&b, STR(" cookie "));
		add_value(&b, r->plan.key_cookies);
	}
	for (size_t i = 0; i < rule->vary.n; i++) {
		if (!filter_vary_value(r, rule->vary.v[i], &value))
			b.failed = true;
		add_literal(&b, STR(" "));
		add_literal(&b, rule->vary.v[i]);
		add_literal(&b, STR(" "));
		add_value(&b, value);
	}
	if (!finish_key(r, &b, &r->plan.primary))
		return false;
	r->plan.key = r->plan.primary;
	return true;
}

/* What stands behind the URL on the server: another script's page is another page. */
static bool decide_origin(struct request *r)
{
	static const enum known parts[] = {KNOWN_SCRIPT_FILENAME, KNOWN_SCRIPT_NAME,
					   KNOWN_PATH_INFO, KNOWN_DOCUMENT_ROOT};
	struct str query;
	XXH64_hash_t hash = 0;

	if (!filter_query_string(r, &query))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		hash = XXH3_64bits_withSeed(r->known[parts[i]].p, r->known[parts[i]].n, hash);
	r->plan.origin = XXH3_64bits_withSeed(query.p, query.n, hash);
	return true;
}

static void decide_client(struct request *r)
{
	struct plan *plan = &r->plan;

	policy_client_parse(r->known[KNOWN_CACHE_CONTROL], r->known[KNOWN_PRAGMA], &plan->client);
	if (!plan->rule->client_control)
		plan->client = (struct policy_client){.only_if_cached = plan->client.only_if_cached,
						      .max_age = -1,
						      .min_fresh = -1,
						      .max_stale = -1};
}

bool decide_plan(struct request *r)
{
	struct plan *plan = &r->plan;

	if (r->role != FCGI_ROLE_RESPONDER) {
		bypass(r, REASON_ROLE);
		return true;
	}
	if (!decide_path(r))
		return false;
	if (plan->reason == REASON_NONE && r->host.n == 0)
		bypass(r, REASON_HOST);
	if (plan->reason == REASON_NONE)
		decide_rule(r);
	if (plan->reason == REASON_NONE && !decide_inputs(r))
		return false;
	if (plan->reason != REASON_NONE)
		return true;
	if (!filter_query(plan->rule, plan->query, &r->arena, &plan->query))
		return false;
	plan->lookup = true;
	plan->store = r->is_get;
	plan->authorized = r->known[KNOWN_AUTHORIZATION].n > 0 || r->known[KNOWN_REMOTE_USER].n > 0;
	decide_client(r);
	return decide_key(r) && decide_origin(r);
}

bool decide_variant(struct request *r, struct str vary, struct key *key)
{
	struct key_builder b;
	struct str rest = vary, name, value;

	*key = r->plan.primary;
	if (vary.n == 0)
		return true;
	builder_init(&b, &r->arena);
	add_value(&b, r->plan.primary.bytes);
	while (str_split(&rest, ',', &name)) {
		if (!filter_vary_value(r, name, &value))
			b.failed = true;
		add_literal(&b, STR(" "));
		add_literal(&b, name);
		add_literal(&b, STR(" "));
		add_value(&b, value);
	}
	return finish_key(r, &b, key);
}

bool decide_tagged(struct request *r, struct str etag, struct key *key)
{
	struct key_builder b;

	builder_init(&b, &r->arena);
	add_value(&b, r->plan.primary.bytes);
	add_literal(&b, STR(" (etag) ")); /* no header has such a name */
	add_value(&b, etag);
	return finish_key(r, &b, key);
}

bool decide_fits(const struct request *r, const struct object *o)
{
	const struct object_head *head = object_head(o);

	return head->kind != OBJECT_MARKER && head->origin == r->plan.origin &&
	       (!r->plan.authorized || head->shared);
}

/* The lifetimes that count now: what a rule gave, the rule in force gives anew. */
struct lifetimes {
	int64_t fresh, grace, error;
};

static struct lifetimes lifetimes_of(const struct request *r, const struct object *o)
{
	const struct object_head *head = object_head(o);
	const struct policy_rule *rule = &r->plan.rule->policy;
	struct lifetimes l = {head->lifetime, head->grace, head->stale_if_error};

	if (head->rule_lifetime)
		l.fresh = policy_rule_ttl(rule, head->status);
	if (head->rule_grace)
		l.grace = rule->grace;
	if (head->rule_error)
		l.error = rule->stale_if_error;
	if (head->must_revalidate)
		l.grace = l.error = 0;
	return l;
}

int64_t decide_ttl(const struct request *r, const struct object *o, int64_t now)
{
	return lifetimes_of(r, o).fresh - (now - object_head(o)->born);
}

/*
 * RFC 9111 section 5.2.1: what the client asks beyond freshness, and what it bears. A reload's
 * max-age=0 does not count against what is immutable (RFC 8246 section 2).
 */
static enum verdict for_client(const struct policy_client *client, const struct object_head *head,
			       int64_t age, int64_t ttl, enum verdict verdict)
{
	bool reload = client->max_age == 0 && head->immutable && ttl > 0;

	if (verdict == VERDICT_CHECK && !head->must_revalidate && client->max_stale >= 0 &&
	    -ttl <= client->max_stale)
		verdict = VERDICT_STALE;
	if (verdict == VERDICT_STALE &&
	    (client->max_stale >= 0 ? -ttl > client->max_stale : client->max_age >= 0))
		return VERDICT_CHECK;
	if (client->no_cache || client->no_store ||
	    (client->max_age >= 0 && (age > client->max_age || client->max_age == 0) && !reload) ||
	    (client->min_fresh >= 0 && ttl < client->min_fresh))
		return VERDICT_CHECK;
	return verdict;
}

/* Whether a part holds all that the request wants (RFC 9111 section 3.3). */
static bool holds_range(const struct request *r, const struct object *part, int64_t now)
{
	const struct object_head *head = object_head(part);
	uint64_t end = head->first + object_body(part).n;
	struct range v[RANGES_MAX];
	size_t n;

	return select_wants_ranges(r, part, now) &&
	       range_parse(r->known[KNOWN_RANGE], head->whole, v, &n) == RANGE_SOME && n == 1 &&
	       v[0].first >= head->first && v[0].last < end;
}

enum verdict decide_object(const struct request *r, const struct object *o, int64_t now)
{
	const struct object_head *head = object_head(o);
	struct lifetimes l = lifetimes_of(r, o);
	int64_t age = now - head->born, ttl = l.fresh - age;
	enum verdict verdict = VERDICT_CHECK;

	if (!decide_fits(r, o))
		return VERDICT_USELESS;
	if (head->no_cache || r->plan.rule->policy.validate == VALIDATE_ALWAYS)
		return VERDICT_CHECK;
	if (ttl > 0)
		verdict = VERDICT_FRESH;
	else if (-ttl < l.grace)
		verdict = VERDICT_STALE;
	verdict = for_client(&r->plan.client, head, age, ttl, verdict);
	if (head->kind == OBJECT_PART && (verdict != VERDICT_FRESH || !holds_range(r, o, now)))
		return VERDICT_USELESS;
	return verdict;
}

bool decide_survives(const struct request *r, const struct object *o, int64_t now)
{
	const struct object_head *head = object_head(o);
	struct lifetimes l = lifetimes_of(r, o);
	int64_t ttl = l.fresh - (now - head->born);

	return decide_fits(r, o) && head->kind == OBJECT_PAGE && !head->no_cache &&
	       r->plan.rule->policy.validate != VALIDATE_ALWAYS && (ttl > 0 || -ttl < l.error);
}

bool decide_shares(const struct request *r, const struct object *o, int64_t now)
{
	const struct object_head *head = object_head(o);
	struct lifetimes l = lifetimes_of(r, o);

	return !head->no_cache && r->plan.rule->policy.validate != VALIDATE_ALWAYS &&
	       l.fresh + l.grace > now - head->born;
}
