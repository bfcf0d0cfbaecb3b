/* SPDX-License-Identifier: MIT */
/*
 * The receive calls: a use, and perhaps the peer's EOF.
 *
 * What is not a connection: a tail jump. A connection: the use is noted before the
 * call unless it is warm, and only the result is looked at after it; no state is
 * kept across the call, which may block, be cancelled or never return (longjmp).
 *
 * Not an EOF, though the result is 0: a length of zero, MSG_PEEK (the program has
 * not taken it), MSG_ERRQUEUE, MSG_TRUNC tricks with no buffer, a dead descriptor.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

#include "shim/handover.h"
#include "shim/hooks.h"
#include "shim/use.h"

/* A read that returns 0 under these flags says nothing about the peer's FIN. */
#define NOT_EOF_FLAGS (MSG_PEEK | MSG_ERRQUEUE | MSG_OOB)

/* The prototypes of what _FORTIFY_SOURCE calls; no header declares them. */
EXPORT ssize_t __read_chk(int fd, void *buffer, size_t count, size_t size);
EXPORT ssize_t __recv_chk(int fd, void *buffer, size_t count, size_t size, int flags);
EXPORT ssize_t __recvfrom_chk(int fd, void *buffer, size_t count, size_t size, int flags,
			      struct sockaddr *address, socklen_t *length);

/*
 * A receive hook. `takes` says whether the call asks for anything that could tell of
 * a FIN. A macro, because each real call has its own arguments and must stay a tail
 * jump where nothing is watched; the rare half is a function of its own, so that the
 * frequent one needs no stack frame before it has looked.
 */
#define RECEIVE_HOOK(name, parameters, arguments, takes)                                           \
	static __attribute__((noinline)) ssize_t name##_cold parameters                            \
	{                                                                                          \
		if (!(takes)) {                                                                    \
			return real.name arguments;                                                \
		}                                                                                  \
		use_note(fd, STAMP_USE_READ);                                                      \
		ssize_t received = real.name arguments;                                            \
		return received == 0 ? use_note_eof(fd) : received;                                \
	}                                                                                          \
	EXPORT ssize_t name parameters                                                             \
	{                                                                                          \
		if (likely(!table_is_watched(fd))) {                                               \
			return real.name arguments;                                                \
		}                                                                                  \
		if (unlikely(!use_is_warm(fd, STAMP_USE_READ) || !(takes))) {                      \
			return name##_cold arguments;                                              \
		}                                                                                  \
		/* Volatile: stored in front of the call, loaded again only after an EOF. */       \
		volatile int watched = fd;                                                         \
		ssize_t received = real.name arguments;                                            \
		return likely(received != 0) ? received : use_note_eof(watched);                   \
	}

static bool has_room(const struct iovec *parts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (parts[i].iov_len > 0) {
			return true;
		}
	}
	return false;
}

RECEIVE_HOOK(read, (int fd, void *buffer, size_t count), (fd, buffer, count), count > 0)

RECEIVE_HOOK(readv, (int fd, const struct iovec *parts, int count), (fd, parts, count),
	     count > 0 && has_room(parts, (size_t)count))

RECEIVE_HOOK(recv, (int fd, void *buffer, size_t count, int flags), (fd, buffer, count, flags),
	     count > 0 && (flags & NOT_EOF_FLAGS) == 0)

RECEIVE_HOOK(recvfrom,
	     (int fd, void *buffer, size_t count, int flags, struct sockaddr *address,
	      socklen_t *length),
	     (fd, buffer, count, flags, address, length), count > 0 && (flags & NOT_EOF_FLAGS) == 0)

RECEIVE_HOOK(__read_chk, (int fd, void *buffer, size_t count, size_t size),
	     (fd, buffer, count, size), count > 0)

RECEIVE_HOOK(__recv_chk, (int fd, void *buffer, size_t count, size_t size, int flags),
	     (fd, buffer, count, size, flags), count > 0 && (flags & NOT_EOF_FLAGS) == 0)

RECEIVE_HOOK(__recvfrom_chk,
	     (int fd, void *buffer, size_t count, size_t size, int flags, struct sockaddr *address,
	      socklen_t *length),
	     (fd, buffer, count, size, flags, address, length),
	     count > 0 && (flags & NOT_EOF_FLAGS) == 0)

static bool message_has_room(const struct msghdr *message)
{
	return message != NULL && has_room(message->msg_iov, (size_t)message->msg_iovlen);
}

/* A message on another kind of socket may carry connections: see handover.h. */
static ssize_t recvmsg_unwatched(int fd, struct msghdr *message, int flags)
{
	bool has_control = message != NULL && message->msg_control != NULL;
	ssize_t received = real.recvmsg(fd, message, flags);

	if (has_control && received >= 0 && message->msg_controllen > 0) {
		handover_received(message);
	}
	return received;
}

static __attribute__((noinline)) ssize_t recvmsg_watched(int fd, struct msghdr *message, int flags)
{
	ssize_t received;

	if (!message_has_room(message) || (flags & NOT_EOF_FLAGS) != 0) {
		return real.recvmsg(fd, message, flags);
	}
	if (!use_is_warm(fd, STAMP_USE_READ)) {
		use_note(fd, STAMP_USE_READ);
	}
	received = real.recvmsg(fd, message, flags);
	return received == 0 ? use_note_eof(fd) : received;
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	if (likely(!table_is_watched(fd))) {
		return recvmsg_unwatched(fd, message, flags);
	}
	return recvmsg_watched(fd, message, flags);
}

EXPORT int recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags,
		    struct timespec *timeout)
{
	int received;

	if (table_is_watched(fd) && !use_is_warm(fd, STAMP_USE_READ)) {
		use_note(fd, STAMP_USE_READ);
	}
	received = real.recvmmsg(fd, messages, count, flags, timeout);
	for (int i = 0; i < received; i++) {
		if (!table_is_watched(fd)) {
			handover_received(&messages[i].msg_hdr);
		} else if (messages[i].msg_len == 0 && (flags & NOT_EOF_FLAGS) == 0 &&
			   message_has_room(&messages[i].msg_hdr)) {
			use_note_eof(fd);
		}
	}
	return received;
}

EXPORT __typeof__(read) __read SAME_AS(read);
