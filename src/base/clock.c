/*
 * Clocks. The only state is what the wall clock said when the boot clock stood at 0, taken once by
 * clock_start; it never changes afterwards, so every thread reads it without a lock.
 */
#include "base/clock.h"

#include <time.h>

#include "base/check.h"

static int64_t wall_at_boot; /* ms since 1970 */

static int64_t read_us(clockid_t id)
{
	struct timespec ts;

	CHECK(clock_gettime(id, &ts) == 0);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

void clock_start(void)
{
	wall_at_boot = (read_us(CLOCK_REALTIME) - read_us(CLOCK_BOOTTIME)) / 1000;
}

int64_t clock_mono_ms(void)
{
	return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t clock_now_ms(void)
{
	return clock_now_us() / 1000;
}

int64_t clock_now_us(void)
{
	return wall_at_boot * 1000 + read_us(CLOCK_BOOTTIME);
}
