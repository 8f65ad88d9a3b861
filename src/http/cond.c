/*
 * Conditional requests: entity-tags and dates against a stored response. Pure, linear.
 *
 * A list of entity-tags is read to its end before it counts: one broken member and the whole field
 * is taken as not sent (the client then gets the response, which is always right). A backslash
 * escapes nothing in an entity-tag, so the lists of headers.h do not serve here.
 *
 * A tag that its application writes wrongly comes back from clients as it is, or put right. The
 * weak comparison, where being wrong costs no more than what the application itself risks, knows
 * both; the strong one, by which bytes of two answers are put together, knows neither.
 */
#include "http/cond.h"

#include "http/date.h"

enum listed {
	LIST_BROKEN, /* not a list of entity-tags */
	LIST_WITHOUT,
	LIST_WITH,
};

struct tag {
	struct str opaque; /* without its quotes */
	bool weak;
};

/* ------------------------------------------------------------------ one entity-tag */

/* etagc of RFC 9110 section 8.8.3: no blank, no quote, no control byte. */
static bool is_etagc(char c)
{
	unsigned char byte = (unsigned char)c;

	return byte >= 0x21 && byte != '"' && byte != 0x7f;
}

/* Takes an entity-tag off the front of *s (section 8.8.3). */
static bool take_tag(struct str *s, struct tag *tag)
{
	size_t i = 0, start;

	tag->weak = str_starts(*s, STR("W/"));
	if (tag->weak)
		i = 2;
	if (i == s->n || s->p[i++] != '"')
		return false;
	start = i;
	while (i < s->n && is_etagc(s->p[i]))
		i++;
	if (i == s->n || s->p[i] != '"')
		return false;
	tag->opaque = str_sub(*s, start, i);
	*s = str_sub(*s, i + 1, s->n);
	return true;
}

/* One word that could stand in quotes, and that no list could be mistaken for. */
static bool is_bare(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_etagc(s.p[i]) || s.p[i] == ',' || s.p[i] == '*')
			return false;
	return s.n > 0;
}

/* All of s is one tag; with `bare` its quotes may be missing. */
static bool read_tag(struct str s, bool bare, struct tag *tag)
{
	struct str rest = s;

	if (take_tag(&rest, tag))
		return rest.n == 0;
	*tag = (struct tag){.opaque = s};
	return bare && is_bare(s);
}

/* Section 8.8.3.2 */
static bool tags_equal(const struct tag *a, const struct tag *b, bool weak)
{
	return (weak || (!a->weak && !b->weak)) && str_eq(a->opaque, b->opaque);
}

bool cond_etags_equal(struct str a, struct str b, bool weak)
{
	struct tag tag_a, tag_b;

	if (weak && a.n > 0 && str_eq(a, b))
		return true;
	return read_tag(a, weak, &tag_a) && read_tag(b, weak, &tag_b) &&
	       tags_equal(&tag_a, &tag_b, weak);
}

bool cond_is_strong(struct str etag)
{
	struct tag tag;

	return read_tag(etag, false, &tag) && !tag.weak;
}

/* ------------------------------------------------------------------ lists of them */

static void skip_blanks(struct str *s)
{
	while (s->n > 0 && (s->p[0] == ' ' || s->p[0] == '\t'))
		*s = str_sub(*s, 1, s->n);
}

/* Blanks and commas; false if there was no comma. Empty elements are none: section 5.6.1.2. */
static bool skip_commas(struct str *s)
{
	bool comma = false;

	for (skip_blanks(s); s->n > 0 && s->p[0] == ','; skip_blanks(s)) {
		*s = str_sub(*s, 1, s->n);
		comma = true;
	}
	return comma;
}

static enum listed look_up(struct str tags, struct str etag, bool weak)
{
	struct tag wanted, member;
	bool known = read_tag(etag, weak, &wanted);
	enum listed listed = LIST_BROKEN;

	tags = str_trim(tags);
	if (str_eq(tags, STR("*")) || cond_etags_equal(tags, etag, weak))
		return LIST_WITH;
	skip_commas(&tags);
	while (tags.n > 0) {
		if (!take_tag(&tags, &member))
			return LIST_BROKEN;
		if (!skip_commas(&tags) && tags.n > 0)
			return LIST_BROKEN;
		if (known && tags_equal(&wanted, &member, weak))
			listed = LIST_WITH;
		else if (listed == LIST_BROKEN)
			listed = LIST_WITHOUT;
	}
	return listed;
}

bool cond_etag_listed(struct str tags, struct str etag, bool weak)
{
	return look_up(tags, etag, weak) == LIST_WITH;
}

bool cond_is_askable(struct str etag)
{
	struct tag tag;

	return etag.n > 0 && (read_tag(etag, false, &tag) || str_find(etag, '*') == etag.n);
}

static bool is_among(const struct str *etags, size_t n, struct str etag)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(etags[i], etag))
			return true;
	return false;
}

bool cond_list_etags(struct arena *a, const struct str *etags, size_t n, struct str *out)
{
	size_t room = 0, used = 0;
	char *p;

	for (size_t i = 0; i < n; i++)
		room += etags[i].n + 2;
	p = arena_alloc(a, room);
	if (!p)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!cond_is_askable(etags[i]) || is_among(etags, i, etags[i]))
			continue;
		if (used > 0) {
			memcpy(p + used, ", ", 2);
			used += 2;
		}
		memcpy(p + used, etags[i].p, etags[i].n);
		used += etags[i].n;
	}
	*out = str_make(used ? p : NULL, used);
	return true;
}

/* ------------------------------------------------------------------ dates */

static bool read_date(struct str value, int64_t now_ms, int64_t *seconds)
{
	return http_date_parse(str_trim(value), now_ms, seconds);
}

/*
 * What If-Modified-Since is measured by: RFC 9111 section 4.3.2. A Date that is none counts as not
 * there (RFC 9110 section 6.6.1); a Last-Modified that is none does not.
 */
static bool modified_at(const struct cond_page *page, int64_t now_ms, int64_t *seconds)
{
	if (page->last_modified.n > 0)
		return read_date(page->last_modified, now_ms, seconds);
	if (!read_date(page->date, now_ms, seconds))
		*seconds = page->received_ms / 1000;
	return true;
}

/* Section 8.8.2.2: what was modified in the second it was sent in may change in it once more. */
static bool is_strong_date(int64_t modified, const struct cond_page *page, int64_t now_ms)
{
	int64_t sent;

	return read_date(page->date, now_ms, &sent) && sent > modified;
}

/* ------------------------------------------------------------------ conditions */

/* Step 1 of section 13.2.2: section 13.1.1. Step 2, if there was no step 1: section 13.1.4. */
static bool refused(const struct cond_request *r, const struct cond_page *page, int64_t now_ms)
{
	int64_t limit, modified;

	if (r->if_match.p)
		return look_up(r->if_match, page->etag, false) == LIST_WITHOUT;
	return r->if_unmodified_since.p && read_date(r->if_unmodified_since, now_ms, &limit) &&
	       read_date(page->last_modified, now_ms, &modified) && modified > limit;
}

/* Step 3: section 13.1.2. Step 4, if there was no step 3: section 13.1.3. */
static bool unchanged(const struct cond_request *r, const struct cond_page *page, int64_t now_ms)
{
	int64_t limit, modified;

	if (r->if_none_match.p)
		return look_up(r->if_none_match, page->etag, true) == LIST_WITH;
	return r->if_modified_since.p && read_date(r->if_modified_since, now_ms, &limit) &&
	       modified_at(page, now_ms, &modified) && modified <= limit;
}

enum cond_answer cond_evaluate(const struct cond_request *r, const struct cond_page *page,
			       int64_t now_ms)
{
	if (refused(r, page, now_ms))
		return COND_FAILED;
	if (unchanged(r, page, now_ms))
		return COND_NOT_MODIFIED;
	return COND_SEND;
}

bool cond_range_applies(struct str if_range, const struct cond_page *page, int64_t now_ms)
{
	int64_t given, modified;

	if (!if_range.p)
		return true;
	if (cond_etags_equal(str_trim(if_range), page->etag, false))
		return true;
	return read_date(if_range, now_ms, &given) &&
	       read_date(page->last_modified, now_ms, &modified) && given == modified &&
	       is_strong_date(modified, page, now_ms);
}
