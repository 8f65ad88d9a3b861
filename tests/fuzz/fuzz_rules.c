/*
 * Fuzz target: the rules file. An input is a file, then perhaps a NUL, a host, a NUL and a path to
 * match. Whatever comes: either a set or mistakes, never both; mistakes are whole lines of clean
 * text; and what a set holds is within its ranges.
 */
#include <stdint.h>
#include <stdlib.h>

#include "config/rules.h"
#include "http/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void start(void)
{
	static bool started;

	if (started)
		return;
	started = true;
	rules_start();
	/* What a regex gives up on would be logged. */
	CHECK(log_open("/dev/null", LOG_LEVEL_ERROR, NULL));
}

static void check_report(const struct report *report)
{
	struct str text = buf_str(&report->text);

	CHECK(report->errors > 0);
	CHECK(text.n > 0 && text.p[text.n - 1] == '\n');
	CHECK(str_starts(text, STR("F:")));
	CHECK(uri_is_utf8(text));
	for (size_t i = 0; i < text.n; i++)
		CHECK(text.p[i] == '\n' || ((unsigned char)text.p[i] >= 0x20 && text.p[i] != 0x7f));
}

static void check_rule(const struct rule *rule, size_t index)
{
	CHECK(rule->index == index);
	CHECK((rule->kind == MATCH_REGEX) == (rule->regex != NULL));
	CHECK(rule->policy.ttl >= 0 && rule->policy.grace >= 0 && rule->policy.stale_if_error >= 0);
	CHECK(rule->min_uses >= 1 && rule->max_object >= 1 && rule->coalesce_timeout >= 0);
	CHECK(rule->key.n > 0);
	for (size_t i = 0; i < rule->key.n; i++)
		CHECK(rule->key.v[i].kind != KEY_LITERAL || rule->key.v[i].text.n > 0);
	for (size_t i = 0; i < rule->policy.n_statuses; i++)
		CHECK(rule->policy.statuses[i].code > 0 && rule->policy.statuses[i].ttl >= 0);
}

static void check_set(const struct ruleset *set, struct str host, struct str path)
{
	const struct settings *s = &set->settings;
	struct captures captures;
	const struct rule *rule;

	CHECK(s->application.addresses.n > 0 && s->application.connect_timeout > 0);
	CHECK(s->application.keep_alive <= s->application.max_connections);
	CHECK(s->workers >= 1 && s->store.n > 0 && s->max_header > 0 && s->idle_timeout > 0);
	for (size_t i = 0; i < set->n_rules; i++)
		check_rule(&set->rules[i], i);
	rule = ruleset_match(set, host, path, &captures);
	CHECK(!rule || rule == &set->rules[rule->index]);
	for (size_t i = 0; i < ARRAY_LEN(captures.v); i++)
		CHECK(captures.v[i].n == 0 ||
		      (captures.v[i].p >= path.p &&
		       captures.v[i].p + captures.v[i].n <= path.p + path.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_make((const char *)data, size);
	struct str json = {0}, host = {0}, path = {0};
	struct report report = {0};
	struct ruleset *set;

	start();
	(void)str_split(&rest, '\0', &json);
	(void)str_split(&rest, '\0', &host);
	(void)str_split(&rest, '\0', &path);
	set = ruleset_parse("F", json, &report);
	if (set) {
		CHECK(report.errors == 0 && report.text.n == 0);
		check_set(set, host, path);
	} else {
		check_report(&report);
	}
	ruleset_unref(&set);
	report_fini(&report);
	return 0;
}
