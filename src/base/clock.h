/*
 * Time, in milliseconds unless the name says us.
 *
 * clock_mono_ms() counts deadlines. clock_now_ms() is the time that pages carry: the wall clock as
 * it was when the process started, plus monotonic time since (suspend included). A step of the wall
 * clock therefore neither makes pages old nor keeps them young. Any thread.
 */
#ifndef FCGICACHE_BASE_CLOCK_H
#define FCGICACHE_BASE_CLOCK_H

#include <stdint.h>

/* Once, before threads start. */
void clock_start(void);
int64_t clock_mono_ms(void);
/* For durations in logs. */
int64_t clock_mono_us(void);
/* Milliseconds since 1970, steady. */
int64_t clock_now_ms(void);
/* The same clock in microseconds: clock_now_us() / 1000 is what clock_now_ms() says. */
int64_t clock_now_us(void);

#endif
