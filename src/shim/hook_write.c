/* SPDX-License-Identifier: MIT */
/*
 * The send calls: a use, and "has written". Always a tail jump; the use is noted in
 * front of it. A send on another kind of socket may hand connections over.
 */
#include <stddef.h>

#include "shim/handover.h"
#include "shim/hooks.h"
#include "shim/use.h"

static inline bool is_noted(int fd)
{
	return likely(!table_is_watched(fd)) || use_is_warm(fd, STAMP_USE_WRITE);
}

static inline void note_write(int fd)
{
	if (unlikely(!is_noted(fd))) {
		use_note(fd, STAMP_USE_WRITE);
	}
}

/*
 * A send hook: a tail jump where there is nothing to note. The rare half is a function
 * of its own, so that the frequent one saves no register before it has looked.
 */
#define SEND_HOOK(name, fd, parameters, arguments)                                                 \
	static __attribute__((noinline)) ssize_t name##_cold parameters                            \
	{                                                                                          \
		use_note(fd, STAMP_USE_WRITE);                                                     \
		return real.name arguments;                                                        \
	}                                                                                          \
	EXPORT ssize_t name parameters                                                             \
	{                                                                                          \
		if (likely(is_noted(fd))) {                                                        \
			return real.name arguments;                                                \
		}                                                                                  \
		return name##_cold arguments;                                                      \
	}

static inline void note_read(int fd)
{
	if (unlikely(table_is_watched(fd) && !use_is_warm(fd, STAMP_USE_READ))) {
		use_note(fd, STAMP_USE_READ);
	}
}

SEND_HOOK(write, fd, (int fd, const void *buffer, size_t count), (fd, buffer, count))

SEND_HOOK(writev, fd, (int fd, const struct iovec *parts, int count), (fd, parts, count))

/* A connection has no offsets; -1 is where a stream is written. */
SEND_HOOK(pwritev2, fd, (int fd, const struct iovec *parts, int count, off_t offset, int flags),
	  (fd, parts, count, offset, flags))

SEND_HOOK(send, fd, (int fd, const void *buffer, size_t count, int flags),
	  (fd, buffer, count, flags))

SEND_HOOK(sendto, fd,
	  (int fd, const void *buffer, size_t count, int flags, const struct sockaddr *address,
	   socklen_t length),
	  (fd, buffer, count, flags, address, length))

SEND_HOOK(sendfile, out, (int out, int in, off_t *offset, size_t count), (out, in, offset, count))

SEND_HOOK(sendfile64, out, (int out, int in, off64_t *offset, size_t count),
	  (out, in, offset, count))

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	if (unlikely(table_is_watched(fd))) {
		note_write(fd);
	} else if (unlikely(table_highest() >= 0)) {
		handover_sending(message);
	}
	return real.sendmsg(fd, message, flags);
}

EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
	if (unlikely(table_is_watched(fd))) {
		note_write(fd);
	} else if (unlikely(table_highest() >= 0)) {
		handover_sending_many(messages, count);
	}
	return real.sendmmsg(fd, messages, count, flags);
}

/* The one call that may also receive. */
EXPORT ssize_t splice(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t count,
		      unsigned int flags)
{
	ssize_t moved;

	note_write(out);
	if (likely(!table_is_watched(in)) || count == 0) {
		return real.splice(in, in_offset, out, out_offset, count, flags);
	}
	note_read(in);
	moved = real.splice(in, in_offset, out, out_offset, count, flags);
	if (moved == 0) {
		use_note_eof(in);
	}
	return moved;
}

EXPORT __typeof__(write) __write SAME_AS(write);
EXPORT __typeof__(pwritev2) pwritev64v2 SAME_AS(pwritev2);
EXPORT __typeof__(send) __send SAME_AS(send);
