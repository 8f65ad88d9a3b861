/*
 * For tests of the rules file: JSON written with ' for ", parsed under the name "F".
 */
#ifndef FCGICACHE_TESTS_RULES_FILE_H
#define FCGICACHE_TESTS_RULES_FILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/rules.h"

#define APP "'application': 'unix:/a', "
/* A file with this beside application and rules; one with this rule; one with this application. */
#define TOP(text)  "{" APP "'rules': [], " text "}"
#define RULE(text) "{" APP "'rules': [{" text "}]}"
#define APPL(text) "{'rules': [], 'application': {'address': 'unix:/a', " text "}}"

/* ' to ". In a buffer that the next call reuses. */
static inline struct str quotes(const char *text)
{
	static char json[1 << 16];
	size_t n = strlen(text);

	assert_true(n < sizeof(json));
	for (size_t i = 0; i <= n; i++)
		json[i] = text[i] == '\'' ? '"' : text[i];
	return str_make(json, n);
}

static inline struct ruleset *parse(const char *text)
{
	struct report report = {0};
	struct ruleset *set = ruleset_parse("F", quotes(text), &report);

	if (!set)
		fail_msg("%s\n%.*s", text, STR_ARG(buf_str(&report.text)));
	assert_int_equal(report.errors, 0);
	report_fini(&report);
	return set;
}

/* What is said of it, in a buffer that the next call reuses. */
static inline const char *mistakes(const char *text)
{
	static char out[1 << 16];
	struct report report = {0};
	struct ruleset *set = ruleset_parse("F", quotes(text), &report);
	unsigned lines = 0;

	if (set)
		fail_msg("no mistake in %s", text);
	snprintf(out, sizeof(out), "%.*s", STR_ARG(buf_str(&report.text)));
	for (const char *p = out; *p; p++)
		lines += *p == '\n';
	assert_true(lines > 0);
	assert_int_equal(report.errors, lines);
	report_fini(&report);
	return out;
}

static inline void assert_mistakes(const char *text, const char *expected)
{
	const char *said = mistakes(text);

	if (strcmp(said, expected) != 0)
		fail_msg("%s\nsays\n%sand not\n%s", text, said, expected);
}

static inline void assert_str(struct str s, const char *expected)
{
	if (!str_eq(s, str_of(expected)))
		fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(s), expected);
}

#endif
