/*
 * Header values in one spelling. A table says by which of five ways a name is read; each way either
 * writes the value anew into the arena or leaves it as it came. Pure; linear, but for the sorting
 * of languages.
 *
 * What cannot be read is never repaired: it stays as it came and so stands for itself alone.
 */
#include "http/vary.h"

#include <stdlib.h>

#include "http/headers.h"

enum spelling { WORDS, CODINGS, LANGUAGES, MEDIA, AS_IT_CAME };

/* WORDS for every other name. */
static const struct {
	struct str name;
	enum spelling spelling;
} spellings[] = {
    {STR("accept-encoding"), CODINGS},        /* RFC 9110 section 12.5.3 */
    {STR("accept-language"), LANGUAGES},      /* 12.5.4 */
    {STR("accept"), MEDIA},                   /* 12.5.1 */
    {STR("accept-charset"), MEDIA},           /* 12.5.2 */
    {STR("user-agent"), AS_IT_CAME},          /* 10.1.5: comments */
    {STR("referer"), AS_IT_CAME},             /* 10.1.3: a URL */
    {STR("authorization"), AS_IT_CAME},       /* 11.6.2 */
    {STR("proxy-authorization"), AS_IT_CAME}, /* 11.7.2 */
    {STR("cookie"), AS_IT_CAME},              /* RFC 6265 section 5.4 */
    {STR("date"), AS_IT_CAME},                /* 5.6.7: the comma of a date */
    {STR("accept-datetime"), AS_IT_CAME},     /* RFC 7089 section 2.1.1 */
    {STR("if-modified-since"), AS_IT_CAME},   /* 13.1.3 */
    {STR("if-unmodified-since"), AS_IT_CAME}, /* 13.1.4 */
    {STR("if-range"), AS_IT_CAME},            /* 13.1.5 */
    {STR("if-match"), AS_IT_CAME},            /* 8.8.3: a backslash escapes nothing */
    {STR("if-none-match"), AS_IT_CAME},
};

static enum spelling spelling_of(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(spellings); i++)
		if (str_eq(spellings[i].name, name))
			return spellings[i].spelling;
	return WORDS;
}

/* ------------------------------------------------------------------ text */

/* Being written; whoever makes one knows how long it can become. */
struct text {
	char *p;
	size_t n;
};

static void put(struct text *t, struct str s)
{
	if (s.n)
		memcpy(t->p + t->n, s.p, s.n);
	t->n += s.n;
}

static void put_lower(struct text *t, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		t->p[t->n++] = ascii_lower(s.p[i]);
}

/* What was written, unless it is what came. */
static struct str finish(const struct text *t, struct str value)
{
	struct str text = str_make(t->p, t->n);

	return str_eq(text, value) ? value : text;
}

/* ------------------------------------------------------------------ quotes */

/* Takes what is in front of the next sep outside quotes, trimmed; false when nothing is left. */
static bool take_part(struct str *rest, char sep, struct str *part)
{
	size_t end = http_find_unquoted(*rest, sep);

	if (rest->n == 0)
		return false;
	*part = str_trim(str_sub(*rest, 0, end));
	*rest = str_sub(*rest, end + 1, rest->n);
	return true;
}

/* The same, empty ones passed over. */
static bool take_element(struct str *rest, char sep, struct str *element)
{
	while (take_part(rest, sep, element))
		if (element->n > 0)
			return true;
	return false;
}

/* ------------------------------------------------------------------ words */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Outside quotes nothing but tokens and what stands between them and their parameters. */
static bool is_list_of_words(struct str s)
{
	bool quoted = false;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && !is_blank(c) && !memchr(",;=", c, 3) &&
			 !http_is_token(str_sub(s, i, i + 1)))
			return false;
	}
	return !quoted;
}

static bool normalise_words(struct arena *a, struct str value, struct str *out)
{
	struct str rest = str_trim(value), element;
	struct text t = {0};

	*out = rest;
	if (str_find(rest, ',') == rest.n || !is_list_of_words(rest))
		return true;
	t.p = arena_alloc(a, rest.n * 2); /* a blank behind each comma */
	if (!t.p)
		return false;
	while (take_element(&rest, ',', &element)) {
		put(&t, t.n ? STR(", ") : STR(""));
		put(&t, element);
	}
	*out = finish(&t, *out);
	return true;
}

/* ------------------------------------------------------------------ Accept, Accept-Charset */

/*
 * A type, a charset or a parameter (RFC 9110 section 5.6.6). Its name may be written in any case;
 * whether its value may, only those know who defined it.
 */
static bool put_media_part(struct text *t, struct str part)
{
	size_t equals = http_find_unquoted(part, '=');

	if (http_find_unquoted(part, ' ') < part.n || http_find_unquoted(part, '\t') < part.n)
		return false;
	if (str_find(part, '"') < equals)
		equals = str_find(part, '"');
	put_lower(t, str_sub(part, 0, equals));
	put(t, str_sub(part, equals, part.n));
	return true;
}

static bool put_media_range(struct text *t, struct str element)
{
	struct str part;

	if (!take_part(&element, ';', &part) || part.n == 0 || !put_media_part(t, part))
		return false;
	while (take_element(&element, ';', &part)) {
		put(t, STR(";"));
		if (!put_media_part(t, part))
			return false;
	}
	return true;
}

static bool normalise_media(struct arena *a, struct str value, struct str *out)
{
	struct str rest = value, element;
	struct text t = {0};

	*out = value;
	if (!http_quotes_close(value))
		return true;
	t.p = arena_alloc(a, value.n * 2);
	if (!t.p)
		return false;
	while (take_element(&rest, ',', &element)) {
		put(&t, t.n ? STR(", ") : STR(""));
		if (!put_media_range(&t, element))
			return true;
	}
	*out = finish(&t, value);
	return true;
}

/* ------------------------------------------------------------------ Accept-Encoding */

/* Content codings that a stored page may come in, in the order in which they are asked for. */
static const struct str codings[] = {STR("br"), STR("zstd"), STR("gzip"), STR("deflate")};
#define CODINGS_LENGTH_MAX 64u /* all of them, and what is between them */

/* ARRAY_LEN(codings) for an unknown one. */
static size_t coding_named(struct str name)
{
	size_t i = 0;

	if (str_istarts(name, STR("x-gzip")) && name.n == 6) /* RFC 9110 section 8.4.1.3 */
		name = str_sub(name, 2, name.n);
	while (i < ARRAY_LEN(codings) && !str_ieq(name, codings[i]))
		i++;
	return i;
}

/* ";q=0", ";q=0.000": not wanted. A weight that is none refuses nothing. */
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
		return param.n > 2;
	}
	return false;
}

static bool normalise_codings(struct arena *a, struct str value, struct str *out)
{
	bool wanted[ARRAY_LEN(codings) + 1] = {false};
	struct str rest = value, part;
	struct text t = {arena_alloc(a, CODINGS_LENGTH_MAX), 0};

	if (!t.p)
		return false;
	while (str_split(&rest, ',', &part)) {
		size_t semicolon = str_find(part, ';');
		size_t coding = coding_named(str_trim(str_sub(part, 0, semicolon)));

		if (!is_refused(str_sub(part, semicolon + 1, part.n)))
			wanted[coding] = true;
	}
	for (size_t i = 0; i < ARRAY_LEN(codings); i++) {
		if (!wanted[i])
			continue;
		put(&t, t.n ? STR(", ") : STR(""));
		put(&t, codings[i]);
	}
	*out = t.n ? finish(&t, value) : str_make(NULL, 0);
	return true;
}

/* ------------------------------------------------------------------ Accept-Language */

struct range {
	struct str tag;
	unsigned weight; /* in thousandths */
};

/* qvalue of RFC 9110 section 12.4.2: 0..1, at most three digits behind the point. */
static bool read_weight(struct str s, unsigned *weight)
{
	unsigned scale = 1000;

	*weight = 0;
	if (s.n == 0 || s.n > 5 || (s.n > 1 && s.p[1] != '.'))
		return false;
	for (size_t i = 0; i < s.n; i += i ? 1 : 2, scale /= 10) {
		if (!ascii_digit(s.p[i]))
			return false;
		*weight += (unsigned)(s.p[i] - '0') * scale;
	}
	return *weight <= 1000;
}

/* A basic language range of RFC 4647 section 2.1. */
static bool is_language_range(struct str s)
{
	size_t run = 0;
	bool digits = false; /* not in the first subtag */

	if (str_eq(s, STR("*")))
		return true;
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);

		if (c == '-' && run > 0) {
			run = 0;
			digits = true;
		} else if (!((c >= 'a' && c <= 'z') || (digits && ascii_digit(c))) || ++run > 8) {
			return false;
		}
	}
	return run > 0;
}

static bool read_range(struct str element, struct range *range)
{
	size_t semicolon = str_find(element, ';');
	struct str weight = str_trim(str_sub(element, semicolon + 1, element.n));

	range->tag = str_trim(str_sub(element, 0, semicolon));
	range->weight = 1000;
	if (!is_language_range(range->tag))
		return false;
	if (semicolon == element.n)
		return true;
	return str_istarts(weight, STR("q=")) &&
	       read_weight(str_sub(weight, 2, weight.n), &range->weight);
}

/* How many there are; 0 too if one of them is none. */
static size_t count_ranges(struct str value)
{
	struct range range;
	struct str element;
	size_t n = 0;

	while (take_element(&value, ',', &element)) {
		if (!read_range(element, &range))
			return 0;
		n++;
	}
	return n;
}

/* Of one tag the greater weight first. */
static int by_tag(const void *a, const void *b)
{
	const struct range *x = a, *y = b;
	int order = str_cmp(x->tag, y->tag);

	return order ? order : (x->weight < y->weight) - (x->weight > y->weight);
}

static int by_weight(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return str_cmp(x->tag, y->tag);
}

/* In their order, each tag once. Returns how many are left of them. */
static size_t sort_ranges(struct range *v, size_t n)
{
	size_t kept = 0;

	qsort(v, n, sizeof(*v), by_tag);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || !str_eq(v[kept - 1].tag, v[i].tag))
			v[kept++] = v[i];
	qsort(v, kept, sizeof(*v), by_weight);
	return kept;
}

#define WEIGHT_LENGTH_MAX 8u /* ";q=0.125" */

static void put_weight(struct text *t, unsigned weight)
{
	if (weight == 1000)
		return;
	put(t, weight ? STR(";q=0.") : STR(";q=0"));
	for (unsigned scale = 100; weight > 0; scale /= 10) {
		t->p[t->n++] = (char)('0' + weight / scale);
		weight %= scale;
	}
}

static bool normalise_languages(struct arena *a, struct str value, struct str *out)
{
	size_t n = count_ranges(value), i = 0;
	struct text lower = {0}, t = {0};
	struct range *v;
	struct str rest, element;

	*out = value;
	if (n == 0)
		return true;
	v = arena_alloc(a, n * sizeof(*v));
	lower.p = arena_alloc(a, value.n);
	t.p = arena_alloc(a, value.n + n * (WEIGHT_LENGTH_MAX + 2));
	if (!v || !lower.p || !t.p)
		return false;
	put_lower(&lower, value);
	rest = str_make(lower.p, lower.n);
	while (i < n && take_element(&rest, ',', &element) && read_range(element, &v[i]))
		i++;
	CHECK(i == n);
	n = sort_ranges(v, n);
	for (i = 0; i < n; i++) {
		put(&t, t.n ? STR(", ") : STR(""));
		put(&t, v[i].tag);
		put_weight(&t, v[i].weight);
	}
	*out = finish(&t, value);
	return true;
}

struct str vary_preferred_language(struct str normalised)
{
	struct range first, second;
	struct str element;

	if (count_ranges(normalised) == 0 || !take_element(&normalised, ',', &element) ||
	    !read_range(element, &first))
		return str_make(NULL, 0);
	if (first.weight == 0 || str_eq(first.tag, STR("*")))
		return str_make(NULL, 0);
	if (take_element(&normalised, ',', &element) && read_range(element, &second) &&
	    second.weight == first.weight)
		return str_make(NULL, 0);
	return first.tag;
}

/* ------------------------------------------------------------------ any */

bool vary_normalise(struct arena *a, struct str name, struct str value, struct str *out)
{
	switch (spelling_of(name)) {
	case CODINGS:
		return normalise_codings(a, value, out);
	case LANGUAGES:
		return normalise_languages(a, value, out);
	case MEDIA:
		return normalise_media(a, value, out);
	case WORDS:
		return normalise_words(a, value, out);
	case AS_IT_CAME:
		break;
	}
	*out = value;
	return true;
}
