/*
 * Rules: one table of keys. A rule is read into a draft, which starts as a copy of the draft that
 * "defaults" made; lists and tables of a rule replace those of the defaults. The key's template is
 * compiled last, since its captures depend on the rule's regex. Runs in the thread that loads the
 * rules.
 */
#include "config/rule.h"

#include "config/regex.h"
#include "config/template.h"
#include "config/values.h"

#define DEFAULT_KEY "$scheme://$host$path?$query"

/* stale_if_error of a rule that does not say: 0, or with client_control, where a client that minds
 * can ask for better (RFC 9111 section 4.2.4: a cache that is disconnected). ms */
#define NOT_GIVEN         (-1)
#define WHEN_DISCONNECTED 3600000

struct draft {
	struct rule rule;
	bool defaults;  /* this is "defaults" */
	struct str key; /* the template as given here; p NULL: not given */
};

/* ------------------------------------------------------------------------------- matchers */

static const char *path_error(struct str s)
{
	return s.n > 0 && s.p[0] == '/' ? NULL : "does not begin with \"/\"";
}

static const char *suffix_error(struct str s)
{
	return s.n > 0 ? NULL : "is empty";
}

static const char *path_glob_error(struct str s)
{
	if (s.n > 0 && !strchr("/*?\\", s.p[0]))
		return "matches no path: it begins with neither \"/\" nor \"*\"";
	return glob_error(s);
}

static const struct matcher {
	const char *name;
	const char *(*check)(struct str s);
} matchers[] = {
    [MATCH_PREFIX] = {.name = "prefix", path_error},
    [MATCH_PATH] = {.name = "path", path_error},
    [MATCH_SUFFIX] = {.name = "suffix", suffix_error},
    [MATCH_GLOB] = {.name = "glob", path_glob_error},
    [MATCH_REGEX] = {.name = "regex", NULL},
};

static enum match_kind matcher_of(const char *key)
{
	enum match_kind kind = MATCH_PREFIX;

	while (strcmp(matchers[kind].name, key) != 0)
		kind++;
	return kind;
}

static void compile_regex(struct reading *r, const struct place *at, struct rule *rule)
{
	char error[REGEX_ERROR_MAX];

	rule->regex = regex_new(rule->match, r->utf8, error);
	if (rule->regex)
		return;
	if (error[0])
		reading_mistake(r, at, "%s", error);
	else
		reading_no_memory(r);
}

static void read_matcher(struct reading *r, const struct place *at, json_t *v, void *out)
{
	struct draft *d = out;
	enum match_kind kind = matcher_of(at->key);

	if (d->defaults) {
		reading_mistake(r, at, "does not belong in \"defaults\"");
	} else if (d->rule.kind != MATCH_ALL) {
		reading_mistake(r, at,
				"the rule has \"%s\" already; at most one of prefix, path, suffix, "
				"glob and regex",
				matchers[d->rule.kind].name);
	} else {
		/* Even if it is wrong: then the next one is one too many all the same. */
		d->rule.kind = kind;
		if (field_string(r, at, v, matchers[kind].check, &d->rule.match) &&
		    kind == MATCH_REGEX)
			compile_regex(r, at, &d->rule);
	}
}

/* Each of the list's words in lower case. */
static void lower_words(struct reading *r, struct words *words)
{
	for (size_t i = 0; i < words->n; i++) {
		if (!arena_lower(r->arena, words->v[i], &words->v[i])) {
			reading_no_memory(r);
			return;
		}
	}
}

static void read_host(struct reading *r, const struct place *at, json_t *v, void *out)
{
	struct draft *d = out;

	if (d->defaults)
		reading_mistake(r, at, "does not belong in \"defaults\"");
	else if (json_is_array(v) && json_array_size(v) == 0)
		reading_mistake(r, at, "is empty: the rule would match nothing");
	else if (field_list(r, at, v, host_error, &d->rule.host))
		lower_words(r, &d->rule.host);
}

/* ------------------------------------------------------------------------------- readers */

/* What links of advertisements and newsletters carry, and no page depends on. */
static const char tracking[] =
    "utm_* gclid gclsrc gad_source gad_campaignid dclid gbraid wbraid fbclid msclkid twclid ttclid "
    "li_fat_id igshid igsh mc_cid mc_eid mc_tc yclid ysclid _openstat _ga _gl _hsenc _hsmi __hssc "
    "__hstc __hsfp hsCtaTracking mkt_tok vero_id vero_conv oly_anon_id oly_enc_id s_cid srsltid "
    "epik rdt_cid ScCid wickedid _kx _branch_match_id mtm_* pk_campaign pk_kwd pk_keyword "
    "pk_source pk_medium pk_content";

static bool is_tracking(struct str s)
{
	return str_eq(s, STR("tracking"));
}

/* out->v has room for all. */
static void add_tracking(struct words *out)
{
	struct str rest = str_of(tracking), name;

	while (str_split(&rest, ' ', &name))
		out->v[out->n++] = name;
}

static size_t count_tracking(void)
{
	size_t n = 1;

	for (const char *p = tracking; *p; p++)
		n += *p == ' ';
	return n;
}

/* The word "tracking", however often it is there, becomes the globs that it stands for. */
static void read_drop_query(struct reading *r, const struct place *at, json_t *v, void *out)
{
	struct words given, all = {.n = 0};
	bool has_tracking = false;

	if (!field_list(r, at, v, glob_error, &given))
		return;
	for (size_t i = 0; i < given.n; i++)
		has_tracking |= is_tracking(given.v[i]);
	all.v = arena_alloc(r->arena, (given.n + count_tracking()) * sizeof(*all.v));
	if (!all.v) {
		reading_no_memory(r);
		return;
	}
	for (size_t i = 0; i < given.n; i++)
		if (!is_tracking(given.v[i]))
			all.v[all.n++] = given.v[i];
	if (has_tracking)
		add_tracking(&all);
	*(struct words *)out = all;
}

static const char *header_error(struct str s)
{
	return http_is_token(s) && !str_eq(s, STR("*")) ? NULL : "is no header's name";
}

static void read_vary(struct reading *r, const struct place *at, json_t *v, void *out)
{
	if (field_list(r, at, v, header_error, out))
		lower_words(r, out);
}

static void read_override(struct reading *r, const struct place *at, json_t *v, void *out)
{
	enum override_mode *mode = out;

	if (json_is_boolean(v))
		*mode = json_is_true(v) ? OVERRIDE_YES : OVERRIDE_NO;
	else if (json_is_string(v) && strcmp(json_string_value(v), "force") == 0)
		*mode = OVERRIDE_FORCE;
	else
		field_wrong(r, at, "false, true or \"force\"", v);
}

/* "404" gives 404, "5xx" gives 5, anything else 0. */
static int status_code(struct str s)
{
	uint64_t code;

	if (s.n == 3 && s.p[0] >= '1' && s.p[0] <= '9' && s.p[1] == 'x' && s.p[2] == 'x')
		return s.p[0] - '0';
	if (s.n == 3 && str_to_u64(s, &code) && code >= 100)
		return (int)code;
	return 0;
}

static void read_statuses(struct reading *r, const struct place *at, json_t *v, void *out)
{
	struct policy_rule *policy = out;
	struct status_ttl *statuses;
	size_t n = 0;
	const char *key;
	json_t *value;

	if (!json_is_object(v)) {
		field_wrong(r, at, "an object such as {\"404\": \"30s\"}", v);
		return;
	}
	statuses = arena_alloc(r->arena, json_object_size(v) * sizeof(*statuses));
	if (!statuses) {
		reading_no_memory(r);
		return;
	}
	json_object_foreach(v, key, value)
	{
		struct place here = {.up = at, .key = key};

		if (field_is_comment(key))
			continue;
		statuses[n].code = status_code(str_of(key));
		if (statuses[n].code == 0)
			reading_mistake(r, &here,
					"not a status; write \"404\", or \"5xx\" for all of them");
		if (field_duration(r, &here, value, 0, 0, &statuses[n].ttl))
			n++;
	}
	policy->statuses = statuses;
	policy->n_statuses = n;
}

static void read_key(struct reading *r, const struct place *at, json_t *v, void *out)
{
	struct draft *d = out;

	field_string(r, at, v, NULL, &d->key);
}

/* ------------------------------------------------------------------------------- the table */

static const char *const query_words[] = {
    [QUERY_KEY] = "key",
    [QUERY_BYPASS] = "bypass",
    [QUERY_DROP] = "drop",
    NULL,
};
static const char *const set_cookie_words[] = {
    [SET_COOKIE_BYPASS] = "bypass",
    [SET_COOKIE_STRIP] = "strip",
    [SET_COOKIE_DROP] = "drop",
    [SET_COOKIE_STORE] = "store",
    NULL,
};
static const char *const validate_words[] = {
    [VALIDATE_STALE] = "stale",
    [VALIDATE_ALWAYS] = "always",
    NULL,
};
static const char *const on_timeout_words[] = {
    [ON_TIMEOUT_PASS] = "pass",
    [ON_TIMEOUT_STALE] = "stale",
    [ON_TIMEOUT_503] = "503",
    NULL,
};

#define AT(member) .offset = offsetof(struct draft, rule.member)
#define DRAFT      .offset = 0

static const struct field rule_fields[] = {
    {"prefix", KIND_OTHER, DRAFT, .read = read_matcher},
    {"path", KIND_OTHER, DRAFT, .read = read_matcher},
    {"suffix", KIND_OTHER, DRAFT, .read = read_matcher},
    {"glob", KIND_OTHER, DRAFT, .read = read_matcher},
    {"regex", KIND_OTHER, DRAFT, .read = read_matcher},
    {"host", KIND_OTHER, DRAFT, .read = read_host},

    {"cache", KIND_BOOL, AT(cache), "true"},
    {"ttl", KIND_DURATION, AT(policy.ttl), "0s"},
    {"grace", KIND_DURATION, AT(policy.grace), "0s"},
    {"stale_if_error", KIND_DURATION, AT(policy.stale_if_error), "0s"},
    {"override", KIND_OTHER, AT(policy.override), .read = read_override},
    {"heuristic", KIND_BOOL, AT(policy.heuristic), "false"},
    {"statuses", KIND_OTHER, AT(policy), .read = read_statuses},
    {"set_cookie", KIND_WORD, AT(policy.set_cookie), "bypass", .words = set_cookie_words},
    {"client_control", KIND_BOOL, AT(client_control), "false"},
    {"validate", KIND_WORD, AT(policy.validate), "stale", .words = validate_words},
    {"client_cache", KIND_DURATION, AT(client_cache), "0s"},
    {"etag", KIND_BOOL, AT(etag), "false"},

    {"query", KIND_WORD, AT(query), "key", .words = query_words},
    {"drop_query", KIND_OTHER, AT(drop_query), .read = read_drop_query},
    {"sort_query", KIND_BOOL, AT(sort_query), "false"},
    {"bypass_cookies", KIND_LIST, AT(bypass_cookies), .check = glob_error},
    {"key_cookies", KIND_LIST, AT(key_cookies), .check = glob_error},
    {"ignore_cookies", KIND_LIST, AT(ignore_cookies), .check = glob_error},
    {"bypass_headers", KIND_LIST, AT(bypass_headers), .check = glob_error},
    {"bypass_query", KIND_LIST, AT(bypass_query), .check = glob_error},
    {"key", KIND_OTHER, DRAFT, .read = read_key},
    {"vary", KIND_OTHER, AT(vary), .read = read_vary},

    {"min_uses", KIND_COUNT, AT(min_uses), "1", .min = 1, .max = 1000000},
    {"coalesce", KIND_BOOL, AT(coalesce), "true"},
    {"coalesce_timeout", KIND_DURATION, AT(coalesce_timeout), "5s"},
    {"on_timeout", KIND_WORD, AT(on_timeout), "pass", .words = on_timeout_words},
    {"max_object", KIND_SIZE, AT(max_object), .min = 1, .max = INT64_C(64) << 30},

    {"tags", .kind = KIND_LATER},
    {"publish", .kind = KIND_LATER},
    {"directory_index", .kind = KIND_LATER},
    {"content_types", .kind = KIND_LATER},
    {"compress", .kind = KIND_LATER},
    {"esi", .kind = KIND_LATER},
};

const struct field_set rule_set = {
    .home = "a rule or \"defaults\"",
    .v = rule_fields,
    .n = ARRAY_LEN(rule_fields),
};

/* ------------------------------------------------------------------------------- the key */

/* Whether the regex has what the template takes of it. inherited: the template is of defaults. */
static void check_captures(struct reading *r, const struct place *at, const struct rule *rule,
			   bool inherited)
{
	unsigned highest = (unsigned)template_captures(&rule->key);
	const char *whose = inherited ? " of \"defaults\"" : "";

	if (highest == 0 || (inherited && !rule->cache))
		return;
	if (rule->kind != MATCH_REGEX)
		reading_mistake(r, at, "$%u%s is a group of a regex, and the rule has none",
				highest, whose);
	else if (rule->regex && highest > regex_groups(rule->regex))
		reading_mistake(r, at, "$%u%s: the regex has %u group%s", highest, whose,
				regex_groups(rule->regex),
				regex_groups(rule->regex) == 1 ? "" : "s");
}

static void finish_key(struct reading *r, const struct place *rule, struct draft *d)
{
	struct place at = {.up = rule, .key = "key"};
	bool own = d->key.p != NULL;

	if (own && !template_compile(r, &at, d->key, &d->rule.key))
		return;
	if (!d->defaults)
		check_captures(r, &at, &d->rule, !own);
}

/* What depends on more than one key. */
static void finish_policy(struct rule *rule)
{
	if (rule->policy.stale_if_error == NOT_GIVEN)
		rule->policy.stale_if_error = rule->client_control ? WHEN_DISCONNECTED : 0;
}

/* ------------------------------------------------------------------------------- all of them */

static void read_one(struct reading *r, const struct place *at, json_t *v, struct draft *d)
{
	if (fields_read(r, at, v, &rule_set, settings_sets, d))
		finish_key(r, at, d);
	d->key = str_of(NULL);
}

/* What rules start from: the table, then the file's "defaults". */
static void read_defaults(struct reading *r, const struct place *file, const struct top *top,
			  struct draft *d)
{
	struct place at = {.up = file, .key = "defaults"};

	memset(d, 0, sizeof(*d));
	fields_default(&rule_set, d);
	d->rule.max_object = top->settings.max_object;
	d->rule.policy.stale_if_error = NOT_GIVEN;
	if (!template_compile(r, &at, STR(DEFAULT_KEY), &d->rule.key))
		return;
	d->defaults = true;
	if (top->defaults)
		read_one(r, &at, top->defaults, d);
	d->defaults = false;
}

void rule_read_all(struct reading *r, const struct place *file, const struct top *top,
		   struct ruleset *set)
{
	struct place list = {.up = file, .key = "rules"};
	struct draft defaults, d;
	size_t n = json_array_size(top->rules);

	read_defaults(r, file, top, &defaults);
	if (!top->rules)
		return;
	if (!json_is_array(top->rules)) {
		field_wrong(r, &list, "a list of rules", top->rules);
		return;
	}
	set->rules = arena_zalloc(r->arena, n * sizeof(*set->rules));
	if (!set->rules) {
		reading_no_memory(r);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct place at = {.up = &list, .index = i};

		d = defaults;
		d.rule.index = i;
		read_one(r, &at, json_array_get(top->rules, i), &d);
		finish_policy(&d.rule);
		set->rules[i] = d.rule;
		set->n_rules = i + 1;
	}
}
