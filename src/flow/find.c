/*
 * primary key --> page
 *             --> marker --Vary--> the variant's key --> page
 *                        --language that is preferred--> another variant
 */
#include "flow/find.h"

#include "flow/decide.h"
#include "flow/filter.h"
#include "flow/invalidate.h"
#include "flow/variants.h"
#include "http/vary.h"

struct object *find_stored(struct store *store, const struct key *key)
{
	struct object *o = store_get(store, key);

	if (o && invalidate_holds(o))
		object_unref(&o);
	return o;
}

struct object *find_variant(const struct request *r, struct store *store, struct str key)
{
	struct key wanted = key_make(key);
	struct object *o = find_stored(store, &wanted);

	if (o && (object_head(o)->kind != OBJECT_PAGE || !decide_fits(r, o)))
		object_unref(&o);
	return o;
}

/*
 * With no page for exactly these headers: the one in the language that the client prefers to all
 * others, if pages differ by Accept-Language alone. Only where the rule lets us reckon.
 */
static struct object *find_language(struct request *r, struct store *store)
{
	struct str rest = object_head(r->marker)->variants, value;
	struct variant v;

	if (!r->plan.rule->policy.heuristic || !str_eq(r->plan.vary, STR("accept-language")) ||
	    !filter_vary_value(r, r->plan.vary, &value))
		return NULL;
	value = vary_preferred_language(value);
	while (value.n > 0 && variants_next(&rest, &v))
		if (str_ieq(v.language, value))
			return find_variant(r, store, v.key);
	return NULL;
}

struct object *find_page(struct request *r, struct store *store)
{
	struct object *o = find_stored(store, &r->plan.primary);

	object_unref(&r->marker);
	r->plan.vary = STR("");
	r->plan.key = r->plan.primary;
	if (!o || object_head(o)->kind != OBJECT_MARKER)
		return o;
	r->marker = o;
	r->plan.vary = object_head(o)->vary;
	if (r->plan.rule->policy.validate == VALIDATE_ALWAYS || r->plan.vary.n == 0 ||
	    !decide_variant(r, r->plan.vary, &r->plan.key))
		return NULL;
	o = find_stored(store, &r->plan.key);
	if (!o)
		o = find_language(r, store);
	return o;
}
