/*
 * One table says which request headers are kept back although a rule does not name them: those by
 * which applications are known to change a page and that no client needs to send. Whatever a rule
 * puts into the key (its template, its vary list) goes through.
 */
#include "flow/filter.h"

#include <stdlib.h>

#include "flow/ask.h"
#include "http/uri.h"
#include "http/vary.h"

#define NAME_MAX_N 32u /* longer names have no spelling of their own */

/* Names behind HTTP_; a '*' at the end stands for any rest. */
static const struct str kept_back[] = {
    STR("CACHE_CONTROL"), /* ours to answer */
    STR("PRAGMA"),
    STR("RANGE"), /* the whole page is fetched */
    STR("IF_RANGE"),
    STR("IF_MATCH"),
    STR("IF_NONE_MATCH"),
    STR("IF_MODIFIED_SINCE"),
    STR("IF_UNMODIFIED_SINCE"),
    STR("CONNECTION"), /* this hop's (RFC 9110 section 7.6.1) */
    STR("KEEP_ALIVE"),
    STR("TE"),
    STR("TRAILER"),
    STR("TRANSFER_ENCODING"),
    STR("UPGRADE"),
    STR("EXPECT"),
    STR("FORWARDED"), /* who, where and how: unkeyed */
    STR("X_FORWARDED*"),
    STR("X_HOST"),
    STR("X_HTTP_HOST_OVERRIDE"),
    STR("X_ORIGINAL*"),
    STR("X_REWRITE_URL"),
    STR("X_HTTP_METHOD*"),
    STR("X_METHOD_OVERRIDE"),
    STR("X_HTTP_DESTINATIONURL"),
    STR("X_HTTP_PATH_OVERRIDE"),
    STR("X_REAL_IP"),
    STR("X_CLIENT_IP"),
    STR("X_CLUSTER_CLIENT_IP"),
    STR("CLIENT_IP"),
    STR("TRUE_CLIENT_IP"),
    STR("X_REMOTE_*"),
    STR("X_URL_SCHEME"),
    STR("X_SCHEME"),
    STR("FRONT_END_HTTPS"),
    STR("X_WAP_PROFILE"),
    STR("X_ACCEL_*"),
};

static bool is_kept_back(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(kept_back); i++) {
		struct str entry = kept_back[i];

		if (entry.p[entry.n - 1] == '*' ? str_starts(name, str_make(entry.p, entry.n - 1))
						: str_eq(name, entry))
			return true;
	}
	return false;
}

/* "HTTP_X_Y" and "x-y" name the same header. */
static bool names_header(struct str param, struct str header)
{
	if (param.n != header.n + 5 || !str_starts(param, STR("HTTP_")))
		return false;
	for (size_t i = 0; i < header.n; i++) {
		char c = param.p[i + 5];

		if ((c == '_' ? '-' : ascii_lower(c)) != header.p[i])
			return false;
	}
	return true;
}

/* Whether the rule puts this parameter into the key. */
static bool is_in_key(const struct rule *rule, struct str param)
{
	for (size_t i = 0; i < rule->key.n; i++) {
		const struct key_part *part = &rule->key.v[i];

		if ((part->kind == KEY_HTTP || part->kind == KEY_PARAM) &&
		    str_eq(part->text, param))
			return true;
	}
	for (size_t i = 0; i < rule->vary.n; i++)
		if (names_header(param, rule->vary.v[i]))
			return true;
	return false;
}

static bool is_key_arg(const struct rule *rule, struct str name)
{
	for (size_t i = 0; i < rule->key.n; i++)
		if (rule->key.v[i].kind == KEY_ARG && str_eq(rule->key.v[i].text, name))
			return true;
	return false;
}

/* Whether the rule drops a parameter of this (decoded) name. */
static bool drops_arg(const struct rule *rule, struct str name)
{
	if (is_key_arg(rule, name))
		return false;
	return rule->query == QUERY_DROP || words_match(&rule->drop_query, name);
}

static int by_name(const void *a, const void *b)
{
	const struct query_param *x = a, *y = b;
	int order = str_cmp(x->name, y->name);

	/* the order of equal names has a meaning: keep it */
	if (order == 0)
		order = x->whole.p < y->whole.p ? -1 : x->whole.p > y->whole.p;
	return order;
}

static bool join_query(const struct query_param *v, size_t n, struct arena *a, struct str *out)
{
	size_t size = 0;
	char *p, *start;

	for (size_t i = 0; i < n; i++)
		size += v[i].whole.n + 1;
	start = p = arena_alloc(a, size);
	if (!p)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			*p++ = '&';
		memcpy(p, v[i].whole.p, v[i].whole.n);
		p += v[i].whole.n;
	}
	*out = str_make(start, (size_t)(p - start));
	return true;
}

static bool split_query(struct str raw, struct arena *a, struct query_param **v, size_t *n)
{
	struct query_param param;
	struct str rest = raw;
	size_t count = 0;

	while (query_next(&rest, &param))
		count++;
	*v = arena_alloc(a, (count + 1) * sizeof(**v));
	if (!*v)
		return false;
	rest = raw;
	for (*n = 0; query_next(&rest, &param); (*n)++)
		(*v)[*n] = param;
	return true;
}

bool filter_query(const struct rule *rule, struct str raw, struct arena *a, struct str *out)
{
	struct query_param *v;
	size_t n, kept = 0;

	*out = raw;
	if (raw.n == 0 ||
	    (rule->query != QUERY_DROP && rule->drop_query.n == 0 && !rule->sort_query))
		return true;
	if (!split_query(raw, a, &v, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct str name;

		if (!query_decode(v[i].name, a, &name))
			return false;
		if (!drops_arg(rule, name))
			v[kept++] = v[i];
	}
	if (kept == n && !rule->sort_query)
		return true;
	if (rule->sort_query)
		qsort(v, kept, sizeof(*v), by_name);
	return join_query(v, kept, a, out);
}

static struct str uri_query(const struct request *r)
{
	struct str uri = r->known[KNOWN_URI];

	return str_sub(uri, str_find(uri, '?') + 1, uri.n);
}

static bool has_name(const struct query_param *v, size_t n, struct arena *a, struct str name,
		     bool *has)
{
	*has = false;
	for (size_t i = 0; i < n && !*has; i++) {
		struct str other;

		if (!query_decode(v[i].name, a, &other))
			return false;
		*has = str_eq(other, name);
	}
	return true;
}

bool filter_query_string(struct request *r, struct str *out)
{
	const struct rule *rule = r->plan.rule;
	struct str raw = r->known[KNOWN_QUERY], name;
	struct query_param *v, *asked;
	size_t n, n_asked, kept = 0;
	bool has;

	*out = raw;
	if (raw.n == 0 ||
	    (rule->query != QUERY_DROP && rule->drop_query.n == 0 && !rule->sort_query))
		return true;
	if (r->known[KNOWN_URI].n == 0 || str_eq(raw, uri_query(r)))
		return filter_query(rule, raw, &r->arena, out);
	if (!split_query(raw, &r->arena, &v, &n) ||
	    !split_query(uri_query(r), &r->arena, &asked, &n_asked))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!query_decode(v[i].name, &r->arena, &name) ||
		    !has_name(asked, n_asked, &r->arena, name, &has))
			return false;
		if (!has || !drops_arg(rule, name))
			v[kept++] = v[i];
	}
	return join_query(v, kept, &r->arena, out);
}

static bool is_key_cookie(const struct rule *rule, struct str name)
{
	for (size_t i = 0; i < rule->key.n; i++)
		if (rule->key.v[i].kind == KEY_COOKIE && str_eq(rule->key.v[i].text, name))
			return true;
	return words_match(&rule->key_cookies, name);
}

static int by_cookie(const void *a, const void *b)
{
	const struct cookie *x = a, *y = b;
	int order = str_cmp(x->name, y->name);

	if (order == 0)
		order = x->whole.p < y->whole.p ? -1 : x->whole.p > y->whole.p;
	return order;
}

static bool join_cookies(struct request *r, struct cookie *v, size_t n, struct str *out)
{
	size_t size = 0;
	char *p, *start;

	*out = STR("");
	if (n == 0)
		return true;
	qsort(v, n, sizeof(*v), by_cookie);
	for (size_t i = 0; i < n; i++)
		size += v[i].whole.n + 2;
	start = p = arena_alloc(&r->arena, size);
	if (!p)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (i > 0) {
			*p++ = ';';
			*p++ = ' ';
		}
		memcpy(p, v[i].whole.p, v[i].whole.n);
		p += v[i].whole.n;
	}
	*out = str_make(start, (size_t)(p - start));
	return true;
}

/* What becomes of a cookie. */
enum cookie_use {
	COOKIE_IN_KEY,
	COOKIE_PASSES, /* not in the key: the application is asked each time anyway */
	COOKIE_KEPT_BACK,
	COOKIE_BYPASS,
};

static enum cookie_use use_of(const struct rule *rule, struct str name)
{
	if (words_match(&rule->bypass_cookies, name))
		return COOKIE_BYPASS;
	if (is_key_cookie(rule, name))
		return COOKIE_IN_KEY;
	if (words_match(&rule->ignore_cookies, name))
		return COOKIE_KEPT_BACK;
	return rule->policy.validate == VALIDATE_ALWAYS ? COOKIE_PASSES : COOKIE_BYPASS;
}

bool filter_cookies(struct request *r)
{
	struct str rest = r->known[KNOWN_COOKIE];
	struct cookie cookie, *kept, *keyed;
	size_t count = 0, n = 0, n_keyed = 0;

	r->plan.cookies = r->plan.key_cookies = STR("");
	if (rest.n == 0)
		return true;
	while (cookie_next(&rest, &cookie))
		count++;
	kept = arena_alloc(&r->arena, 2 * (count + 1) * sizeof(*kept));
	if (!kept)
		return false;
	keyed = kept + count + 1;
	rest = r->known[KNOWN_COOKIE];
	while (cookie_next(&rest, &cookie)) {
		switch (use_of(r->plan.rule, cookie.name)) {
		case COOKIE_IN_KEY:
			keyed[n_keyed++] = cookie;
			kept[n++] = cookie;
			break;
		case COOKIE_PASSES:
			kept[n++] = cookie;
			break;
		case COOKIE_KEPT_BACK:
			break;
		case COOKIE_BYPASS:
			r->plan.reason = REASON_COOKIE;
			r->plan.reason_arg = cookie.name;
			return true;
		}
	}
	return join_cookies(r, kept, n, &r->plan.cookies) &&
	       join_cookies(r, keyed, n_keyed, &r->plan.key_cookies);
}

/* "ACCEPT_LANGUAGE" in the words of http/vary. */
static struct str header_name(struct str name, char lower[static NAME_MAX_N])
{
	name = str_sub(name, 0, NAME_MAX_N);
	for (size_t i = 0; i < name.n; i++)
		lower[i] = name.p[i] == '_' ? '-' : ascii_lower(name.p[i]);
	return str_make(lower, name.n);
}

/* Whether the header behind HTTP_ reaches the application at all. */
static bool is_sent(const struct request *r, struct str param)
{
	struct str name = str_sub(param, 5, param.n);

	if (str_eq(name, STR("PROXY")))
		return false;
	return !is_kept_back(name) || is_in_key(r->plan.rule, param);
}

/* The values of all parameters of that name from params[from] on. */
static bool join_values(struct request *r, size_t from, struct str *out)
{
	*out = r->params[from].value;
	for (size_t i = from + 1; i < r->n_params; i++)
		if (str_eq(r->params[i].name, r->params[from].name) &&
		    !arena_printf(&r->arena, out, "%.*s, %.*s", STR_ARG(*out),
				  STR_ARG(r->params[i].value)))
			return false;
	return true;
}

/* The header of params[from] as the application gets it; several: there may be more of the name. */
static bool send_header(struct request *r, size_t from, bool several, struct str *out)
{
	struct str param = r->params[from].name, name = str_sub(param, 5, param.n);
	struct str all = r->params[from].value;
	char lower[NAME_MAX_N];

	*out = str_make(NULL, 0);
	if (!is_sent(r, param))
		return true;
	if (str_eq(name, STR("COOKIE"))) {
		if (r->plan.cookies.n)
			*out = r->plan.cookies;
		return true;
	}
	if (several && !join_values(r, from, &all))
		return false;
	return vary_normalise(&r->arena, header_name(name, lower), all, out);
}

bool filter_values(struct request *r, struct str name, struct str *out)
{
	*out = str_make(NULL, 0);
	for (size_t i = 0; i < r->n_params; i++)
		if (str_eq(r->params[i].name, name))
			return str_starts(name, STR("HTTP_")) ? send_header(r, i, true, out)
							      : join_values(r, i, out);
	return true;
}

bool filter_vary_value(struct request *r, struct str name, struct str *out)
{
	*out = str_make(NULL, 0);
	for (size_t i = 0; i < r->n_params; i++)
		if (names_header(r->params[i].name, name))
			return send_header(r, i, true, out);
	return true;
}

/* REQUEST_URI as the key has it. */
static bool normal_uri(struct request *r, struct str *out)
{
	if (r->plan.query.n == 0) {
		*out = r->plan.normal_path;
		return true;
	}
	return arena_printf(&r->arena, out, "%.*s?%.*s", STR_ARG(r->plan.normal_path),
			    STR_ARG(r->plan.query));
}

/* Copies of the target that some web servers make (lighttpd's REDIRECT_URI). */
static bool filter_copy(struct request *r, struct str uri, struct str *out)
{
	size_t question = str_find(uri, '?');
	struct str query;

	*out = uri;
	if (question == uri.n)
		return true;
	if (!filter_query(r->plan.rule, str_sub(uri, question + 1, uri.n), &r->arena, &query))
		return false;
	return arena_printf(&r->arena, out, "%.*s%s%.*s", STR_ARG(str_sub(uri, 0, question)),
			    query.n ? "?" : "", STR_ARG(query));
}

static bool filter_param(struct request *r, size_t at, struct str *out)
{
	const struct param *in = &r->params[at];

	*out = in->value;
	if (str_eq(in->name, STR("REQUEST_URI")))
		return normal_uri(r, out);
	if (str_eq(in->name, STR("QUERY_STRING")))
		return filter_query_string(r, out);
	if (str_eq(in->name, STR("REDIRECT_URI")) || str_eq(in->name, STR("REDIRECT_URL")))
		return filter_copy(r, in->value, out);
	if (str_eq(in->name, STR("REDIRECT_QUERY_STRING")))
		return filter_query(r->plan.rule, in->value, &r->arena, out);
	return true;
}

/* How often a parameter's name is there. */
enum occurrence { ONLY, FIRST_OF_SEVERAL, AGAIN };

static int by_param(const void *a, const void *b)
{
	const struct param *x = *(const struct param *const *)a,
			   *y = *(const struct param *const *)b;
	int order = str_cmp(x->name, y->name);

	if (order == 0)
		order = x < y ? -1 : x > y;
	return order;
}

/* In the order of the parameters; NULL: memory is out. */
static unsigned char *count_names(struct request *r)
{
	const struct param **v = arena_alloc(&r->arena, (r->n_params + 1) * sizeof(*v));
	unsigned char *occurrence = arena_zalloc(&r->arena, r->n_params + 1);

	if (!v || !occurrence)
		return NULL;
	for (size_t i = 0; i < r->n_params; i++)
		v[i] = &r->params[i];
	qsort(v, r->n_params, sizeof(*v), by_param);
	for (size_t i = 1; i < r->n_params; i++) {
		size_t before = (size_t)(v[i - 1] - r->params);

		if (!str_eq(v[i]->name, v[i - 1]->name))
			continue;
		occurrence[v[i] - r->params] = AGAIN;
		if (occurrence[before] == ONLY)
			occurrence[before] = FIRST_OF_SEVERAL;
	}
	return occurrence;
}

/* Headers as they are compared: several of one name are one (RFC 3875 section 4.1.18). */
static bool filter_cacheable(struct request *r, struct param *out, size_t *n)
{
	unsigned char *occurrence = count_names(r);

	if (!occurrence)
		return false;
	for (size_t i = 0; i < r->n_params; i++) {
		struct param param = r->params[i];

		if (!str_starts(param.name, STR("HTTP_"))) {
			if (!filter_param(r, i, &param.value))
				return false;
		} else if (occurrence[i] == AGAIN) {
			continue;
		} else if (!send_header(r, i, occurrence[i] == FIRST_OF_SEVERAL, &param.value)) {
			return false;
		}
		if (param.value.p)
			out[(*n)++] = param;
	}
	return ask_params(r, out, n);
}

bool filter_params(struct request *r, struct param **out, size_t *n)
{
	*n = 0;
	*out = arena_alloc(&r->arena, (r->n_params + ASK_PARAMS + 1) * sizeof(**out));
	if (!*out)
		return false;
	/* an answer to HEAD may change what is stored for GET */
	if (r->plan.store || r->check || r->marker)
		return filter_cacheable(r, *out, n);
	for (size_t i = 0; i < r->n_params; i++)
		if (!str_eq(r->params[i].name, STR("HTTP_PROXY")))
			(*out)[(*n)++] = r->params[i];
	return true;
}
