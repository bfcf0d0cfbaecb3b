/* SPDX-License-Identifier: MIT */
/*
 * The program closes descriptors: close and its families, and shutdown, which
 * closes a direction.
 *
 * On what is not a connection each is a tail jump to the real function, so it stays
 * the cancellation point and the signal target that it was.
 */
#include <errno.h>
#include <stddef.h>

#include "shim/capture.h"
#include "shim/hooks.h"
#include "shim/letgo.h"
#include "shim/process.h"
#include "shim/reclaim.h"
#include "shim/table.h"
#include "shim/tree.h"

/* The program's late close of a number that we gave back, unless it has a new meaning. */
static int close_reclaimed(int fd)
{
	int saved = errno;
	int result;

	table_forget(fd);
	result = real.close(fd);
	if (result < 0 && errno == EBADF) {
		errno = saved;
		return 0;
	}
	return result;
}

/*
 * close is a cancellation point that acts before it closes. The bookkeeping comes
 * before the real call, so a pending cancellation must come before the bookkeeping.
 * A forked child with one thread, which nobody can cancel but itself, is spared the page
 * fault that the call costs it.
 */
static void test_cancel(void)
{
	bool is_alone = borrowed.__libc_single_threaded != NULL && *borrowed.__libc_single_threaded;

	if (borrowed.pthread_testcancel != NULL && process_may_act() &&
	    !(is_alone && process_is_child_of_image())) {
		borrowed.pthread_testcancel();
	}
}

static __attribute__((noinline)) int close_watched(int fd)
{
	uint64_t key;
	int result;

	test_cancel();
	CAPTURE_ENTRY();
	if (reclaim_has(fd)) {
		return close_reclaimed(fd);
	}
	key = letgo(fd);
	result = real.close(fd);
	/* Asked anew: a handler may have forked behind the hooks' back, and this be the child. */
	if (key != 0 && process_may_act()) {
		tree_closed(key);
	}
	return result;
}

EXPORT int close(int fd)
{
	if (likely(!table_is_watched(fd))) {
		return real.close(fd);
	}
	return close_watched(fd);
}

EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
	/* What the kernel will refuse, and what only marks, lets go of nothing. */
	if (first <= last && (flags & ~CLOSE_RANGE_UNSHARE) == 0) {
		CAPTURE_ENTRY();
		letgo_range(first, last);
		if (flags != 0) {
			/* The other threads' descriptors are no longer ours. */
			process_retire();
		}
	}
	return real.close_range(first, last, flags);
}

EXPORT void closefrom(int first)
{
	CAPTURE_ENTRY();
	letgo_range(first < 0 ? 0 : (unsigned int)first, ~0U);
	real.closefrom(first);
}

EXPORT int shutdown(int fd, int how)
{
	if (table_is_watched(fd) && process_may_act() && (how == SHUT_RD || how == SHUT_RDWR)) {
		table_flag(fd, STAMP_SHUT_RD);
	}
	return real.shutdown(fd, how);
}

__typeof__(close_range) hook_close_range SAME_AS(close_range);
__typeof__(shutdown) hook_shutdown SAME_AS(shutdown);
EXPORT __typeof__(close) __close SAME_AS(close);
