/* SPDX-License-Identifier: MIT */
/*
 * One word per descriptor: what this process knows of it without a look-up.
 *
 * The idea: bits 16 and up hold the fork epoch in which the process last noted
 * a use of the connection; the low bits are flags. The epoch goes up at every
 * fork, so a connection whose stamp is older than the epoch has been shared
 * since, without anybody having walked the table.
 *
 * "Not yet" is written as a set bit (UNREAD, UNWRITTEN, UNUSED): then "noted in
 * this epoch" is one XOR and one test in front of a system call.
 *
 * Invariant: 0 is "not ours"; epoch 0 with a flag is a TCP socket that is not a
 * connection (yet); everything else is a connection.
 * Never here: a look at the process's state, or a store.
 */
#ifndef CORE_STAMP_H
#define CORE_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#define STAMP_NONE ((uint64_t)0)

#define STAMP_UNUSED    ((uint64_t)1 << 0)  /* not used since the epoch below */
#define STAMP_UNREAD    ((uint64_t)1 << 1)  /* not read */
#define STAMP_UNWRITTEN ((uint64_t)1 << 2)  /* not written */
#define STAMP_SHARED    ((uint64_t)1 << 3)  /* shared by an earlier fork or exec; sticky */
#define STAMP_EOF       ((uint64_t)1 << 4)  /* a receive call returned the peer's EOF */
#define STAMP_SHUT_RD   ((uint64_t)1 << 5)  /* own shutdown of the reading side: 0 is no EOF */
#define STAMP_UPSTREAM  ((uint64_t)1 << 6)  /* made by connect, not by accept; sticky */
#define STAMP_RECORD    ((uint64_t)1 << 7)  /* the descriptor has a record in the table */
#define STAMP_STDIO     ((uint64_t)1 << 8)  /* a stdio stream was opened on it */
#define STAMP_ENGAGED   ((uint64_t)1 << 9)  /* used while shared, in whatever epoch; sticky */
#define STAMP_SOCKET    ((uint64_t)1 << 10) /* with epoch 0: an unconnected TCP socket */
#define STAMP_CLOEXEC   ((uint64_t)1 << 10) /* of a connection: exec was to close it; sticky */
#define STAMP_LISTENS   ((uint64_t)1 << 11) /* with epoch 0: a listening TCP socket */
#define STAMP_LATE      ((uint64_t)1 << 3)  /* of a listener: made beside accepted connections */
#define STAMP_RECLAIMED ((uint64_t)1 << 12) /* with epoch 0: a number that we gave back */
#define STAMP_POLLED    ((uint64_t)1 << 13) /* registered with some epoll; sticky */
#define STAMP_EPOLL     ((uint64_t)1 << 14) /* with epoch 0: an epoll descriptor */
#define STAMP_EXECED    ((uint64_t)1 << 15) /* got by exec on descriptors 0 to 2; sticky */

#define STAMP_FLAGS      (((uint64_t)1 << 16) - 1)
#define STAMP_EPOCHS_MAX (~STAMP_FLAGS - 4 * STAMP_EPOCH_ONE) /* then the process retires */
#define STAMP_EPOCH_ONE  ((uint64_t)1 << 16) /* epochs are kept shifted: add this */

/* What a use clears. A use of any kind also clears UNUSED. */
#define STAMP_USE_POLL  STAMP_UNUSED
#define STAMP_USE_READ  (STAMP_UNUSED | STAMP_UNREAD)
#define STAMP_USE_WRITE (STAMP_UNUSED | STAMP_UNWRITTEN)
#define STAMP_USE_ALL   (STAMP_UNUSED | STAMP_UNREAD | STAMP_UNWRITTEN)

/* What stays true of a connection across forks. */
#define STAMP_STICKY                                                                               \
	(STAMP_SHARED | STAMP_SHUT_RD | STAMP_UPSTREAM | STAMP_RECORD | STAMP_STDIO |              \
	 STAMP_ENGAGED | STAMP_POLLED | STAMP_EXECED | STAMP_CLOEXEC)

/* The epoch of a stamp, still shifted; 0 for what is no connection. */
static inline uint64_t stamp_epoch(uint64_t stamp)
{
	return stamp & ~STAMP_FLAGS;
}

/* True for a connection, false for nothing, sockets and listeners. */
static inline bool stamp_is_connection(uint64_t stamp)
{
	return stamp_epoch(stamp) != 0;
}

/* True when `use` was noted in `epoch` already: nothing to do before the call. */
static inline bool stamp_is_warm(uint64_t stamp, uint64_t epoch, uint64_t use)
{
	return ((stamp ^ epoch) & (~STAMP_FLAGS | use)) == 0;
}

/* True when a fork or exec happened since the connection was acquired. */
static inline bool stamp_is_shared(uint64_t stamp, uint64_t epoch)
{
	return (stamp & STAMP_SHARED) != 0 || stamp_epoch(stamp) != epoch;
}

/* The stamp of a connection acquired in `epoch`; extra: UPSTREAM, SHARED or 0. */
static inline uint64_t stamp_acquired(uint64_t epoch, uint64_t extra)
{
	return epoch | STAMP_USE_ALL | extra;
}

/*
 * The stamp after `use` in `epoch`. What was noted before the process came to
 * share the connection (`came_to_share`, an epoch) is forgotten: it says nothing
 * about who serves it now.
 */
static inline uint64_t stamp_used(uint64_t stamp, uint64_t epoch, uint64_t came_to_share,
				  uint64_t use)
{
	uint64_t flags = stamp & STAMP_STICKY;

	if (stamp_epoch(stamp) != epoch) {
		flags |= STAMP_SHARED;
	}
	if (stamp_epoch(stamp) >= came_to_share) {
		flags |= stamp & (STAMP_USE_ALL | STAMP_EOF);
	} else {
		flags |= STAMP_USE_ALL;
	}
	return epoch | (flags & ~use);
}

/*
 * What two descriptors of one connection know together. What was noted before
 * `came_to_share` counts no more, on either side.
 */
static inline uint64_t stamp_merged(uint64_t a, uint64_t b, uint64_t came_to_share)
{
	uint64_t epoch = stamp_epoch(a) > stamp_epoch(b) ? stamp_epoch(a) : stamp_epoch(b);
	uint64_t flags = (a | b) & STAMP_STICKY;
	uint64_t unused = STAMP_USE_ALL;

	if (stamp_epoch(a) >= came_to_share) {
		unused &= a;
		flags |= a & STAMP_EOF;
	}
	if (stamp_epoch(b) >= came_to_share) {
		unused &= b;
		flags |= b & STAMP_EOF;
	}
	return epoch | flags | unused;
}

#endif
