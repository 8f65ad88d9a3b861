/*
 * A fetcher's work: one request's exchange with the application, from its body to its end.
 */
#ifndef FCGICACHE_FLOW_FETCHER_H
#define FCGICACHE_FLOW_FETCHER_H

#include "flow/request.h"
#include "store/store.h"
#include "upstream/pool.h"

/* Once, before threads: where pages go, and where connections come from. Neither is owned. */
void fetcher_start(struct store *store, struct pool *pool);

/* For the crew: r->job's run. Blocks on the application; ends the request. */
void fetcher_run(struct job *job);

#endif
