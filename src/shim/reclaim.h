/* SPDX-License-Identifier: MIT */
/*
 * Descriptors given back: when the program runs out of them, its own copies of
 * connections that are dead both ways are closed for it.
 *
 * Invariant: a descriptor is given back only if its connection was shared, was never
 * used here, is dead in the kernel, the program has never closed a shared connection
 * by itself, and the child that was forked for it is dead and has been waited for. A program
 * that closes late does so when it learns of that child's end, and by then the number might
 * be another client's. Where nobody is left to be waited for, or nobody ever waits, the
 * connection must have been dead for five seconds.
 * A later close of such a number by the program returns 0, as it would have.
 * Never here: a live connection, whatever it looks like.
 *
 * Safe in threads and signal handlers; errno is left alone.
 */
#ifndef SHIM_RECLAIM_H
#define SHIM_RECLAIM_H

#include <stdbool.h>

/*
 * A call failed with `error`. True when it was for want of descriptors and some were
 * given back: the call is worth one more try.
 */
bool reclaim_for(int error);

/* The program closes a shared connection by itself. */
void reclaim_note_closed(void);

/* True when fd was given back and nothing of ours has had the number since. */
bool reclaim_has(int fd);

#endif
