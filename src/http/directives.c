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

static bool quote_stays_open(struct str s)
{
	bool open = false;

	for (size_t i = 0; i < s.n; i++) {
		if (open && s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			open = !open;
	}
	return open;
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
		if (quote_stays_open(element))
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

/* ------------------------------------------------------------------ structured fields */

/*
 * RFC 8941 section 4.2: each function takes its piece off the front of *s or returns false, and
 * then the field is none. Only what directives need of a value is kept.
 */
enum sf_type { SF_INTEGER, SF_FALSE, SF_TRUE, SF_STRING, SF_OTHER };

struct sf_value {
	enum sf_type type;
	/* SF_INTEGER: digits, empty when negative; SF_STRING: as written, without its quotes */
	struct str text;
};

static bool sf_at(const struct str *s, char c)
{
	return s->n > 0 && s->p[0] == c;
}

static void sf_skip(struct str *s, size_t n)
{
	*s = str_sub(*s, n, s->n);
}

static bool sf_take(struct str *s, char c)
{
	if (!sf_at(s, c))
		return false;
	sf_skip(s, 1);
	return true;
}

static void sf_skip_sp(struct str *s)
{
	while (sf_take(s, ' '))
		;
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_alpha(char c)
{
	return is_lower(ascii_lower(c));
}

/* 4.2.3.3: a key is in lower case. */
static bool sf_take_key(struct str *s, struct str *key)
{
	size_t n = 0;

	if (s->n == 0 || !(is_lower(s->p[0]) || s->p[0] == '*'))
		return false;
	while (n < s->n &&
	       (is_lower(s->p[n]) || ascii_digit(s->p[n]) || memchr("_-.*", s->p[n], 4)))
		n++;
	*key = str_sub(*s, 0, n);
	sf_skip(s, n);
	return true;
}

static size_t sf_digits(struct str s)
{
	size_t n = 0;

	while (n < s.n && ascii_digit(s.p[n]))
		n++;
	return n;
}

/* 4.2.4: at most 15 digits, or at most 12, a point and 1 to 3. */
static bool sf_take_number(struct str *s, struct sf_value *value)
{
	bool negative = sf_take(s, '-');
	size_t n = sf_digits(*s), fraction;

	value->type = SF_INTEGER;
	value->text = negative ? str_make(NULL, 0) : str_sub(*s, 0, n);
	if (n == 0 || n > 15)
		return false;
	sf_skip(s, n);
	if (!sf_take(s, '.'))
		return true;
	fraction = sf_digits(*s);
	value->type = SF_OTHER;
	sf_skip(s, fraction);
	return n <= 12 && fraction >= 1 && fraction <= 3;
}

/* 4.2.5 */
static bool sf_take_string(struct str *s, struct sf_value *value)
{
	struct str all = *s;

	for (sf_skip(s, 1); s->n > 0; sf_skip(s, 1)) {
		if (sf_take(s, '"')) {
			value->type = SF_STRING;
			value->text = str_sub(all, 1, all.n - s->n - 1);
			return true;
		}
		if (s->p[0] < 0x20 || s->p[0] > 0x7e)
			return false;
		if (sf_take(s, '\\') && !sf_at(s, '"') && !sf_at(s, '\\'))
			return false;
	}
	return false;
}

/* 4.2.6 */
static bool sf_take_token(struct str *s)
{
	size_t n = 1;

	while (n < s->n &&
	       (s->p[n] == ':' || s->p[n] == '/' || http_is_token(str_sub(*s, n, n + 1))))
		n++;
	sf_skip(s, n);
	return true;
}

/* 4.2.7, but that the base64 is not decoded */
static bool sf_take_bytes(struct str *s)
{
	for (sf_skip(s, 1); s->n > 0; sf_skip(s, 1)) {
		char c = s->p[0];

		if (sf_take(s, ':'))
			return true;
		if (!is_alpha(c) && !ascii_digit(c) && c != '+' && c != '/' && c != '=')
			return false;
	}
	return false;
}

/* 4.2.8 */
static bool sf_take_boolean(struct str *s, struct sf_value *value)
{
	sf_skip(s, 1);
	value->type = sf_at(s, '1') ? SF_TRUE : SF_FALSE;
	return sf_take(s, '1') || sf_take(s, '0');
}

/* 4.2.3.1 */
static bool sf_take_bare_item(struct str *s, struct sf_value *value)
{
	char c = s->n > 0 ? s->p[0] : '\0';

	value->type = SF_OTHER;
	if (c == '-' || ascii_digit(c))
		return sf_take_number(s, value);
	if (c == '?')
		return sf_take_boolean(s, value);
	if (c == '"')
		return sf_take_string(s, value);
	if (c == ':')
		return sf_take_bytes(s);
	return (c == '*' || is_alpha(c)) && sf_take_token(s);
}

/* 4.2.3.2; RFC 9213 section 2.1 has parameters ignored. */
static bool sf_take_parameters(struct str *s)
{
	struct sf_value ignored;
	struct str key;

	while (sf_take(s, ';')) {
		sf_skip_sp(s);
		if (!sf_take_key(s, &key))
			return false;
		if (sf_take(s, '=') && !sf_take_bare_item(s, &ignored))
			return false;
	}
	return true;
}

/* 4.2.1.2 */
static bool sf_take_inner_list(struct str *s)
{
	struct sf_value ignored;

	for (sf_skip(s, 1); s->n > 0;) {
		sf_skip_sp(s);
		if (sf_take(s, ')'))
			return true;
		if (!sf_take_bare_item(s, &ignored) || !sf_take_parameters(s))
			return false;
		if (!sf_at(s, ' ') && !sf_at(s, ')'))
			return false;
	}
	return false;
}

/* 4.2.2, one member */
static bool sf_take_member(struct str *s, struct str *key, struct sf_value *value)
{
	value->type = SF_TRUE;
	if (!sf_take_key(s, key))
		return false;
	if (sf_take(s, '=')) {
		value->type = SF_OTHER;
		if (sf_at(s, '(') ? !sf_take_inner_list(s) : !sf_take_bare_item(s, value))
			return false;
	}
	return sf_take_parameters(s);
}

/* ------------------------------------------------------------------ targeted fields */

/* A key given twice has its last value (RFC 8941 section 3.2). `?0` takes a directive back. */
static void set_targeted(struct directives *d, struct str key, const struct sf_value *value)
{
	enum directive which = directive_named(key);

	if (which == DIRECTIVE_COUNT)
		return;
	d->has[which] = syntaxes[which].allows ? value->type == SF_TRUE : value->type != SF_FALSE;
	if (syntaxes[which].number)
		d->ms[which] = value->type == SF_INTEGER ? directives_seconds(value->text) : 0;
	if (which == DIRECTIVE_NO_CACHE) {
		d->n_lists = 0;
		if (value->type == SF_STRING && add_list(d, value->text))
			d->has[which] = false;
	}
}

static bool add_targeted(struct directives *d, struct str line)
{
	struct sf_value value = {0};
	struct str key;

	for (;;) {
		if (!sf_take_member(&line, &key, &value))
			return false;
		set_targeted(d, key, &value);
		line = str_trim(line);
		if (line.n == 0)
			return true;
		if (!sf_take(&line, ','))
			return false;
		line = str_trim(line);
	}
}

bool directives_read_targeted(struct directives *d, const struct headers *h, struct str name)
{
	const struct header *line = NULL;
	bool any = false;

	*d = (struct directives){0};
	while ((line = headers_next(h, name, line))) {
		if (!add_targeted(d, line->value)) {
			*d = (struct directives){0};
			return false;
		}
		any = true;
	}
	return any;
}

bool directives_read_response(struct directives *d, const struct headers *h)
{
	if (directives_read_targeted(d, h, STR("CDN-Cache-Control")))
		return true;
	directives_read(d, h, STR("Cache-Control"));
	return false;
}
