/*
 * For tests of what becomes of a request: one of a few words, what the application answers to it,
 * and the page that is made of that.
 */
#ifndef FCGICACHE_TESTS_ASKING_H
#define FCGICACHE_TESTS_ASKING_H

#include "rules_file.h"

#include "base/clock.h"
#include "flow/bans.h"
#include "flow/decide.h"
#include "flow/page.h"

/* Sun, 06 Nov 1994 08:49:37 GMT: when answers come if nothing else is said. ms */
#define NOW  INT64_C(784111777000)
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"

/* ------------------------------------------------------------------ requests */

/* "NAME=VALUE", copied. */
static inline struct param to_param(struct request *r, const char *line)
{
	struct str text;
	size_t equals;

	assert_true(arena_dup(&r->arena, str_of(line), &text));
	equals = str_find(text, '=');
	return (struct param){str_sub(text, 0, equals), str_sub(text, equals + 1, text.n)};
}

/* Whether a line has the name of this one. */
static inline bool is_given(const char *const *lines, const char *line)
{
	size_t n = strcspn(line, "=") + 1;

	while (*lines && strncmp(*lines, line, n) != 0)
		lines++;
	return *lines != NULL;
}

/*
 * NAME=VALUE lines, up to NULL; a plain GET of http://a/ where they do not say otherwise. rule: the
 * one rule of the file. All is copied; decided, not looked up.
 */
static inline struct request *ask_as(struct client *client, uint16_t role, const char *rule,
				     const char *const *lines)
{
	static const char *const defaults[] = {"REQUEST_METHOD=GET", "REQUEST_URI=/",
					       "HTTP_HOST=a"};
	size_t n = 0;
	char text[4096];
	struct param *params;
	struct request *r;

	snprintf(text, sizeof(text), RULE("%s"), rule);
	r = request_new(client, parse(text));
	assert_non_null(r);
	while (lines[n])
		n++;
	params = arena_alloc(&r->arena, (n + ARRAY_LEN(defaults)) * sizeof(*params));
	assert_non_null(params);
	for (size_t i = 0; i < n; i++)
		params[i] = to_param(r, lines[i]);
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
		if (!is_given(lines, defaults[i]))
			params[n++] = to_param(r, defaults[i]);
	assert_true(request_set_params(r, params, n, role));
	assert_true(decide_plan(r));
	return r;
}

#define LINES(...)     ((const char *const[]){__VA_ARGS__, NULL})
#define ASK(rule, ...) ask_as(NULL, FCGI_ROLE_RESPONDER, rule, LINES(__VA_ARGS__))

/* ------------------------------------------------------------------ answers */

/* What the application answers. Lives where its request does. */
struct answer {
	struct cgi_head head;
	struct policy_verdict verdict;
	struct page_source source;
};

/* fields: lines, each with its LF. at: ms; asked and answered at once. Policy has judged it. */
static inline struct answer *answer_at(struct request *r, const char *fields, int64_t at)
{
	struct answer *a = arena_zalloc(&r->arena, sizeof(*a));
	struct policy_request request = {.authorized = r->plan.authorized};
	struct str text;

	assert_non_null(a);
	assert_true(arena_printf(&r->arena, &text, "%s\n", fields));
	if (cgi_head_parse(text, text.n, &r->arena, &a->head) != HEAD_DONE)
		fail_msg("no head: %s", fields);
	request.ranged = a->head.status == 206;
	if (r->plan.rule)
		policy_judge(&a->head, &r->plan.rule->policy, &request, at, at, &a->verdict);
	a->source = (struct page_source){
	    .head = &a->head, .verdict = &a->verdict, .asked = at * 1000, .now_ms = at};
	return a;
}

static inline struct answer *answer(struct request *r, const char *fields)
{
	return answer_at(r, fields, NOW);
}

/* The page of such an answer, sealed. vary: as page_open, or NULL. */
static inline struct object *page_at(struct request *r, const char *fields, const char *body,
				     int64_t at, struct str *vary)
{
	struct str names;
	struct object *o = page_open(r, &answer_at(r, fields, at)->source, 0, &names);

	assert_non_null(o);
	assert_true(object_append(o, body, strlen(body)));
	page_seal(o);
	if (vary)
		*vary = names;
	return o;
}

static inline struct object *page_of(struct request *r, const char *fields, const char *body)
{
	return page_at(r, fields, body, NOW, NULL);
}

/* ------------------------------------------------------------------ around the tests */

static inline struct store *open_store(void)
{
	struct buf error = {0};
	struct store *s = store_open(STR("memory:///"), &error);

	assert_non_null(s);
	return s;
}

static inline int asking_start(void **state)
{
	(void)state;
	clock_start();
	rules_start();
	return key_start() ? 0 : -1;
}

/* Before a test: nothing is banned. */
static inline int asking_setup(void **state)
{
	(void)state;
	bans_forget();
	return 0;
}

#endif
