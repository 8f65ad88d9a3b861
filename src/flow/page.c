/*
 *     response's head --page_fields--> what is stored        ) one object, then its body
 *                     --write_made---> what we add to it     )
 *                     --write_control> what a 304 needs      )
 *
 * What is sent of a stored page is what is stored, byte for byte; so everything that costs time is
 * done here, once.
 */
#include "flow/page.h"

#include <stdlib.h>
#include <xxhash.h>

#include "flow/decide.h"
#include "flow/find.h"
#include "flow/invalidate.h"
#include "flow/variants.h"
#include "http/date.h"
#include "http/directives.h"
#include "http/range.h"

#define VARY_MAX  32u
#define TAG_BYTES 32u /* of an ETag that we make: 128 bits in hexadecimal */

/* ---- fields ---- */

/* Fields that Connection names are this hop's (RFC 9110 section 7.6.1). */
static bool is_named_by_connection(const struct headers *h, struct str name)
{
	struct list_iter it = {0};
	struct str token;

	while (headers_list_next(h, STR("Connection"), &it, &token))
		if (str_ieq(token, name))
			return true;
	return false;
}

/* Fields that are made anew for each answer. */
static bool is_remade(const struct cgi_head *head, struct str name, bool stored)
{
	if (stored && head->status == 206 && str_ieq(name, STR("Content-Range")))
		return true;
	return str_ieq(name, STR("Content-Length")) || str_ieq(name, STR("Age"));
}

/* control: what the response's directives withhold from the store; NULL: it is not for the store.
 */
static bool is_passed_on(const struct request *r, const struct cgi_head *head, struct str name,
			 const struct directives *control)
{
	const struct rule *rule = r->plan.lookup ? r->plan.rule : NULL;
	bool stored = control != NULL;

	if (is_remade(head, name, stored) || policy_is_control(name) || http_is_hop_by_hop(name) ||
	    is_named_by_connection(&head->headers, name))
		return false;
	if (rule && str_ieq(name, STR("Set-Cookie"))) {
		if (rule->policy.set_cookie == SET_COOKIE_DROP)
			return false;
		if (stored && rule->policy.set_cookie != SET_COOKIE_STORE)
			return false;
	}
	/* without heuristic the page is checked before each use, as a whole */
	return !stored || !rule || !rule->policy.heuristic || !policy_withholds(control, name);
}

static bool add_field(struct buf *text, const struct header *field)
{
	return buf_add_str(text, field->name) && buf_add(text, ": ", 2) &&
	       buf_add_str(text, field->value) && buf_add(text, "\r\n", 2);
}

bool page_fields(struct request *r, const struct cgi_head *head, bool stored, struct str *fields)
{
	const struct headers *h = &head->headers;
	struct directives control = {0};
	struct buf text = {0};
	struct str phrase = head->phrase;
	bool ok;

	if (stored)
		directives_read_response(&control, h);
	if (phrase.n == 0)
		phrase = str_of(http_phrase(head->status));
	ok = buf_printf(&text, "Status: %d %.*s\r\n", head->status, STR_ARG(phrase));
	for (size_t i = 0; ok && i < h->n; i++)
		if (is_passed_on(r, head, h->v[i].name, stored ? &control : NULL))
			ok = add_field(&text, &h->v[i]);
	ok = ok && arena_dup(&r->arena, buf_str(&text), fields);
	buf_fini(&text);
	return ok;
}

bool page_withholds(const struct request *r, const struct cgi_head *head)
{
	const struct headers *h = &head->headers;
	struct directives control = {0};

	directives_read_response(&control, h);
	for (size_t i = 0; i < h->n; i++)
		if (is_passed_on(r, head, h->v[i].name, NULL) &&
		    !is_passed_on(r, head, h->v[i].name, &control))
			return true;
	return false;
}

/* The value of a field inside written fields, as a slice of them. */
static struct str field_in(struct str fields, struct str name)
{
	struct str line;

	while (str_split(&fields, '\n', &line)) {
		if (!str_istarts(line, name) || line.n <= name.n || line.p[name.n] != ':')
			continue;
		line = str_sub(line, name.n + 1, line.n);
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		return str_trim(line);
	}
	return STR("");
}

/* What steers the cache and is not passed on: without it a 304 could not be judged. */
static bool write_control(struct request *r, const struct cgi_head *head, struct str *control)
{
	const struct headers *h = &head->headers;
	struct buf text = {0};
	bool ok = true;

	for (size_t i = 0; ok && i < h->n; i++)
		if (policy_is_control(h->v[i].name))
			ok = add_field(&text, &h->v[i]);
	ok = ok && arena_dup(&r->arena, buf_str(&text), control);
	buf_fini(&text);
	return ok;
}

/* ---- fields of our own ---- */

/* Whether the application itself tells its clients for how long. */
static bool says_how_long(const struct headers *h)
{
	struct directives d = {0};

	directives_read(&d, h, STR("Cache-Control"));
	return d.has[DIRECTIVE_MAX_AGE] || d.has[DIRECTIVE_NO_CACHE] || d.has[DIRECTIVE_NO_STORE] ||
	       d.has[DIRECTIVE_PRIVATE] || headers_find(h, STR("Expires"));
}

static bool add_date(struct buf *text, const char *name, int64_t ms)
{
	char date[HTTP_DATE_LEN + 1];

	http_date_format(ms / 1000, date);
	return buf_printf(text, "%s: %s\r\n", name, date);
}

/* client_cache and etag. The ETag's digits follow in page_seal, when the body is there. */
static bool write_made(struct request *r, const struct page_source *source, struct str *made)
{
	const struct headers *h = &source->head->headers;
	const struct rule *rule = r->plan.rule;
	int64_t seconds = (rule->client_cache + 999) / 1000;
	struct buf text = {0};
	bool ok = true;

	*made = STR("");
	if (source->head->status != 200)
		return true;
	if (rule->client_cache > 0 && !says_how_long(h))
		ok = buf_printf(&text, "Cache-Control: max-age=%lld\r\n", (long long)seconds) &&
		     add_date(&text, "Expires", source->now_ms + seconds * 1000);
	if (ok && rule->client_cache > 0 && !headers_find(h, STR("Last-Modified")))
		ok = add_date(&text, "Last-Modified", source->now_ms);
	if (ok && rule->etag && !headers_find(h, STR("ETag")))
		ok = buf_printf(&text, "ETag: \"%0*d\"\r\n", (int)TAG_BYTES, 0);
	ok = ok && arena_dup(&r->arena, buf_str(&text), made);
	buf_fini(&text);
	return ok;
}

/* The same on every machine: of the body alone, without a secret. */
static void fill_etag(struct object *o)
{
	static const char digits[] = "0123456789abcdef";
	const struct object_head *head = object_head(o);
	char *p = object_made(o) + (head->etag.p - head->made.p) + 1;
	XXH128_canonical_t hash;

	XXH128_canonicalFromHash(&hash, XXH3_128bits(object_body(o).p, object_body(o).n));
	for (size_t i = 0; i < TAG_BYTES / 2; i++) {
		*p++ = digits[hash.digest[i] >> 4];
		*p++ = digits[hash.digest[i] & 15];
	}
}

void page_seal(struct object *o)
{
	if (object_head(o)->made_etag)
		fill_etag(o);
	object_seal(o);
}

/* ---- by what it varies ---- */

static int by_bytes(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static bool add_name(struct request *r, struct str names[VARY_MAX], size_t *n, struct str name)
{
	return *n < VARY_MAX && arena_lower(&r->arena, name, &names[(*n)++]);
}

/*
 * The names by which the page varies: the response's, those of the marker that led here, and
 * Accept-Encoding if the application encoded the body and forgot to say so.
 */
static bool collect_vary(struct request *r, const struct headers *h, struct str *vary)
{
	const struct header *encoding = headers_find(h, STR("Content-Encoding"));
	struct str names[VARY_MAX], name, known = r->plan.vary, text = STR("");
	struct list_iter it = {0};
	size_t n = 0;

	while (headers_list_next(h, STR("Vary"), &it, &name))
		if (!add_name(r, names, &n, name))
			return false;
	while (str_split(&known, ',', &name))
		if (!add_name(r, names, &n, name))
			return false;
	if (encoding && !str_ieq(encoding->value, STR("identity")) &&
	    !add_name(r, names, &n, STR("accept-encoding")))
		return false;
	qsort(names, n, sizeof(names[0]), by_bytes);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && str_eq(names[i], names[i - 1]))
			continue;
		if (!arena_printf(&r->arena, &text, "%.*s%s%.*s", STR_ARG(text), text.n ? "," : "",
				  STR_ARG(names[i])))
			return false;
	}
	*vary = text;
	return true;
}

/* ---- the object ---- */

/* Slices of what was written. */
static void find_slices(struct object_head *head)
{
	head->etag = field_in(head->head, STR("ETag"));
	head->last_modified = field_in(head->head, STR("Last-Modified"));
	head->date = field_in(head->head, STR("Date"));
	head->language = field_in(head->head, STR("Content-Language"));
	head->type = field_in(head->head, STR("Content-Type"));
	if (head->etag.n == 0) {
		head->etag = field_in(head->made, STR("ETag"));
		head->made_etag = head->etag.n > 0;
	}
	if (head->last_modified.n == 0) {
		head->last_modified = field_in(head->made, STR("Last-Modified"));
		head->made_modified = head->last_modified.n > 0;
	}
}

void page_reslice(struct object_head *head, struct str fields)
{
	head->head = fields;
	find_slices(head);
}

/*
 * What a 206 brings. A Content-Range that ends with the page but claims more bytes than
 * Content-Length does is taken at its beginning and its length: then the page is shorter than it
 * says. Policy has seen that it can be read.
 */
static bool read_part(const struct cgi_head *head, struct content_range *range)
{
	const struct header *field = headers_find(&head->headers, STR("Content-Range"));
	uint64_t claimed;

	if (head->status != 206 || !field || !range_parse_content(field->value, range))
		return false;
	claimed = range->range.last - range->range.first + 1;
	if (head->has_content_length && head->content_length > 0 &&
	    head->content_length < claimed && range->range.last == range->complete - 1) {
		range->complete = range->range.first + head->content_length;
		range->range.last = range->complete - 1;
	}
	return true;
}

uint64_t page_part_length(const struct cgi_head *head)
{
	struct content_range range;

	return read_part(head, &range) ? range.range.last - range.range.first + 1 : 0;
}

static void set_part(const struct cgi_head *head, struct object_head *out)
{
	struct content_range range;

	if (!read_part(head, &range))
		return;
	out->kind = OBJECT_PART;
	out->first = range.range.first;
	out->whole = range.complete;
}

static struct object_head head_of(const struct request *r, const struct page_source *source)
{
	const struct policy_verdict *v = source->verdict;
	struct object_head head = {
	    .kind = OBJECT_PAGE,
	    .status = source->head->status,
	    .born = source->now_ms - v->age,
	    .asked = source->asked,
	    .lifetime = v->lifetime,
	    .grace = v->grace,
	    .stale_if_error = v->stale_if_error,
	    .keep = v->keep,
	    .must_revalidate = v->must_revalidate,
	    .no_cache = v->no_cache,
	    .immutable = v->immutable,
	    .shared = v->shared,
	    .rule_lifetime = v->rule_lifetime,
	    .rule_grace = v->rule_grace,
	    .rule_error = v->rule_error,
	    .origin = r->plan.origin,
	};

	set_part(source->head, &head);
	return head;
}

/* Where it is stored: by entity-tag if the application chooses by that, else by Vary. */
static bool find_key(struct request *r, const struct object_head *head, struct str vary,
		     struct key *key)
{
	if (r->plan.rule->policy.validate == VALIDATE_ALWAYS)
		return decide_tagged(r, head->etag, key);
	return decide_variant(r, vary, key);
}

struct object *page_open(struct request *r, const struct page_source *source, size_t capacity,
			 struct str *vary)
{
	const struct cgi_head *from = source->head;
	struct object_head head = head_of(r, source);
	struct key key;

	if (!collect_vary(r, &from->headers, vary) || !page_fields(r, from, true, &head.head) ||
	    !write_made(r, source, &head.made) || !write_control(r, from, &head.control) ||
	    !invalidate_labels(r, &from->headers, &head.labels))
		return NULL;
	find_slices(&head);
	if (source->key)
		key = *source->key;
	else if (!find_key(r, &head, *vary, &key))
		return NULL;
	return object_new(&key, &head, capacity);
}

bool page_store(struct request *r, struct store *store, struct object *o, struct str vary)
{
	struct object *old, *marker;
	bool ok = store_set(store, o);

	if (!ok || (vary.n == 0 && r->plan.rule->policy.validate != VALIDATE_ALWAYS))
		return ok;
	/* of two who add at once one entry may be lost: then it is not asked about until stored
	 * anew */
	old = find_stored(store, &r->plan.primary);
	if (old && object_head(old)->kind != OBJECT_MARKER)
		object_unref(&old);
	marker = variants_add(&r->plan.primary, old, vary, o);
	ok = marker && store_set(store, marker);
	object_unref(&marker);
	object_unref(&old);
	return ok;
}
