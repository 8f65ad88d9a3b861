/*
 * Only the application's own validators go to it, never ones that we made. A marker's list is asked
 * about even when the variant for this request is not there: a 304 then says which of the others it
 * is.
 */
#include "flow/ask.h"

#include "flow/find.h"
#include "flow/variants.h"
#include "http/cond.h"
#include "http/range.h"

#define LIST_BYTES 4096u /* of entity-tags of variants */

static struct str own_etag(const struct object *o)
{
	return object_head(o)->made_etag ? STR("") : object_head(o)->etag;
}

static struct str own_modified(const struct object *o)
{
	return object_head(o)->made_modified ? STR("") : object_head(o)->last_modified;
}

static struct str variants_of(const struct request *r)
{
	return r->marker ? object_head(r->marker)->variants : STR("");
}

static const struct object *checked_page(const struct request *r)
{
	return r->check && object_head(r->check)->kind == OBJECT_PAGE ? r->check : NULL;
}

/* The tags of all that is asked about: no more than fit into a header of usual size. */
static size_t collect(const struct request *r, struct str etags[VARIANTS_MAX + 1])
{
	const struct object *page = checked_page(r);
	struct str rest = variants_of(r);
	struct variant v;
	size_t n = 0, bytes = 0;

	if (page && cond_is_askable(own_etag(page)))
		etags[n++] = own_etag(page);
	while (n <= VARIANTS_MAX && variants_next(&rest, &v)) {
		if (!cond_is_askable(v.etag) || bytes + v.etag.n > LIST_BYTES)
			continue;
		bytes += v.etag.n;
		etags[n++] = v.etag;
	}
	return n;
}

bool ask_is_conditional(const struct request *r)
{
	const struct object *page = checked_page(r);
	struct str etags[VARIANTS_MAX + 1];

	if (r->ranged || r->completes || !r->plan.lookup)
		return false;
	return collect(r, etags) > 0 || (page && own_modified(page).n > 0);
}

static void add(struct param *params, size_t *n, struct str name, struct str value)
{
	if (value.p)
		params[(*n)++] = (struct param){name, value};
}

static bool add_conditions(struct request *r, struct param *params, size_t *n)
{
	const struct object *page = checked_page(r);
	struct str etags[VARIANTS_MAX + 1], list;

	if (!cond_list_etags(&r->arena, etags, collect(r, etags), &list))
		return false;
	add(params, n, STR("HTTP_IF_NONE_MATCH"), list);
	if (page && own_modified(page).n > 0)
		add(params, n, STR("HTTP_IF_MODIFIED_SINCE"), own_modified(page));
	return true;
}

/* The bytes before the part, or those behind it. */
static bool add_rest(struct request *r, struct param *params, size_t *n)
{
	const struct object_head *head = object_head(r->check);
	uint64_t end = head->first + object_body(r->check).n;
	struct str range;
	bool ok;

	if (head->first == 0)
		ok = arena_printf(&r->arena, &range, "bytes=%llu-", (unsigned long long)end);
	else
		ok = arena_printf(&r->arena, &range, "bytes=0-%llu",
				  (unsigned long long)head->first - 1);
	if (!ok)
		return false;
	add(params, n, STR("HTTP_RANGE"), range);
	if (cond_is_strong(own_etag(r->check)))
		add(params, n, STR("HTTP_IF_RANGE"), own_etag(r->check));
	return true;
}

bool ask_params(struct request *r, struct param *params, size_t *n)
{
	if (r->completes)
		return add_rest(r, params, n);
	if (r->ranged) {
		add(params, n, STR("HTTP_RANGE"), r->known[KNOWN_RANGE]);
		add(params, n, STR("HTTP_IF_RANGE"), r->known[KNOWN_IF_RANGE]);
		return true;
	}
	return add_conditions(r, params, n);
}

/*
 * What has this entity-tag, strong for strong (RFC 9111 section 4.3.4): the page that was asked
 * about, or a variant.
 */
static struct object *tagged(struct request *r, struct store *store, struct str etag)
{
	const struct object *page = checked_page(r);
	struct str rest = variants_of(r);
	bool weak = !cond_is_strong(etag);
	struct object *o = NULL;
	struct variant v;

	if (page && cond_etags_equal(own_etag(page), etag, weak))
		return object_ref(r->check);
	while (!o && variants_next(&rest, &v))
		if (cond_etags_equal(v.etag, etag, weak))
			o = find_variant(r, store, v.key);
	return o;
}

static bool all_equal(const struct str *etags, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (!str_eq(etags[i], etags[0]))
			return false;
	return true;
}

struct object *ask_selected(struct request *r, struct store *store, const struct cgi_head *head)
{
	const struct header *etag = headers_find(&head->headers, STR("ETag"));
	const struct header *modified = headers_find(&head->headers, STR("Last-Modified"));
	const struct object *page = checked_page(r);
	struct str etags[VARIANTS_MAX + 1];
	size_t n = collect(r, etags);

	/* by the date of a page that has no entity-tag, and by nothing else */
	if (page && n == 0 && (!modified || str_eq(modified->value, own_modified(page))))
		return object_ref(r->check);
	if (etag)
		return tagged(r, store, etag->value);
	if (page && own_etag(page).n == 0 && own_modified(page).n > 0)
		return NULL; /* by its date or by a variant's tag: nobody knows */
	return n > 0 && all_equal(etags, n) ? tagged(r, store, etags[0]) : NULL;
}

bool ask_completes(const struct request *r, const struct cgi_head *head)
{
	const struct object_head *part = object_head(r->check);
	const struct header *field = headers_find(&head->headers, STR("Content-Range"));
	const struct header *etag = headers_find(&head->headers, STR("ETag"));
	struct content_range range;

	if (!field || !etag || !range_parse_content(field->value, &range) ||
	    range.complete != part->whole ||
	    !cond_etags_equal(etag->value, own_etag(r->check), false))
		return false;
	return part->first == 0 ? range.range.first <= object_body(r->check).n &&
				      range.range.last == range.complete - 1
				: range.range.first == 0 && range.range.last >= part->first - 1;
}

void ask_plainly(struct request *r)
{
	object_unref(&r->check);
	object_unref(&r->marker);
	r->ranged = r->completes = false;
	r->reason = REASON_NONE;
	r->reason_arg = STR("");
}
