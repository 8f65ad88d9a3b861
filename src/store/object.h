/*
 * Objects: whole responses as they are stored, immutable once sealed, shared by reference count.
 *
 *     object_new --(writer fills body)--> object_seal --> store_set ... --> last object_unref frees
 *
 * Kinds: a PAGE, and a VARY marker, which stands at the primary key of a page with variants and
 * holds the list of header names that lead to the second key.
 */
#ifndef FCGICACHE_STORE_OBJECT_H
#define FCGICACHE_STORE_OBJECT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/str.h"
#include "store/key.h"

enum object_kind { OBJECT_PAGE, OBJECT_VARY };

/* What the maker gives; object_new copies all of it. Times are clock_now_ms. */
struct object_head {
	enum object_kind kind;
	int status;
	struct str head; /* "Status: 200 OK\r\nContent-Type: ...\r\n", without the empty line,
			  * without Content-Length, Age and Cache-Status */
	struct str etag; /* a slice of head, or empty */
	struct str last_modified; /* a slice of head, or empty */
	struct str vary;          /* OBJECT_VARY: names in lower case, sorted, separated by ',' */
	int64_t born;             /* when its age was 0 */
	int64_t lifetime, grace, stale_if_error; /* ms, as in policy_verdict */
	bool must_revalidate, no_cache;
	bool shared; /* may answer requests with Authorization (RFC 9111 section 3.5) */
	/* which of the times the rule gave, not the response: a reload changes them */
	bool rule_lifetime, rule_grace, rule_error;
	uint64_t origin; /* hash of the script that made it: another script's request misses */
};

struct object; /* read through the functions below */

/*
 * The first bytes of every object: its place in a memory store, so that listing it needs no memory
 * and finding it touches no more. store_memory alone writes them, under its locks (visited and
 * owner atomically); nothing else of a sealed object ever changes, save its count of references.
 */
struct object_links {
	struct object *newer, *older; /* in the queue of its shard */
	_Atomic(const void *) owner;  /* the store that lists it; NULL: none */
	atomic_bool visited;          /* used since it was listed, or since the hand passed */
};
static inline struct object_links *object_links(struct object *o)
{
	return (struct object_links *)(void *)o;
}

/*
 * An open object for the key (copied). capacity: bytes of body to make room for at once, 0 if not
 * known. NULL: memory is out. The caller is its one writer and owns one reference.
 */
struct object *object_new(const struct key *key, const struct object_head *head,
			  size_t capacity) MUST_CHECK;
/* Appends to the body of an open object. False: memory is out; the object is as it was. */
bool object_append(struct object *o, const void *p, size_t n) MUST_CHECK;
/* Takes over a malloced body (of an object without one) instead. The caller gives up p. */
void object_take_body(struct object *o, char *p, size_t n);
/* No change after this; gives back spare room. Once. */
void object_seal(struct object *o);
bool object_sealed(const struct object *o);

struct object *object_ref(struct object *o);
void object_unref(struct object **o);

struct key object_key(const struct object *o); /* lives as long as the object */
const struct object_head *object_head(const struct object *o);
struct str object_body(const struct object *o);
/* Bytes of memory that it accounts for: itself, key, head, body. */
size_t object_size(const struct object *o);

/*
 * When it is of no use at all any more: past its lifetime, and grace and stale_if_error after it.
 * Times too large to add up count as never.
 */
int64_t object_dead_at(const struct object *o);

#endif
