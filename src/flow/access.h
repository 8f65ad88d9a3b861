/*
 * What is written down when a request is over: counters, and its line in the access log.
 */
#ifndef FCGICACHE_FLOW_ACCESS_H
#define FCGICACHE_FLOW_ACCESS_H

#include "flow/request.h"

/*
 * Counts the request and its reason, and writes one access line if there is an access log:
 * key=value pairs, never cookies, Authorization or a query.
 */
void access_note(struct request *r);

#endif
