/*
 * Policy: what may be stored, and for how long. Pure.
 *
 *     response --objections--> none? --lifetime, age--> over? --staleness--> verdict
 *
 * Tables hold the rules, each entry with the section it comes from: `kinds` (which statuses) and
 * `objections` (what keeps a response out, in the order of the reasons) here, `sources` (who may
 * say how long it is fresh, first come first heard) in lifetime. To add a rule is to add an entry.
 *
 * Times are ms in 0..POLICY_TIME_MAX: two of them never overflow when they are added.
 */
#include "http/policy.h"

#include "http/date.h"
#include "http/directives.h"
#include "http/lifetime.h"
#include "http/range.h"

static int64_t at_least(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* A duration out of the rules. */
static int64_t clipped(int64_t ms)
{
	return lifetime_span(0, ms);
}

/* ------------------------------------------------------------------ the matter */

/* What is judged. */
struct matter {
	const struct cgi_head *head;
	const struct policy_rule *rule;
	const struct policy_request *request;
	struct lifetime_matter times; /* with the directives */
	struct lifetime lifetime;
};

static bool says(const struct matter *m, enum directive which)
{
	return m->times.control.has[which];
}

static const struct header *field(const struct matter *m, struct str name)
{
	return headers_find(&m->head->headers, name);
}

/* ------------------------------------------------------------------ statuses */

/*
 * Statuses that are understood (RFC 9111 section 3), and stored without being named by the rule's
 * `statuses`; 5xx then only with the rule's `heuristic`. By RFC 9110 section 15.1 all but 302 and
 * 307 are heuristically cacheable; these two may be stored when they say for how long (15.4.3,
 * 15.4.8).
 */
static const struct kind {
	int status;
	bool ttl; /* the rule's `ttl` is meant for it */
	bool heuristic;
} kinds[] = {
    {200, true, true},   /* 15.3.1 */
    {203, true, true},   /* 15.3.4 */
    {204, false, true},  /* 15.3.5 */
    {206, true, true},   /* 15.3.7; is_partial has more to say */
    {300, false, true},  /* 15.4.1 */
    {301, true, true},   /* 15.4.2 */
    {302, false, false}, /* 15.4.3 */
    {307, false, false}, /* 15.4.8 */
    {308, true, true},   /* 15.4.9 */
    {404, false, true},  /* 15.5.5 */
    {405, false, true},  /* 15.5.6 */
    {410, false, true},  /* 15.5.11 */
    {414, false, true},  /* 15.5.15 */
    {501, false, true},  /* 15.6.2 */
};

static const struct kind *kind_of(int status)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].status == status)
			return &kinds[i];
	return NULL;
}

/* The entry of `statuses` for a status: the exact one, else its class's, else NULL. */
static const struct status_ttl *entry_of(const struct policy_rule *rule, int status)
{
	const struct status_ttl *class = NULL;

	for (size_t i = 0; i < rule->n_statuses; i++) {
		if (rule->statuses[i].code == status)
			return &rule->statuses[i];
		if (rule->statuses[i].code == status / 100)
			class = &rule->statuses[i];
	}
	return class;
}

/* A 206 is a part of what a 200 would be. */
static const struct status_ttl *named(const struct policy_rule *rule, int status)
{
	const struct status_ttl *entry = entry_of(rule, status);

	return entry || status != 206 ? entry : entry_of(rule, 200);
}

int64_t policy_rule_ttl(const struct policy_rule *rule, int status)
{
	const struct status_ttl *entry = named(rule, status);
	const struct kind *kind = kind_of(status);

	if (entry)
		return clipped(entry->ttl);
	return kind && kind->ttl ? clipped(rule->ttl) : 0;
}

/* ------------------------------------------------------------------ objections */

static bool is_nph(const struct matter *m)
{
	return m->head->nph;
}

static bool is_not_a_page(const struct matter *m)
{
	return m->head->status < 200 || m->head->status == 304 || m->head->status == 416;
}

/* RFC 9110 section 14.4: one range of a whole whose length is known. */
static bool is_known_part(const struct matter *m)
{
	const struct headers *h = &m->head->headers;
	const struct header *line = field(m, STR("Content-Range"));
	struct content_range part;

	return line && !headers_next(h, STR("Content-Range"), line) &&
	       range_parse_content(line->value, &part) && part.complete != UINT64_MAX;
}

static bool is_partial(const struct matter *m)
{
	if (m->head->status != 206)
		return !m->rule->heuristic && field(m, STR("Content-Range"));
	return !(m->request->ranged && is_known_part(m));
}

/* RFC 9111 section 3: what makes a response storable whose status does not. */
static bool is_marked_storable(const struct matter *m)
{
	return says(m, DIRECTIVE_PUBLIC) || m->lifetime.explicit;
}

static bool is_unstored_status(const struct matter *m)
{
	int status = m->head->status;
	const struct status_ttl *entry = named(m->rule, status);
	bool understood = kind_of(status) != NULL;

	if (entry)
		return entry->ttl <= 0;
	if (m->rule->heuristic)
		return !understood && !(status <= 599 && is_marked_storable(m));
	return !understood || status >= 500;
}

static bool redirects_inside(const struct matter *m)
{
	static const char *const names[] = {
	    "X-Accel-Redirect",      "X-Sendfile",    "X-Sendfile2", "X-LIGHTTPD-send-file",
	    "X-LIGHTTPD-send-file2", "X-Reproxy-URL",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (field(m, str_of(names[i])))
			return true;
	return false;
}

static bool is_event_stream(struct str content_type)
{
	struct str type = str_sub(content_type, 0, str_find(content_type, ';'));

	return str_ieq(str_trim(type), STR("text/event-stream"));
}

bool policy_is_stream(const struct cgi_head *head)
{
	const struct header *buffering = headers_find(&head->headers, STR("X-Accel-Buffering"));
	const struct header *type = headers_find(&head->headers, STR("Content-Type"));

	return (buffering && str_ieq(buffering->value, STR("no"))) ||
	       (type && is_event_stream(type->value));
}

static bool is_stream(const struct matter *m)
{
	return policy_is_stream(m->head);
}

static bool is_not_understood(const struct matter *m)
{
	return says(m, DIRECTIVE_MUST_UNDERSTAND) && !kind_of(m->head->status);
}

/* Whoever understands the status is not meant by the no-store beside a must-understand. */
static bool forbids_storing(const struct matter *m)
{
	return (says(m, DIRECTIVE_NO_STORE) && !says(m, DIRECTIVE_MUST_UNDERSTAND)) ||
	       m->times.surrogate.has[DIRECTIVE_NO_STORE];
}

static bool is_private(const struct matter *m)
{
	return says(m, DIRECTIVE_PRIVATE);
}

static bool varies_beyond_use(const struct matter *m)
{
	struct list_iter it = {0};
	struct str name;

	while (headers_list_next(&m->head->headers, STR("Vary"), &it, &name))
		if (str_eq(name, STR("*")) || !http_is_token(name))
			return true;
	return false;
}

static bool sets_cookie(const struct matter *m)
{
	return m->rule->set_cookie == SET_COOKIE_BYPASS && field(m, STR("Set-Cookie"));
}

static bool may_be_shared(const struct matter *m)
{
	return says(m, DIRECTIVE_PUBLIC) || says(m, DIRECTIVE_S_MAXAGE) ||
	       says(m, DIRECTIVE_MUST_REVALIDATE);
}

static bool is_for_one_user(const struct matter *m)
{
	return m->request->authorized && !may_be_shared(m);
}

static bool client_forbids(const struct matter *m)
{
	return m->request->client_no_store;
}

#define NEVER (OVERRIDE_FORCE + 1)

static const struct objection {
	enum reason reason;
	bool (*holds)(const struct matter *m);
	int waived_by; /* the rule's override from which on it does not hold; or NEVER */
} objections[] = {
    /* what it is */
    {REASON_NPH, is_nph, NEVER},
    {REASON_STATUS, is_not_a_page, NEVER},      /* RFC 9111 sections 3 and 3.2: final, and no 304 */
    {REASON_PARTIAL, is_partial, NEVER},        /* 3.3 */
    {REASON_STATUS, is_unstored_status, NEVER}, /* 3; RFC 9110 section 15.1 */
    {REASON_X_ACCEL_REDIRECT, redirects_inside, OVERRIDE_YES},
    {REASON_STREAM, is_stream, NEVER},
    /* what it forbids */
    {REASON_STATUS, is_not_understood, OVERRIDE_FORCE},    /* 5.2.2.3 */
    {REASON_NO_STORE, forbids_storing, OVERRIDE_FORCE},    /* 5.2.2.5 */
    {REASON_PRIVATE, is_private, OVERRIDE_FORCE},          /* 5.2.2.7, with fields too */
    {REASON_VARY_STAR, varies_beyond_use, OVERRIDE_FORCE}, /* 4.1 */
    {REASON_SET_COOKIE, sets_cookie, NEVER},               /* 7.3: ours, safer than the RFC */
    /* who asked */
    {REASON_AUTHORIZATION, is_for_one_user, OVERRIDE_FORCE}, /* 3.5 */
    {REASON_CLIENT_NO_STORE, client_forbids, NEVER},         /* 5.2.1.5 */
};

static enum reason first_objection(const struct matter *m)
{
	for (size_t i = 0; i < ARRAY_LEN(objections); i++) {
		const struct objection *o = &objections[i];

		if ((int)m->rule->override < o->waived_by && o->holds(m))
			return o->reason;
	}
	return REASON_NONE;
}

/* ------------------------------------------------------------------ fields that are withheld */

/* Without these the rest of a response would mean something else. */
static const char *const indispensable[] = {
    "Content-Encoding", "Content-Range", "Content-Type", "Location", "Vary",
};

static bool is_indispensable(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(indispensable); i++)
		if (str_ieq(name, str_of(indispensable[i])))
			return true;
	return false;
}

static bool lists_indispensable(const struct directives *d)
{
	bool found = false;

	for (size_t i = 0; i < ARRAY_LEN(indispensable) && !found; i++)
		found = directives_withhold(d, str_of(indispensable[i]));
	return found;
}

bool policy_withholds(const struct directives *control, struct str name)
{
	return directives_withhold(control, name) && !is_indispensable(name);
}

/* A field that a stored page will have; NULL: it has not, or it is withheld. */
static const struct header *stored_field(const struct matter *m, struct str name)
{
	if (m->rule->heuristic && directives_withhold(&m->times.control, name))
		return NULL;
	return field(m, name);
}

static bool has_etag(const struct matter *m)
{
	const struct header *etag = stored_field(m, STR("ETag"));

	return etag && etag->value.n > 0;
}

/* RFC 9111 section 4.3.1: something to ask the application by. */
static bool has_validator(const struct matter *m)
{
	const struct header *modified = stored_field(m, STR("Last-Modified"));
	int64_t at;

	return has_etag(m) || (modified && http_date_parse(modified->value, m->times.now_ms, &at));
}

/* ------------------------------------------------------------------ staleness */

/*
 * RFC 9111 sections 4.2.4, 5.2.2.2, 5.2.2.8, 5.2.2.10 (s-maxage does what proxy-revalidate does).
 * A rule that overrides is not bound by what it overrides, and with force by nothing.
 */
static bool is_never_stale(const struct matter *m)
{
	bool said = says(m, DIRECTIVE_MUST_REVALIDATE) || says(m, DIRECTIVE_PROXY_REVALIDATE);

	if (m->times.overrides)
		return said && m->rule->override != OVERRIDE_FORCE;
	return said || says(m, DIRECTIVE_S_MAXAGE) || says(m, DIRECTIVE_NO_CACHE);
}

/* RFC 5861: what the response says of it, in the order of the lifetimes; else the rule's. */
static int64_t stale_time(const struct matter *m, enum directive which, int64_t rules,
			  bool *is_rule)
{
	*is_rule = false;
	if (!m->times.overrides) {
		if (m->times.targeted && m->times.control.has[which])
			return m->times.control.ms[which];
		if (m->times.surrogate.has[which])
			return m->times.surrogate.ms[which];
		if (m->times.control.has[which])
			return m->times.control.ms[which];
	}
	*is_rule = true;
	return clipped(rules);
}

static void fill_staleness(const struct matter *m, struct policy_verdict *v)
{
	v->must_revalidate = v->no_cache || is_never_stale(m);
	v->grace = stale_time(m, DIRECTIVE_STALE_WHILE_REVALIDATE, m->rule->grace, &v->rule_grace);
	v->stale_if_error =
	    stale_time(m, DIRECTIVE_STALE_IF_ERROR, m->rule->stale_if_error, &v->rule_error);
	if (v->must_revalidate)
		v->grace = v->stale_if_error = 0;
}

/* ------------------------------------------------------------------ the verdict */

/* Whether the page is of use after it came: fresh, stale within bounds, or to be checked. */
static bool is_of_use(const struct policy_verdict *v)
{
	return v->age < v->lifetime + at_least(at_least(v->grace, v->stale_if_error), v->keep);
}

/* The times, or why there are none. */
static enum reason fill_times(const struct matter *m, struct policy_verdict *v)
{
	const struct lifetime *l = &m->lifetime;

	if (l->refused || (!l->given && m->rule->validate != VALIDATE_ALWAYS))
		return REASON_NO_LIFETIME;
	if (m->rule->validate == VALIDATE_ALWAYS && !has_etag(m))
		return REASON_NO_ETAG;
	v->keep = has_validator(m) ? POLICY_KEEP : 0;
	if (l->no_cache && v->keep == 0)
		return REASON_NO_CACHE;
	v->lifetime = l->ms;
	v->rule_lifetime = l->by_rule;
	v->no_cache = l->no_cache;
	v->immutable = says(m, DIRECTIVE_IMMUTABLE);
	fill_staleness(m, v);
	return is_of_use(v) ? REASON_NONE : REASON_NO_LIFETIME;
}

/* Whether the rule's `heuristic` may guess: RFC 9111 sections 4.2.2 and 5.2.2.9. */
static bool may_guess(const struct matter *m)
{
	const struct kind *kind = kind_of(m->head->status);

	return m->rule->heuristic && ((kind && kind->heuristic) || says(m, DIRECTIVE_PUBLIC));
}

static void read_matter(struct matter *m, int64_t now_ms)
{
	struct lifetime_matter *times = &m->times;

	lifetime_read(times, m->head, now_ms);
	if (times->control.n_lists > 0 &&
	    (!m->rule->heuristic || lists_indispensable(&times->control)))
		times->control.has[DIRECTIVE_NO_CACHE] = true;
	times->rule_ttl = policy_rule_ttl(m->rule, m->head->status);
	times->overrides = m->rule->override != OVERRIDE_NO && times->rule_ttl > 0;
	times->heuristic = may_guess(m);
	m->lifetime = lifetime_find(times);
}

void policy_judge(const struct cgi_head *head, const struct policy_rule *rule,
		  const struct policy_request *request, int64_t request_ms, int64_t now_ms,
		  struct policy_verdict *verdict)
{
	struct matter m = {.head = head, .rule = rule, .request = request};
	struct policy_verdict v = {.store = false};

	read_matter(&m, now_ms);
	v.age =
	    lifetime_age(&m.times, m.lifetime.from_arrival ? 0 : lifetime_span(request_ms, now_ms));
	v.reason = first_objection(&m);
	if (v.reason == REASON_NONE)
		v.reason = fill_times(&m, &v);
	if (v.reason != REASON_NONE) {
		*verdict = (struct policy_verdict){.reason = v.reason, .age = v.age};
		return;
	}
	v.store = true;
	v.shared = may_be_shared(&m) || rule->override == OVERRIDE_FORCE;
	*verdict = v;
}

/* ------------------------------------------------------------------ names, and the client */

bool policy_is_control(struct str name)
{
	static const char *const names[] = {
	    "Cache-Tag",
	    "Surrogate-Control",
	    "Surrogate-Key",
	    "X-Accel-Expires",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_ieq(name, str_of(names[i])))
			return true;
	return false;
}

static int64_t asked(const struct directives *d, enum directive which)
{
	return d->has[which] ? d->ms[which] : -1;
}

/* RFC 9111 section 5.4: Pragma counts when there is no Cache-Control. */
static bool pragma_no_cache(struct str pragma)
{
	struct str word;

	while (list_next(&pragma, &word))
		if (str_ieq(word, STR("no-cache")))
			return true;
	return false;
}

void policy_client_parse(struct str cache_control, struct str pragma, struct policy_client *out)
{
	struct directives d = {0};

	directives_add(&d, cache_control);
	*out = (struct policy_client){
	    .no_store = d.has[DIRECTIVE_NO_STORE],
	    .no_cache = d.has[DIRECTIVE_NO_CACHE] || d.n_lists > 0,
	    .only_if_cached = d.has[DIRECTIVE_ONLY_IF_CACHED],
	    .max_age = asked(&d, DIRECTIVE_MAX_AGE),
	    .min_fresh = asked(&d, DIRECTIVE_MIN_FRESH),
	    .max_stale = asked(&d, DIRECTIVE_MAX_STALE),
	};
	if (str_trim(cache_control).n == 0)
		out->no_cache = pragma_no_cache(pragma);
}
