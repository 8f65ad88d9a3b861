/*
 * The rules, compiled: an immutable, reference-counted set. Shared by all threads without locks;
 * a reload makes a new one, and the last request that uses the old one frees it.
 */
#ifndef FCGICACHE_CONFIG_RULES_H
#define FCGICACHE_CONFIG_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/policy.h"

/* A list of globs or words. */
struct words {
	struct str *v;
	size_t n;
};
/* Whether one of the globs matches. */
bool words_match(const struct words *globs, struct str s);
bool words_imatch(const struct words *globs, struct str s); /* ASCII case ignored */

enum match_kind {
	MATCH_ALL,
	MATCH_PREFIX,
	MATCH_PATH,
	MATCH_SUFFIX,
	MATCH_GLOB,
	MATCH_REGEX,
};
enum query_mode { QUERY_KEY, QUERY_BYPASS, QUERY_DROP };
enum on_timeout { ON_TIMEOUT_PASS, ON_TIMEOUT_STALE, ON_TIMEOUT_503 };

/* One piece of a key template. */
enum key_part_kind {
	KEY_LITERAL, /* text */
	KEY_SCHEME,
	KEY_HOST,
	KEY_PATH,  /* the normalised path, percent-encoded */
	KEY_QUERY, /* what is left of the query, in the rule's order; with its '?' left out */
	KEY_METHOD,
	KEY_URI,     /* path, and '?' and query if there is one */
	KEY_ARG,     /* text: parameter's name; the first one's value */
	KEY_COOKIE,  /* text: cookie's name */
	KEY_HTTP,    /* text: the FastCGI parameter's name, "HTTP_ACCEPT_LANGUAGE" */
	KEY_PARAM,   /* text: the FastCGI parameter's name */
	KEY_CAPTURE, /* index 1..9 */
};
struct key_part {
	enum key_part_kind kind;
	struct str text;
	int index;
};
struct key_template {
	struct key_part *v;
	size_t n;
};

struct rule {
	size_t index; /* rules[index] of the file */
	enum match_kind kind;
	struct str match;    /* prefix, path, suffix or glob; the regex's source */
	struct regex *regex; /* MATCH_REGEX */
	struct words host;   /* globs, lower case; n 0: every host */

	bool cache;
	struct policy_rule policy;
	bool client_control;
	int64_t client_cache; /* ms; 0: not wanted */
	bool etag;
	enum query_mode query;
	struct words drop_query;
	bool sort_query;
	struct words bypass_cookies, key_cookies, ignore_cookies; /* globs, case matters */
	struct words bypass_headers; /* globs, case ignored: "X-Preview" */
	struct words bypass_query;   /* globs of parameter names */
	struct key_template key;
	struct words vary; /* header names in lower case */
	unsigned min_uses;
	bool coalesce;
	int64_t coalesce_timeout; /* ms */
	enum on_timeout on_timeout;
	size_t max_object; /* bytes of body */
};

struct application {
	struct words addresses; /* "unix:/path", "tcp:host:port"; at least one */
	int64_t connect_timeout, send_timeout, read_timeout, queue_timeout, total_timeout; /* ms */
	unsigned max_connections;
	unsigned keep_alive;
};

struct settings {
	struct application application;
	struct str store; /* URI */
	struct str key_prefix;
	bool charset_utf8; /* else bytes */
	struct str log_to; /* "stderr", "syslog" or a path */
	enum log_level log_level;
	struct str access_log; /* empty: none */
	unsigned workers;
	size_t max_object, max_header, max_request_params; /* bytes */
	int64_t idle_timeout, shutdown_timeout;            /* ms */
};

struct ruleset {
	struct settings settings;
	struct rule *rules;
	size_t n_rules;
	_Atomic unsigned refs;
	struct arena arena; /* holds everything above */
};

/*
 * Mistakes found in a file, one line each, in the order of the file as far as possible. All zero to
 * begin with.
 */
struct report {
	struct buf text; /* lines with their newline: "FILE: rules[3].ttl: message\n" */
	unsigned errors;
};
void report_fini(struct report *r);

/*
 * Reads, checks and compiles FILE. NULL when anything is wrong: then *report says all of it.
 * Blocks on the file. The caller owns one reference. Also says what to do about jansson's global
 * state: call rules_start() once before threads.
 */
void rules_start(void);
struct ruleset *ruleset_load(const char *file, struct report *report) MUST_CHECK;
/* The same on bytes in memory; file is the name for messages. */
struct ruleset *ruleset_parse(const char *file, struct str json, struct report *report) MUST_CHECK;
struct ruleset *ruleset_ref(struct ruleset *set);
void ruleset_unref(struct ruleset **set);

/* What a regex captured: v[0] the whole, v[1]..v[9] the groups; slices of the path. */
struct captures {
	struct str v[10];
};

/*
 * The first rule that matches, or NULL. host: Host in lower case without a port; path: decoded, no
 * query. A path that is not valid in the charset matches no regex rule. Thread-safe, no allocation
 * that can fail visibly: a regex that runs into its limits does not match (logged, rate-limited).
 */
const struct rule *ruleset_match(const struct ruleset *set, struct str host, struct str path,
				 struct captures *captures);

/* Settings that only a restart changes (store, workers): a line for each that differs, in *out. */
bool settings_restart_needed(const struct settings *old, const struct settings *new,
			     struct buf *out) MUST_CHECK;

#endif
