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
#include "shim/readable.h"
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

/* The most parts that the kernel takes (UIO_MAXIOV). */
enum { PARTS_MAX = 1024 };

/* Does the call ask for anything? In doubt it does not: then a 0 is no EOF. */
static bool has_room(const struct iovec *parts, size_t count)
{
	if (count > PARTS_MAX || !readable(parts, count * sizeof(*parts))) {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		if (parts[i].iov_len > 0) {
			return true;
		}
	}
	return false;
}

RECEIVE_HOOK(read, (int fd, void *buffer, size_t count), (fd, buffer, count), count > 0)

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

/*
 * As above, but what was asked for stands in memory, and is looked at when it matters. The
 * half about connections is a function of its own, so that the other needs no stack frame.
 */
#define GATHER_HOOK(name, parameters, arguments, is_stream)                                        \
	static __attribute__((noinline)) ssize_t name##_watched parameters                         \
	{                                                                                          \
		bool is_warm = use_is_warm(fd, STAMP_USE_READ);                                    \
		if (!(is_stream) || (!is_warm && !has_room(parts, (size_t)count))) {               \
			return real.name arguments;                                                \
		}                                                                                  \
		if (unlikely(!is_warm)) {                                                          \
			use_note(fd, STAMP_USE_READ);                                              \
		}                                                                                  \
		ssize_t received = real.name arguments;                                            \
		if (unlikely(received == 0) && has_room(parts, (size_t)count)) {                   \
			return use_note_eof(fd);                                                   \
		}                                                                                  \
		return received;                                                                   \
	}                                                                                          \
	EXPORT ssize_t name parameters                                                             \
	{                                                                                          \
		if (likely(!table_is_watched(fd))) {                                               \
			return real.name arguments;                                                \
		}                                                                                  \
		return name##_watched arguments;                                                   \
	}

GATHER_HOOK(readv, (int fd, const struct iovec *parts, int count), (fd, parts, count), true)

/* A connection has no offsets; -1 is where a stream is read. */
GATHER_HOOK(preadv2, (int fd, const struct iovec *parts, int count, off_t offset, int flags),
	    (fd, parts, count, offset, flags), offset == -1)

static bool message_has_room(const struct msghdr *message)
{
	return readable(message, sizeof(*message)) &&
	       has_room(message->msg_iov, (size_t)message->msg_iovlen);
}

/* A message on another kind of socket may carry connections: see handover.h. */
static ssize_t recvmsg_unwatched(int fd, struct msghdr *message, int flags)
{
	ssize_t received = real.recvmsg(fd, message, flags);

	if (received >= 0 && message->msg_controllen > 0) {
		handover_received(message);
	}
	return received;
}

static __attribute__((noinline)) ssize_t recvmsg_watched(int fd, struct msghdr *message, int flags)
{
	bool is_warm = use_is_warm(fd, STAMP_USE_READ);
	ssize_t received;

	if ((flags & NOT_EOF_FLAGS) != 0 || (!is_warm && !message_has_room(message))) {
		return real.recvmsg(fd, message, flags);
	}
	if (!is_warm) {
		use_note(fd, STAMP_USE_READ);
	}
	received = real.recvmsg(fd, message, flags);
	return received == 0 && message_has_room(message) ? use_note_eof(fd) : received;
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
EXPORT __typeof__(preadv2) preadv64v2 SAME_AS(preadv2);
