/*
 * Header fields, and the head of a CGI response. Pure.
 *
 * A head is read in three steps, each linear: its end is looked for (an empty line), every line of
 * it is checked and counted, and only then are the fields written to an array of the right size. So
 * a head that is not whole, or is bad, costs the arena nothing.
 *
 *     bytes --cgi_head_ends--> check_head --1xx--> dropped, the next head begins
 *                                  |
 *                                  +--final--> collect --> struct cgi_head
 *
 * What web servers read in different ways - a second Status or Content-Length, folding, a bare CR,
 * Transfer-Encoding - is refused here: it must not leave us in the form in which it came.
 */
#include "http/headers.h"

#define HEADERS_FIRST_CAP 16

/* tchar of RFC 9110 section 5.6.2 */
static const bool tchars[256] = {
    ['!'] = true,         ['#'] = true,         ['$'] = true,         ['%'] = true, ['&'] = true,
    ['\''] = true,        ['*'] = true,         ['+'] = true,         ['-'] = true, ['.'] = true,
    ['^'] = true,         ['_'] = true,         ['`'] = true,         ['|'] = true, ['~'] = true,
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
};

/* ------------------------------------------------------------------ fields */

static bool headers_grow(struct headers *h, struct arena *a)
{
	size_t cap = h->cap ? h->cap * 2 : HEADERS_FIRST_CAP;
	struct header *v = arena_alloc(a, cap * sizeof(*v));

	if (!v)
		return false;
	if (h->n)
		memcpy(v, h->v, h->n * sizeof(*v));
	h->v = v;
	h->cap = cap;
	return true;
}

bool headers_add(struct headers *h, struct arena *a, struct str name, struct str value)
{
	if (h->n >= HEADERS_MAX)
		return false;
	if (h->n == h->cap && !headers_grow(h, a))
		return false;
	h->v[h->n++] = (struct header){name, value};
	return true;
}

const struct header *headers_find(const struct headers *h, struct str name)
{
	return headers_next(h, name, NULL);
}

const struct header *headers_next(const struct headers *h, struct str name,
				  const struct header *from)
{
	for (size_t i = from ? (size_t)(from - h->v) + 1 : 0; i < h->n; i++)
		if (str_ieq(h->v[i].name, name))
			return &h->v[i];
	return NULL;
}

/* ------------------------------------------------------------------ lists */

/* The first c outside of quoted strings, -1 for none; *open: one of them stays open until there. */
static size_t find_outside(struct str s, int c, bool *open)
{
	*open = false;
	for (size_t i = 0; i < s.n; i++) {
		if (*open && s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			*open = !*open;
		else if (!*open && (unsigned char)s.p[i] == c)
			return i;
	}
	return s.n;
}

size_t http_find_unquoted(struct str s, char c)
{
	bool open;

	return find_outside(s, (unsigned char)c, &open);
}

bool http_quotes_close(struct str s)
{
	bool open;

	find_outside(s, -1, &open);
	return !open;
}

bool list_next(struct str *rest, struct str *element)
{
	while (rest->n > 0) {
		size_t end = http_find_unquoted(*rest, ',');

		*element = str_trim(str_sub(*rest, 0, end));
		*rest = str_sub(*rest, end + 1, rest->n);
		if (element->n > 0)
			return true;
	}
	return false;
}

bool headers_list_next(const struct headers *h, struct str name, struct list_iter *it,
		       struct str *element)
{
	while (!it->started || it->line) {
		if (it->started && list_next(&it->rest, element))
			return true;
		it->line = headers_next(h, name, it->line);
		it->rest = it->line ? it->line->value : str_make(NULL, 0);
		it->started = true;
	}
	return false;
}

/* ------------------------------------------------------------------ words */

bool http_is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!tchars[(unsigned char)s.p[i]])
			return false;
	return s.n > 0;
}

bool http_is_hop_by_hop(struct str name)
{
	static const char *const names[] = {
	    "Connection",
	    "Keep-Alive",
	    "Proxy-Authenticate",
	    "Proxy-Authentication-Info",
	    "Proxy-Authorization",
	    "Proxy-Connection",
	    "TE",
	    "Trailer",
	    "Transfer-Encoding",
	    "Upgrade",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_ieq(name, str_of(names[i])))
			return true;
	return false;
}

/* RFC 9110 section 15, and the registry; the usual ones first. */
static const struct {
	int status;
	const char *phrase;
} phrases[] = {
    {200, "OK"},
    {304, "Not Modified"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {404, "Not Found"},
    {100, "Continue"},
    {101, "Switching Protocols"},
    {103, "Early Hints"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {208, "Already Reported"},
    {226, "IM Used"},
    {300, "Multiple Choices"},
    {303, "See Other"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {511, "Network Authentication Required"},
};

const char *http_phrase(int status)
{
	for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "Status";
}

/* ------------------------------------------------------------------ the end of a head */

/* Whether the LF at `at` ends an empty line ("" or CR). */
static bool ends_empty_line(struct str bytes, size_t at)
{
	if (at > 0 && bytes.p[at - 1] == '\r')
		at--;
	return at == 0 || bytes.p[at - 1] == '\n';
}

bool cgi_head_ends(struct str bytes, size_t *seen)
{
	while (*seen < bytes.n) {
		size_t at = *seen + str_find(str_sub(bytes, *seen, bytes.n), '\n');

		if (at == bytes.n)
			break;
		*seen = at + 1;
		if (ends_empty_line(bytes, at))
			return true;
	}
	*seen = bytes.n;
	return false;
}

/* ------------------------------------------------------------------ one head */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Takes a line without its LF or CR LF; text ends with LF. False at the empty line. */
static bool take_line(struct str *text, struct str *line)
{
	if (!str_split(text, '\n', line))
		return false;
	if (line->n > 0 && line->p[line->n - 1] == '\r')
		line->n--;
	return line->n > 0;
}

static bool has_control_byte(struct str line)
{
	for (size_t i = 0; i < line.n; i++) {
		unsigned char c = (unsigned char)line.p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

/* "NNN" and perhaps blanks and a phrase, in 100..999. */
static bool parse_status(struct str s, struct cgi_head *head)
{
	if (s.n < 3 || !ascii_digit(s.p[0]) || !ascii_digit(s.p[1]) || !ascii_digit(s.p[2]))
		return false;
	if (s.n > 3 && !is_blank(s.p[3]))
		return false;
	head->status = (s.p[0] - '0') * 100 + (s.p[1] - '0') * 10 + (s.p[2] - '0');
	head->phrase = str_trim(str_sub(s, 3, s.n));
	head->has_status = true;
	return head->status >= 100;
}

/* A status line, which only a "non-parsed header" script writes (RFC 3875 section 5). */
static bool is_status_line(struct str line)
{
	return str_starts(line, STR("HTTP/1.")) && line.n > 9 && ascii_digit(line.p[7]) &&
	       line.p[8] == ' ';
}

static const char *check_length(struct str value, struct cgi_head *head)
{
	if (head->has_content_length)
		return "two Content-Length fields";
	if (!str_to_u64(value, &head->content_length))
		return "a Content-Length that is not a number";
	head->has_content_length = true;
	return NULL;
}

static const char *check_status(struct str value, struct cgi_head *head)
{
	if (head->has_status)
		return "two Status fields";
	return parse_status(value, head) ? NULL : "a Status that is none";
}

/* What is wrong with the form of a line; else its name and value. */
static const char *split_line(struct str line, struct header *field)
{
	size_t colon = str_find(line, ':');

	if (has_control_byte(line))
		return "a control byte in a header line";
	if (is_blank(line.p[0]))
		return "a folded header line";
	if (colon == line.n)
		return "a header line without a colon";
	field->name = str_sub(line, 0, colon);
	field->value = str_trim(str_sub(line, colon + 1, line.n));
	if (!http_is_token(field->name))
		return "a header name that is no token";
	return NULL;
}

static bool is_status_field(const struct header *field)
{
	return str_ieq(field->name, STR("Status"));
}

/*
 * The registered transfer codings (RFC 9112 section 7): the body may be framed a second time. Any
 * other word says nothing and goes no further than here.
 */
static bool names_transfer_coding(struct str value)
{
	static const char *const codings[] = {"chunked", "compress", "x-compress",
					      "deflate", "gzip",     "x-gzip"};
	struct str coding;

	while (list_next(&value, &coding)) {
		coding = str_trim(str_sub(coding, 0, str_find(coding, ';')));
		for (size_t i = 0; i < ARRAY_LEN(codings); i++)
			if (str_ieq(coding, str_of(codings[i])))
				return true;
	}
	return false;
}

/* What is wrong with one field; *location is set when it is one. */
static const char *check_field(const struct header *field, struct cgi_head *head, bool *location)
{
	if (is_status_field(field))
		return check_status(field->value, head);
	if (head->headers.n == HEADERS_MAX)
		return "too many header lines";
	head->headers.n++;
	if (str_ieq(field->name, STR("Content-Length")))
		return check_length(field->value, head);
	if (str_ieq(field->name, STR("Transfer-Encoding")) && names_transfer_coding(field->value))
		return "a Transfer-Encoding";
	if (str_ieq(field->name, STR("Location")))
		*location = true;
	return NULL;
}

/* Fills *head but for the array, whose length it counts. Returns what is wrong, or NULL. */
static const char *check_head(struct str text, struct cgi_head *head)
{
	struct header field;
	struct str line, after = text;
	bool location = false;
	const char *error;

	*head = (struct cgi_head){.status = 200};
	if (take_line(&after, &line) && is_status_line(line)) {
		if (has_control_byte(line) || !parse_status(str_sub(line, 9, line.n), head))
			return "a status line that is none";
		head->nph = true;
		text = after;
	}
	while (take_line(&text, &line)) {
		error = split_line(line, &field);
		if (!error)
			error = check_field(&field, head, &location);
		if (error)
			return error;
	}
	if (location && !head->has_status)
		head->status = 302; /* RFC 3875 section 6.3.4 leaves it to us: as CGI servers do */
	return NULL;
}

/* Writes the fields of a head that was checked. */
static bool collect(struct str text, struct arena *a, struct cgi_head *head)
{
	struct headers *h = &head->headers;
	struct str line;

	h->cap = h->n;
	h->n = 0;
	h->v = h->cap ? arena_alloc(a, h->cap * sizeof(*h->v)) : NULL;
	if (h->cap && !h->v)
		return false;
	if (head->nph)
		take_line(&text, &line);
	while (take_line(&text, &line)) {
		struct header field = {0};

		if (!split_line(line, &field) && !is_status_field(&field))
			h->v[h->n++] = field;
	}
	CHECK(h->n == h->cap);
	return true;
}

/* ------------------------------------------------------------------ heads in a row */

static enum head_result bad(struct cgi_head *head, const char *error)
{
	*head = (struct cgi_head){.error = error};
	return HEAD_BAD;
}

enum head_result cgi_head_parse(struct str bytes, size_t max, struct arena *a,
				struct cgi_head *head)
{
	struct str window = str_sub(bytes, 0, max), text;
	struct cgi_head one = {0};
	size_t start, end = 0;
	int dropped = -1;
	const char *error;

	do {
		if (++dropped > HEADS_DROPPED_MAX)
			return bad(head, "too many interim responses");
		start = end;
		if (!cgi_head_ends(window, &end))
			return bytes.n > max ? bad(head, "too large a head") : HEAD_MORE;
		text = str_sub(window, start, end);
		error = check_head(text, &one);
		if (error)
			return bad(head, error);
	} while (one.status < 200);
	if (!collect(text, a, &one))
		return HEAD_NO_MEMORY;
	one.length = end;
	one.dropped = dropped;
	*head = one;
	return HEAD_DONE;
}
