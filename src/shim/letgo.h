/* SPDX-License-Identifier: MIT */
/*
 * The process lets go of a connection: facts are gathered, the rule decides, the
 * verdict is carried out and recorded.
 *
 * The flow of one close: hook -> table (what do we know of fd?) -> sockprobe (what
 * does the kernel say?) -> verdict (FIN or not, and why) -> fin (act) -> log -> the
 * real close, by the hook.
 * Invariant: the bookkeeping is done before the real close, so that a number which
 * another thread gets again is never taken for the old connection.
 * Never here: the rule itself, or the real close.
 *
 * Safe in threads and signal handlers; errno is left alone.
 */
#ifndef SHIM_LETGO_H
#define SHIM_LETGO_H

#include "shim/table.h"

/*
 * fd is about to be closed by the program. Call for watched descriptors. What it returns is
 * for tree_closed(), when the real close is done; it may be lost.
 */
uint64_t letgo(int fd);

/* The same in two steps, for a dup2 over fd that may still fail and be put back. */
void letgo_begin(int fd, struct table_gone *gone);

/* Every watched descriptor from first to last, bounds included. */
void letgo_range(unsigned int first, unsigned int last);

/*
 * The process is about to end: all it still holds. `flush` says whether its stdio
 * buffers will still be written (exit) or are lost (_exit).
 */
void letgo_at_exit(bool flush);

#endif
