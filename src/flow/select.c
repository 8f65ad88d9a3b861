/*
 *     conditions --304, 412--> a head alone
 *         | go on
 *     Range, If-Range --> whole: the stored page as it is
 *                     --> one range: a slice; several: multipart/byteranges; none: 416
 */
#include "flow/select.h"

#include "http/cond.h"
#include "http/headers.h"
#include "http/range.h"
#include "store/key.h"

#define NO_LENGTH UINT64_MAX

static struct cond_page page_of(const struct object_head *head)
{
	return (struct cond_page){
	    .etag = head->etag,
	    .last_modified = head->last_modified,
	    .date = head->date,
	    .received_ms = head->asked / 1000,
	};
}

static enum cond_answer conditions(const struct request *r, const struct object_head *head,
				   int64_t now)
{
	struct cond_request c = {
	    .if_match = r->known[KNOWN_IF_MATCH],
	    .if_none_match = r->known[KNOWN_IF_NONE_MATCH],
	    .if_modified_since = r->known[KNOWN_IF_MODIFIED_SINCE],
	    .if_unmodified_since = r->known[KNOWN_IF_UNMODIFIED_SINCE],
	};
	struct cond_page page = page_of(head);

	if ((head->status != 200 && head->kind != OBJECT_PART) ||
	    (!c.if_match.p && !c.if_none_match.p && !c.if_modified_since.p &&
	     !c.if_unmodified_since.p))
		return COND_SEND;
	return cond_evaluate(&c, &page, now);
}

/* What is sent of its head. */
static struct str fields_of(const struct request *r, const struct object *o)
{
	return r->fields.n > 0 ? r->fields : object_fields(o);
}

static char *put(char *p, struct str s)
{
	if (s.n)
		memcpy(p, s.p, s.n);
	return p + s.n;
}

static bool describes_body(struct str line)
{
	return str_istarts(line, STR("Content-")) && !str_istarts(line, STR("Content-Location:"));
}

static bool is_range(struct str line)
{
	return str_istarts(line, STR("Content-Range:"));
}

static bool is_type_or_range(struct str line)
{
	return str_istarts(line, STR("Content-Type:")) || is_range(line);
}

/* Stored fields under another status line, without those that `leaves_out`, and one more. */
static bool rewrite(struct request *r, struct str fields, struct str status,
		    bool (*leaves_out)(struct str line), struct str more, struct str *out)
{
	char *p = arena_alloc(&r->arena, fields.n + status.n + more.n + 1), *start = p;
	struct str line;

	if (!p)
		return false;
	(void)str_split(&fields, '\n', &line); /* the Status line */
	p = put(p, status);
	while (str_split(&fields, '\n', &line))
		if (!leaves_out(line))
			p = put(p, str_make(line.p, line.n + 1));
	p = put(p, more);
	*out = str_make(start, (size_t)(p - start));
	return true;
}

/* RFC 9110 section 15.4.5: without what describes a body. */
static bool not_modified(struct request *r, struct str fields, struct selection *out)
{
	out->status = 304;
	out->length = NO_LENGTH;
	out->n_slices = 0;
	return rewrite(r, fields, STR("Status: 304 Not Modified\r\n"), describes_body, STR(""),
		       &out->fields);
}

static const struct str partial_status = STR("Status: 206 Partial Content\r\n");

/* body: what is there of the page, from its byte `first` on; whole: the page's length. */
static bool one_range(struct request *r, const struct object *o, struct range range, uint64_t whole,
		      struct selection *out)
{
	uint64_t first = object_head(o)->first;
	struct str field;

	out->one[0] = str_sub(object_body(o), (size_t)(range.first - first),
			      (size_t)(range.last + 1 - first));
	out->slices = out->one;
	out->status = 206;
	out->n_slices = 1;
	out->length = out->one[0].n;
	return arena_printf(&r->arena, &field, "Content-Range: bytes %llu-%llu/%llu\r\n",
			    (unsigned long long)range.first, (unsigned long long)range.last,
			    (unsigned long long)whole) &&
	       rewrite(r, fields_of(r, o), partial_status, is_range, field, &out->fields);
}

/* A boundary that nobody can foresee, so that no page can contain it. */
static bool make_boundary(struct request *r, const struct object *o, struct str *boundary)
{
	uint64_t seed[2] = {(uint64_t)r->started_us, (uint64_t)(uintptr_t)o};
	uint64_t a = key_hash(str_make((const char *)seed, sizeof(seed)));
	uint64_t b = key_hash(str_make((const char *)&a, sizeof(a)));

	return arena_printf(&r->arena, boundary, "%016llx%016llx", (unsigned long long)a,
			    (unsigned long long)b);
}

static bool several_ranges(struct request *r, const struct object *o, const struct range *v,
			   size_t n, struct selection *out)
{
	struct str boundary, field;

	out->status = 206;
	return make_boundary(r, o, &boundary) &&
	       range_multipart(&r->arena, v, n, object_body(o), object_head(o)->type, boundary,
			       &out->slices, &out->n_slices, &out->length) &&
	       arena_printf(&r->arena, &field,
			    "Content-Type: multipart/byteranges; boundary=%.*s\r\n",
			    STR_ARG(boundary)) &&
	       rewrite(r, fields_of(r, o), partial_status, is_type_or_range, field, &out->fields);
}

static bool not_satisfiable(struct request *r, uint64_t whole, struct selection *out)
{
	out->status = 416;
	out->length = out->n_slices = 0;
	return arena_printf(&r->arena, &out->fields,
			    "Status: 416 Range Not Satisfiable\r\nContent-Range: bytes */%llu\r\n",
			    (unsigned long long)whole);
}

bool select_wants_ranges(const struct request *r, const struct object *o, int64_t now)
{
	const struct object_head *head = object_head(o);
	struct cond_page page = page_of(head);

	return r->is_get && r->known[KNOWN_RANGE].p &&
	       (head->status == 200 || head->kind == OBJECT_PART) &&
	       cond_range_applies(r->known[KNOWN_IF_RANGE], &page, now);
}

static bool ranges(struct request *r, const struct object *o, struct selection *out)
{
	const struct object_head *head = object_head(o);
	bool is_part = head->kind == OBJECT_PART;
	uint64_t whole = is_part ? head->whole : object_body(o).n;
	struct range v[RANGES_MAX];
	size_t n = 0;

	switch (range_parse(r->known[KNOWN_RANGE], whole, v, &n)) {
	case RANGE_WHOLE:
		break;
	case RANGE_SOME:
		return n == 1 ? one_range(r, o, v[0], whole, out) : several_ranges(r, o, v, n, out);
	case RANGE_UNSATISFIED:
		return not_satisfiable(r, whole, out);
	}
	return true;
}

bool select_content(struct request *r, struct object *o, int64_t now, struct selection *out)
{
	const struct object_head *head = object_head(o);
	bool bodiless = head->status == 204 || head->status == 304;

	*out = (struct selection){
	    .status = head->status,
	    .fields = fields_of(r, o),
	    .length = bodiless ? NO_LENGTH : object_body(o).n,
	    .one = {object_body(o)},
	    .n_slices = 1,
	};
	out->slices = out->one;
	if (!r->plan.lookup || object_key(o).bytes.n == 0)
		return true; /* not asked for as a page, or not one that could be stored */
	switch (conditions(r, head, now)) {
	case COND_SEND:
		break;
	case COND_NOT_MODIFIED:
		return not_modified(r, fields_of(r, o), out);
	case COND_FAILED:
		out->status = 412;
		return true;
	}
	if (head->kind == OBJECT_PART && r->fields.n > 0)
		return true; /* the application's own answer to this very range */
	return select_wants_ranges(r, o, now) ? ranges(r, o, out) : true;
}
