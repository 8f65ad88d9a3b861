/*
 * The listening socket: the one we are given, or one of our own.
 */
#ifndef FCGICACHE_FRONT_LISTEN_H
#define FCGICACHE_FRONT_LISTEN_H

#include "base/check.h"
#include "base/mem.h"

/*
 * "unix:/path" (mode by umask; a left-over socket that nobody listens on is replaced) or
 * "tcp:host:port", "tcp:[v6]:port". -1: *error says why.
 */
int listen_open(const char *address, struct buf *error) MUST_CHECK;

/* Takes fd 0 (FCGI_LISTENSOCK_FILENO) if it is a listening socket. -1: *error says why not. */
int listen_inherit(struct buf *error) MUST_CHECK;

#endif
