/*
 * A label is a hash without a secret, for machines that share a store must agree on it. Every
 * variant of a page, whatever its cookies and headers, has its URL's label; and that of its key's
 * template, by which a page is known that other URLs have stored.
 */
#include "flow/invalidate.h"

#include <xxhash.h>

#include "base/clock.h"
#include "flow/bans.h"
#include "flow/decide.h"
#include "flow/filter.h"
#include "http/groups.h"
#include "http/uri.h"

enum { LABEL_URL = 1, LABEL_GROUP = 2 }; /* seeds: a URL is never taken for a group */

static uint64_t url_label(struct str host, struct str path, struct str query)
{
	XXH64_hash_t hash = XXH3_64bits_withSeed(host.p, host.n, LABEL_URL);

	hash = XXH3_64bits_withSeed(path.p, path.n, hash);
	return XXH3_64bits_withSeed(query.p, query.n, hash);
}

static uint64_t group_label(const struct request *r, struct str group)
{
	XXH64_hash_t hash = XXH3_64bits_withSeed(r->scheme.p, r->scheme.n, LABEL_GROUP);

	hash = XXH3_64bits_withSeed(r->host.p, r->host.n, hash);
	return XXH3_64bits_withSeed(group.p, group.n, hash);
}

bool invalidate_labels(struct request *r, const struct headers *h, struct str *labels)
{
	struct str *groups;
	uint64_t *v;
	size_t n;

	if (!groups_read(h, STR("Cache-Groups"), &r->arena, &groups, &n) || n > GROUPS_MAX)
		return false;
	v = arena_alloc(&r->arena, (n + 2) * sizeof(*v));
	if (!v || !decide_label(r, &v[1]))
		return false;
	v[0] = url_label(r->host, r->plan.normal_path, r->plan.query);
	for (size_t i = 0; i < n; i++)
		v[i + 2] = group_label(r, groups[i]);
	*labels = str_make((const char *)v, (n + 2) * sizeof(*v));
	return true;
}

bool invalidate_holds(const struct object *o)
{
	const struct object_head *head = object_head(o);

	return bans_hold(head->labels, head->asked);
}

/* ---- what an answer invalidates ---- */

/* Methods that are safe by their registration (RFC 9110 sections 9.2.1 and 16.1.1). */
static bool is_safe(struct str method)
{
	static const char *const safe[] = {"GET",      "HEAD",   "OPTIONS", "TRACE",
					   "PROPFIND", "REPORT", "SEARCH",  "QUERY"};

	for (size_t i = 0; i < ARRAY_LEN(safe); i++)
		if (str_eq(method, str_of(safe[i])))
			return true;
	return false;
}

/* A path and query of r's host, as a page of it would be labelled. */
static void ban_url(struct request *r, struct str raw_path, struct str query)
{
	struct captures captures;
	struct str normal, path;
	const struct rule *rule;

	if (uri_path(raw_path, &r->arena, &normal, &path) != URI_OK)
		return;
	rule = ruleset_match(r->rules, r->host_name, path, &captures);
	if (rule && !filter_query(rule, query, &r->arena, &query))
		return;
	bans_add(url_label(r->host, normal, query), clock_now_us());
}

/* RFC 9111 section 4.4: never that of another origin. */
static bool is_same_origin(struct request *r, const struct uri_reference *u)
{
	struct str host;

	if (u->scheme.n > 0 && !str_eq(u->scheme, r->scheme))
		return false;
	return u->host.n == 0 ||
	       (uri_host_normal(u->host, r->scheme, &r->arena, &host) && str_eq(host, r->host));
}

static void ban_reference(struct request *r, struct str reference)
{
	struct uri_reference u;

	if (uri_resolve(r->plan.normal_path, reference, &r->arena, &u) == URI_OK &&
	    is_same_origin(r, &u))
		ban_url(r, u.path, u.query);
}

static void ban_groups(struct request *r, const struct headers *h)
{
	struct str *groups;
	size_t n;

	if (!groups_read(h, STR("Cache-Group-Invalidation"), &r->arena, &groups, &n))
		return;
	for (size_t i = 0; i < n; i++)
		bans_add(group_label(r, groups[i]), clock_now_us());
}

/* The target's own query, as it came: what a rule drops of it is dropped by ban_url. */
static struct str own_query(const struct request *r)
{
	struct str uri = r->known[KNOWN_URI];

	if (uri.n == 0)
		return r->known[KNOWN_QUERY];
	return str_sub(uri, str_find(uri, '?') + 1, uri.n);
}

static bool may_change(const struct request *r)
{
	return !is_safe(r->known[KNOWN_METHOD]) && r->host.n > 0 && r->plan.normal_path.n > 0;
}

/* What the key's template may name of a request that was never to be looked up. */
static bool plan_key(struct request *r)
{
	struct plan *plan = &r->plan;
	enum reason reason = plan->reason;
	struct str arg = plan->reason_arg;
	bool ok = plan->rule && filter_query(plan->rule, own_query(r), &r->arena, &plan->query) &&
		  filter_cookies(r);

	plan->reason = reason;
	plan->reason_arg = arg;
	return ok;
}

/* The target itself: by its URL, and by its key. */
static void ban_target(struct request *r)
{
	uint64_t label;

	ban_url(r, r->plan.normal_path, own_query(r));
	if (plan_key(r) && decide_label(r, &label))
		bans_add(label, clock_now_us());
}

void invalidate_after(struct request *r, const struct cgi_head *head)
{
	static const char *const references[] = {"Location", "Content-Location"};

	if (!may_change(r) || head->status >= 400)
		return;
	ban_target(r);
	for (size_t i = 0; i < ARRAY_LEN(references); i++) {
		const struct header *field = headers_find(&head->headers, str_of(references[i]));

		if (field)
			ban_reference(r, field->value);
	}
	ban_groups(r, &head->headers);
}

void invalidate_in_doubt(struct request *r)
{
	if (may_change(r))
		ban_target(r);
}
