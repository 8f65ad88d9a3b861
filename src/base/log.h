/*
 * The log and the access log.
 *
 * One line an event, escaped: control bytes and everything outside printable ASCII are written as
 * \xNN, so that foreign bytes cannot forge a line. A line is cut at LOG_LINE_MAX bytes.
 * Never blocks: a line that a pipe does not take at once, or that a full disk refuses, is counted
 * (log_lost) and dropped. errno is left as it was. Any thread; log_open and log_close one at a
 * time, but while others write.
 */
#ifndef FCGICACHE_BASE_LOG_H
#define FCGICACHE_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/str.h"

#define LOG_LINE_MAX 4096 /* PIPE_BUF: a line goes out whole or not at all */

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Before any log_open: lines go to stderr at level info. */

/*
 * Where lines go: "stderr", "syslog" or an absolute path (appended to, mode 0640). access: an
 * absolute path, or NULL for none. Strings are copied. Replaces what was open, which also is how
 * logs are reopened after rotation. False: a file cannot be opened (errno); what was open stays.
 */
bool log_open(const char *to, enum log_level level, const char *access) MUST_CHECK;
/* Lines go to stderr from now on, access lines nowhere. */
void log_close(void);

bool log_enabled(enum log_level level);
void log_error(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_warning(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_info(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *fmt, ...) PRINTF_LIKE(1, 2);

bool log_access_enabled(void);
/* One access line, time and newline added, bytes escaped; nothing where there is no access log. */
void log_access(struct str line);

/* Lines dropped so far. */
uint64_t log_lost(void);

/*
 * Rate limit for what may repeat: true for at most `burst` calls in each ten seconds; the first
 * line of the next period says how many were held back. One static struct a place.
 */
struct log_limit {
	_Atomic int64_t period;
	_Atomic uint32_t count;
};
bool log_allowed(struct log_limit *limit, unsigned burst);

#endif
