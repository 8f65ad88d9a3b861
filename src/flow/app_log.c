/*
 * Long lines are cut into several, and of one exchange only so much is logged; but all of it is
 * watched.
 */
#include "flow/app_log.h"

#include "base/log.h"

#define LINE_MAX_N 1024u
#define LOGGED_MAX 8192u /* bytes of one exchange */

void app_log_init(struct app_log *l)
{
	*l = (struct app_log){.fatal = false};
	buf_init(&l->line, LINE_MAX_N);
}

void app_log_fini(struct app_log *l)
{
	buf_fini(&l->line);
}

void app_log_end(struct app_log *l, struct request *r)
{
	static struct log_limit limit;
	struct str line = str_trim(buf_str(&l->line));

	while (line.n > 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
		line.n--;
	if (line.n > 0 && log_allowed(&limit, 200))
		log_warning("application: %.*s (%.*s)", STR_ARG(line), STR_ARG(request_url(r)));
	l->line.n = 0;
}

/* PHP's own words are the only sign that half a page is half a page. */
static void watch(struct app_log *l, char c)
{
	static const char fatal[] = "PHP Fatal error", parse[] = "PHP Parse error";

	_Static_assert(sizeof(fatal) - 1 == APP_LOG_TAIL, "the tail holds it");
	_Static_assert(sizeof(parse) - 1 == APP_LOG_TAIL, "and this");
	memmove(l->tail, l->tail + 1, APP_LOG_TAIL - 1);
	l->tail[APP_LOG_TAIL - 1] = c;
	if (memcmp(l->tail, fatal, APP_LOG_TAIL) == 0 || memcmp(l->tail, parse, APP_LOG_TAIL) == 0)
		l->fatal = true;
}

void app_log_add(struct app_log *l, struct request *r, struct str bytes)
{
	for (size_t i = 0; i < bytes.n; i++) {
		char c = bytes.p[i];

		watch(l, c);
		if (c == '\n') {
			app_log_end(l, r);
		} else if (l->logged < LOGGED_MAX) {
			l->logged++;
			if (l->line.n == LINE_MAX_N)
				app_log_end(l, r);
			(void)!buf_add(&l->line, &c, 1); /* without memory the log has less */
		}
	}
}
