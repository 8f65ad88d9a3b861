/*
 * Capture: takes an application's response as it comes, and either holds it until it is whole, to
 * be stored and answered, or streams it through.
 *
 *              head whole: may be stored
 *     HEAD --------------------------------> HOLD --whole--> sealed object
 *       |                                     | outgrows max_object
 *       |  may not be stored                  v
 *       |-----------------------------------> STREAM --> client, piece by piece
 *       |  nor could the web server see it break off: HOLD, but not to be stored
 *       |--304, or a 200 to HEAD------------> FRESHEN --whole--> the stored page with new fields
 *       |--a 304, or bytes, of no use-------> AGAIN: to be asked anew, without conditions
 *       '--> REFUSED: never to be passed on (malformed head, a 5xx while a stale page may serve)
 */
#ifndef FCGICACHE_FLOW_CAPTURE_H
#define FCGICACHE_FLOW_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "flow/app_log.h"
#include "flow/request.h"
#include "http/headers.h"
#include "http/policy.h"

enum capture_state {
	CAPTURE_HEAD,
	CAPTURE_HOLD,
	CAPTURE_STREAM,
	CAPTURE_FRESHEN,
	CAPTURE_AGAIN,
	CAPTURE_REFUSED,
};

struct store;

struct capture {
	struct sink sink; /* for fetch */
	struct request *r;
	struct store *store;
	enum capture_state state;
	struct buf bytes; /* the head as far as it came */
	size_t seen;      /* of it: no head ends there */
	struct cgi_head head;
	struct policy_verdict verdict;
	struct object *object;    /* HOLD: open */
	struct object *base;      /* FRESHEN: reference, what is stored */
	bool hold_only;           /* HOLD, and not to be stored */
	struct str vary;          /* names, lower case, sorted */
	struct str client_fields; /* what goes to r->fields, less those that we make */
	uint64_t body;            /* bytes of body that came */
	int64_t asked;            /* clock_now_us when it was sent */
	int64_t came;             /* clock_now_ms when the head was whole */
	bool client_gone;         /* nobody to answer */
	bool answer_stale;        /* REFUSED: the application failed with a 5xx */
	const char *error;        /* static; what was wrong with the response */
	struct app_log app_log;   /* STDERR */
};

/* From here on c->sink takes a response for r. */
void capture_init(struct capture *c, struct request *r, struct store *store);
/* The exchange is over: what STDERR still holds goes to the log, while r is there. */
void capture_end(struct capture *c);
void capture_fini(struct capture *c);

/* Whether what came is a whole response, now that the exchange ended with result. */
bool capture_is_whole(const struct capture *c, enum fetch_result result);

/*
 * HOLD or FRESHEN, whole: the answer, a reference of the caller's. It has been stored (with its
 * marker) unless it is held only or something speaks against it (then r->reason). NULL: it was to
 * complete a part and does not: ask again, plainly.
 */
struct object *capture_take(struct capture *c, uint32_t app_status) MUST_CHECK;

#endif
