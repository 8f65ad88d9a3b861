/*
 * Stores: one interface over every place where objects can be kept.
 *
 * A backend is a const struct store_ops; store_null.c is the smallest and the skeleton to copy. All
 * functions may be called by any thread. A store never fails loudly: what it cannot do is a miss.
 */
#ifndef FCGICACHE_STORE_STORE_H
#define FCGICACHE_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/mem.h"
#include "store/object.h"

struct store; /* a backend embeds it first */

struct store_stats {
	uint64_t entries, bytes;         /* what is stored now */
	uint64_t max_entries, max_bytes; /* limits; 0: none */
	uint64_t evicted;                /* to keep the limits */
};

struct store_ops {
	const char *scheme; /* "memory" */
	/*
	 * path and args of SCHEME://path?args, args as "name=value&...", for store_args. Opens
	 * nothing. False: *error says all that is wrong.
	 */
	bool (*check)(struct str path, struct str args, struct buf *error);
	/* After check has passed. NULL: *error says why. */
	struct store *(*open)(struct str path, struct str args, struct buf *error);
	void (*close)(struct store *s);
	/* A reference to a sealed object with exactly this key, fresh, stale or dead; or NULL. */
	struct object *(*get)(struct store *s, const struct key *key);
	/*
	 * Keeps its own reference, replaces what has the key. False: not stored; if it is because o
	 * is larger than the whole store, what had the key is removed, for o was to replace it.
	 */
	bool (*set)(struct store *s, struct object *o);
	/* Only if the key has nothing, or a dead object. False: it has one, or not stored. */
	bool (*add)(struct store *s, struct object *o);
	/* True if something was there. */
	bool (*remove)(struct store *s, const struct key *key);
	void (*flush)(struct store *s);
	/* Once a second from main: drops objects past object_dead_at, a bounded number a call. */
	void (*upkeep)(struct store *s, int64_t now_ms);
	void (*stats)(struct store *s, struct store_stats *out);
};

struct store {
	const struct store_ops *ops;
};

extern const struct store_ops store_memory_ops;
extern const struct store_ops store_null_ops;

/*
 * The arguments of a backend's URI: a table of them, each a number in its struct of options.
 */
enum store_arg_kind {
	STORE_ARG_COUNT, /* "1000" */
	STORE_ARG_SIZE,  /* bytes: "65536", "64k", "8m", "1g" */
};
struct store_arg {
	const char *name;
	enum store_arg_kind kind;
	size_t offset;     /* of its uint64_t in the options */
	uint64_t min, max; /* what is allowed */
};

/*
 * Sets in *options what args names; what it does not name stays, so the caller puts the defaults
 * there first. who: the scheme, for messages. False: *error says all that is wrong.
 */
bool store_args(const char *who, struct str args, const struct store_arg *table, size_t n,
		void *options, struct buf *error) MUST_CHECK;
/* Adds a message to *error, after "; " if it is not the first. For backends. */
void store_error(struct buf *error, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * Opens what the URI names. NULL: error (text appended to *error, no newline) names what is wrong
 * and, for an unknown argument, the right ones. May block on opening.
 */
struct store *store_open(struct str uri, struct buf *error) MUST_CHECK;
/* Only checks the URI (scheme, arguments and their values); opens nothing. */
bool store_check(struct str uri, struct buf *error) MUST_CHECK;
void store_close(struct store **s);

struct object *store_get(struct store *s, const struct key *key) MUST_CHECK;
bool store_set(struct store *s, struct object *o);
bool store_add(struct store *s, struct object *o) MUST_CHECK;
bool store_remove(struct store *s, const struct key *key);
void store_flush(struct store *s);
void store_upkeep(struct store *s, int64_t now_ms);
void store_stats(struct store *s, struct store_stats *out);

#endif
