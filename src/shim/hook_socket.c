/* SPDX-License-Identifier: MIT */
/*
 * Where connections come from: socket, connect, listen, accept.
 *
 * No system call is spent on it: a socket is known to be TCP from the arguments of
 * socket(), and an accepted connection from its listener.
 */
#include <linux/in.h>
#include <stddef.h>
#include <sys/socket.h>

#include "core/stamp.h"
#include "shim/hooks.h"
#include "shim/process.h"
#include "shim/table.h"

static bool is_tcp(int domain, int type, int protocol)
{
	return (domain == AF_INET || domain == AF_INET6) &&
	       (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_STREAM &&
	       (protocol == 0 || protocol == IPPROTO_TCP);
}

EXPORT int socket(int domain, int type, int protocol)
{
	int fd = real.socket(domain, type, protocol);

	if (fd >= 0 && is_tcp(domain, type, protocol) && process_may_act()) {
		table_put(fd, STAMP_SOCKET);
	}
	return fd;
}

/*
 * Before the call, which may block: a connection attempt that fails leaves a stamp
 * on a socket that is in no state the rule acts on.
 */
EXPORT int connect(int fd, const struct sockaddr *address, socklen_t length)
{
	if (table_is_watched(fd) && table_stamp(fd) == STAMP_SOCKET && process_may_act()) {
		table_put(fd, stamp_acquired(process_epoch, STAMP_UPSTREAM));
	}
	return real.connect(fd, address, length);
}

EXPORT int listen(int fd, int backlog)
{
	int result = real.listen(fd, backlog);

	if (result == 0 && table_is_watched(fd) && process_may_act()) {
		table_put(fd, STAMP_LISTENS);
	}
	return result;
}

static inline int accepted(int listener, int fd)
{
	if (fd >= 0 && table_is_watched(listener) && process_may_act()) {
		table_put(fd, stamp_acquired(process_epoch, 0));
	}
	return fd;
}

EXPORT int accept(int fd, struct sockaddr *address, socklen_t *length)
{
	return accepted(fd, real.accept(fd, address, length));
}

EXPORT int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
	return accepted(fd, real.accept4(fd, address, length, flags));
}

__typeof__(socket) hook_socket SAME_AS(socket);
__typeof__(connect) hook_connect SAME_AS(connect);
__typeof__(listen) hook_listen SAME_AS(listen);
__typeof__(accept) hook_accept SAME_AS(accept);
__typeof__(accept4) hook_accept4 SAME_AS(accept4);
EXPORT __typeof__(connect) __connect SAME_AS(connect);
