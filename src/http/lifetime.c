/*
 * Lifetimes: the sources of a response's lifetime, and its age. Pure.
 *
 * A table of sources, in the order in which they are heard; the first that speaks is believed. To
 * add one is to add an entry. Times are ms in 0..POLICY_TIME_MAX: two of them never overflow when
 * they are added. What cannot be read counts as stale.
 */
#include "http/lifetime.h"

#include "http/date.h"
#include "http/policy.h"

#define HEURISTIC_MAX INT64_C(86400000) /* a day */

int64_t lifetime_span(int64_t from_ms, int64_t to_ms)
{
	int64_t span;

	if (to_ms <= from_ms)
		return 0;
	if (__builtin_sub_overflow(to_ms, from_ms, &span) || span > POLICY_TIME_MAX)
		return POLICY_TIME_MAX;
	return span;
}

static int64_t at_most(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static bool parse_date(struct str s, int64_t now_ms, int64_t *ms)
{
	int64_t seconds;

	if (!http_date_parse(s, now_ms, &seconds))
		return false;
	*ms = seconds * 1000; /* of the years 0 to 9999 */
	return true;
}

static const struct header *field(const struct lifetime_matter *m, struct str name)
{
	return headers_find(&m->head->headers, name);
}

void lifetime_read(struct lifetime_matter *m, const struct cgi_head *head, int64_t now_ms)
{
	const struct headers *h = &head->headers;
	const struct header *date = headers_find(h, STR("Date"));

	*m = (struct lifetime_matter){.head = head, .now_ms = now_ms};
	if (!date || !parse_date(date->value, now_ms, &m->date_ms))
		m->date_ms = now_ms;
	m->targeted = directives_read_response(&m->control, h);
	directives_read_surrogate(&m->surrogate, h, STR("Surrogate-Control"));
}

/* ------------------------------------------------------------------ the rule */

static bool ask_rule(const struct lifetime_matter *m, struct lifetime *l)
{
	l->ms = m->rule_ttl;
	return m->rule_ttl > 0;
}

static bool ask_override(const struct lifetime_matter *m, struct lifetime *l)
{
	return m->overrides && ask_rule(m, l);
}

/* ------------------------------------------------------------------ the response */

/* "@EPOCH" or seconds, as nginx has it: 0 or a time that is over switches caching off. */
static bool ask_x_accel_expires(const struct lifetime_matter *m, struct lifetime *l)
{
	const struct header *line = field(m, STR("X-Accel-Expires"));
	uint64_t at;

	if (!line)
		return false;
	if (!str_starts(line->value, STR("@")))
		l->ms = directives_seconds(line->value);
	else if (!str_to_u64(str_sub(line->value, 1, line->value.n), &at))
		l->ms = 0;
	else
		l->ms = lifetime_span(m->now_ms,
				      at > INT64_MAX / 1000 ? INT64_MAX : (int64_t)at * 1000);
	l->explicit = true;
	l->refused = l->ms == 0;
	return true;
}

/*
 * RFC 9111 section 4.2.1: s-maxage, then max-age. An unqualified no-cache (5.2.2.4) speaks without
 * a time too.
 */
static bool ask_directives(const struct directives *d, struct lifetime *l)
{
	enum directive which = d->has[DIRECTIVE_S_MAXAGE] ? DIRECTIVE_S_MAXAGE : DIRECTIVE_MAX_AGE;

	l->explicit = d->has[which];
	l->ms = l->explicit ? d->ms[which] : 0;
	l->no_cache = d->has[DIRECTIVE_NO_CACHE];
	return l->explicit || l->no_cache;
}

static bool ask_cdn_cache_control(const struct lifetime_matter *m, struct lifetime *l)
{
	return m->targeted && ask_directives(&m->control, l);
}

static bool ask_surrogate_control(const struct lifetime_matter *m, struct lifetime *l)
{
	return ask_directives(&m->surrogate, l);
}

static bool ask_cache_control(const struct lifetime_matter *m, struct lifetime *l)
{
	return !m->targeted && ask_directives(&m->control, l);
}

/* What is no date is in the past (RFC 9111 section 5.3); of several, the earliest. */
static bool ask_expires(const struct lifetime_matter *m, struct lifetime *l)
{
	const struct header *line = NULL;
	int64_t at;

	if (m->targeted)
		return false;
	l->ms = POLICY_TIME_MAX;
	while ((line = headers_next(&m->head->headers, STR("Expires"), line))) {
		if (!parse_date(line->value, m->now_ms, &at))
			at = m->date_ms;
		l->ms = at_most(l->ms, lifetime_span(m->date_ms, at));
		l->explicit = true;
	}
	return l->explicit;
}

/*
 * RFC 9111 section 5.4 defines it in requests alone. In a response without Cache-Control it means
 * what it was meant to mean.
 */
static bool ask_pragma(const struct lifetime_matter *m, struct lifetime *l)
{
	const struct headers *h = &m->head->headers;
	struct list_iter control = {0}, it = {0};
	struct str word;

	if (m->targeted || headers_list_next(h, STR("Cache-Control"), &control, &word))
		return false;
	while (!l->no_cache && headers_list_next(h, STR("Pragma"), &it, &word))
		l->no_cache = str_ieq(word, STR("no-cache"));
	return l->no_cache;
}

/* ------------------------------------------------------------------ a guess */

/* A tenth of the time since it was modified, at most a day. */
static bool ask_heuristic(const struct lifetime_matter *m, struct lifetime *l)
{
	const struct header *modified = field(m, STR("Last-Modified"));
	int64_t at;

	if (!m->heuristic || !modified || !parse_date(modified->value, m->now_ms, &at))
		return false;
	l->ms = at_most(lifetime_span(at, m->date_ms) / 10, HEURISTIC_MAX);
	return l->ms > 0;
}

/* ------------------------------------------------------------------ the first that speaks */

static const struct source {
	/* true: it speaks, and has filled ms, explicit, no_cache, refused of *l, which was zero */
	bool (*ask)(const struct lifetime_matter *m, struct lifetime *l);
	bool by_rule, from_arrival;
} sources[] = {
    {ask_override, true, true},
    {ask_x_accel_expires, false, true},
    {ask_cdn_cache_control, false, false}, /* RFC 9213 section 2.2 */
    {ask_surrogate_control, false, false},
    {ask_cache_control, false, false}, /* RFC 9111 sections 4.2.1, 5.2.2 */
    {ask_expires, false, false},       /* 4.2.1, 5.3 */
    {ask_pragma, false, false},        /* 5.4 */
    {ask_rule, true, true},
    {ask_heuristic, false, false}, /* 4.2.2: only where no time is given */
};

struct lifetime lifetime_find(const struct lifetime_matter *m)
{
	for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
		struct lifetime l = {.given = true};

		l.by_rule = sources[i].by_rule;
		l.from_arrival = sources[i].from_arrival;
		if (sources[i].ask(m, &l))
			return l;
	}
	return (struct lifetime){.given = false};
}

/*
 * RFC 9111 section 4.2.3. apparent_age is reckoned in whole seconds, as Date is. Of an Age list the
 * first member counts; an Age that is no number is ignored (5.1), parameters behind it are too.
 */
int64_t lifetime_age(const struct lifetime_matter *m, int64_t response_delay_ms)
{
	struct list_iter it = {0};
	struct str first;
	int64_t apparent = lifetime_span(m->date_ms, m->now_ms - m->now_ms % 1000);
	int64_t corrected = response_delay_ms;

	if (headers_list_next(&m->head->headers, STR("Age"), &it, &first))
		corrected += directives_seconds(str_sub(first, 0, str_find(first, ';')));
	return at_most(corrected > apparent ? corrected : apparent, POLICY_TIME_MAX);
}
