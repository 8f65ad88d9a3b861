/*
 * FastCGI records (FastCGI Specification 1.0, sections 3 and 8), both directions. Pure.
 */
#ifndef FCGICACHE_FCGI_RECORD_H
#define FCGICACHE_FCGI_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"

#define FCGI_REC_HEADER  8u
#define FCGI_REC_MAX     65535u /* content of one record */
#define FCGI_REC_CONTENT 65528u /* what we fill: a multiple of 8, so no padding */
#define FCGI_PAIR_MAX    65527u /* a name-value pair, lengths included, that php-fpm can take */

enum fcgi_type {
	FCGI_TYPE_BEGIN = 1,
	FCGI_TYPE_ABORT = 2,
	FCGI_TYPE_END = 3,
	FCGI_TYPE_PARAMS = 4,
	FCGI_TYPE_STDIN = 5,
	FCGI_TYPE_STDOUT = 6,
	FCGI_TYPE_STDERR = 7,
	FCGI_TYPE_DATA = 8,
};

enum fcgi_role { FCGI_ROLE_RESPONDER = 1, FCGI_ROLE_AUTHORIZER = 2, FCGI_ROLE_FILTER = 3 };

enum fcgi_end {
	FCGI_END_COMPLETE = 0,
	FCGI_END_CANT_MPX = 1,
	FCGI_END_OVERLOADED = 2,
	FCGI_END_UNKNOWN_ROLE = 3,
};

struct fcgi_header {
	uint8_t version;
	uint8_t type;
	uint16_t id;
	size_t content;
	size_t padding;
};

struct fcgi_header fcgi_header_read(const unsigned char in[FCGI_REC_HEADER]);
/* content must be at most FCGI_REC_MAX; no padding. */
void fcgi_header_write(unsigned char out[FCGI_REC_HEADER], enum fcgi_type type, uint16_t id,
		       size_t content);

/* A whole BEGIN_REQUEST or END_REQUEST record. */
#define FCGI_FIXED_RECORD 16u
void fcgi_begin_write(unsigned char out[FCGI_FIXED_RECORD], uint16_t id, uint16_t role,
		      bool keep_conn);
void fcgi_end_write(unsigned char out[FCGI_FIXED_RECORD], uint16_t id, uint32_t app_status,
		    enum fcgi_end protocol_status);

/* The body of an END_REQUEST; false if it is shorter than it must be. */
bool fcgi_end_read(struct str content, uint32_t *app_status, unsigned *protocol_status);

/*
 * Takes the next name-value pair off *rest. False at the end and when the rest is no pair; *broken
 * tells the two apart.
 */
bool fcgi_pair_next(struct str *rest, struct str *name, struct str *value, bool *broken);

/*
 * PARAMS records under construction: pairs are never split between records. Append to an empty
 * or started buf; params_end closes the stream with the empty record.
 */
struct fcgi_params {
	struct buf *out;
	uint16_t id;
	size_t record; /* offset of the open record's header */
	bool open;
};
enum fcgi_params_result { FCGI_PARAMS_OK, FCGI_PARAMS_TOO_LARGE, FCGI_PARAMS_NO_MEMORY };
void fcgi_params_start(struct fcgi_params *p, struct buf *out, uint16_t id);
/* TOO_LARGE: the pair is above FCGI_PAIR_MAX; nothing was added. */
enum fcgi_params_result fcgi_params_add(struct fcgi_params *p, struct str name,
					struct str value) MUST_CHECK;
bool fcgi_params_end(struct fcgi_params *p) MUST_CHECK;

/*
 * Reads an application's records from a stream of bytes that comes in pieces. Feed it; it gives
 * back one event at a time and what it took.
 */
enum fcgi_event {
	FCGI_EVENT_MORE,   /* all bytes taken, feed more */
	FCGI_EVENT_STDOUT, /* data: content, perhaps part of a record */
	FCGI_EVENT_STDERR,
	FCGI_EVENT_STDOUT_END, /* the empty STDOUT record */
	FCGI_EVENT_END,        /* END_REQUEST: app_status, protocol_status */
	FCGI_EVENT_BAD,        /* version, id, type or length: error says which */
};
struct fcgi_reader {
	uint16_t id;
	unsigned char head[FCGI_REC_HEADER];
	size_t head_n;
	unsigned char end[8]; /* body of END_REQUEST */
	size_t end_n;
	struct fcgi_header record;
	size_t content_left;
	size_t padding_left;
	bool in_record;
	/* results */
	struct str data;
	uint32_t app_status;
	unsigned protocol_status;
	const char *error;
};
void fcgi_reader_init(struct fcgi_reader *r, uint16_t id);
/* Takes bytes off *in until it has something to say. After BAD or END no further call. */
enum fcgi_event fcgi_reader_next(struct fcgi_reader *r, struct str *in);
/* Whether the reader stands between two records. */
bool fcgi_reader_between(const struct fcgi_reader *r);

#endif
