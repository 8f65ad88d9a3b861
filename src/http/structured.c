/*
 * Structured fields: a strict scanner. Linear, no recursion.
 *
 * Each take_ function takes its piece off the front of *s, or fails, and then the field is none.
 * Lines are read one by one, which is the same as joining them with commas, but that a String which
 * ends in another line than it began is none; RFC 9651 section 4.2 leaves that one open. Two things
 * are not checked, since nobody looks into them: the padding of base64, and that what a Display
 * String escapes is UTF-8.
 */
#include "http/structured.h"

enum {
	DIGIT = 1,
	KEY_FIRST = 2, /* section 3.1.2 */
	KEY = 4,
	TOKEN_FIRST = 8, /* section 3.3.4 */
	TOKEN = 16,
	BASE64 = 32, /* section 3.3.5 */
	HEX = 64,    /* section 3.3.8: in lower case */
};
#define LOWER (KEY_FIRST | KEY | TOKEN_FIRST | TOKEN | BASE64)

static const unsigned char classes[256] = {
    ['a' ... 'f'] = LOWER | HEX,
    ['g' ... 'z'] = LOWER,
    ['A' ... 'Z'] = TOKEN_FIRST | TOKEN | BASE64,
    ['0' ... '9'] = DIGIT | KEY | TOKEN | BASE64 | HEX,
    ['*'] = KEY_FIRST | KEY | TOKEN_FIRST | TOKEN,
    ['_'] = KEY | TOKEN,
    ['-' ... '.'] = KEY | TOKEN,
    ['+'] = TOKEN | BASE64,
    ['/'] = TOKEN | BASE64,
    ['='] = BASE64,
    ['!'] = TOKEN,
    ['#' ... '\''] = TOKEN,
    [':'] = TOKEN,
    ['^'] = TOKEN,
    ['`'] = TOKEN,
    ['|'] = TOKEN,
    ['~'] = TOKEN,
};

/* '\0' at the end. */
static char first(const struct str *s)
{
	return s->n > 0 ? s->p[0] : '\0';
}

static bool take_if(struct str *s, bool is)
{
	if (s->n == 0 || !is)
		return false;
	*s = str_sub(*s, 1, s->n);
	return true;
}

static bool take(struct str *s, char c)
{
	return take_if(s, first(s) == c);
}

static bool take_of(struct str *s, int class)
{
	return take_if(s, classes[(unsigned char)first(s)] & class);
}

/* As many of a class as there are. */
static size_t take_run(struct str *s, int class)
{
	size_t before = s->n;

	while (take_of(s, class))
		;
	return before - s->n;
}

static bool take_printable(struct str *s)
{
	return take_if(s, first(s) >= 0x20 && first(s) <= 0x7e);
}

/* Section 4.2.3.3. */
static bool take_key(struct str *s, struct str *key)
{
	struct str before = *s;

	if (!take_of(s, KEY_FIRST))
		return false;
	(void)take_run(s, KEY);
	*key = str_sub(before, 0, before.n - s->n);
	return true;
}

/* Section 4.2.4: at most 15 digits, or at most 12, a point and 1 to 3. */
static enum sf_kind take_number(struct str *s)
{
	size_t whole, fraction;

	(void)take(s, '-');
	whole = take_run(s, DIGIT);
	if (!take(s, '.'))
		return whole >= 1 && whole <= 15 ? SF_INTEGER : SF_NONE;
	fraction = take_run(s, DIGIT);
	return whole >= 1 && whole <= 12 && fraction >= 1 && fraction <= 3 ? SF_OTHER : SF_NONE;
}

/* Section 4.2.5, behind the opening quote. */
static bool take_string(struct str *s)
{
	while (!take(s, '"'))
		if (take(s, '\\') ? !take(s, '"') && !take(s, '\\') : !take_printable(s))
			return false;
	return true;
}

/* Section 4.2.10, behind the '%'. */
static bool take_display_string(struct str *s)
{
	if (!take(s, '"'))
		return false;
	while (!take(s, '"'))
		if (take(s, '%') ? !take_of(s, HEX) || !take_of(s, HEX) : !take_printable(s))
			return false;
	return true;
}

/* Section 4.2.7, behind the first ':'. */
static bool take_bytes(struct str *s)
{
	(void)take_run(s, BASE64);
	return take(s, ':');
}

/* Section 4.2.3.1, with a Token (4.2.6), Boolean (4.2.8), Date (4.2.9). SF_NONE: there is none. */
static enum sf_kind take_bare_item(struct str *s)
{
	if (take(s, '"'))
		return take_string(s) ? SF_STRING : SF_NONE;
	if (take(s, '?'))
		return take(s, '1') ? SF_TRUE : take(s, '0') ? SF_FALSE : SF_NONE;
	if (take(s, ':'))
		return take_bytes(s) ? SF_OTHER : SF_NONE;
	if (take(s, '@'))
		return take_number(s) == SF_INTEGER ? SF_OTHER : SF_NONE;
	if (take(s, '%'))
		return take_display_string(s) ? SF_OTHER : SF_NONE;
	if (take_of(s, TOKEN_FIRST)) {
		(void)take_run(s, TOKEN);
		return SF_OTHER;
	}
	return take_number(s);
}

/* Section 4.2.3.2. */
static bool take_parameters(struct str *s)
{
	struct str key;

	while (take(s, ';')) {
		while (take(s, ' '))
			;
		if (!take_key(s, &key) || (take(s, '=') && !take_bare_item(s)))
			return false;
	}
	return true;
}

/* Section 4.2.1.2, behind the '('. */
static bool take_inner_list(struct str *s)
{
	for (;;) {
		while (take(s, ' '))
			;
		if (take(s, ')'))
			return true;
		if (!take_bare_item(s) || !take_parameters(s))
			return false;
		if (first(s) != ' ' && first(s) != ')')
			return false;
	}
}

/* Section 4.2.1.1, but for the parameters. */
static bool take_value(struct str *s, struct sf_member *m)
{
	struct str before = *s;

	if (take(s, '('))
		m->kind = take_inner_list(s) ? SF_OTHER : SF_NONE;
	else
		m->kind = take_bare_item(s);
	m->text = str_sub(before, 0, before.n - s->n);
	if (m->kind == SF_STRING)
		m->text = str_sub(m->text, 1, m->text.n - 1);
	return m->kind != SF_NONE;
}

/* What section 4.2.1 has between two members; or the end of the line. */
static bool take_comma(struct str *s)
{
	*s = str_trim(*s);
	if (s->n == 0)
		return true;
	if (!take(s, ','))
		return false;
	*s = str_trim(*s);
	return s->n > 0;
}

/* The next line, if this one is at its end. */
static bool find_line(const struct headers *h, struct str name, struct sf_iter *it)
{
	if (it->rest.n > 0)
		return true;
	it->line = headers_next(h, name, it->line);
	if (it->line)
		it->rest = str_trim(it->line->value);
	return it->line;
}

/* Section 4.2.1. */
bool sf_list_next(const struct headers *h, struct str name, struct sf_iter *it,
		  struct sf_member *member)
{
	*member = (struct sf_member){0};
	if (!find_line(h, name, it))
		return false;
	it->malformed =
	    !take_value(&it->rest, member) || !take_parameters(&it->rest) || !take_comma(&it->rest);
	return !it->malformed;
}

/* Section 4.2.2. */
bool sf_dictionary_next(const struct headers *h, struct str name, struct sf_iter *it,
			struct sf_member *member)
{
	*member = (struct sf_member){.kind = SF_TRUE};
	if (!find_line(h, name, it))
		return false;
	it->malformed = !take_key(&it->rest, &member->key) ||
			(take(&it->rest, '=') && !take_value(&it->rest, member)) ||
			!take_parameters(&it->rest) || !take_comma(&it->rest);
	return !it->malformed;
}
