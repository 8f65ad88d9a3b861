/*
 * The top level of the rules file: where the application listens, logs, limits.
 */
#ifndef FCGICACHE_CONFIG_SETTINGS_H
#define FCGICACHE_CONFIG_SETTINGS_H

#include "config/fields.h"
#include "config/report.h"
#include "config/rules.h"

/* What the top level holds besides: read by rule.h, when the settings are known. */
struct top {
	struct settings settings;
	json_t *defaults, *rules; /* borrowed; NULL when not there */
};

/* All sets of keys, to look misplaced ones up; ends with NULL. */
extern const struct field_set *const settings_sets[];

/* root: the whole file. Texts go into the arena. Mistakes are in the report. */
void settings_read(struct reading *r, const struct place *file, json_t *root, struct top *top);

#endif
