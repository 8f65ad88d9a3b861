/*
 * fd 0 is shared with every process that the spawner starts (spawn-fcgi -F): it is made
 * non-blocking, which they then are too, and accept4 bears EAGAIN.
 */
#include "front/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */

static int failed(int fd, struct buf *error, const char *what, const char *address)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	(void)!buf_printf(error, "%s %s: %s", what, address, strerror(saved));
	return -1;
}

/* True if the path is a socket to which nobody answers. */
static bool is_left_over(const char *path, const struct sockaddr_un *sun)
{
	struct stat st;
	bool refused;
	int fd;

	if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	refused =
	    connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) != 0 && errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static int listen_unix(const char *path, struct buf *error)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return failed(-1, error, "cannot listen on", path);
	}
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return failed(fd, error, "cannot listen on", path);
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0) {
		if (errno != EADDRINUSE || !is_left_over(path, &sun)) {
			errno = EADDRINUSE;
			return failed(fd, error, "cannot listen on", path);
		}
		if (unlink(path) != 0 || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0)
			return failed(fd, error, "cannot listen on", path);
	}
	if (listen(fd, BACKLOG) != 0)
		return failed(fd, error, "cannot listen on", path);
	return fd;
}

static int bind_one(const struct addrinfo *ai)
{
	int one = 1, size = 1 << 20, saved;
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* a large head must fit while it is peeked at; accepted sockets inherit it */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static int listen_tcp(const char *host_port, struct buf *error)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *list;
	char *copy = strdup(host_port), *host = copy, *port = copy ? strrchr(copy, ':') : NULL;
	int fd = -1, rc;

	if (!port) {
		free(copy);
		errno = EINVAL;
		return failed(-1, error, "cannot listen on", host_port);
	}
	*port++ = '\0';
	if (*host == '[' && port - 2 > host && port[-2] == ']') {
		host++;
		port[-2] = '\0';
	}
	rc = getaddrinfo(*host && strcmp(host, "*") ? host : NULL, port, &hints, &list);
	if (rc != 0) {
		(void)!buf_printf(error, "cannot listen on %s: %s", host_port, gai_strerror(rc));
		free(copy);
		return -1;
	}
	for (struct addrinfo *ai = list; ai && fd < 0; ai = ai->ai_next)
		fd = bind_one(ai);
	if (fd < 0)
		(void)failed(-1, error, "cannot listen on", host_port);
	freeaddrinfo(list);
	free(copy);
	return fd;
}

int listen_open(const char *address, struct buf *error)
{
	if (strncmp(address, "unix:", 5) == 0)
		return listen_unix(address + 5, error);
	if (strncmp(address, "tcp:", 4) == 0)
		return listen_tcp(address + 4, error);
	(void)!buf_printf(error, "%s: an address is unix:/path or tcp:host:port", address);
	return -1;
}

int listen_inherit(struct buf *error)
{
	int listening = 0, flags;
	socklen_t len = sizeof(listening);

	if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 ||
	    !listening) {
		(void)!buf_printf(
		    error,
		    "there is no listening socket on fd 0: start it by spawn-fcgi, a web server or "
		    "systemd, or say where to listen with -s unix:/path or -s tcp:host:port");
		return -1;
	}
	flags = fcntl(STDIN_FILENO, F_GETFL);
	if (flags < 0 || fcntl(STDIN_FILENO, F_SETFL, flags | O_NONBLOCK) < 0)
		return failed(-1, error, "cannot use", "fd 0");
	return STDIN_FILENO;
}
