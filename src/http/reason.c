/*
 * Reasons: names from the table, nothing else. Pure.
 */
#include "http/reason.h"

static const struct str names[REASON_COUNT] = {
#define REASON(id, name, text) [REASON_##id] = {name, sizeof(name) - 1},
#include "http/reason.def"
#undef REASON
};

struct str reason_name(enum reason reason)
{
	return names[reason];
}
