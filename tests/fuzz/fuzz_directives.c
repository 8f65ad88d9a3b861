/*
 * Fuzz: cache directives in all their fields, and the policy's verdict on them.
 *
 * Input is lines; the first byte of a line names a field (`fields`), the rest is its value, and 'n'
 * takes the status. Promises that are checked: numbers are in their range, lists are tokens out of
 * the input, a verdict agrees with itself and with what was read, and one more `private` or
 * `no-store` never lets anything in.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "http/directives.h"
#include "http/headers.h"
#include "http/policy.h"

#define NOW INT64_C(784111777600)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	char mark;
	const char *name;
} fields[] = {
    {'c', "Cache-Control"},
    {'t', "CDN-Cache-Control"},
    {'s', "Surrogate-Control"},
    {'p', "Pragma"},
    {'e', "Expires"},
    {'a', "Age"},
    {'d', "Date"},
    {'g', "ETag"},
    {'l', "Last-Modified"},
    {'x', "X-Accel-Expires"},
    {'r', "Content-Range"},
};

/* ------------------------------------------------------------------ the head */

static struct str field_named(char mark)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (fields[i].mark == mark)
			return str_of(fields[i].name);
	return STR("X-Other");
}

/* The head's parser lets no control byte through. */
static bool is_clean(struct str s)
{
	bool clean = true;

	for (size_t i = 0; i < s.n && clean; i++) {
		unsigned char c = (unsigned char)s.p[i];

		clean = (c >= 0x20 || c == '\t') && c != 0x7f;
	}
	return clean;
}

static void read_line(struct str line, struct arena *a, struct cgi_head *head)
{
	struct str value = str_trim(str_sub(line, 1, line.n));
	uint64_t status;

	if (line.n == 0 || !is_clean(value))
		return;
	if (line.p[0] != 'n')
		(void)!headers_add(&head->headers, a, field_named(line.p[0]), value);
	else if (str_to_u64(value, &status) && status >= 200 && status <= 999)
		head->status = (int)status;
}

/* ------------------------------------------------------------------ directives */

static bool is_time(int64_t ms)
{
	return ms >= 0 && ms <= POLICY_TIME_MAX;
}

static void check_list(const struct cgi_head *head, const struct directives *d, struct str list)
{
	bool inside = false;
	struct str name;

	for (size_t i = 0; i < head->headers.n && !inside; i++) {
		struct str value = head->headers.v[i].value;

		inside = list.p >= value.p && list.p + list.n <= value.p + value.n;
	}
	CHECK(inside);
	while (str_split(&list, ',', &name)) {
		name = str_trim(name);
		CHECK(name.n == 0 || (http_is_token(name) && directives_withhold(d, name)));
	}
}

static void check_directives(const struct cgi_head *head, const struct directives *d)
{
	for (int i = 0; i < DIRECTIVE_COUNT; i++)
		CHECK(is_time(d->ms[i]));
	CHECK(d->n_lists <= DIRECTIVES_LISTS);
	for (size_t i = 0; i < d->n_lists; i++)
		check_list(head, d, d->lists[i]);
	CHECK(!directives_withhold(d, STR("")));
}

/* Reading a value again forbids nothing new, and allows nothing new. */
static void check_again(struct str value)
{
	struct directives once = {0}, twice;

	directives_add(&once, value);
	twice = once;
	directives_add(&twice, value);
	for (int i = 0; i < DIRECTIVE_COUNT; i++) {
		CHECK(once.ms[i] == twice.ms[i]);
		CHECK(once.has[i] == twice.has[i] ||
		      (i == DIRECTIVE_NO_CACHE && twice.n_lists == DIRECTIVES_LISTS));
	}
}

static void check_client(struct str value)
{
	struct policy_client client;

	policy_client_parse(value, value, &client);
	CHECK(client.max_age == -1 || is_time(client.max_age));
	CHECK(client.min_fresh == -1 || is_time(client.min_fresh));
	CHECK(client.max_stale == -1 || is_time(client.max_stale));
}

/* ------------------------------------------------------------------ the verdict */

static int64_t longest(const struct policy_verdict *v)
{
	int64_t ms = v->grace > v->stale_if_error ? v->grace : v->stale_if_error;

	return ms > v->keep ? ms : v->keep;
}

static void check_verdict(const struct policy_verdict *v)
{
	CHECK(v->store == (v->reason == REASON_NONE));
	CHECK(is_time(v->age) && is_time(v->lifetime));
	CHECK(is_time(v->grace) && is_time(v->stale_if_error));
	CHECK(v->keep == 0 || v->keep == POLICY_KEEP);
	CHECK(!v->must_revalidate || (v->grace == 0 && v->stale_if_error == 0));
	CHECK(!v->no_cache || (v->must_revalidate && v->keep > 0));
	if (v->store) {
		CHECK(v->age < v->lifetime + longest(v));
	} else {
		CHECK(v->lifetime == 0 && longest(v) == 0 && !v->must_revalidate && !v->no_cache);
		CHECK(!v->immutable && !v->shared && !v->rule_lifetime);
	}
}

/* What the response says against what came of it. */
static void check_agrees(const struct cgi_head *head, const struct policy_rule *rule,
			 const struct directives *d, const struct policy_verdict *v)
{
	const struct header *etag = headers_find(&head->headers, STR("ETag"));

	if (!v->store)
		return;
	CHECK(head->status != 304 && head->status != 416);
	CHECK(rule->validate != VALIDATE_ALWAYS || (etag && etag->value.n > 0));
	if (!rule->heuristic && head->status != 206)
		CHECK(!headers_find(&head->headers, STR("Content-Range")));
	if (rule->override == OVERRIDE_FORCE)
		return;
	CHECK(!d->has[DIRECTIVE_PRIVATE]);
	CHECK(!d->has[DIRECTIVE_NO_STORE] || d->has[DIRECTIVE_MUST_UNDERSTAND]);
	CHECK(!d->has[DIRECTIVE_MUST_REVALIDATE] || v->must_revalidate);
	/* a list of fields is read with the rule's heuristic only */
	if ((d->has[DIRECTIVE_NO_CACHE] || (d->n_lists > 0 && !rule->heuristic)) &&
	    rule->override == OVERRIDE_NO)
		CHECK(v->must_revalidate);
}

static void judge(const struct cgi_head *head, const struct directives *d, bool forbidden)
{
	static const struct status_ttl statuses[] = {{404, 1000}, {5, 2000}, {203, 0}};
	static const struct policy_rule rules[] = {
	    {.override = OVERRIDE_NO},
	    {.ttl = 10000, .grace = 20000, .heuristic = true, .set_cookie = SET_COOKIE_DROP},
	    {.stale_if_error = 30000, .validate = VALIDATE_ALWAYS, .heuristic = true},
	    {.ttl = 10000, .stale_if_error = 30000, .override = OVERRIDE_YES},
	    {.ttl = 10000, .override = OVERRIDE_FORCE, .set_cookie = SET_COOKIE_STORE},
	    {.statuses = statuses, .n_statuses = ARRAY_LEN(statuses)},
	};
	struct policy_verdict v;

	for (size_t i = 0; i < ARRAY_LEN(rules) * 4; i++) {
		const struct policy_rule *rule = &rules[i / 4];
		struct policy_request request = {.authorized = i % 2, .ranged = i % 4 / 2};

		policy_judge(head, rule, &request, NOW - 50, NOW, &v);
		check_verdict(&v);
		check_agrees(head, rule, d, &v);
		CHECK(!forbidden || !v.store || rule->override == OVERRIDE_FORCE);
	}
}

static void check_withheld(const struct directives *d)
{
	static const char *const names[] = {"a", "ETag", "Set-Cookie", "Cache-Control"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		CHECK(policy_withholds(d, str_of(names[i])) ==
		      directives_withhold(d, str_of(names[i])));
	CHECK(!policy_withholds(d, STR("content-type")));
	CHECK(!policy_withholds(d, STR("VARY")));
}

/* ------------------------------------------------------------------ one input */

static void run(struct str bytes, struct arena *a)
{
	struct cgi_head head = {.status = 200};
	struct directives d = {0}, surrogate = {0};
	struct str line;
	bool targeted;

	while (str_split(&bytes, '\n', &line))
		read_line(line, a, &head);
	targeted = directives_read_response(&d, &head.headers);
	check_directives(&head, &d);
	directives_read_surrogate(&surrogate, &head.headers, STR("Surrogate-Control"));
	check_directives(&head, &surrogate);
	CHECK(surrogate.n_lists == 0);
	for (size_t i = 0; i < head.headers.n; i++) {
		check_again(head.headers.v[i].value);
		check_client(head.headers.v[i].value);
	}
	check_withheld(&d);
	judge(&head, &d, false);
	if (!targeted && headers_add(&head.headers, a, STR("Cache-Control"), STR("private"))) {
		d.has[DIRECTIVE_PRIVATE] = true;
		judge(&head, &d, true);
	}
	if (headers_add(&head.headers, a, STR("Surrogate-Control"), STR("no-store")))
		judge(&head, &d, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;

	arena_init(&a);
	run(str_make((const char *)data, size), &a);
	arena_fini(&a);
	return 0;
}
