/*
 * The stored head is parsed again and its fields are replaced one by one, then the result is judged
 * as if the application had sent it now: there is one way to become a stored page.
 */
#include "flow/freshen.h"

#include "flow/find.h"
#include "flow/variants.h"
#include "http/cond.h"

/*
 * Fields of a stored page that a 304 does not change (RFC 9111 section 3.2): they say how to read
 * the body that is stored, and applications send them by mistake.
 */
static bool is_kept(struct str name)
{
	return str_ieq(name, STR("Content-Length")) || str_ieq(name, STR("Content-Encoding"));
}

/* Whether the news has a field of that name that takes the place of the stored ones. */
static bool is_replaced(const struct headers *news, struct str name)
{
	/* without a Date of its own it was made now (RFC 9110 section 6.6.1) */
	if (str_ieq(name, STR("Date")))
		return true;
	return !is_kept(name) && headers_find(news, name);
}

/* What was stored, as a head again. */
static bool parse_stored(struct request *r, const struct object *base, struct cgi_head *head)
{
	const struct object_head *from = object_head(base);
	struct str text;

	return arena_printf(&r->arena, &text, "%.*s%.*s\r\n", STR_ARG(from->head),
			    STR_ARG(from->control)) &&
	       cgi_head_parse(text, text.n, &r->arena, head) == HEAD_DONE;
}

/* RFC 9111 section 3.2 */
static bool merge(struct request *r, const struct headers *stored, const struct headers *news,
		  struct headers *out)
{
	for (size_t i = 0; i < stored->n; i++)
		if (!is_replaced(news, stored->v[i].name) &&
		    !headers_add(out, &r->arena, stored->v[i].name, stored->v[i].value))
			return false;
	for (size_t i = 0; i < news->n; i++)
		if (!is_kept(news->v[i].name) &&
		    !headers_add(out, &r->arena, news->v[i].name, news->v[i].value))
			return false;
	return true;
}

/* The stored head with the news in it, as if it had all come now. */
static bool merged_head(struct request *r, struct object *base, const struct cgi_head *news,
			struct cgi_head *out)
{
	struct cgi_head stored;

	if (!parse_stored(r, base, &stored))
		return false;
	*out = stored;
	out->headers = (struct headers){.n = 0};
	return merge(r, &stored.headers, &news->headers, &out->headers);
}

/* news: with the merged head. */
static struct object *make(struct request *r, struct object *base, struct page_source news,
			   struct policy_verdict *verdict, struct str *vary)
{
	struct policy_request request = {
	    .authorized = r->plan.authorized,
	    .client_no_store = r->plan.client.no_store,
	};
	struct object *o;

	policy_judge(news.head, &r->plan.rule->policy, &request, news.asked / 1000, news.now_ms,
		     verdict);
	news.verdict = verdict;
	o = page_open(r, &news, 0, vary);
	if (!o)
		return NULL;
	object_share_body(o, base);
	page_seal(o);
	return o;
}

struct object *freshen_page(struct request *r, struct object *base, const struct page_source *news,
			    struct policy_verdict *verdict, struct str *vary, struct str *client)
{
	struct page_source source = *news;
	struct cgi_head head;

	*client = STR("");
	if (!merged_head(r, base, news->head, &head) ||
	    (page_withholds(r, &head) && !page_fields(r, &head, false, client)))
		return NULL;
	source.head = &head;
	return make(r, base, source, verdict, vary);
}

static void freshen_variant(struct request *r, struct store *store, struct str key_bytes,
			    const struct page_source *news)
{
	struct object *old = find_variant(r, store, key_bytes), *o = NULL;
	struct key key = key_make(key_bytes);
	struct page_source source = *news;
	struct policy_verdict verdict;
	struct cgi_head head;
	struct str vary;

	if (old && merged_head(r, old, news->head, &head)) {
		source.head = &head;
		source.key = &key;
		o = make(r, old, source, &verdict, &vary);
	}
	if (o && verdict.store)
		store_set(store, o);
	object_unref(&o);
	object_unref(&old);
}

void freshen_others(struct request *r, struct store *store, const struct object *page,
		    const struct page_source *news)
{
	const struct object_head *head = object_head(page);
	struct str rest = r->marker ? object_head(r->marker)->variants : STR("");
	struct variant v;

	if (head->made_etag || !cond_is_strong(head->etag))
		return;
	while (variants_next(&rest, &v))
		if (str_eq(v.etag, head->etag) && !str_eq(v.key, object_key(page).bytes))
			freshen_variant(r, store, v.key, news);
}

/* A validator that came has to be the stored one; *any: one came. */
static bool agree(struct str stored, const struct header *news, bool *any)
{
	*any |= news != NULL;
	return !news || str_eq(stored, news->value);
}

bool freshen_same(const struct object *base, const struct cgi_head *news)
{
	const struct object_head *head = object_head(base);
	struct str etag = head->made_etag ? STR("") : head->etag;
	struct str modified = head->made_modified ? STR("") : head->last_modified;
	bool any = news->has_content_length || (etag.n == 0 && modified.n == 0);

	if (news->has_content_length && news->content_length != object_body(base).n)
		return false;
	return agree(etag, headers_find(&news->headers, STR("ETag")), &any) &&
	       agree(modified, headers_find(&news->headers, STR("Last-Modified")), &any) && any;
}

/* ---- parts ---- */

struct span {
	uint64_t from, to; /* to: behind the last byte */
	struct str bytes;
};

static struct span span_of(const struct object *part)
{
	struct str body = object_body(part);
	uint64_t from = object_head(part)->first;

	return (struct span){from, from + body.n, body};
}

/* Of one page by a strong entity-tag of the application's (RFC 9111 section 3.4). */
static bool belong_together(const struct object_head *a, const struct object_head *b)
{
	return a->kind == OBJECT_PART && b->kind == OBJECT_PART && a->whole == b->whole &&
	       !a->made_etag && !b->made_etag && cond_etags_equal(a->etag, b->etag, false);
}

/* "Status: 206 ..." becomes that of the whole page. */
static bool whole_head(struct request *r, struct str part, struct str *out)
{
	size_t end = str_find(part, '\n');

	return arena_printf(&r->arena, out, "Status: 200 OK\r\n%.*s",
			    STR_ARG(str_sub(part, end + 1, part.n)));
}

struct object *freshen_combine(struct request *r, const struct object *old,
			       const struct object *news)
{
	struct object_head head = *object_head(news);
	struct span a = span_of(old), b = span_of(news), low = a.from < b.from ? a : b,
		    high = a.from < b.from ? b : a;
	struct key key = object_key(news);
	struct object *o;
	struct str text;

	if (!belong_together(object_head(old), object_head(news)) || low.to < high.from)
		return NULL;
	head.first = low.from;
	if (low.from == 0 && (low.to == head.whole || high.to == head.whole)) {
		if (!whole_head(r, head.head, &text))
			return NULL;
		head.kind = OBJECT_PAGE;
		head.status = 200;
		page_reslice(&head, text);
	}
	o = object_new(&key, &head, 0);
	if (!o)
		return NULL;
	if (!object_append(o, low.bytes.p, low.bytes.n) ||
	    (high.to > low.to &&
	     !object_append(o, high.bytes.p + (low.to - high.from), (size_t)(high.to - low.to)))) {
		object_unref(&o);
		return NULL;
	}
	object_seal(o);
	return o;
}
