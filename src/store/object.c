/*
 * Objects: one allocation for the struct, the key and the head, one for the body.
 *
 *     struct object | key | head | made | others       body (grows by doubling until it is sealed)
 *
 * What a lookup reads comes first, within 64 bytes: links, references, hash, length of the key. The
 * key's bytes follow the struct.
 *
 * While it is open an object has one writer and is seen by no other thread. object_seal is the one
 * change of state; how it becomes visible to other threads (a store's lock) is the store's
 * business.
 */
#include "store/object.h"

#include <stdlib.h>
#include <string.h>

#define BODY_MIN     ((size_t)4096) /* first room of a body of unknown length */
#define MALLOC_COSTS ((size_t)16)   /* of one allocation, about: header and rounding */

struct object {
	struct object_links links; /* first: object_links() says so */
	atomic_uint refs;
	uint32_t key_n;
	uint64_t hash;
	char *body;
	size_t body_n;
	size_t body_room;
	struct object *lender; /* reference: whose body it is, if not its own */
	bool sealed;
	struct object_head head; /* slices of bytes */
	char bytes[];            /* key, head, made, then the other texts */
};

_Static_assert(offsetof(struct object, links) == 0, "object_links() casts");
_Static_assert(offsetof(struct object, body_room) <= 64, "one cache line for a lookup");

/* Copies s to *to, and moves *to behind it. */
static struct str take_copy(char **to, struct str s)
{
	struct str copy = {*to, s.n};

	if (s.n)
		memcpy(*to, s.p, s.n);
	*to += s.n;
	return copy;
}

/* Where a slice of the maker's head or made fields is in the object's. */
static struct str same_slice(struct str part, const struct object_head *old,
			     const struct object_head *new)
{
	const struct str *from = &old->head, *to = &new->head;

	if (part.n == 0)
		return (struct str){NULL, 0};
	if (part.p < from->p || part.p + part.n > from->p + from->n) {
		from = &old->made;
		to = &new->made;
	}
	CHECK(part.p >= from->p && part.p + part.n <= from->p + from->n);
	return str_make(to->p + (part.p - from->p), part.n);
}

/* 0: more than there can be. */
static size_t size_of(const struct key *key, const struct object_head *head)
{
	size_t n = sizeof(struct object);
	const size_t parts[] = {key->bytes.n, head->head.n,     head->made.n,  head->control.n,
				head->vary.n, head->variants.n, head->labels.n};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (parts[i] > UINT32_MAX || __builtin_add_overflow(n, parts[i], &n))
			return 0;
	return n;
}

struct object *object_new(const struct key *key, const struct object_head *head, size_t capacity)
{
	size_t size = size_of(key, head);
	struct object *o = size ? malloc(size) : NULL;
	char *to;

	if (!o)
		return NULL;
	memset(o, 0, sizeof(*o));
	if (capacity && !(o->body = malloc(capacity))) {
		free(o);
		return NULL;
	}
	o->body_room = capacity;
	atomic_init(&o->refs, 1);
	o->hash = key->hash;
	o->key_n = (uint32_t)key->bytes.n;
	o->head = *head;
	to = o->bytes;
	take_copy(&to, key->bytes);
	o->head.head = take_copy(&to, head->head);
	o->head.made = take_copy(&to, head->made);
	o->head.control = take_copy(&to, head->control);
	o->head.vary = take_copy(&to, head->vary);
	o->head.variants = take_copy(&to, head->variants);
	o->head.labels = take_copy(&to, head->labels);
	o->head.etag = same_slice(head->etag, head, &o->head);
	o->head.last_modified = same_slice(head->last_modified, head, &o->head);
	o->head.date = same_slice(head->date, head, &o->head);
	o->head.language = same_slice(head->language, head, &o->head);
	o->head.type = same_slice(head->type, head, &o->head);
	return o;
}

static bool set_room(struct object *o, size_t room)
{
	char *body = realloc(o->body, room);

	if (!body)
		return false;
	o->body = body;
	o->body_room = room;
	return true;
}

static bool make_room(struct object *o, size_t n)
{
	size_t need, room = o->body_room > SIZE_MAX / 4 ? o->body_room : o->body_room * 2;

	if (__builtin_add_overflow(o->body_n, n, &need))
		return false;
	if (need <= o->body_room)
		return true;
	if (room < BODY_MIN)
		room = BODY_MIN;
	return set_room(o, need > room ? need : room);
}

bool object_append(struct object *o, const void *p, size_t n)
{
	CHECK(!o->sealed);
	if (n == 0)
		return true;
	if (!make_room(o, n))
		return false;
	memcpy(o->body + o->body_n, p, n);
	o->body_n += n;
	return true;
}

void object_take_body(struct object *o, char *p, size_t n)
{
	CHECK(!o->sealed);
	CHECK(o->body_n == 0);
	free(o->body);
	o->body = p;
	o->body_n = n;
	o->body_room = n;
}

void object_share_body(struct object *o, struct object *from)
{
	CHECK(!o->sealed && !o->body && from->sealed);
	o->lender = object_ref(from->lender ? from->lender : from);
	o->body = from->body;
	o->body_n = from->body_n;
	o->body_room = from->body_room;
}

char *object_made(struct object *o)
{
	CHECK(!o->sealed);
	return (char *)(uintptr_t)o->head.made.p;
}

void object_seal(struct object *o)
{
	CHECK(!o->sealed);
	if (o->lender) {
		o->sealed = true;
		return;
	}
	if (o->body_n == 0) {
		free(o->body);
		o->body = NULL;
		o->body_room = 0;
	} else if (o->body_n < o->body_room) {
		(void)!set_room(o, o->body_n); /* or it keeps what it has */
	}
	o->sealed = true;
}

bool object_sealed(const struct object *o)
{
	return o->sealed;
}

struct object *object_ref(struct object *o)
{
	unsigned refs = atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);

	CHECK(refs > 0);
	return o;
}

void object_unref(struct object **o)
{
	struct object *dropped = *o;
	unsigned refs;

	*o = NULL;
	if (!dropped)
		return;
	refs = atomic_fetch_sub_explicit(&dropped->refs, 1, memory_order_acq_rel);
	CHECK(refs > 0);
	if (refs > 1)
		return;
	if (dropped->lender)
		object_unref(&dropped->lender);
	else
		free(dropped->body);
	free(dropped);
}

struct key object_key(const struct object *o)
{
	return (struct key){{o->bytes, o->key_n}, o->hash};
}

const struct object_head *object_head(const struct object *o)
{
	return &o->head;
}

struct str object_body(const struct object *o)
{
	return (struct str){o->body, o->body_n};
}

struct str object_fields(const struct object *o)
{
	return str_make(o->head.head.p, o->head.head.n + o->head.made.n);
}

size_t object_size(const struct object *o)
{
	const struct object_head *h = &o->head;
	size_t size = sizeof(*o) + MALLOC_COSTS + o->key_n + h->head.n + h->made.n + h->control.n +
		      h->vary.n + h->variants.n + h->labels.n;

	return o->body ? size + MALLOC_COSTS + o->body_room : size;
}

/* a + b for times, b not negative: at most INT64_MAX. */
static int64_t later(int64_t a, int64_t b)
{
	int64_t sum;

	if (b < 0)
		b = 0;
	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

int64_t object_dead_at(const struct object *o)
{
	const struct object_head *h = &o->head;
	int64_t useful = h->grace > h->stale_if_error ? h->grace : h->stale_if_error;

	if (h->keep > useful)
		useful = h->keep;
	return later(later(h->born, h->lifetime), useful);
}
