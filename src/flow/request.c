/*
 * What came, once over: parameters are put into a table by one pass, the known ones by length and
 * comparison. Nothing is copied: the parameters belong to the client until it is finished.
 */
#include "flow/request.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "http/uri.h"

/*
 * A few requests are kept when they end: they are too large for malloc's quick lists, and every hit
 * needs one.
 */
#define SPARES 16u

static _Atomic(struct request *) spares[SPARES];
static _Thread_local unsigned next_spare;

static struct request *take_spare(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct request *r = atomic_exchange_explicit(&spares[(next_spare + i) % SPARES],
							     NULL, memory_order_acquire);

		if (r)
			return r;
	}
	next_spare++;
	return NULL;
}

static bool keep_spare(struct request *r)
{
	struct request *none = NULL;

	return atomic_compare_exchange_strong_explicit(&spares[next_spare % SPARES], &none, r,
						       memory_order_release, memory_order_relaxed);
}

void request_stop(void)
{
	for (unsigned i = 0; i < SPARES; i++)
		free(atomic_exchange(&spares[i], NULL));
}

struct request *request_new(struct client *client, struct ruleset *rules)
{
	struct request *r = take_spare();

	if (!r && !(r = malloc(sizeof(*r)))) {
		ruleset_unref(&rules);
		return NULL;
	}
	memset(r, 0, offsetof(struct request, first));
	r->client = client;
	r->rules = rules;
	r->started_us = clock_mono_us();
	r->content_length = UINT64_MAX;
	arena_init_with(&r->arena, r->first, sizeof(r->first));
	return r;
}

void request_free(struct request **rp)
{
	struct request *r = *rp;

	CHECK(!r->flight);
	object_unref(&r->landed);
	object_unref(&r->marker);
	object_unref(&r->check);
	object_unref(&r->stale);
	object_unref(&r->sending);
	ruleset_unref(&r->rules);
	arena_fini(&r->arena);
	if (!keep_spare(r))
		free(r);
	*rp = NULL;
}

/* Names in groups of one length, so that a name is compared with very few. */
struct known_name {
	const char *name;
	enum known known;
};

#define GROUP(...)                                                                                 \
	(const struct known_name[])                                                                \
	{                                                                                          \
		__VA_ARGS__,                                                                       \
		{                                                                                  \
			NULL, KNOWN_COUNT                                                          \
		}                                                                                  \
	}
#define LONGEST 24u

static const struct known_name *const known_names[LONGEST + 1] = {
    [5] = GROUP({"HTTPS", KNOWN_HTTPS}),
    [9] = GROUP({"HTTP_HOST", KNOWN_HOST}, {"PATH_INFO", KNOWN_PATH_INFO}),
    [10] = GROUP({"HTTP_RANGE", KNOWN_RANGE}),
    [11] = GROUP({"HTTP_COOKIE", KNOWN_COOKIE}, {"HTTP_PRAGMA", KNOWN_PRAGMA},
		 {"REMOTE_USER", KNOWN_REMOTE_USER}, {"REQUEST_URI", KNOWN_URI},
		 {"SCRIPT_NAME", KNOWN_SCRIPT_NAME}, {"SERVER_NAME", KNOWN_SERVER_NAME},
		 {"SERVER_PORT", KNOWN_SERVER_PORT}),
    [12] = GROUP({"DOCUMENT_URI", KNOWN_DOCUMENT_URI}, {"HTTP_UPGRADE", KNOWN_UPGRADE},
		 {"QUERY_STRING", KNOWN_QUERY}),
    [13] = GROUP({"DOCUMENT_ROOT", KNOWN_DOCUMENT_ROOT}, {"HTTP_IF_MATCH", KNOWN_IF_MATCH},
		 {"HTTP_IF_RANGE", KNOWN_IF_RANGE}),
    [14] = GROUP({"CONTENT_LENGTH", KNOWN_CONTENT_LENGTH}, {"REQUEST_METHOD", KNOWN_METHOD},
		 {"REQUEST_SCHEME", KNOWN_SCHEME}),
    [15] = GROUP({"SCRIPT_FILENAME", KNOWN_SCRIPT_FILENAME},
		 {"SERVER_SOFTWARE", KNOWN_SERVER_SOFTWARE}),
    [18] = GROUP({"HTTP_AUTHORIZATION", KNOWN_AUTHORIZATION},
		 {"HTTP_CACHE_CONTROL", KNOWN_CACHE_CONTROL},
		 {"HTTP_IF_NONE_MATCH", KNOWN_IF_NONE_MATCH}),
    [20] = GROUP({"HTTP_ACCEPT_ENCODING", KNOWN_ACCEPT_ENCODING}),
    [22] = GROUP({"HTTP_IF_MODIFIED_SINCE", KNOWN_IF_MODIFIED_SINCE}),
    [24] = GROUP({"HTTP_IF_UNMODIFIED_SINCE", KNOWN_IF_UNMODIFIED_SINCE}),
};

/* KNOWN_COUNT when it is none of them. */
static enum known known_of(struct str name)
{
	const struct known_name *k = name.n <= LONGEST ? known_names[name.n] : NULL;

	while (k && k->name && memcmp(k->name, name.p, name.n) != 0)
		k++;
	return k ? k->known : KNOWN_COUNT;
}

static void set_scheme(struct request *r)
{
	struct str https = r->known[KNOWN_HTTPS];
	bool secure = str_ieq(r->known[KNOWN_SCHEME], STR("https")) ||
		      (https.n > 0 && !str_ieq(https, STR("off")) && !str_eq(https, STR("0")));

	r->scheme = secure ? STR("https") : STR("http");
}

/*
 * Host in lower case, with a port unless it is the scheme's own: from Host, else SERVER_PORT. A
 * Host that is no host leaves it empty.
 */
static bool set_host(struct request *r)
{
	struct str host = r->known[KNOWN_HOST], ports = r->known[KNOWN_SERVER_PORT], name, port;

	if (host.n == 0)
		host = r->known[KNOWN_SERVER_NAME];
	r->host = r->host_name = STR("");
	if (host.n == 0 || !uri_host_valid(host))
		return true;
	uri_host_split(host, &name, &port);
	if (port.n == 0 && !uri_port_is_default(r->scheme, ports) &&
	    !arena_printf(&r->arena, &host, "%.*s:%.*s", STR_ARG(name), STR_ARG(ports)))
		return false;
	if (!uri_host_normal(host, r->scheme, &r->arena, &r->host))
		return false;
	uri_host_split(r->host, &r->host_name, &port);
	return true;
}

static void set_length(struct request *r)
{
	struct str length = r->known[KNOWN_CONTENT_LENGTH];

	if (length.n == 0)
		return;
	if (!str_to_u64(length, &r->content_length) || r->content_length > INT64_MAX)
		r->contradicts = true;
}

/*
 * List-valued headers may come in several lines (RFC 9110 section 5.3). Two of Range or If-Range
 * make one that cannot be read, and is ignored.
 */
static bool is_list(enum known known)
{
	return known == KNOWN_RANGE || known == KNOWN_IF_RANGE || known == KNOWN_CACHE_CONTROL ||
	       known == KNOWN_PRAGMA || known == KNOWN_ACCEPT_ENCODING || known == KNOWN_IF_MATCH ||
	       known == KNOWN_IF_NONE_MATCH || known == KNOWN_UPGRADE;
}

/* What a web server's configuration may well set twice. */
static bool is_servers_own(enum known known)
{
	return known == KNOWN_SCRIPT_FILENAME || known == KNOWN_SCRIPT_NAME ||
	       known == KNOWN_PATH_INFO || known == KNOWN_DOCUMENT_ROOT ||
	       known == KNOWN_DOCUMENT_URI || known == KNOWN_SERVER_NAME ||
	       known == KNOWN_SERVER_PORT || known == KNOWN_SERVER_SOFTWARE ||
	       known == KNOWN_SCHEME || known == KNOWN_HTTPS;
}

/* The same name again. Applications differ in which one they take: refused, if it matters. */
static bool know_again(struct request *r, enum known known, struct str value)
{
	struct str *have = &r->known[known];

	if (is_list(known))
		return arena_printf(&r->arena, have, "%.*s, %.*s", STR_ARG(*have), STR_ARG(value));
	if (!is_servers_own(known) || !str_eq(*have, value))
		r->contradicts = true;
	return true;
}

bool request_set_params(struct request *r, const struct param *params, size_t n, uint16_t role)
{
	r->params = params;
	r->n_params = n;
	r->role = role;
	for (size_t i = 0; i < n; i++) {
		enum known known = known_of(params[i].name);

		if (known == KNOWN_COUNT)
			continue;
		if (!r->known[known].p)
			r->known[known] = params[i].value;
		else if (!know_again(r, known, params[i].value))
			return false;
	}
	r->is_get = str_eq(r->known[KNOWN_METHOD], STR("GET"));
	r->is_head = str_eq(r->known[KNOWN_METHOD], STR("HEAD"));
	set_length(r);
	set_scheme(r);
	return set_host(r);
}

struct str request_param(const struct request *r, struct str name)
{
	for (size_t i = 0; i < r->n_params; i++)
		if (str_eq(r->params[i].name, name))
			return r->params[i].value;
	return str_make(NULL, 0);
}

struct str request_url(struct request *r)
{
	struct str url;
	struct str uri = r->known[KNOWN_URI];

	if (uri.n == 0)
		uri = r->known[KNOWN_SCRIPT_NAME];
	uri = str_sub(uri, 0, str_find(uri, '?'));
	if (!arena_printf(&r->arena, &url, "%.*s://%.*s%.*s", STR_ARG(r->scheme), STR_ARG(r->host),
			  STR_ARG(uri)))
		return uri;
	return url;
}

void request_reason(struct request *r, enum reason reason, struct str arg)
{
	if (r->reason != REASON_NONE)
		return;
	r->reason = reason;
	r->reason_arg = arg;
}
