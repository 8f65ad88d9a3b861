/*
 * Policy: what may be stored, and for how long. Pure.
 *
 *     response --objections--> none? --sources--> lifetime --staleness--> verdict
 *
 * Three tables hold the rules, each entry with the section it comes from: `kinds` (which statuses),
 * `objections` (what keeps a response out, in the order of the reasons) and `sources` (who may say
 * how long it is fresh, first come first heard). To add a rule is to add an entry.
 *
 * Times are ms in 0..POLICY_TIME_MAX: two of them never overflow when they are added. What cannot
 * be read counts as stale.
 */
#include "http/policy.h"

#include "http/date.h"
#include "http/directives.h"

#define HEURISTIC_MAX INT64_C(86400000) /* a day */

/* ------------------------------------------------------------------ times */

/* ms from `from` to `to`, clipped to 0..POLICY_TIME_MAX. */
static int64_t until(int64_t from, int64_t to)
{
	int64_t span;

	if (to <= from)
		return 0;
	if (__builtin_sub_overflow(to, from, &span) || span > POLICY_TIME_MAX)
		return POLICY_TIME_MAX;
	return span;
}

static int64_t at_most(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t at_least(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* A duration out of the rules. */
static int64_t clipped(int64_t ms)
{
	return until(0, ms);
}

static bool parse_date(struct str s, int64_t now_ms, int64_t *ms)
{
	int64_t seconds;

	if (!http_date_parse(s, now_ms, &seconds))
		return false;
	*ms = seconds * 1000; /* of the years 0 to 9999 */
	return true;
}

/* ------------------------------------------------------------------ the matter */

/* What is judged, read once from the response. */
struct matter {
	const struct cgi_head *head;
	const struct policy_rule *rule;
	const struct policy_request *request;
	int64_t now_ms;
	int64_t date_ms;  /* Date; now when it is missing or none (RFC 9110 section 6.6.1) */
	int64_t rule_ttl; /* 0: the rule has none for this status */
	bool targeted; /* control is of CDN-Cache-Control; Cache-Control and Expires do not count */
	struct directives control;
	struct directives surrogate;
};

static bool says(const struct matter *m, enum directive which)
{
	return m->control.has[which];
}

static const struct header *field(const struct matter *m, struct str name)
{
	return headers_find(&m->head->headers, name);
}

static void read_matter(struct matter *m)
{
	const struct headers *h = &m->head->headers;
	const struct header *date = field(m, STR("Date"));

	if (!date || !parse_date(date->value, m->now_ms, &m->date_ms))
		m->date_ms = m->now_ms;
	m->rule_ttl = policy_rule_ttl(m->rule, m->head->status);
	m->targeted = directives_read_targeted(&m->control, h, STR("CDN-Cache-Control"));
	if (!m->targeted)
		directives_read(&m->control, h, STR("Cache-Control"));
	directives_read_surrogate(&m->surrogate, h, STR("Surrogate-Control"));
}

/* ------------------------------------------------------------------ statuses */

/*
 * Statuses that are stored without being named by the rule's `statuses`. By RFC 9110 section 15.1
 * all but 302 and 307 are heuristically cacheable (501 is too, but like every 5xx it has to be
 * named); 302 and 307 may be stored when they say for how long (15.4.3, 15.4.8).
 */
static const struct kind {
	int status;
	bool ttl; /* the rule's `ttl` is meant for it */
	bool heuristic;
} kinds[] = {
    {200, true, true},                                           /* 15.3.1 */
    {203, true, true},                                           /* 15.3.4 */
    {204, false, true},                                          /* 15.3.5 */
    {300, false, true},                                          /* 15.4.1 */
    {301, true, true},                                           /* 15.4.2 */
    {302, false, false}, {307, false, false}, {308, true, true}, /* 15.4.9 */
    {404, false, true},                                          /* 15.5.5 */
    {405, false, true},                                          /* 15.5.6 */
    {410, false, true},                                          /* 15.5.11 */
    {414, false, true},                                          /* 15.5.15 */
};

static const struct kind *kind_of(int status)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].status == status)
			return &kinds[i];
	return NULL;
}

/* The entry of `statuses` for a status: the exact one, else its class's, else NULL. */
static const struct status_ttl *named(const struct policy_rule *rule, int status)
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
	return m->head->status < 200 || m->head->status == 304;
}

static bool is_partial(const struct matter *m)
{
	return m->head->status == 206 || field(m, STR("Content-Range"));
}

static bool is_unstored_status(const struct matter *m)
{
	const struct status_ttl *entry = named(m->rule, m->head->status);

	return entry ? entry->ttl <= 0 : !kind_of(m->head->status);
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

static bool forbids_storing(const struct matter *m)
{
	return says(m, DIRECTIVE_NO_STORE) || m->surrogate.has[DIRECTIVE_NO_STORE];
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
    {REASON_PARTIAL, is_partial, NEVER},        /* 3.3: a cache that does not combine ranges */
    {REASON_STATUS, is_unstored_status, NEVER}, /* 3; RFC 9110 section 15.1 */
    {REASON_X_ACCEL_REDIRECT, redirects_inside, OVERRIDE_YES},
    {REASON_STREAM, is_stream, NEVER},
    /* what it forbids */
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

/* ------------------------------------------------------------------ lifetimes */

enum answer {
	SILENT,      /* ask the next source */
	SPOKEN,      /* *lifetime is filled */
	NOT_STORED,  /* it wants the page not stored, whatever the grace */
	CHECK_FIRST, /* no-cache */
};

static bool rule_overrides(const struct matter *m)
{
	return m->rule->override != OVERRIDE_NO && m->rule_ttl > 0;
}

static enum answer ask_rule(const struct matter *m, int64_t *lifetime)
{
	*lifetime = m->rule_ttl;
	return m->rule_ttl > 0 ? SPOKEN : SILENT;
}

static enum answer ask_override(const struct matter *m, int64_t *lifetime)
{
	return rule_overrides(m) ? ask_rule(m, lifetime) : SILENT;
}

/* "@EPOCH" or seconds, as nginx has it: 0 or a time that is over switches caching off. */
static enum answer ask_x_accel_expires(const struct matter *m, int64_t *lifetime)
{
	const struct header *line = field(m, STR("X-Accel-Expires"));
	uint64_t at;

	if (!line)
		return SILENT;
	if (!str_starts(line->value, STR("@")))
		*lifetime = directives_seconds(line->value);
	else if (!str_to_u64(str_sub(line->value, 1, line->value.n), &at))
		*lifetime = 0;
	else
		*lifetime =
		    until(m->now_ms, at > INT64_MAX / 1000 ? INT64_MAX : (int64_t)at * 1000);
	return *lifetime > 0 ? SPOKEN : NOT_STORED;
}

/*
 * RFC 9111 section 4.2.1: s-maxage, then max-age. no-cache (5.2.2.4, with fields too) makes both
 * inoperative.
 */
static enum answer ask_directives(const struct directives *d, int64_t *lifetime)
{
	if (d->has[DIRECTIVE_NO_CACHE])
		return CHECK_FIRST;
	if (d->has[DIRECTIVE_S_MAXAGE]) {
		*lifetime = d->ms[DIRECTIVE_S_MAXAGE];
		return SPOKEN;
	}
	*lifetime = d->ms[DIRECTIVE_MAX_AGE];
	return d->has[DIRECTIVE_MAX_AGE] ? SPOKEN : SILENT;
}

static enum answer ask_cdn_cache_control(const struct matter *m, int64_t *lifetime)
{
	return m->targeted ? ask_directives(&m->control, lifetime) : SILENT;
}

static enum answer ask_surrogate_control(const struct matter *m, int64_t *lifetime)
{
	return ask_directives(&m->surrogate, lifetime);
}

static enum answer ask_cache_control(const struct matter *m, int64_t *lifetime)
{
	return m->targeted ? SILENT : ask_directives(&m->control, lifetime);
}

/* What is no date is in the past (RFC 9111 section 5.3); of several, the earliest. */
static enum answer ask_expires(const struct matter *m, int64_t *lifetime)
{
	const struct header *line = NULL;
	enum answer answer = SILENT;
	int64_t at;

	if (m->targeted)
		return SILENT;
	*lifetime = POLICY_TIME_MAX;
	while ((line = headers_next(&m->head->headers, STR("Expires"), line))) {
		if (!parse_date(line->value, m->now_ms, &at))
			at = m->date_ms;
		*lifetime = at_most(*lifetime, until(m->date_ms, at));
		answer = SPOKEN;
	}
	return answer;
}

static enum answer ask_pragma(const struct matter *m, int64_t *lifetime)
{
	struct list_iter it = {0};
	struct str word;

	(void)lifetime;
	while (!m->targeted && headers_list_next(&m->head->headers, STR("Pragma"), &it, &word))
		if (str_ieq(word, STR("no-cache")))
			return CHECK_FIRST;
	return SILENT;
}

/* A tenth of the time since it was modified, at most a day. */
static enum answer ask_heuristic(const struct matter *m, int64_t *lifetime)
{
	const struct kind *kind = kind_of(m->head->status);
	const struct header *modified = field(m, STR("Last-Modified"));
	int64_t at;

	if (!m->rule->heuristic || !kind || !kind->heuristic || !modified ||
	    !parse_date(modified->value, m->now_ms, &at))
		return SILENT;
	*lifetime = at_most(until(at, m->date_ms) / 10, HEURISTIC_MAX);
	return *lifetime > 0 ? SPOKEN : SILENT;
}

static const struct source {
	enum answer (*ask)(const struct matter *m, int64_t *lifetime);
	bool is_rule;
	bool from_arrival; /* what the application took to answer does not count as age */
} sources[] = {
    {ask_override, true, true},
    {ask_x_accel_expires, false, true},
    {ask_cdn_cache_control, false, false}, /* RFC 9213 section 2.2 */
    {ask_surrogate_control, false, false},
    {ask_cache_control, false, false}, /* RFC 9111 sections 4.2.1, 5.2.2 */
    {ask_expires, false, false},       /* 4.2.1, 5.3 */
    {ask_pragma, false, false},        /* 5.4 */
    {ask_rule, true, true},
    {ask_heuristic, false, false}, /* 4.2.2 */
};

/* The first source that speaks; NULL if none does. */
static const struct source *find_source(const struct matter *m, enum answer *answer,
					int64_t *lifetime)
{
	for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
		*answer = sources[i].ask(m, lifetime);
		if (*answer != SILENT)
			return &sources[i];
	}
	return NULL;
}

/*
 * RFC 9111 section 4.2.3. apparent_age is reckoned in whole seconds, as Date is. Of an Age list the
 * first member counts, and an Age that is no number is ignored (5.1).
 */
static int64_t initial_age(const struct matter *m, int64_t response_delay)
{
	struct list_iter it = {0};
	struct str first;
	int64_t apparent = until(m->date_ms, m->now_ms - m->now_ms % 1000);
	int64_t value = 0;

	if (headers_list_next(&m->head->headers, STR("Age"), &it, &first))
		value = directives_seconds(first);
	return at_most(at_least(apparent, value + response_delay), POLICY_TIME_MAX);
}

/* ------------------------------------------------------------------ staleness */

/*
 * RFC 9111 sections 4.2.4, 5.2.2.2, 5.2.2.8, 5.2.2.10 (s-maxage does what proxy-revalidate does).
 * A rule that overrides is not bound by what it overrides, and with force by nothing.
 */
static bool is_never_stale(const struct matter *m)
{
	bool said = says(m, DIRECTIVE_MUST_REVALIDATE) || says(m, DIRECTIVE_PROXY_REVALIDATE);

	if (rule_overrides(m))
		return said && m->rule->override != OVERRIDE_FORCE;
	return said || says(m, DIRECTIVE_S_MAXAGE) || says(m, DIRECTIVE_NO_CACHE);
}

/* RFC 5861: what the response says of it, in the order of the lifetimes; else the rule's. */
static int64_t stale_time(const struct matter *m, enum directive which, int64_t rules,
			  bool *is_rule)
{
	*is_rule = false;
	if (!rule_overrides(m)) {
		if (m->targeted && m->control.has[which])
			return m->control.ms[which];
		if (m->surrogate.has[which])
			return m->surrogate.ms[which];
		if (m->control.has[which])
			return m->control.ms[which];
	}
	*is_rule = true;
	return clipped(rules);
}

static void fill_staleness(const struct matter *m, struct policy_verdict *v)
{
	v->must_revalidate = is_never_stale(m);
	v->grace = stale_time(m, DIRECTIVE_STALE_WHILE_REVALIDATE, m->rule->grace, &v->rule_grace);
	v->stale_if_error =
	    stale_time(m, DIRECTIVE_STALE_IF_ERROR, m->rule->stale_if_error, &v->rule_error);
	if (v->must_revalidate)
		v->grace = v->stale_if_error = 0;
}

/* ------------------------------------------------------------------ the verdict */

/*
 * The lifetime, or why there is none. A page whose lifetime is over is of use as long as it may be
 * served stale. no-cache is not stored as long as nothing here checks a stored page with the
 * application before each use; then it becomes a stored page with verdict.no_cache.
 */
static enum reason fill_times(const struct matter *m, int64_t response_delay,
			      struct policy_verdict *v)
{
	enum answer answer = SILENT;
	const struct source *source = find_source(m, &answer, &v->lifetime);

	if (answer == CHECK_FIRST)
		return REASON_NO_CACHE;
	if (!source || answer == NOT_STORED)
		return REASON_NO_LIFETIME;
	v->rule_lifetime = source->is_rule;
	v->age = initial_age(m, source->from_arrival ? 0 : response_delay);
	fill_staleness(m, v);
	if (v->age >= v->lifetime + at_least(v->grace, v->stale_if_error))
		return REASON_NO_LIFETIME;
	return REASON_NONE;
}

void policy_judge(const struct cgi_head *head, const struct policy_rule *rule,
		  const struct policy_request *request, int64_t request_ms, int64_t now_ms,
		  struct policy_verdict *verdict)
{
	struct matter m = {.head = head, .rule = rule, .request = request, .now_ms = now_ms};
	struct policy_verdict v = {.store = false};

	read_matter(&m);
	v.reason = first_objection(&m);
	if (v.reason == REASON_NONE)
		v.reason = fill_times(&m, until(request_ms, now_ms), &v);
	if (v.reason != REASON_NONE) {
		*verdict = (struct policy_verdict){.reason = v.reason};
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
	    .no_cache = d.has[DIRECTIVE_NO_CACHE],
	    .only_if_cached = d.has[DIRECTIVE_ONLY_IF_CACHED],
	    .max_age = asked(&d, DIRECTIVE_MAX_AGE),
	    .min_fresh = asked(&d, DIRECTIVE_MIN_FRESH),
	    .max_stale = asked(&d, DIRECTIVE_MAX_STALE),
	};
	if (str_trim(cache_control).n == 0)
		out->no_cache = pragma_no_cache(pragma);
}
