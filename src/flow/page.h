/*
 * Pages: the stored form of a response. Which of its fields are kept and which are sent, which are
 * added, by what it varies, and where it is stored.
 */
#ifndef FCGICACHE_FLOW_PAGE_H
#define FCGICACHE_FLOW_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "flow/request.h"
#include "http/headers.h"
#include "http/policy.h"
#include "store/store.h"

/*
 * "Status: 200 OK" and the fields that go to the client, or, with stored, into the store: without
 * hop-by-hop fields and those that Connection names (RFC 9111 section 3.1), Content-Length, Age,
 * and what steers the cache. In r's arena. False: memory is out.
 */
bool page_fields(struct request *r, const struct cgi_head *head, bool stored,
		 struct str *fields) MUST_CHECK;

/* Whether the client that asked gets fields that are not stored. */
bool page_withholds(const struct request *r, const struct cgi_head *head);

/*
 * An open object for the response that r got: its body is to follow. A 206 makes a PART. capacity
 * as in object_new. In *vary the names by which the page varies. NULL: memory is out, or it varies
 * by too much or is in too many groups.
 */
struct page_source {
	const struct cgi_head *head;
	const struct policy_verdict *verdict;
	int64_t asked;         /* clock_now_us */
	int64_t now_ms;        /* when the head came */
	const struct key *key; /* where it is stored; NULL: where r's answer belongs */
};
struct object *page_open(struct request *r, const struct page_source *source, size_t capacity,
			 struct str *vary) MUST_CHECK;

/* The body is whole: makes the ETag of its own if the rule wants one, and seals it. */
void page_seal(struct object *o);

/* Stores a sealed page, and where it is with its variants. vary: of page_open. False: not stored.
 */
bool page_store(struct request *r, struct store *store, struct object *o,
		struct str vary) MUST_CHECK;

/* Other fields for a head that is not an object's yet: its slices are found again in them. */
void page_reslice(struct object_head *head, struct str fields);

/* How many bytes a 206 brings, by its Content-Range (and Content-Length); 0: it cannot be read. */
uint64_t page_part_length(const struct cgi_head *head);

#endif
