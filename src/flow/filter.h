/*
 * What is not in the key does not reach the application: the parameters as it sees them.
 */
#ifndef FCGICACHE_FLOW_FILTER_H
#define FCGICACHE_FLOW_FILTER_H

#include <stdbool.h>

#include "base/check.h"
#include "flow/request.h"

/*
 * The query without what the rule drops, sorted if the rule says so; raw itself when nothing
 * changes. A parameter that the key names ($arg_NAME) stays. False: memory is out.
 */
bool filter_query(const struct rule *rule, struct str raw, struct arena *a,
		  struct str *out) MUST_CHECK;

/*
 * QUERY_STRING, which the web server may have rewritten: it loses the parameters whose names were
 * dropped from REQUEST_URI's query; what the server itself added stays.
 */
bool filter_query_string(struct request *r, struct str *out) MUST_CHECK;

/*
 * What the rule says of the request's cookies: kept ones go to plan.cookies, sorted, those of the
 * key to plan.key_cookies too. A cookie that means bypass gives its reason to the plan. False:
 * memory is out.
 */
bool filter_cookies(struct request *r) MUST_CHECK;

/*
 * The values of the header `name` (lower case, "accept-language") that reach the application,
 * joined by ", " if there are several, in their normal spelling (http/vary); empty if none does.
 */
bool filter_vary_value(struct request *r, struct str name, struct str *out) MUST_CHECK;

/*
 * The values of the FastCGI parameter `name` as the application gets them, joined by ", " if it
 * came more than once; empty if it does not get it.
 */
bool filter_values(struct request *r, struct str name, struct str *out) MUST_CHECK;

/*
 * All parameters as they go to the application, and what it is asked about stored pages. There is
 * room for one more. What bypasses the cache goes as it came, less
 * HTTP_PROXY. False: memory is out.
 */
bool filter_params(struct request *r, struct param **out, size_t *n) MUST_CHECK;

#endif
