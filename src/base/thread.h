/*
 * Threads: started with every signal blocked, named, and with a small stack.
 */
#ifndef FCGICACHE_BASE_THREAD_H
#define FCGICACHE_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

#include "base/check.h"

/* 0, or the errno of what failed. The caller joins the thread. name: at most 15 bytes. */
int thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *arg) MUST_CHECK;
/* The same, detached. */
int thread_start_detached(const char *name, void *(*run)(void *), void *arg) MUST_CHECK;

#endif
