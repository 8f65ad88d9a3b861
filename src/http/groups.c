/*
 * Cache groups: a structured field whose members are Strings. Pure, linear, no recursion.
 *
 * The field is read twice, first to check and count it, then to write an array of the right size:
 * so a field that is none costs the arena nothing. Lines are read one by one, which is the same as
 * joining them, but that a String which ends in another line than it began is none; RFC 9651
 * section 4.2 leaves that one open.
 */
#include "http/groups.h"

/* ------------------------------------------------------------------ structured fields */

/*
 * RFC 9651 section 4.2: each function takes its piece off the front of *s or returns false, and
 * then the field is none.
 */
enum {
	DIGIT = 1,
	KEY_FIRST = 2, /* section 3.1.2 */
	KEY = 4,
	TOKEN_FIRST = 8, /* section 3.3.4 */
	TOKEN = 16,
	BASE64 = 32, /* section 3.3.5 */
};
#define LOWER (KEY_FIRST | KEY | TOKEN_FIRST | TOKEN | BASE64)
#define UPPER (TOKEN_FIRST | TOKEN | BASE64)

static const unsigned char classes[256] = {
    ['a' ... 'z'] = LOWER,
    ['A' ... 'Z'] = UPPER,
    ['0' ... '9'] = DIGIT | KEY | TOKEN | BASE64,
    ['*'] = KEY_FIRST | KEY | TOKEN_FIRST | TOKEN,
    ['_'] = KEY | TOKEN,
    ['-'] = KEY | TOKEN,
    ['.'] = KEY | TOKEN,
    ['+'] = TOKEN | BASE64,
    ['/'] = TOKEN | BASE64,
    ['='] = BASE64,
    [':'] = TOKEN,
    ['!'] = TOKEN,
    ['#'] = TOKEN,
    ['$'] = TOKEN,
    ['%'] = TOKEN,
    ['&'] = TOKEN,
    ['\''] = TOKEN,
    ['^'] = TOKEN,
    ['`'] = TOKEN,
    ['|'] = TOKEN,
    ['~'] = TOKEN,
};

static bool at(const struct str *s, int class)
{
	return s->n > 0 && (classes[(unsigned char)s->p[0]] & class);
}

static void skip(struct str *s)
{
	*s = str_sub(*s, 1, s->n);
}

static bool take(struct str *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	skip(s);
	return true;
}

/* As many of a class as there are. */
static size_t take_run(struct str *s, int class)
{
	size_t before = s->n;

	while (at(s, class))
		skip(s);
	return before - s->n;
}

/* Section 4.2.5. *raw: what stands between the quotes, escapes and all. */
static bool take_string(struct str *s, struct str *raw)
{
	const char *start;

	if (!take(s, '"'))
		return false;
	for (start = s->p; s->n > 0; skip(s)) {
		*raw = str_make(start, (size_t)(s->p - start));
		if (take(s, '"'))
			return true;
		if (s->p[0] < 0x20 || s->p[0] > 0x7e)
			return false;
		if (take(s, '\\') && (s->n == 0 || (s->p[0] != '"' && s->p[0] != '\\')))
			return false;
	}
	return false;
}

/* Section 4.2.4: at most 15 digits, or at most 12, a point and 1 to 3. */
static bool take_number(struct str *s)
{
	size_t whole, fraction;

	(void)take(s, '-');
	whole = take_run(s, DIGIT);
	if (whole == 0 || whole > 15 || !take(s, '.'))
		return whole > 0 && whole <= 15;
	fraction = take_run(s, DIGIT);
	return whole <= 12 && fraction >= 1 && fraction <= 3;
}

/* Section 4.2.9: an Integer behind the '@'. */
static bool take_date(struct str *s)
{
	struct str before = *s;

	return take_number(s) &&
	       str_find(str_sub(before, 0, before.n - s->n), '.') == before.n - s->n;
}

/* Section 4.2.10, behind the '%', but that what is escaped need not be UTF-8. */
static bool take_display_string(struct str *s)
{
	if (!take(s, '"'))
		return false;
	for (; s->n > 0; skip(s)) {
		if (take(s, '"'))
			return true;
		if (s->p[0] < 0x20 || s->p[0] > 0x7e)
			return false;
		for (int digits = s->p[0] == '%' ? 2 : 0; digits > 0; digits--) {
			skip(s);
			if (s->n == 0 || ascii_hex(s->p[0]) < 0 || ascii_lower(s->p[0]) != s->p[0])
				return false;
		}
	}
	return false;
}

/* Section 4.2.3.1; base64 is not decoded. */
static bool take_bare_item(struct str *s)
{
	struct str ignored;

	if (take(s, '?'))
		return take(s, '0') || take(s, '1');
	if (take(s, '@'))
		return take_date(s);
	if (take(s, '%'))
		return take_display_string(s);
	if (take(s, ':')) {
		(void)take_run(s, BASE64);
		return take(s, ':');
	}
	if (at(s, TOKEN_FIRST))
		return take_run(s, TOKEN) > 0;
	return s->n > 0 && s->p[0] == '"' ? take_string(s, &ignored) : take_number(s);
}

/* Section 4.2.3.2; RFC 9875 sections 2 and 3 have them ignored. */
static bool take_parameters(struct str *s)
{
	while (take(s, ';')) {
		while (take(s, ' '))
			;
		if (!at(s, KEY_FIRST))
			return false;
		(void)take_run(s, KEY);
		if (take(s, '=') && !take_bare_item(s))
			return false;
	}
	return true;
}

/*
 * Section 4.2.1, one line of it: its members behind the *n that are in v; with v NULL they are only
 * counted.
 */
static bool read_line(struct str line, struct str *v, size_t *n)
{
	struct str raw;

	for (;;) {
		if (!take_string(&line, &raw) || !take_parameters(&line))
			return false;
		if (v)
			v[*n] = raw;
		(*n)++;
		line = str_trim(line);
		if (line.n == 0)
			return true;
		if (!take(&line, ','))
			return false;
		line = str_trim(line);
	}
}

static bool read_lines(const struct headers *h, struct str name, struct str *v, size_t *n)
{
	const struct header *line = NULL;

	*n = 0;
	while ((line = headers_next(h, name, line)))
		if (!read_line(str_trim(line->value), v, n))
			return false;
	return true;
}

/* ------------------------------------------------------------------ groups */

static bool unescape(struct arena *a, struct str raw, struct str *out)
{
	char *p;
	size_t n = 0;

	*out = raw;
	if (str_find(raw, '\\') == raw.n)
		return true;
	p = arena_alloc(a, raw.n);
	if (!p)
		return false;
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] == '\\')
			i++;
		p[n++] = raw.p[i];
	}
	*out = str_make(p, n);
	return true;
}

bool groups_read(const struct headers *h, struct str name, struct arena *a, struct str **v,
		 size_t *n)
{
	size_t count, again;

	*v = NULL;
	*n = 0;
	if (!read_lines(h, name, NULL, &count) || count == 0)
		return true;
	*v = arena_alloc(a, count * sizeof(**v));
	if (!*v)
		return false;
	CHECK(read_lines(h, name, *v, &again) && again == count);
	for (size_t i = 0; i < count; i++) {
		if (!unescape(a, (*v)[i], &(*v)[i]))
			return false;
		(*v)[i] = str_sub((*v)[i], 0, GROUP_LENGTH_MAX);
	}
	*n = count;
	return true;
}
