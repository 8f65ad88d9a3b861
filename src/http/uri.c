/*
 * Paths, queries, hosts and cookies of a request, and where a response refers to. Pure, linear, no
 * recursion.
 *
 * Most paths are in normal form already: a look through the class table finds that out, and nothing
 * is allocated. What two programs may read differently - dot segments, "//", an encoded slash, a
 * backslash, '#', an encoded control byte - is neither repaired nor guessed at but called URI_ODD.
 */
#include "http/uri.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>

enum {
	UNRESERVED = 1, /* RFC 3986 section 2.3: may be written in one way only */
	PLAIN = 2,      /* may stand in a path as it is: section 3.3, and the brackets */
	IN_HOST = 4,    /* reg-name without escapes: section 3.2.2 */
};
#define U (UNRESERVED | PLAIN | IN_HOST)
#define S (PLAIN | IN_HOST) /* sub-delims */

static const unsigned char classes[256] = {
    ['a' ... 'z'] = U, ['A' ... 'Z'] = U, ['0' ... '9'] = U, ['-'] = U,     ['.'] = U,
    ['_'] = U,         ['~'] = U,         ['!'] = S,         ['$'] = S,     ['&'] = S,
    ['\''] = S,        ['('] = S,         [')'] = S,         ['*'] = S,     ['+'] = S,
    [','] = S,         [';'] = S,         ['='] = S,         [':'] = PLAIN, ['@'] = PLAIN,
    ['/'] = PLAIN,     ['['] = PLAIN,     [']'] = PLAIN,
};

static bool is(char c, int class)
{
	return (classes[(unsigned char)c] & class) != 0;
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* ------------------------------------------------------------------ percent-encoding */

/* The byte of an escape "%XX" at the front of s. */
static bool escaped_byte(struct str s, char *out)
{
	int high, low;

	if (s.n < 3 || s.p[0] != '%')
		return false;
	high = ascii_hex(s.p[1]);
	low = ascii_hex(s.p[2]);
	if (high < 0 || low < 0)
		return false;
	*out = (char)(unsigned char)(high * 16 + low);
	return true;
}

static char *put_escape(char *p, char c)
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char byte = (unsigned char)c;

	*p++ = '%';
	*p++ = digits[byte >> 4];
	*p++ = digits[byte & 15];
	return p;
}

/* ------------------------------------------------------------------ paths */

/* Of a decoded path: a "." or ".." segment, or an empty one that is not the last. */
static bool has_odd_segment(struct str path)
{
	size_t start = 1; /* path begins with '/' */

	for (size_t i = 1; i <= path.n; i++) {
		struct str segment;

		if (i < path.n && path.p[i] != '/')
			continue;
		segment = str_sub(path, start, i);
		if (str_eq(segment, STR(".")) || str_eq(segment, STR("..")))
			return true;
		if (segment.n == 0 && i < path.n)
			return true;
		start = i + 1;
	}
	return false;
}

static bool all_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is(s.p[i], PLAIN))
			return false;
	return true;
}

/* What one byte of the decoded path, written raw or as an escape, says of the whole. */
static enum uri_result judge_byte(char c, bool escaped)
{
	if (c == '\0' || (!escaped && is_control(c)))
		return URI_BAD;
	if (is_control(c) || c == '\\' || (escaped && c == '/'))
		return URI_ODD;
	if (!escaped && (c == '#' || c == '?'))
		return URI_ODD;
	return URI_OK;
}

/* Where the two forms are written: room for 3 * raw.n and for raw.n bytes. */
struct forms {
	char *normal, *decoded;
	size_t normal_n, decoded_n;
};

static void put_byte(struct forms *f, char c, bool escaped)
{
	f->decoded[f->decoded_n++] = c;
	if (is(c, escaped ? UNRESERVED : PLAIN))
		f->normal[f->normal_n++] = c;
	else
		f->normal_n = (size_t)(put_escape(f->normal + f->normal_n, c) - f->normal);
}

/* A bad byte ends it; an odd one is remembered, since a bad one may follow. */
static enum uri_result write_forms(struct str raw, struct forms *f)
{
	enum uri_result result = URI_OK;

	for (size_t i = 0; i < raw.n; i++) {
		char c = raw.p[i];
		bool escaped = c == '%';
		enum uri_result judged;

		if (escaped && !escaped_byte(str_sub(raw, i, raw.n), &c))
			return URI_BAD;
		i += escaped ? 2 : 0;
		judged = judge_byte(c, escaped);
		if (judged == URI_BAD)
			return URI_BAD;
		if (judged == URI_ODD)
			result = URI_ODD;
		put_byte(f, c, escaped);
	}
	return result;
}

static enum uri_result rewrite(struct str raw, struct arena *a, struct str *normal,
			       struct str *decoded)
{
	struct forms f = {0};
	enum uri_result result;

	if (raw.n > SIZE_MAX / 4)
		return URI_NO_MEMORY;
	f.normal = arena_alloc(a, raw.n * 4);
	if (!f.normal)
		return URI_NO_MEMORY;
	f.decoded = f.normal + raw.n * 3;
	result = write_forms(raw, &f);
	if (result != URI_OK)
		return result;
	if (has_odd_segment(str_make(f.decoded, f.decoded_n)))
		return URI_ODD;
	if (!str_eq(raw, str_make(f.normal, f.normal_n)))
		*normal = str_make(f.normal, f.normal_n);
	if (!str_eq(raw, str_make(f.decoded, f.decoded_n)))
		*decoded = str_make(f.decoded, f.decoded_n);
	return URI_OK;
}

enum uri_result uri_path(struct str raw, struct arena *a, struct str *normal, struct str *decoded)
{
	*normal = *decoded = raw;
	if (raw.n == 0 || raw.p[0] != '/')
		return URI_BAD;
	if (all_plain(raw))
		return has_odd_segment(raw) ? URI_ODD : URI_OK;
	return rewrite(raw, a, normal, decoded);
}

/* ------------------------------------------------------------------ UTF-8 */

/*
 * The length of the well-formed sequence at the front of s, 0 if there is none. RFC 3629 section 4:
 * what the second byte may be depends on the first, all others are 80..BF.
 */
static size_t sequence_length(struct str s)
{
	static const struct {
		unsigned char first, last, second_min, second_max;
		size_t n;
	} forms[] = {
	    {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
	    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
	    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	const unsigned char *p = (const unsigned char *)s.p;
	size_t f = 0;

	while (f < ARRAY_LEN(forms) && !(p[0] >= forms[f].first && p[0] <= forms[f].last))
		f++;
	if (f == ARRAY_LEN(forms) || s.n < forms[f].n)
		return 0;
	if (forms[f].n > 1 && (p[1] < forms[f].second_min || p[1] > forms[f].second_max))
		return 0;
	for (size_t i = 2; i < forms[f].n; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return forms[f].n;
}

bool uri_is_utf8(struct str s)
{
	while (s.n > 0) {
		size_t n = sequence_length(s);

		if (n == 0)
			return false;
		s = str_sub(s, n, s.n);
	}
	return true;
}

/* ------------------------------------------------------------------ queries */

bool query_next(struct str *rest, struct query_param *param)
{
	size_t at;

	if (!str_split(rest, '&', &param->whole))
		return false;
	at = str_find(param->whole, '=');
	param->has_value = at < param->whole.n;
	param->name = str_sub(param->whole, 0, at);
	param->value = str_sub(param->whole, at + 1, param->whole.n);
	return true;
}

bool query_decode(struct str raw, struct arena *a, struct str *out)
{
	char *p;
	size_t n = 0;

	*out = raw;
	if (str_find(raw, '%') == raw.n && str_find(raw, '+') == raw.n)
		return true;
	p = arena_alloc(a, raw.n);
	if (!p)
		return false;
	for (size_t i = 0; i < raw.n; i++) {
		p[n] = raw.p[i] == '+' ? ' ' : raw.p[i];
		if (escaped_byte(str_sub(raw, i, raw.n), &p[n]))
			i += 2;
		n++;
	}
	*out = str_make(p, n);
	return true;
}

/* ------------------------------------------------------------------ hosts */

/* Where the name ends: at the port's colon, which is behind the bracket of an IPv6 address. */
static size_t host_name_length(struct str host)
{
	size_t close;

	if (host.n == 0 || host.p[0] != '[')
		return str_find(host, ':');
	close = str_find(host, ']');
	return close < host.n ? close + 1 : host.n;
}

/* "[" IPv6address "]" of RFC 3986 section 3.2.2; no zone, no IPvFuture. */
static bool ipv6_valid(struct str name)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (name.n < 4 || name.n - 2 >= sizeof(text) || name.p[name.n - 1] != ']')
		return false;
	memcpy(text, name.p + 1, name.n - 2);
	text[name.n - 2] = '\0';
	return strlen(text) == name.n - 2 && inet_pton(AF_INET6, text, &address) == 1;
}

/* An IPv4 address has the form of a reg-name. */
static bool reg_name_valid(struct str name)
{
	char c;

	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '%') {
			if (!escaped_byte(str_sub(name, i, name.n), &c))
				return false;
			i += 2;
		} else if (!is(name.p[i], IN_HOST)) {
			return false;
		}
	}
	return name.n > 0;
}

/* What follows the name: nothing, or ":" and perhaps a number that can be a port. */
static bool port_valid(struct str rest)
{
	uint64_t port = 0;

	if (rest.n == 0 || str_eq(rest, STR(":")))
		return true;
	return rest.p[0] == ':' && str_to_u64(str_sub(rest, 1, rest.n), &port) && port <= 65535;
}

bool uri_host_valid(struct str host)
{
	size_t n = host_name_length(host);
	struct str name = str_sub(host, 0, n);

	if (!port_valid(str_sub(host, n, host.n)))
		return false;
	return host.n > 0 && host.p[0] == '[' ? ipv6_valid(name) : reg_name_valid(name);
}

void uri_host_split(struct str host, struct str *name, struct str *port)
{
	size_t n = host_name_length(host);

	*name = str_sub(host, 0, n);
	*port = str_sub(host, n + 1, host.n);
}

bool uri_port_is_default(struct str scheme, struct str port)
{
	return port.n == 0 || str_eq(port, scheme.n == 5 ? STR("443") : STR("80"));
}

bool uri_host_normal(struct str host, struct str scheme, struct arena *a, struct str *out)
{
	struct str name, port;

	uri_host_split(host, &name, &port);
	return arena_lower(a, uri_port_is_default(scheme, port) ? name : host, out);
}

/* ------------------------------------------------------------------ references */

/* RFC 3986 section 3, less the fragment, cut at their delimiters and not yet judged. */
struct pieces {
	struct str scheme, authority, path, query;
	bool has_scheme, has_authority, has_query;
};

static void split_reference(struct str s, struct pieces *r)
{
	size_t at;

	*r = (struct pieces){0};
	s = str_sub(s, 0, str_find(s, '#'));
	at = str_find(s, '?');
	r->has_query = at < s.n;
	r->query = str_sub(s, at + 1, s.n);
	s = str_sub(s, 0, at);
	at = str_find(s, ':');
	r->has_scheme = at < str_find(s, '/');
	if (r->has_scheme) {
		r->scheme = str_sub(s, 0, at);
		s = str_sub(s, at + 1, s.n);
	}
	r->has_authority = str_starts(s, STR("//"));
	if (r->has_authority) {
		s = str_sub(s, 2, s.n);
		at = str_find(s, '/');
		r->authority = str_sub(s, 0, at);
		s = str_sub(s, at, s.n);
	}
	r->path = s;
}

/* With a scheme there must be a host (RFC 9110 section 4.2), and no host has a '@' (4.2.4). */
static bool pieces_valid(const struct pieces *r)
{
	if (r->has_scheme && !str_ieq(r->scheme, STR("http")) && !str_ieq(r->scheme, STR("https")))
		return false;
	if (r->has_scheme && !r->has_authority)
		return false;
	return !r->has_authority || uri_host_valid(r->authority);
}

static bool has_blank_or_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == ' ' || is_control(s.p[i]))
			return true;
	return false;
}

/* RFC 3986 section 5.2.4, in place, of a path that begins with '/'. Returns what is left of n. */
static size_t remove_dot_segments(char *p, size_t n)
{
	size_t kept = 0;

	for (size_t start = 0, end; start < n; start = end) {
		struct str segment = str_make(p + start + 1, n - start - 1);

		segment.n = str_find(segment, '/');
		end = start + 1 + segment.n;
		if (str_eq(segment, STR(".."))) {
			while (kept > 0 && p[--kept] != '/')
				;
		} else if (!str_eq(segment, STR("."))) {
			memmove(p + kept, p + start, end - start);
			kept += end - start;
			continue;
		}
		if (end == n)
			p[kept++] = '/';
	}
	return kept;
}

/* Section 5.2.3: what of the base stands in front of the reference's path. */
static struct str base_folder(struct str base_path, struct str path)
{
	size_t n = base_path.n;

	if (path.p[0] == '/')
		return str_make(NULL, 0);
	while (base_path.p[n - 1] != '/')
		n--;
	return str_sub(base_path, 0, n);
}

static bool resolve_path(struct str base_path, const struct pieces *r, struct arena *a,
			 struct str *out)
{
	struct str folder;
	char *p;

	*out = r->has_authority ? STR("/") : base_path;
	if (r->path.n == 0)
		return true;
	folder = base_folder(base_path, r->path);
	p = arena_alloc(a, folder.n + r->path.n);
	if (!p)
		return false;
	if (folder.n)
		memcpy(p, folder.p, folder.n);
	memcpy(p + folder.n, r->path.p, r->path.n);
	*out = str_make(p, remove_dot_segments(p, folder.n + r->path.n));
	return true;
}

enum uri_result uri_resolve(struct str base_path, struct str reference, struct arena *a,
			    struct uri_reference *out)
{
	struct uri_reference found = {0};
	struct str name, port;
	struct pieces r;

	*out = found;
	split_reference(reference, &r);
	if (base_path.n == 0 || base_path.p[0] != '/' || has_blank_or_control(reference) ||
	    !pieces_valid(&r))
		return URI_BAD;
	if (r.has_scheme)
		found.scheme = r.scheme.n == 5 ? STR("https") : STR("http");
	uri_host_split(r.authority, &name, &port);
	if (r.has_authority && !arena_lower(a, port.n ? r.authority : name, &found.host))
		return URI_NO_MEMORY;
	if (!resolve_path(base_path, &r, a, &found.path))
		return URI_NO_MEMORY;
	found.query = r.query;
	found.has_query = r.has_query;
	*out = found;
	return URI_OK;
}

/* ------------------------------------------------------------------ cookies */

bool cookie_next(struct str *rest, struct cookie *cookie)
{
	struct str piece;
	size_t at;

	do {
		if (!str_split(rest, ';', &piece))
			return false;
		cookie->whole = str_trim(piece);
	} while (cookie->whole.n == 0);
	at = str_find(cookie->whole, '=');
	if (at == cookie->whole.n) {
		cookie->name = str_make(NULL, 0);
		cookie->value = cookie->whole;
		return true;
	}
	cookie->name = str_trim(str_sub(cookie->whole, 0, at));
	cookie->value = str_trim(str_sub(cookie->whole, at + 1, cookie->whole.n));
	return true;
}
