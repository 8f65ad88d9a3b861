/*
 * A request on its way: what came, what is decided about it, and what it holds until it is
 * answered. One owner at a time; while it waits (its client's turn) nobody touches it.
 */
#ifndef FCGICACHE_FLOW_REQUEST_H
#define FCGICACHE_FLOW_REQUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/crew.h"
#include "base/mem.h"
#include "base/turn.h"
#include "config/rules.h"
#include "http/policy.h"
#include "http/reason.h"
#include "store/object.h"
#include "upstream/fetch.h"

struct request;
struct flight;

/* How the connection goes on after an answer. */
enum client_end {
	CLIENT_DONE,  /* answered whole: keep it if the web server wants that */
	CLIENT_CLOSE, /* of no more use */
};

/*
 * The web server's connection as flow sees it; front/ embeds and implements it. Writes go straight
 * to fd, without blocking; nothing else may be written to it.
 */
struct client {
	struct turn turn;
	int fd;      /* -1 after drop */
	uint16_t id; /* the request's id on the wire */
	bool tcp;
	bool has_body; /* body is not known to be empty */
	const struct client_ops *ops;
	struct request *request;
};
struct client_ops {
	/* From now on a hang-up takes the turn or marks it. Before waiting for a page. */
	void (*expect_hangup)(struct client *c);
	/*
	 * Waits until fd takes bytes again, at most until deadline (clock_mono_ms), then
	 * serve_writable is called. The caller must not touch the request any more.
	 */
	void (*wait_writable)(struct client *c, int64_t deadline);
	/* Has a worker call serve_resume. The caller has the turn and gives it away. */
	void (*resume)(struct client *c);
	/* The web server has gone: closes fd at once; the request lives on. */
	void (*drop)(struct client *c);
	/* The request is over; its parameters die. */
	void (*finish)(struct client *c, enum client_end how);
	/* As struct source. */
	enum source_event (*read_body)(struct client *c, char *p, size_t room, size_t *n,
				       enum fcgi_type *type);
};

/* FastCGI parameters that we look at. */
enum known {
	KNOWN_METHOD,
	KNOWN_URI,
	KNOWN_QUERY,
	KNOWN_SCRIPT_NAME,
	KNOWN_SCRIPT_FILENAME,
	KNOWN_PATH_INFO,
	KNOWN_DOCUMENT_ROOT,
	KNOWN_DOCUMENT_URI,
	KNOWN_SERVER_NAME,
	KNOWN_SERVER_PORT,
	KNOWN_SCHEME,
	KNOWN_HTTPS,
	KNOWN_HOST,
	KNOWN_COOKIE,
	KNOWN_AUTHORIZATION,
	KNOWN_REMOTE_USER,
	KNOWN_CONTENT_LENGTH,
	KNOWN_CACHE_CONTROL,
	KNOWN_PRAGMA,
	KNOWN_IF_MATCH,
	KNOWN_IF_NONE_MATCH,
	KNOWN_IF_MODIFIED_SINCE,
	KNOWN_IF_UNMODIFIED_SINCE,
	KNOWN_IF_RANGE,
	KNOWN_RANGE,
	KNOWN_UPGRADE,
	KNOWN_ACCEPT_ENCODING,
	KNOWN_SERVER_SOFTWARE,
	KNOWN_COUNT
};

/* What is decided from the request alone (decide.c). */
struct plan {
	const struct rule *rule; /* NULL: none matches */
	bool lookup;             /* a stored page may answer it */
	bool store;              /* its response may be stored */
	enum reason reason;      /* why not */
	struct str reason_arg;   /* the cookie's name ... */
	struct captures captures;
	struct str path;        /* decoded; for matching and tags */
	struct str normal_path; /* as it goes into the key and to the application */
	struct str query;       /* what is kept of it, in the rule's order */
	struct str cookies;     /* "name=value; ..." that reach the application */
	struct str key_cookies; /* those of them that are in the key */
	struct key primary;
	struct key key;  /* primary, or the variant's */
	struct str vary; /* names that lead from the one to the other; empty: none */
	uint64_t origin; /* hash of the script behind the URL */
	bool authorized;
	struct policy_client client; /* what the client's Cache-Control asks, if the rule listens */
};

/* How the answer came about: for Cache-Status, the access log and the counters. */
enum outcome {
	OUTCOME_HIT,
	OUTCOME_STALE,
	OUTCOME_MISS,
	OUTCOME_BYPASS,
	OUTCOME_REVALIDATED, /* the application said that the stored page is still good */
	OUTCOME_COLLAPSED,
	OUTCOME_SYNTHETIC, /* made by us, and no error: 504 to only-if-cached */
	OUTCOME_ERROR,
};
enum forward {
	FWD_NONE,
	FWD_BYPASS,
	FWD_METHOD,
	FWD_URI_MISS,
	FWD_VARY_MISS,
	FWD_STALE,
	FWD_PARTIAL,
	FWD_REQUEST
};

/* What a landed flight gives its followers. */
enum landing {
	LANDING_NONE,
	LANDING_OBJECT,  /* object */
	LANDING_PASS,    /* not to be shared: fetch it yourself */
	LANDING_FAILED,  /* error_status, error_reason */
	LANDING_LEAD,    /* the leader has gone: you lead now */
	LANDING_TIMEOUT, /* waited coalesce_timeout */
};

struct request {
	struct job job;              /* its place in the fetchers' queue */
	struct request *next, *prev; /* among a flight's followers */
	struct flight *flight;       /* led or followed */
	bool leads;
	int64_t follow_deadline; /* clock_mono_ms */
	enum landing landing;
	int landing_status;    /* with LANDING_FAILED: the error's; the leader sets its own first */
	struct object *landed; /* reference */

	struct client *client; /* NULL: a background refresh */
	struct ruleset *rules; /* reference */
	struct arena arena;
	int64_t started_us; /* clock_mono_us */
	uint16_t role;

	const struct param *params;
	size_t n_params;
	struct str known[KNOWN_COUNT]; /* p is NULL for what is not there */
	bool contradicts;              /* a parameter that matters came twice, or makes no sense */
	bool is_get, is_head;
	struct str scheme; /* "http" or "https" */
	struct str host;   /* lower case, with its port unless it is the scheme's own; "" if bad */
	struct str host_name;    /* the same without a port */
	uint64_t content_length; /* UINT64_MAX: not given */

	struct plan plan;
	struct object *marker; /* reference: of the page's variants */
	struct object *check;  /* reference: what the application is asked about (flow/ask) */
	bool ranged;           /* the application gets the client's Range */
	bool completes;        /* check is a part, and the application is asked for the rest */
	struct object *stale;  /* reference: may answer if the application fails */

	enum outcome outcome;
	enum forward forward;
	bool stored, collapsed;
	enum reason reason;
	struct str reason_arg;
	int status;
	bool fetched;       /* the application was asked */
	int fetched_status; /* what it answered; 0: no whole head came */
	int64_t age;        /* ms */
	uint64_t sent_body;
	uint32_t app_status; /* END_REQUEST's, for the client */

	/* what this client gets in place of the stored fields; empty: the same */
	struct str fields;
	/* the answer being sent (respond.c) */
	struct object *sending; /* reference: holds the body */
	struct iovec *iov;
	int n_iov, at_iov;

	max_align_t first[192]; /* the arena's first block */
};

/*
 * A request of client (NULL for a refresh) under the rules (reference taken over). NULL: memory.
 */
struct request *request_new(struct client *client, struct ruleset *rules) MUST_CHECK;
/* At the end, when no thread is left: memory that was kept for the next requests. */
void request_stop(void);
/* Gives back all that it holds. Not the client. */
void request_free(struct request **r);

/*
 * Fills in what the parameters say. They must outlive the request. Duplicates of known names and a
 * CONTENT_LENGTH that is no number set `contradicts`. False: memory is out.
 */
bool request_set_params(struct request *r, const struct param *params, size_t n,
			uint16_t role) MUST_CHECK;

/* A parameter by its name; p NULL if there is none. Linear. */
struct str request_param(const struct request *r, struct str name);

/* URL for the log, without the query, which may hold secrets: scheme://host/path. */
struct str request_url(struct request *r);

/* Marks why the page is kept out of the cache; the first reason stands. */
void request_reason(struct request *r, enum reason reason, struct str arg);

#endif
