/*
 * An entry of the list is three texts, each with its length in front in four bytes, the highest
 * first. It comes back from stores: what makes no sense ends the list.
 */
#include "flow/variants.h"

#include "base/mem.h"

static bool take_text(struct str *rest, struct str *text)
{
	const unsigned char *p = (const unsigned char *)rest->p;
	size_t n;

	if (rest->n < 4)
		return false;
	n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	if (n > rest->n - 4)
		return false;
	*text = str_sub(*rest, 4, 4 + n);
	*rest = str_sub(*rest, 4 + n, rest->n);
	return true;
}

static bool put_text(struct buf *to, struct str text)
{
	const char length[4] = {(char)(text.n >> 24), (char)(text.n >> 16), (char)(text.n >> 8),
				(char)text.n};

	return buf_add(to, length, sizeof(length)) && buf_add_str(to, text);
}

bool variants_next(struct str *rest, struct variant *v)
{
	if (take_text(rest, &v->etag) && take_text(rest, &v->language) && take_text(rest, &v->key))
		return true;
	*rest = str_make(NULL, 0);
	return false;
}

static bool put_variant(struct buf *to, const struct variant *v)
{
	return put_text(to, v->etag) && put_text(to, v->language) && put_text(to, v->key);
}

static bool write_list(struct buf *to, const struct object *old, const struct object *page)
{
	const struct object_head *head = object_head(page);
	struct variant mine = {
	    .etag = head->made_etag ? STR("") : head->etag,
	    .language = head->language,
	    .key = object_key(page).bytes,
	};
	struct str rest = old ? object_head(old)->variants : STR("");
	struct variant v;

	if (!put_variant(to, &mine))
		return false;
	for (size_t n = 1; n < VARIANTS_MAX && variants_next(&rest, &v);) {
		if (str_eq(v.key, mine.key))
			continue;
		if (!put_variant(to, &v))
			return false;
		n++;
	}
	return true;
}

struct object *variants_add(const struct key *primary, const struct object *old, struct str vary,
			    const struct object *page)
{
	const struct object_head *from = object_head(page);
	struct object_head head = {
	    .kind = OBJECT_MARKER,
	    .vary = vary,
	    .labels = from->labels,
	    .born = from->born,
	    .asked = from->asked,
	    .lifetime = from->lifetime,
	    .grace = from->grace,
	    .stale_if_error = from->stale_if_error,
	    .keep = from->keep,
	};
	struct object *marker = NULL;
	struct buf list = {0};

	if (old && object_dead_at(old) > object_dead_at(page)) {
		head.born = object_head(old)->born;
		head.lifetime = object_head(old)->lifetime;
		head.grace = object_head(old)->grace;
		head.stale_if_error = object_head(old)->stale_if_error;
		head.keep = object_head(old)->keep;
	}
	if (write_list(&list, old, page)) {
		head.variants = buf_str(&list);
		marker = object_new(primary, &head, 0);
	}
	if (marker)
		object_seal(marker);
	buf_fini(&list);
	return marker;
}
