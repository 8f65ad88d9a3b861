/*
 * Cache directives: three syntaxes, one struct. Pure, linear, no recursion.
 *
 * Cache-Control is read generously where it forbids and strictly where it allows: `private;` or
 * "no-store" in quotes still forbid, `max-age = 60` is a broken number, `public;` is nothing. A
 * targeted field is read as a structured field and thrown away as a whole when it is none, as RFC
 * 9213 wants.
 */
#include "http/directives.h"

#include "http/policy.h"
#include "http/structured.h"

static const struct directive_syntax {
	const char *name;
	bool allows; /* more is stored with it than without: only in its proper form */
	bool number;
	bool larger;  /* of two, the larger */
	int64_t bare; /* ms, without a value */
} syntaxes[DIRECTIVE_COUNT] = {
    [DIRECTIVE_NO_STORE] = {.name = "no-store"}, /* RFC 9111 sections 5.2.1.5, 5.2.2.5 */
    [DIRECTIVE_NO_CACHE] = {.name = "no-cache"}, /* 5.2.1.4, 5.2.2.4 */
    [DIRECTIVE_PRIVATE] = {.name = "private"},   /* 5.2.2.7 */
    [DIRECTIVE_PUBLIC] = {.name = "public", .allows = true},                   /* 5.2.2.9 */
    [DIRECTIVE_MUST_UNDERSTAND] = {.name = "must-understand", .allows = true}, /* 5.2.2.3 */
    [DIRECTIVE_IMMUTABLE] = {.name = "immutable", .allows = true}, /* RFC 8246 section 2 */
    [DIRECTIVE_MUST_REVALIDATE] = {.name = "must-revalidate"},     /* 5.2.2.2 */
    [DIRECTIVE_PROXY_REVALIDATE] = {.name = "proxy-revalidate"},   /* 5.2.2.8 */
    [DIRECTIVE_ONLY_IF_CACHED] = {.name = "only-if-cached"},       /* 5.2.1.7 */
    [DIRECTIVE_MAX_AGE] = {.name = "max-age", .number = true},     /* 5.2.1.1, 5.2.2.1 */
    [DIRECTIVE_S_MAXAGE] = {.name = "s-maxage", .number = true},   /* 5.2.2.10 */
    /* RFC 5861 sections 3 and 4 */
    [DIRECTIVE_STALE_WHILE_REVALIDATE] = {.name = "stale-while-revalidate", .number = true},
    [DIRECTIVE_STALE_IF_ERROR] = {.name = "stale-if-error", .number = true},
    [DIRECTIVE_MIN_FRESH] = {.name = "min-fresh", .number = true, .larger = true}, /* 5.2.1.3 */
    [DIRECTIVE_MAX_STALE] = {.name = "max-stale",
			     .number = true,
			     .bare = POLICY_TIME_MAX}, /* 5.2.1.2 */
};

/* DIRECTIVE_COUNT for an unknown one. */
static enum directive directive_named(struct str name)
{
	int i = 0;

	while (i < DIRECTIVE_COUNT && !str_ieq(name, str_of(syntaxes[i].name)))
		i++;
	return (enum directive)i;
}

static void set_number(struct directives *d, enum directive which, int64_t ms)
{
	bool keep =
	    d->has[which] && (syntaxes[which].larger ? d->ms[which] >= ms : d->ms[which] <= ms);

	if (!keep)
		d->ms[which] = ms;
	d->has[which] = true;
}

int64_t directives_seconds(struct str s)
{
	uint64_t seconds;

	for (size_t i = 0; i < s.n; i++)
		if (!ascii_digit(s.p[i]))
			return 0;
	if (s.n == 0)
		return 0;
	if (!str_to_u64(s, &seconds) || seconds >= POLICY_TIME_MAX / 1000)
		return POLICY_TIME_MAX;
	return (int64_t)seconds * 1000;
}

/* ------------------------------------------------------------------ lists of fields */

/* #field-name of RFC 9111 section 5.2.2.4, of one name or more. */
static bool is_field_list(struct str list)
{
	bool any = false;
	struct str name;

	while (str_split(&list, ',', &name)) {
		name = str_trim(name);
		if (name.n > 0 && !http_is_token(name))
			return false;
		any = any || name.n > 0;
	}
	return any;
}

/* A no-cache that lists fields; false: what it says is no list, or there are too many. */
static bool add_list(struct directives *d, struct str list)
{
	if (d->n_lists == DIRECTIVES_LISTS || !is_field_list(list))
		return false;
	d->lists[d->n_lists++] = list;
	return true;
}

bool directives_withhold(const struct directives *d, struct str name)
{
	for (size_t i = 0; i < d->n_lists; i++) {
		struct str list = d->lists[i], listed;

		while (str_split(&list, ',', &listed))
			if (name.n > 0 && str_ieq(str_trim(listed), name))
				return true;
	}
	return false;
}

/* ------------------------------------------------------------------ Cache-Control */

struct element {
	struct str name; /* the token in front, without an opening quote or blanks */
	struct str value;
	bool has_value; /* there is a '='; value is what follows the first of them */
	bool proper;    /* nothing but the name stands in front of the '=', or of the end */
};

static struct element split_element(struct str s)
{
	bool quoted = str_starts(s, STR("\""));
	size_t at, n = 0;

	if (quoted)
		s = str_trim(str_sub(s, 1, s.n));
	at = str_find(s, '=');
	while (n < at && http_is_token(str_sub(s, n, n + 1)))
		n++;
	return (struct element){
	    .name = str_sub(s, 0, n),
	    .value = str_sub(s, at + 1, s.n),
	    .has_value = at < s.n,
	    .proper = !quoted && n == at,
	};
}

static bool is_quoted(struct str s)
{
	return s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"';
}

/* token and quoted-string mean the same (RFC 9111 section 5.2). */
static struct str unquote(struct str s)
{
	return is_quoted(s) ? str_sub(s, 1, s.n - 1) : s;
}

/* "3600.5" is taken at its whole seconds. */
static struct str without_fraction(struct str s)
{
	size_t dot = str_find(s, '.');

	for (size_t i = dot + 1; i < s.n; i++)
		if (!ascii_digit(s.p[i]))
			return s;
	return dot + 1 < s.n ? str_sub(s, 0, dot) : s;
}

static int64_t number_of(enum directive which, const struct element *e)
{
	if (!e->proper)
		return 0;
	return e->has_value ? directives_seconds(without_fraction(unquote(e->value)))
			    : syntaxes[which].bare;
}

/* A list is a quoted-string, or a single token. */
static bool adds_list(struct directives *d, const struct element *e)
{
	return e->proper && e->has_value && (is_quoted(e->value) || http_is_token(e->value)) &&
	       add_list(d, unquote(e->value));
}

/* sure: it is certain where the element ends. */
static void add_element(struct directives *d, struct str s, bool sure)
{
	struct element e = split_element(s);
	enum directive which = directive_named(e.name);

	if (which == DIRECTIVE_COUNT)
		return;
	if (syntaxes[which].allows && !(e.proper && sure))
		return;
	if (which == DIRECTIVE_NO_CACHE && sure && adds_list(d, &e))
		return;
	if (syntaxes[which].number)
		set_number(d, which, number_of(which, &e));
	d->has[which] = true;
}

/*
 * An element with an open quote is the value's last, since it takes all that follows: its commas
 * are read as if there were no quote.
 */
static void add_unclosed(struct directives *d, struct str element)
{
	struct str piece;

	while (str_split(&element, ',', &piece))
		add_element(d, str_trim(piece), false);
}

void directives_add(struct directives *d, struct str value)
{
	struct str element;

	while (list_next(&value, &element)) {
		if (!http_quotes_close(element))
			add_unclosed(d, element);
		else
			add_element(d, element, true);
	}
}

void directives_read(struct directives *d, const struct headers *h, struct str name)
{
	const struct header *line = NULL;

	while ((line = headers_next(h, name, line)))
		directives_add(d, line->value);
}

/* ------------------------------------------------------------------ Surrogate-Control */

static void add_surrogate(struct directives *d, struct str s)
{
	struct element e = split_element(s);
	struct str seconds;

	if (!e.proper || directive_named(e.name) != DIRECTIVE_MAX_AGE ||
	    str_find(e.value, '+') == e.value.n) {
		add_element(d, s, true);
		return;
	}
	str_split(&e.value, '+', &seconds);
	set_number(d, DIRECTIVE_MAX_AGE, directives_seconds(seconds));
	set_number(d, DIRECTIVE_STALE_WHILE_REVALIDATE, directives_seconds(e.value));
}

void directives_read_surrogate(struct directives *d, const struct headers *h, struct str name)
{
	struct list_iter it = {0};
	struct str element;

	while (headers_list_next(h, name, &it, &element))
		if (str_find(element, ';') == element.n)
			add_surrogate(d, element);
	if (d->n_lists > 0) /* it knows no lists */
		d->has[DIRECTIVE_NO_CACHE] = true;
	d->n_lists = 0;
}

/* ------------------------------------------------------------------ targeted fields */

/* The last of a key counts. `?0` takes a directive back. */
static void set_targeted(struct directives *d, const struct sf_member *m)
{
	enum directive which = directive_named(m->key);

	if (which == DIRECTIVE_COUNT)
		return;
	d->has[which] = syntaxes[which].allows ? m->kind == SF_TRUE : m->kind != SF_FALSE;
	if (syntaxes[which].number)
		d->ms[which] = m->kind == SF_INTEGER ? directives_seconds(m->text) : 0;
	if (which == DIRECTIVE_NO_CACHE) {
		d->n_lists = 0;
		if (m->kind == SF_STRING && add_list(d, m->text))
			d->has[which] = false;
	}
}

bool directives_read_targeted(struct directives *d, const struct headers *h, struct str name)
{
	struct sf_iter it = {0};
	struct sf_member member;
	bool any = false;

	*d = (struct directives){0};
	for (; sf_dictionary_next(h, name, &it, &member); any = true)
		set_targeted(d, &member);
	if (it.malformed)
		*d = (struct directives){0};
	return any && !it.malformed;
}

bool directives_read_response(struct directives *d, const struct headers *h)
{
	if (directives_read_targeted(d, h, STR("CDN-Cache-Control")))
		return true;
	directives_read(d, h, STR("Cache-Control"));
	return false;
}
