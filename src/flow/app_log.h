/*
 * What the application writes to STDERR during one exchange: it goes to our log by lines, and tells
 * of errors that nothing else tells of.
 */
#ifndef FCGICACHE_FLOW_APP_LOG_H
#define FCGICACHE_FLOW_APP_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "flow/request.h"

#define APP_LOG_TAIL 15u /* bytes of "PHP Fatal error" */

struct app_log {
	bool fatal;      /* it told of a fatal error: what it sent is not what it meant to send */
	uint64_t logged; /* bytes so far */
	struct buf line;
	char tail[APP_LOG_TAIL]; /* the last bytes */
};

void app_log_init(struct app_log *l);
void app_log_fini(struct app_log *l);
void app_log_add(struct app_log *l, struct request *r, struct str bytes);
/* The exchange is over: what has no newline goes to the log too. */
void app_log_end(struct app_log *l, struct request *r);

#endif
