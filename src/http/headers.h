/*
 * Header fields, and the head of a CGI response (RFC 3875 section 6). Pure.
 */
#ifndef FCGICACHE_HTTP_HEADERS_H
#define FCGICACHE_HTTP_HEADERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"

struct header {
	struct str name;  /* as it was written */
	struct str value; /* trimmed, without CR, LF, NUL */
};

/* In the order of arrival. The slices point into whatever was parsed, or into the arena. */
struct headers {
	struct header *v;
	size_t n;
	size_t cap;
};

#define HEADERS_MAX 1000 /* fields in one head */

/* Appends; the array is in the arena. False when memory is out or the head has HEADERS_MAX. */
bool headers_add(struct headers *h, struct arena *a, struct str name, struct str value) MUST_CHECK;
/* The first field of that name in any case, or NULL. */
const struct header *headers_find(const struct headers *h, struct str name);
/* The next one after `from` (NULL: from the start), or NULL. */
const struct header *headers_next(const struct headers *h, struct str name,
				  const struct header *from);

/*
 * Iterates over the elements of a comma-separated field in all its lines (RFC 9110 section
 * 5.6.1), quoted strings kept whole, empty elements skipped. Start with *it all zero.
 */
struct list_iter {
	const struct header *line;
	struct str rest;
	bool started;
};
bool headers_list_next(const struct headers *h, struct str name, struct list_iter *it,
		       struct str *element);
/* The same over one value. */
bool list_next(struct str *rest, struct str *element);

/* Where the first c outside of quoted strings is (RFC 9110 section 5.6.4), else s.n. */
size_t http_find_unquoted(struct str s, char c);
/* Every quoted string in s ends. */
bool http_quotes_close(struct str s);

/* A token of RFC 9110 section 5.6.2: not empty, tchars only. */
bool http_is_token(struct str s);
/* Hop-by-hop (RFC 9110 section 7.6.1, RFC 9111 section 3.1), those that Connection names apart. */
bool http_is_hop_by_hop(struct str name);
/* "OK", "Not Found" ...; "Status" for a code without a usual phrase. */
const char *http_phrase(int status);

enum head_result {
	HEAD_MORE, /* not whole yet */
	HEAD_DONE,
	HEAD_BAD, /* never to be passed on; error says why */
	HEAD_NO_MEMORY,
};

#define HEADS_DROPPED_MAX 100 /* 1xx heads before the final one */

/*
 * A CGI response head. Lines end with LF or CR LF; an empty line ends the head.
 *  - Status: three digits 200..999, then perhaps a phrase; without it 302 if there is a Location,
 *    else 200. "Status: abc", 99, 1000 are bad.
 *  - A first line "HTTP/1.x NNN phrase" (NPH) is parsed as the status and marked.
 *  - Heads with a 1xx status are dropped and the next one is parsed; dropped counts them. More than
 *    HEADS_DROPPED_MAX are bad.
 *  - Bad: NUL or any control byte but HTAB in a line, a bare CR, a line that begins with a blank
 *    (folding), no colon, an empty name or one that is not a token, two Status, two
 *    Content-Length (equal ones too), a Content-Length that is not a number,
 *    a Transfer-Encoding of a known coding (of another it says nothing), more than HEADERS_MAX
 * fields, more than max bytes without an end.
 */
struct cgi_head {
	int status;
	struct str phrase;      /* may be empty */
	struct headers headers; /* without Status */
	size_t length;          /* bytes of the head, the empty line included (1xx heads too) */
	bool has_status;        /* a Status field or an NPH line was there */
	bool nph;
	int dropped; /* 1xx heads in front */
	bool has_content_length;
	uint64_t content_length;
	const char *error; /* static text, with HEAD_BAD */
};

/*
 * bytes: all that has come so far; the slices of *head point into it, the array into the arena.
 * Call again with more after HEAD_MORE. Only HEAD_DONE and HEAD_BAD fill *head. Only HEAD_DONE
 * takes memory. A call takes time linear in bytes; see cgi_head_ends for a head that trickles in.
 */
enum head_result cgi_head_parse(struct str bytes, size_t max, struct arena *a,
				struct cgi_head *head) MUST_CHECK;

/*
 * Whether a head (one with a 1xx status too) ends in the bytes from *seen on, which is 0 at first
 * and moves on: with true to behind that end, else to the end of bytes. As long as it says false,
 * and bytes are no more than max, cgi_head_parse would say HEAD_MORE; a reader who asks here first
 * takes linear time however small the pieces are.
 */
bool cgi_head_ends(struct str bytes, size_t *seen);

#endif
