/*
 * The null store: keeps nothing, for development. The smallest backend, and the skeleton to copy:
 * a backend embeds struct store first, holds its options and whatever it keeps behind it, and fills
 * a store_ops. This one has no state, so that one static struct serves all who open it.
 */
#include "store/store.h"

static struct store null_store = {&store_null_ops};

static bool null_check(struct str path, struct str args, struct buf *error)
{
	bool ok = path.n == 0 || str_eq(path, STR("/"));

	if (!ok)
		store_error(error, "null has no path; write null:///");
	return store_args("null", args, NULL, 0, NULL, error) && ok;
}

static struct store *null_open(struct str path, struct str args, struct buf *error)
{
	(void)path;
	(void)args;
	(void)error;
	return &null_store;
}

static void null_close(struct store *s)
{
	(void)s;
}

static struct object *null_get(struct store *s, const struct key *key)
{
	(void)s;
	(void)key;
	return NULL;
}

static bool null_set(struct store *s, struct object *o)
{
	(void)s;
	(void)o;
	return false;
}

static bool null_remove(struct store *s, const struct key *key)
{
	(void)s;
	(void)key;
	return false;
}

static void null_flush(struct store *s)
{
	(void)s;
}

static void null_upkeep(struct store *s, int64_t now_ms)
{
	(void)s;
	(void)now_ms;
}

static void null_stats(struct store *s, struct store_stats *out)
{
	(void)s;
	*out = (struct store_stats){0};
}

const struct store_ops store_null_ops = {
    .scheme = "null",
    .check = null_check,
    .open = null_open,
    .close = null_close,
    .get = null_get,
    .set = null_set,
    .add = null_set,
    .remove = null_remove,
    .flush = null_flush,
    .upkeep = null_upkeep,
    .stats = null_stats,
};
