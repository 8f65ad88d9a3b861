/*
 * Mistakes: lines are put together piece by piece in the report's buffer; a line that does not go
 * in whole is taken out again. Whatever comes from the file is escaped on its way. One thread.
 */
#include "config/report.h"

#include <stdarg.h>
#include <stdio.h>

#include "http/uri.h"

#define MESSAGE_MAX 1024

void report_fini(struct report *r)
{
	buf_fini(&r->text);
	r->errors = 0;
}

const char *report_quote(struct str s, char out[QUOTE_MAX])
{
	const size_t room = QUOTE_MAX - sizeof("\"...\"");
	size_t n = s.n;

	if (n > room)
		for (n = room; n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80;)
			n--;
	snprintf(out, QUOTE_MAX, "\"%.*s%s\"", (int)n, n ? s.p : "", n < s.n ? "..." : "");
	return out;
}

/* Control characters of ASCII; those of Latin-1 too, which in UTF-8 begin with 0xc2. */
static bool is_control(struct str s, size_t i)
{
	unsigned char c = (unsigned char)s.p[i];
	unsigned char next = i + 1 < s.n ? (unsigned char)s.p[i + 1] : 0;
	unsigned char last = i > 0 ? (unsigned char)s.p[i - 1] : 0;

	return c < 0x20 || c == 0x7f || (c == 0xc2 && next < 0xa0) ||
	       (last == 0xc2 && c >= 0x80 && c < 0xa0);
}

static bool add_escaped(struct buf *b, struct str s)
{
	bool utf8 = uri_is_utf8(s);

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool bad = is_control(s, i) || (!utf8 && c >= 0x80);

		if (bad ? !buf_printf(b, "\\x%02x", c) : !buf_add(b, &s.p[i], 1))
			return false;
	}
	return true;
}

static bool is_plain(struct str key)
{
	for (size_t i = 0; i < key.n; i++) {
		char c = ascii_lower(key.p[i]);

		if (!ascii_digit(c) && !(c >= 'a' && c <= 'z') && c != '_' && c != '-')
			return false;
	}
	return key.n > 0 && key.n < 64;
}

/* "rules[3].statuses.404": from the outermost in. The whole file adds nothing. */
static bool add_place(struct buf *b, const struct place *at)
{
	struct str key = str_of(at->key);
	char quoted[QUOTE_MAX];

	if (!at->up)
		return true;
	if (!add_place(b, at->up))
		return false;
	if (!at->key)
		return buf_printf(b, "[%zu]", at->index);
	if (at->up->up && !buf_add(b, ".", 1))
		return false;
	return add_escaped(b, is_plain(key) ? key : str_of(report_quote(key, quoted)));
}

/* Whether the line that is to come is shown. */
static bool count(struct reading *r)
{
	return r->report->errors++ < REPORT_LINES_MAX;
}

static void end_line(struct reading *r, size_t before, bool ok)
{
	if (ok && buf_add(&r->report->text, "\n", 1))
		r->shown++;
	else
		r->report->text.n = before;
}

void reading_mistake(struct reading *r, const struct place *at, const char *fmt, ...)
{
	struct buf *b = &r->report->text;
	size_t before = b->n;
	char message[MESSAGE_MAX];
	va_list ap;
	bool ok;

	if (!count(r))
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	ok = add_escaped(b, str_of(r->file)) && buf_add(b, ": ", 2);
	if (at && at->up)
		ok = ok && add_place(b, at) && buf_add(b, ": ", 2);
	end_line(r, before, ok && add_escaped(b, str_of(message)));
}

void reading_syntax(struct reading *r, int line, int column, const char *text)
{
	struct buf *b = &r->report->text;
	size_t before = b->n;

	if (count(r))
		end_line(r, before,
			 add_escaped(b, str_of(r->file)) &&
			     buf_printf(b, ":%d:%d: ", line, column) &&
			     add_escaped(b, str_of(text)));
}

void reading_no_memory(struct reading *r)
{
	if (!r->no_memory)
		reading_mistake(r, NULL, "out of memory");
	r->no_memory = true;
}

void reading_end(struct reading *r)
{
	struct buf *b = &r->report->text;
	size_t before = b->n;

	if (r->report->errors > r->shown)
		end_line(r, before,
			 add_escaped(b, str_of(r->file)) &&
			     buf_printf(b, ": and %u more", r->report->errors - r->shown));
}
