/*
 * The ends that a request can come to, and what its flight is told.
 */
#ifndef FCGICACHE_FLOW_END_H
#define FCGICACHE_FLOW_END_H

#include "flow/request.h"
#include "flow/respond.h"

/* The request is over: counted, logged, freed; its client goes on as `how` says. */
void end_request(struct request *r, enum client_end how);
/* After a respond_ function: over, waiting to send the rest, or broken. */
void end_response(struct request *r, enum respond_result result);
void end_with_object(struct request *r, struct object *o, enum outcome outcome);
void end_with_error(struct request *r, int status, enum reason reason);
/*
 * The application could not be had: the stale page that r keeps, if there is one, else the error. A
 * refresh just ends.
 */
void end_with_failure(struct request *r, int status, enum reason reason);

/* If r leads a flight: lets the first of its followers lead on. */
void end_hand_over(struct request *r);
/* If r leads a flight: it lands, and its followers go on with what it brings. */
void end_land(struct request *r, enum landing landing, struct object *object);
void end_land_failed(struct request *r, int status);

#endif
