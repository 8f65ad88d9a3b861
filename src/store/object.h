/*
 * Objects: whole responses as they are stored, immutable once sealed, shared by reference count.
 *
 *     object_new --(writer fills body)--> object_seal --> store_set ... --> last object_unref frees
 *
 * Kinds: a PAGE; a PART, some bytes of a page, as a 206 brought them; and a MARKER, which stands at
 * the primary key of a page with variants and says where they are (flow/variants).
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

enum object_kind { OBJECT_PAGE, OBJECT_PART, OBJECT_MARKER };

/* What the maker gives; object_new copies all of it. Times are clock_now_ms, but for asked. */
struct object_head {
	enum object_kind kind;
	int status;
	struct str head;    /* "Status: 200 OK\r\nContent-Type: ...\r\n", without the empty line,
			     * without Content-Length, Age and Cache-Status */
	struct str made;    /* fields of our own that are sent behind them (client_cache, etag) */
	struct str control; /* fields that steer the cache: kept for a 304 to be merged with */
	struct str etag, last_modified;  /* slices of head or made, or empty */
	struct str date, language, type; /* the same: Date, Content-Language, Content-Type */
	bool made_etag, made_modified;   /* these are ours: the application does not know them */
	struct str vary;                 /* MARKER: names in lower case, sorted, separated by ',' */
	struct str variants;             /* MARKER: what flow/variants writes */
	struct str labels; /* what it can be invalidated by (flow/bans), 8 bytes each */
	int64_t born;      /* when its age was 0 */
	int64_t asked;     /* clock_now_us when the application was asked for it */
	int64_t lifetime, grace, stale_if_error, keep; /* ms, as in policy_verdict */
	bool must_revalidate, no_cache, immutable;
	bool shared; /* may answer requests with Authorization (RFC 9111 section 3.5) */
	/* which of the times the rule gave, not the response: a reload changes them */
	bool rule_lifetime, rule_grace, rule_error;
	uint64_t origin; /* hash of the script that made it: another script's request misses */
	uint64_t first;  /* PART: where in the whole its body begins */
	uint64_t whole;  /* PART: how long the whole is */
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
/*
 * The body of a sealed object becomes the body of an open one that has none, without a copy; from
 * lives on until o is gone.
 */
void object_share_body(struct object *o, struct object *from);
/* Of an open object: its made fields, to be written over. */
char *object_made(struct object *o);
/* No change after this; gives back spare room. Once. */
void object_seal(struct object *o);
bool object_sealed(const struct object *o);

struct object *object_ref(struct object *o);
void object_unref(struct object **o);

struct key object_key(const struct object *o); /* lives as long as the object */
const struct object_head *object_head(const struct object *o);
struct str object_body(const struct object *o);
/* What is sent of its head: the application's fields and ours. */
struct str object_fields(const struct object *o);
/* Bytes of memory that it accounts for: itself, key, head, body. */
size_t object_size(const struct object *o);

/*
 * When it is of no use at all any more: past its lifetime, and after it grace,
 * stale_if_error and the time that it is kept to be checked.
 * Times too large to add up count as never.
 */
int64_t object_dead_at(const struct object *o);

#endif
