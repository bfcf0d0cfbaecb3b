/* SPDX-License-Identifier: MIT */
/*
 * Where connections come from: socket, connect, listen, accept.
 *
 * No system call is spent on it: a socket is known to be TCP from the arguments of
 * socket(), and an accepted connection from its listener.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/in.h>
#include <stddef.h>
#include <sys/socket.h>

#include "core/stamp.h"
#include "shim/capture.h"
#include "shim/handover.h"
#include "shim/hooks.h"
#include "shim/places.h"
#include "shim/process.h"
#include "shim/reclaim.h"
#include "shim/table.h"
#include "shim/tree.h"
#include "sys/rawsys.h"

/* SENDFIN_CLOEXEC=on. A dup2 to a standard descriptor clears it, as always. */
static void guard_cloexec(int fd)
{
	rawsys3(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
	table_flag(fd, STAMP_CLOEXEC);
}

static bool is_tcp(int domain, int type, int protocol)
{
	return (domain == AF_INET || domain == AF_INET6) &&
	       (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_STREAM &&
	       (protocol == 0 || protocol == IPPROTO_TCP);
}

/* One more try when descriptors could be given back; the first failure's errno otherwise. */
static int socket_or_reclaim(int domain, int type, int protocol)
{
	int fd = real.socket(domain, type, protocol);
	int failure = errno;

	if (unlikely(fd < 0 && reclaim_for(failure))) {
		return real.socket(domain, type, protocol);
	}
	return fd;
}

EXPORT int socket(int domain, int type, int protocol)
{
	int fd = socket_or_reclaim(domain, type, protocol);

	if (fd >= 0 && is_tcp(domain, type, protocol) && process_may_act()) {
		table_put(fd, STAMP_SOCKET);
	}
	return fd;
}

/*
 * Before the call, which may block: a connection attempt that fails leaves a stamp
 * on a socket that is in no state the rule acts on.
 */
void socket_connecting(int fd)
{
	if (table_is_watched(fd) && table_stamp(fd) == STAMP_SOCKET && process_may_act()) {
		table_put(fd, stamp_acquired(process_epoch_now(), STAMP_UPSTREAM));
		if (unlikely(places_are_kept)) {
			CAPTURE_ENTRY();
			places_acquired(fd);
		}
		if (process_settings.cloexec) {
			guard_cloexec(fd);
		}
	}
}

EXPORT int connect(int fd, const struct sockaddr *address, socklen_t length)
{
	socket_connecting(fd);
	return real.connect(fd, address, length);
}

static bool has_clients(void)
{
	int highest = table_highest();

	for (int fd = 0; fd <= highest; fd++) {
		if (table_is_watched(fd) && stamp_is_connection(table_stamp(fd)) &&
		    (table_stamp(fd) & STAMP_UPSTREAM) == 0) {
			return true;
		}
	}
	return false;
}

/* A port that is opened while clients are served may be there for their sake: late. */
EXPORT int listen(int fd, int backlog)
{
	int result = real.listen(fd, backlog);

	if (result == 0 && table_is_watched(fd) && process_may_act() &&
	    (table_stamp(fd) & STAMP_LISTENS) == 0) {
		table_put(fd, STAMP_LISTENS | (has_clients() ? STAMP_LATE : 0));
	}
	return result;
}

/*
 * Whoever waits for a new client has gone on with its own work. Not who waits on a local
 * socket or a late port: a helper may bring its result there.
 */
void socket_accepting(int listener)
{
	if (!table_is_watched(listener) || !process_may_act()) {
		return;
	}
	if (unlikely(places_are_kept)) {
		places_turn();
	}
	if (table_stamp(listener) == (STAMP_LISTENS | STAMP_LATE) && !has_clients()) {
		table_put(listener, STAMP_LISTENS);
	}
	if (table_stamp(listener) == STAMP_LISTENS) {
		tree_listen();
		tree_go_away();
	}
}

int socket_accepted(int listener, int fd, uint64_t stamp)
{
	if (fd >= 0 && table_is_watched(listener) && process_may_act()) {
		table_put(fd, stamp_acquired(process_epoch_now(), stamp));
		if (process_settings.cloexec) {
			guard_cloexec(fd);
		}
		if (unlikely(places_are_kept)) {
			places_acquired(fd);
		}
	}
	return fd;
}

EXPORT int accept(int fd, struct sockaddr *address, socklen_t *length)
{
	int accepted_fd;

	socket_accepting(fd);
	accepted_fd = real.accept(fd, address, length);
	if (unlikely(accepted_fd < 0 && reclaim_for(errno))) {
		accepted_fd = real.accept(fd, address, length);
	}
	CAPTURE_ENTRY(); /* not before: a handler may have run while it blocked */
	return socket_accepted(fd, accepted_fd, 0);
}

EXPORT int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
	int accepted_fd;

	socket_accepting(fd);
	accepted_fd = real.accept4(fd, address, length, flags);
	if (unlikely(accepted_fd < 0 && reclaim_for(errno))) {
		accepted_fd = real.accept4(fd, address, length, flags);
	}
	CAPTURE_ENTRY(); /* not before: a handler may have run while it blocked */
	return socket_accepted(fd, accepted_fd, (flags & SOCK_CLOEXEC) != 0 ? STAMP_CLOEXEC : 0);
}

/* Not in the headers of an older libc. */
EXPORT int pidfd_getfd(int process, int fd, unsigned int flags);

EXPORT int pidfd_getfd(int process, int fd, unsigned int flags)
{
	int taken = real.pidfd_getfd(process, fd, flags);

	if (taken >= 0) {
		handover_taken(taken);
	}
	return taken;
}

__typeof__(socket) hook_socket SAME_AS(socket);
__typeof__(listen) hook_listen SAME_AS(listen);
EXPORT __typeof__(connect) __connect SAME_AS(connect);
