/*
 * One table says which request headers are kept back although a rule does not name them: those by
 * which applications are known to change a page and that no client needs to send. Whatever a rule
 * puts into the key (its template, its vary list) goes through.
 */
#include "flow/filter.h"

#include <stdlib.h>

#include "http/uri.h"

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

static bool join_cookies(struct request *r, struct cookie *v, size_t n)
{
	size_t size = 0;
	char *p, *start;

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
	r->plan.cookies = str_make(start, (size_t)(p - start));
	return true;
}

bool filter_cookies(struct request *r)
{
	const struct rule *rule = r->plan.rule;
	struct str rest = r->known[KNOWN_COOKIE];
	struct cookie cookie, *kept;
	size_t count = 0, n = 0;

	r->plan.cookies = STR("");
	if (rest.n == 0)
		return true;
	while (cookie_next(&rest, &cookie))
		count++;
	kept = arena_alloc(&r->arena, (count + 1) * sizeof(*kept));
	if (!kept)
		return false;
	rest = r->known[KNOWN_COOKIE];
	while (cookie_next(&rest, &cookie)) {
		bool bypass = words_match(&rule->bypass_cookies, cookie.name);

		if (!bypass && is_key_cookie(rule, cookie.name)) {
			kept[n++] = cookie;
		} else if (bypass || !words_match(&rule->ignore_cookies, cookie.name)) {
			r->plan.reason = REASON_COOKIE;
			r->plan.reason_arg = cookie.name;
			return true;
		}
	}
	return join_cookies(r, kept, n);
}

/* Content codings that a stored page may come in, in the order in which they are asked for. */
static const struct str codings[] = {STR("br"), STR("zstd"), STR("gzip"), STR("deflate")};

/* ";q=0", ";q=0.000": not wanted. */
static bool is_refused(struct str params)
{
	struct str param;

	while (str_split(&params, ';', &param)) {
		param = str_trim(param);
		if (!str_istarts(param, STR("q=")))
			continue;
		for (size_t i = 2; i < param.n; i++)
			if (param.p[i] != '0' && param.p[i] != '.')
				return false;
		return true;
	}
	return false;
}

/* Accept-Encoding in one spelling for each set of codings, so that it makes few variants. */
static bool normal_encoding(struct arena *a, struct str value, struct str *out)
{
	bool wanted[ARRAY_LEN(codings)] = {false};
	struct str rest = value, part, text = STR("");

	while (str_split(&rest, ',', &part)) {
		size_t semicolon = str_find(part, ';');
		struct str name = str_trim(str_sub(part, 0, semicolon));

		for (size_t i = 0; i < ARRAY_LEN(codings); i++)
			if (str_ieq(name, codings[i]))
				wanted[i] = !is_refused(str_sub(part, semicolon + 1, part.n));
	}
	for (size_t i = 0; i < ARRAY_LEN(codings); i++) {
		if (wanted[i] && !arena_printf(a, &text, "%.*s%s%.*s", STR_ARG(text),
					       text.n ? ", " : "", STR_ARG(codings[i])))
			return false;
	}
	*out = text.n ? text : str_make(NULL, 0);
	return true;
}

bool filter_header(struct request *r, const struct param *in, struct str *out)
{
	struct str name = str_sub(in->name, 5, in->name.n);

	*out = in->value;
	if (str_eq(name, STR("PROXY"))) {
		*out = str_make(NULL, 0);
	} else if (str_eq(name, STR("COOKIE"))) {
		*out = r->plan.cookies.n ? r->plan.cookies : str_make(NULL, 0);
	} else if (str_eq(name, STR("ACCEPT_ENCODING"))) {
		return normal_encoding(&r->arena, in->value, out);
	} else if (is_kept_back(name) && !is_in_key(r->plan.rule, in->name)) {
		*out = str_make(NULL, 0);
	}
	return true;
}

/* Adds one more value of a parameter to those before it. */
static bool add_value(struct request *r, const struct param *in, struct str *out)
{
	struct str value = in->value;

	if (str_starts(in->name, STR("HTTP_")) && !filter_header(r, in, &value))
		return false;
	if (!value.p)
		return true;
	if (!out->p) {
		*out = value;
		return true;
	}
	return arena_printf(&r->arena, out, "%.*s, %.*s", STR_ARG(*out), STR_ARG(value));
}

bool filter_values(struct request *r, struct str name, struct str *out)
{
	*out = str_make(NULL, 0);
	for (size_t i = 0; i < r->n_params; i++)
		if (str_eq(r->params[i].name, name) && !add_value(r, &r->params[i], out))
			return false;
	return true;
}

bool filter_vary_value(struct request *r, struct str name, struct str *out)
{
	*out = str_make(NULL, 0);
	for (size_t i = 0; i < r->n_params; i++)
		if (names_header(r->params[i].name, name) && !add_value(r, &r->params[i], out))
			return false;
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

static bool filter_param(struct request *r, const struct param *in, struct str *out)
{
	*out = in->value;
	if (str_starts(in->name, STR("HTTP_")))
		return filter_header(r, in, out);
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

bool filter_params(struct request *r, struct param **out, size_t *n)
{
	bool cacheable = r->plan.store;

	*n = 0;
	*out = arena_alloc(&r->arena, (r->n_params + 1) * sizeof(**out));
	if (!*out)
		return false;
	for (size_t i = 0; i < r->n_params; i++) {
		struct param param = r->params[i];

		if (cacheable && !filter_param(r, &r->params[i], &param.value))
			return false;
		if (!param.value.p || (!cacheable && str_eq(param.name, STR("HTTP_PROXY"))))
			continue;
		(*out)[(*n)++] = param;
	}
	return true;
}
