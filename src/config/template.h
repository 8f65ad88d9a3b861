/*
 * Key templates: "$scheme://$host$path?$query" cut into pieces once, when the rules are loaded.
 */
#ifndef FCGICACHE_CONFIG_TEMPLATE_H
#define FCGICACHE_CONFIG_TEMPLATE_H

#include <stdbool.h>

#include "base/check.h"
#include "base/str.h"
#include "config/report.h"
#include "config/rules.h"

/*
 * Variables are $NAME or ${NAME}; "$$" is a dollar sign. The pieces and their texts are in the
 * arena. False: said in the report at `at`; all mistakes of the template, one line each.
 */
bool template_compile(struct reading *r, const struct place *at, struct str text,
		      struct key_template *out) MUST_CHECK;
/* The highest N of its $N, or 0. */
int template_captures(const struct key_template *t);

#endif
