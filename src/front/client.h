/*
 * The client: from bytes on a connection to a request, by way of the screen and libfcgi, and back.
 */
#ifndef FCGICACHE_FRONT_CLIENT_H
#define FCGICACHE_FRONT_CLIENT_H

#include <stdbool.h>

#include "base/check.h"
#include "front/conn.h"

/* Once, before threads. */
bool client_start(void) MUST_CHECK;

/* At the start and at each reload. */
void client_set(const struct settings *s);

extern const struct client_ops client_ops;

/* What a worker needs to take requests; one for each, opened and closed by it. */
struct client_desk;
struct client_desk *client_desk_open(void) MUST_CHECK;
void client_desk_close(struct client_desk **d);

/* Bytes may have come: reads a request and serves it, or parks the conn. The turn is taken. */
void client_ready(struct client_desk *d, struct conn *c);
/* Answered, but the body was not read: throws it away until the peer closes. */
void client_linger(struct conn *c);
/* A deadline is over, or the process stops. */
void client_expire(struct conn *c);

#endif
