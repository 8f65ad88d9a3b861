/*
 * The compiled set: its life, and matching. A set is written by the thread that loads it and never
 * changes after that; any number of threads match against it without a lock. Matching is a walk
 * over the rules in their order: cheap comparisons first, then the host, regexes last.
 */
#include "config/rules.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "config/regex.h"

bool words_match(const struct words *globs, struct str s)
{
	for (size_t i = 0; i < globs->n; i++)
		if (glob_match(globs->v[i], s))
			return true;
	return false;
}

bool words_imatch(const struct words *globs, struct str s)
{
	for (size_t i = 0; i < globs->n; i++)
		if (glob_imatch(globs->v[i], s))
			return true;
	return false;
}

struct ruleset *ruleset_ref(struct ruleset *set)
{
	unsigned before = atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);

	CHECK(before > 0 && before < UINT32_MAX);
	return set;
}

static void ruleset_free(struct ruleset *set)
{
	for (size_t i = 0; i < set->n_rules; i++)
		regex_free(&set->rules[i].regex);
	arena_fini(&set->arena);
	free(set);
}

void ruleset_unref(struct ruleset **set)
{
	unsigned before;

	if (!*set)
		return;
	before = atomic_fetch_sub_explicit(&(*set)->refs, 1, memory_order_acq_rel);
	CHECK(before > 0);
	if (before == 1)
		ruleset_free(*set);
	*set = NULL;
}

#define PATH_SHOWN 200 /* bytes of a path in the log */

/* The path of one request, on its way through the rules. */
struct walk {
	struct str path;
	struct captures *captures;
	bool valid, invalid; /* in the charset; both false: not known yet */
};

/* A match that could not be made counts as none. */
static void gave_up(const struct rule *rule, struct str path, enum regex_result result)
{
	static struct log_limit limit;

	if (log_allowed(&limit, 5))
		log_warning("rules[%zu].regex: %s, taken as no match: %.*s", rule->index,
			    result == REGEX_LIMIT ? "gave up on a path" : "out of memory",
			    STR_ARG(str_sub(path, 0, PATH_SHOWN)));
}

static bool matches_regex(const struct rule *rule, struct walk *w)
{
	enum regex_result result;

	if (w->invalid)
		return false;
	result = regex_match(rule->regex, w->path, w->valid, w->captures);
	switch (result) {
	case REGEX_YES:
		return true;
	case REGEX_NO:
		w->valid = true;
		return false;
	case REGEX_NOT_UTF8:
		w->invalid = true;
		return false;
	case REGEX_LIMIT:
	case REGEX_NO_MEMORY:
		break;
	}
	gave_up(rule, w->path, result);
	return false;
}

static bool matches_host(const struct rule *rule, struct str host)
{
	return rule->host.n == 0 || words_match(&rule->host, host);
}

static bool matches(const struct rule *rule, struct str host, struct walk *w)
{
	switch (rule->kind) {
	case MATCH_ALL:
		return matches_host(rule, host);
	case MATCH_PREFIX:
		return str_starts(w->path, rule->match) && matches_host(rule, host);
	case MATCH_PATH:
		return str_eq(w->path, rule->match) && matches_host(rule, host);
	case MATCH_SUFFIX:
		return str_ends(w->path, rule->match) && matches_host(rule, host);
	case MATCH_GLOB:
		return matches_host(rule, host) && glob_match(rule->match, w->path);
	case MATCH_REGEX:
		return matches_host(rule, host) && matches_regex(rule, w);
	}
	return false;
}

const struct rule *ruleset_match(const struct ruleset *set, struct str host, struct str path,
				 struct captures *captures)
{
	struct walk w = {.path = path, .captures = captures};

	*captures = (struct captures){0};
	for (size_t i = 0; i < set->n_rules; i++)
		if (matches(&set->rules[i], host, &w))
			return &set->rules[i];
	return NULL;
}
