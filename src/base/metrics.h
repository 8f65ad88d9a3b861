/*
 * Counters: a fixed table (metrics.def), and a family indexed by a small number (reasons).
 * Each thread adds to a slot of its own cache lines; reading sums the slots. Any thread.
 */
#ifndef FCGICACHE_BASE_METRICS_H
#define FCGICACHE_BASE_METRICS_H

#include <stdint.h>

enum counter {
#define COUNTER(id, name, text) COUNTER_##id,
#include "base/metrics.def"
#undef COUNTER
	COUNTER_COUNT
};

#define METRICS_REASONS_MAX 64

void metrics_add(enum counter counter, uint64_t n);
/* One more request for which `reason` (below METRICS_REASONS_MAX) was given. */
void metrics_reason(unsigned reason);
uint64_t metrics_get(enum counter counter);
uint64_t metrics_get_reason(unsigned reason);
const char *metrics_name(enum counter counter);

#endif
