/*
 * Stores: finds the backend that a URI names, reads its arguments by the backend's table, and hands
 * every call on. No state.
 *
 *     SCHEME://PATH?NAME=VALUE&NAME=VALUE
 */
#include "store/store.h"

#include <inttypes.h>
#include <stdarg.h>

#include "config/values.h"

static const struct store_ops *const backends[] = {&store_memory_ops, &store_null_ops};

struct uri {
	const struct store_ops *ops;
	struct str path, args;
};

void store_error(struct buf *error, const char *fmt, ...)
{
	va_list ap;
	bool ok = error->n == 0 || buf_add_str(error, STR("; "));

	va_start(ap, fmt);
	if (ok)
		ok = buf_vprintf(error, fmt, ap);
	va_end(ap);
	(void)ok; /* without memory the message is short */
}

/* ------------------------------------------------------------------------------ arguments */

static bool parse_count(struct str s, uint64_t *out)
{
	return str_to_u64(s, out);
}

static bool parse_size(struct str s, uint64_t *out)
{
	int64_t bytes;

	switch (size_parse(s, &bytes)) {
	case VALUE_OK:
		*out = (uint64_t)bytes;
		return true;
	case VALUE_NO_UNIT:
		return str_to_u64(s, out);
	default:
		return false;
	}
}

static const struct {
	bool (*parse)(struct str s, uint64_t *out);
	const char *what;
} kinds[] = {
    [STORE_ARG_COUNT] = {parse_count, "a whole number"},
    [STORE_ARG_SIZE] = {parse_size, "a size: bytes, or as 64k, 8m, 1g"},
};

static void say_names(const char *who, const struct store_arg *table, size_t n, struct buf *error)
{
	bool ok = n > 0 ? buf_printf(error, "; %s takes ", who)
			: buf_printf(error, "; %s takes none", who);

	for (size_t i = 0; ok && i < n; i++)
		ok = buf_printf(error, i ? ", %s" : "%s", table[i].name);
}

static bool set_arg(const struct store_arg *arg, struct str value, void *options, struct buf *error)
{
	uint64_t n;

	if (!kinds[arg->kind].parse(value, &n)) {
		store_error(error, "%s: \"%.*s\" is not %s", arg->name, STR_ARG(value),
			    kinds[arg->kind].what);
		return false;
	}
	if (n < arg->min || n > arg->max) {
		store_error(error, "%s: %" PRIu64 " is not from %" PRIu64 " to %" PRIu64, arg->name,
			    n, arg->min, arg->max);
		return false;
	}
	memcpy((char *)options + arg->offset, &n, sizeof(n));
	return true;
}

/* Whether the name of one stands earlier in args. */
static bool given_before(struct str name, struct str args)
{
	struct str part, rest = str_make(args.p, (size_t)(name.p - args.p));

	while (str_split(&rest, '&', &part))
		if (str_eq(str_sub(part, 0, str_find(part, '=')), name))
			return true;
	return false;
}

static bool read_arg(const char *who, struct str part, const struct store_arg *table, size_t n,
		     void *options, struct buf *error)
{
	size_t equals = str_find(part, '=');
	struct str name = str_sub(part, 0, equals);

	for (size_t i = 0; i < n; i++)
		if (str_eq(name, str_of(table[i].name)))
			return set_arg(&table[i], str_sub(part, equals + 1, part.n), options,
				       error);
	store_error(error, "unknown argument \"%.*s\"", STR_ARG(name));
	say_names(who, table, n, error);
	return false;
}

bool store_args(const char *who, struct str args, const struct store_arg *table, size_t n,
		void *options, struct buf *error)
{
	struct str part, rest = args;
	bool ok = true;

	while (str_split(&rest, '&', &part)) {
		struct str name = str_sub(part, 0, str_find(part, '='));

		if (given_before(name, args)) {
			store_error(error, "%.*s is given twice", STR_ARG(name));
			ok = false;
		} else if (!read_arg(who, part, table, n, options, error)) {
			ok = false;
		}
	}
	return ok;
}

/* ------------------------------------------------------------------------------ opening */

static void say_schemes(struct str scheme, struct buf *error)
{
	bool ok = buf_printf(error, "no store \"%.*s\"; there are ", STR_ARG(scheme));

	for (size_t i = 0; ok && i < ARRAY_LEN(backends); i++)
		ok = buf_printf(error, i ? ", %s" : "%s", backends[i]->scheme);
}

static bool parse_uri(struct str text, struct uri *uri, struct buf *error)
{
	size_t colon = str_find(text, ':');
	struct str scheme = str_sub(text, 0, colon), rest;
	size_t question;

	if (!str_starts(str_sub(text, colon, text.n), STR("://"))) {
		store_error(error, "\"%.*s\" is not a URI, as memory:///?max_size=256m is",
			    STR_ARG(text));
		return false;
	}
	rest = str_sub(text, colon + 3, text.n);
	question = str_find(rest, '?');
	uri->path = str_sub(rest, 0, question);
	uri->args = str_sub(rest, question + 1, rest.n);
	for (size_t i = 0; i < ARRAY_LEN(backends); i++)
		if (str_eq(scheme, str_of(backends[i]->scheme))) {
			uri->ops = backends[i];
			return true;
		}
	say_schemes(scheme, error);
	return false;
}

/* Messages of one URI are joined in a buffer of their own: *error may hold others before. */
static bool check_uri(struct str text, struct uri *uri, struct buf *error)
{
	struct buf own;
	bool ok, said;

	buf_init(&own, 0);
	ok = parse_uri(text, uri, &own) && uri->ops->check(uri->path, uri->args, &own);
	said = buf_add_str(error, buf_str(&own));
	(void)said;
	buf_fini(&own);
	return ok;
}

bool store_check(struct str text, struct buf *error)
{
	struct uri uri;

	return check_uri(text, &uri, error);
}

struct store *store_open(struct str text, struct buf *error)
{
	struct uri uri;

	return check_uri(text, &uri, error) ? uri.ops->open(uri.path, uri.args, error) : NULL;
}

void store_close(struct store **s)
{
	struct store *closed = *s;

	*s = NULL;
	if (closed)
		closed->ops->close(closed);
}

/* ------------------------------------------------------------------------------ dispatch */

struct object *store_get(struct store *s, const struct key *key)
{
	return s->ops->get(s, key);
}

bool store_set(struct store *s, struct object *o)
{
	return s->ops->set(s, o);
}

bool store_add(struct store *s, struct object *o)
{
	return s->ops->add(s, o);
}

bool store_remove(struct store *s, const struct key *key)
{
	return s->ops->remove(s, key);
}

void store_flush(struct store *s)
{
	s->ops->flush(s);
}

void store_upkeep(struct store *s, int64_t now_ms)
{
	s->ops->upkeep(s, now_ms);
}

void store_stats(struct store *s, struct store_stats *out)
{
	s->ops->stats(s, out);
}
