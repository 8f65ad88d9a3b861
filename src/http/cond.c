/*
 * Conditional requests: entity-tags and dates against a stored response. Pure, linear.
 *
 * A list of entity-tags is read to its end before it counts: one broken member and the whole field
 * is taken as not sent (the client then gets the response, which is always right). A backslash
 * escapes nothing in an entity-tag, so the lists of headers.h do not serve here.
 */
#include "http/cond.h"

#include <stddef.h>

#include "http/date.h"

enum listed {
	LIST_BROKEN, /* not a list of entity-tags */
	LIST_WITHOUT,
	LIST_WITH,
};

struct tag {
	struct str opaque; /* with its quotes */
	bool weak;
};

/* etagc of RFC 9110 section 8.8.3: no blank, no quote, no control byte. */
static bool is_etagc(char c)
{
	unsigned char byte = (unsigned char)c;

	return byte >= 0x21 && byte != '"' && byte != 0x7f;
}

/* Takes an entity-tag off the front of *s. */
static bool take_tag(struct str *s, struct tag *tag)
{
	size_t i = 0, start;

	tag->weak = str_starts(*s, STR("W/"));
	if (tag->weak)
		i = 2;
	start = i;
	if (i == s->n || s->p[i++] != '"')
		return false;
	while (i < s->n && is_etagc(s->p[i]))
		i++;
	if (i == s->n || s->p[i++] != '"')
		return false;
	tag->opaque = str_sub(*s, start, i);
	*s = str_sub(*s, i, s->n);
	return true;
}

/* RFC 9110 section 8.8.3.2 */
static bool tags_equal(const struct tag *a, const struct tag *b, bool weak)
{
	return (weak || (!a->weak && !b->weak)) && str_eq(a->opaque, b->opaque);
}

static void skip_blanks(struct str *s)
{
	while (s->n > 0 && (s->p[0] == ' ' || s->p[0] == '\t'))
		*s = str_sub(*s, 1, s->n);
}

/* Blanks and commas; false if there was no comma. */
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
	bool known = take_tag(&etag, &wanted) && etag.n == 0;
	enum listed listed = LIST_BROKEN;

	if (str_eq(str_trim(tags), STR("*")))
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

/* Whether the response was modified after `since`; false in *known: one of the dates is none. */
static bool modified_after(struct str since, struct str last_modified, int64_t now_ms, bool *known)
{
	int64_t limit, modified;

	*known = http_date_parse(str_trim(since), now_ms, &limit) &&
		 http_date_parse(str_trim(last_modified), now_ms, &modified);
	return *known && modified > limit;
}

/* Steps 1 and 2 of RFC 9110 section 13.2.2: sections 13.1.1 and 13.1.4. */
static bool refused(const struct cond_request *r, struct str etag, struct str last_modified,
		    int64_t now_ms)
{
	bool known;

	if (r->if_match.p)
		return look_up(r->if_match, etag, false) == LIST_WITHOUT;
	return r->if_unmodified_since.p &&
	       modified_after(r->if_unmodified_since, last_modified, now_ms, &known);
}

/* Steps 3 and 4: sections 13.1.2 and 13.1.3. */
static bool unchanged(const struct cond_request *r, struct str etag, struct str last_modified,
		      int64_t now_ms)
{
	bool known;

	if (r->if_none_match.p)
		return look_up(r->if_none_match, etag, true) == LIST_WITH;
	return r->if_modified_since.p &&
	       !modified_after(r->if_modified_since, last_modified, now_ms, &known) && known;
}

enum cond_answer cond_evaluate(const struct cond_request *r, struct str etag,
			       struct str last_modified, int64_t now_ms)
{
	if (refused(r, etag, last_modified, now_ms))
		return COND_FAILED;
	if (unchanged(r, etag, last_modified, now_ms))
		return COND_NOT_MODIFIED;
	return COND_SEND;
}
