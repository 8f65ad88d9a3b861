/*
 * Rules as the file has them: "defaults" and the list "rules", read and compiled.
 */
#ifndef FCGICACHE_CONFIG_RULE_H
#define FCGICACHE_CONFIG_RULE_H

#include "config/fields.h"
#include "config/report.h"
#include "config/rules.h"
#include "config/settings.h"

/* The keys of a rule. */
extern const struct field_set rule_set;

/*
 * Fills set->rules and set->n_rules; regexes are the set's even when something is wrong, which
 * the report then says. top: the settings, read before.
 */
void rule_read_all(struct reading *r, const struct place *file, const struct top *top,
		   struct ruleset *set);

#endif
