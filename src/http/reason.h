/*
 * Reasons: the closed list of reason.def, as an enum and as text. Pure.
 */
#ifndef FCGICACHE_HTTP_REASON_H
#define FCGICACHE_HTTP_REASON_H

#include "base/str.h"

enum reason {
#define REASON(id, name, text) REASON_##id,
#include "http/reason.def"
#undef REASON
	REASON_COUNT
};

/* As it stands after detail= ; empty for REASON_NONE. */
struct str reason_name(enum reason reason);

#endif
