/*
 * Ends: what is answered, and who is told. Every function here that takes a request ends it, or
 * leaves it waiting for its client to take the rest of the answer: do not touch it afterwards.
 */
#include "flow/end.h"

#include "base/clock.h"
#include "flow/access.h"
#include "flow/flight.h"

/* The request is over. */
void end_request(struct request *r, enum client_end how)
{
	struct client *client = r->client;

	CHECK(!r->flight || !r->leads);
	if (client)
		access_note(r);
	request_free(&r);
	if (client)
		client->ops->finish(client, how);
}

void end_response(struct request *r, enum respond_result result)
{
	switch (result) {
	case RESPOND_SENT:
		end_request(r, CLIENT_DONE);
		break;
	case RESPOND_LATER:
		break;
	case RESPOND_BROKEN:
		end_request(r, CLIENT_CLOSE);
		break;
	}
}

void end_with_object(struct request *r, struct object *o, enum outcome outcome)
{
	r->outcome = outcome;
	end_response(r, respond_object(r, o, clock_now_ms()));
}

void end_with_error(struct request *r, int status, enum reason reason)
{
	r->outcome = OUTCOME_ERROR;
	r->reason = REASON_NONE;
	request_reason(r, reason, STR(""));
	end_response(r, respond_error(r, status));
}

/* The application could not be had: the stale page if one may serve, else the error. */
void end_with_failure(struct request *r, int status, enum reason reason)
{
	if (!r->client) {
		end_request(r, CLIENT_CLOSE);
		return;
	}
	if (!r->stale) {
		end_with_error(r, status, reason);
		return;
	}
	r->reason = REASON_NONE;
	request_reason(r, reason, STR(""));
	r->fetched = true; /* if only by the one who leads */
	end_with_object(r, r->stale, OUTCOME_STALE);
}

/* Lets another lead the flight, if r leads one. */
void end_hand_over(struct request *r)
{
	struct request *heir = r->leads ? flight_hand_over(r) : NULL;

	if (heir)
		heir->client->ops->resume(heir->client);
}

void end_land(struct request *r, enum landing landing, struct object *object)
{
	if (r->leads)
		flight_resume(flight_land(r, landing, object));
}

void end_land_failed(struct request *r, int status)
{
	r->landing_status = status;
	end_land(r, LANDING_FAILED, NULL);
}
