/*
 * One table from outcomes to counters and names; the rest is formatting.
 */
#include "flow/access.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

static const struct {
	const char *name;
	enum counter counter;
} outcomes[] = {
    [OUTCOME_HIT] = {"hit", COUNTER_HITS},
    [OUTCOME_STALE] = {"stale", COUNTER_STALE},
    [OUTCOME_MISS] = {"miss", COUNTER_MISSES},
    [OUTCOME_BYPASS] = {"bypass", COUNTER_BYPASSES},
    [OUTCOME_REVALIDATED] = {"revalidated", COUNTER_REVALIDATED},
    [OUTCOME_COLLAPSED] = {"collapsed", COUNTER_COLLAPSED},
    [OUTCOME_SYNTHETIC] = {"synthetic", COUNTER_SYNTHETIC},
    [OUTCOME_ERROR] = {"error", COUNTER_ERRORS},
};

/* A blank or a quote in a foreign value must not look like the next pair. */
static struct str one_word(struct request *r, struct str s)
{
	char *p = arena_alloc(&r->arena, s.n);

	if (!p)
		return STR("-");
	for (size_t i = 0; i < s.n; i++)
		p[i] = s.p[i] == ' ' || s.p[i] == '"' || s.p[i] == '=' ? '_' : s.p[i];
	return str_make(p, s.n);
}

static void write_line(struct request *r)
{
	struct str uri = r->known[KNOWN_URI], line, rule = STR("-");

	if (uri.n == 0)
		uri = r->known[KNOWN_SCRIPT_NAME];
	uri = str_sub(uri, 0, str_find(uri, '?'));
	if (r->plan.rule && !arena_printf(&r->arena, &rule, "%zu", r->plan.rule->index))
		return;
	if (!arena_printf(
		&r->arena, &line,
		"method=%.*s url=%.*s://%.*s%.*s status=%d outcome=%s reason=%.*s%s%.*s "
		"rule=%.*s age=%lld bytes=%llu ms=%.3f%s",
		STR_ARG(one_word(r, r->known[KNOWN_METHOD])), STR_ARG(r->scheme), STR_ARG(r->host),
		STR_ARG(one_word(r, uri)), r->status, outcomes[r->outcome].name,
		STR_ARG(r->reason == REASON_NONE ? STR("-") : reason_name(r->reason)),
		r->reason_arg.n ? ":" : "", STR_ARG(one_word(r, r->reason_arg)), STR_ARG(rule),
		(long long)(r->age > 0 ? r->age / 1000 : 0), (unsigned long long)r->sent_body,
		(double)(clock_mono_us() - r->started_us) / 1000.0, r->stored ? " stored=1" : ""))
		return;
	log_access(line);
}

void access_note(struct request *r)
{
	metrics_add(outcomes[r->outcome].counter, 1);
	if (r->reason != REASON_NONE)
		metrics_reason(r->reason);
	if (log_access_enabled())
		write_line(r);
}
