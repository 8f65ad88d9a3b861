/*
 * HTTP dates (RFC 9110 section 5.6.7). Pure.
 */
#ifndef FCGICACHE_HTTP_DATE_H
#define FCGICACHE_HTTP_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define HTTP_DATE_LEN 29 /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/*
 * IMF-fixdate, RFC 850 and asctime forms, strictly but for the case of names (RFC 9111 section
 * 4.2), in UTC; day names are not compared with the date. now_ms decides the century of RFC 850's
 * two-digit year (more than 50 years ahead is past). *out is seconds since 1970. False for anything
 * else.
 */
bool http_date_parse(struct str s, int64_t now_ms, int64_t *out);
/* Writes HTTP_DATE_LEN bytes and a NUL. seconds must be in the years 1970..9999, else clipped. */
void http_date_format(int64_t seconds, char out[HTTP_DATE_LEN + 1]);

#endif
