/*
 * Counters: SLOTS copies of all of them, each on cache lines of its own. A thread takes the next
 * slot when it first counts, and shares it once there are more threads than slots; that is why even
 * a slot is added to atomically. Reading sums the slots, so a sum may miss what is being added.
 */
#include "base/metrics.h"

#include <stdalign.h>
#include <stdatomic.h>

#include "base/check.h"

#define SLOTS      64u
#define CACHE_LINE 64

struct slot {
	alignas(CACHE_LINE) _Atomic uint64_t counters[COUNTER_COUNT];
	_Atomic uint64_t reasons[METRICS_REASONS_MAX];
};

static struct slot slots[SLOTS];
static atomic_uint slots_taken;

static const char *const names[COUNTER_COUNT] = {
#define COUNTER(id, name, text) [COUNTER_##id] = name,
#include "base/metrics.def"
#undef COUNTER
};

static struct slot *own_slot(void)
{
	static _Thread_local struct slot *own;

	if (!own)
		own = &slots[atomic_fetch_add_explicit(&slots_taken, 1, memory_order_relaxed) %
			     SLOTS];
	return own;
}

void metrics_add(enum counter counter, uint64_t n)
{
	CHECK((unsigned)counter < COUNTER_COUNT);
	atomic_fetch_add_explicit(&own_slot()->counters[counter], n, memory_order_relaxed);
}

void metrics_reason(unsigned reason)
{
	CHECK(reason < METRICS_REASONS_MAX);
	atomic_fetch_add_explicit(&own_slot()->reasons[reason], 1, memory_order_relaxed);
}

uint64_t metrics_get(enum counter counter)
{
	uint64_t sum = 0;

	CHECK((unsigned)counter < COUNTER_COUNT);
	for (unsigned i = 0; i < SLOTS; i++)
		sum += atomic_load_explicit(&slots[i].counters[counter], memory_order_relaxed);
	return sum;
}

uint64_t metrics_get_reason(unsigned reason)
{
	uint64_t sum = 0;

	CHECK(reason < METRICS_REASONS_MAX);
	for (unsigned i = 0; i < SLOTS; i++)
		sum += atomic_load_explicit(&slots[i].reasons[reason], memory_order_relaxed);
	return sum;
}

const char *metrics_name(enum counter counter)
{
	CHECK((unsigned)counter < COUNTER_COUNT);
	return names[counter];
}
