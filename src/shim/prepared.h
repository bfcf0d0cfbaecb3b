/* SPDX-License-Identifier: MIT */
/*
 * The ledger slot that this thread has claimed for the child which it is about to fork.
 *
 * The idea: the child must find it before anybody has told it anything, so it is kept per
 * thread. But the first write to a page after a fork costs the parent a page fault, and the
 * page of thread-local storage may be one that nothing else of the parent writes. So the
 * slot is kept on the home page (home.h), which is written anyway, under the name of
 * the thread; and in thread-local storage only when that place is taken: by another thread
 * that forks at the same time, or by the fork that a handler on top of it has interrupted.
 *
 * Invariants:
 *  - What is in thread-local storage counts first: it is the innermost fork's.
 *  - The place on the home page has no child while no thread has it; only the fork that took
 *    it gives it back, and only in the process that took it.
 *  - A child that has been told has neither.
 * A thread that jumps out of a fork for good leaves the place taken: that costs the other
 * threads the page fault.
 *
 * Memory only. Safe in threads and signal handlers.
 */
#ifndef SHIM_PREPARED_H
#define SHIM_PREPARED_H

#include <stdint.h>

/* A fork begins, without a slot so far. Returns what the next two want. */
uint64_t prepared_begin(void);

/* This slot, or LEDGER_NOBODY, is for the child of the fork that has begun. */
void prepared_put(uint64_t begun, uint64_t ref);

/* It is over: what it has interrupted counts again. In the parent alone. */
void prepared_end(uint64_t begun);

/* The slot for the child of the fork under way; LEDGER_NOBODY, or nobody's name. */
uint64_t prepared_child(void);

/* In a child: the slot that it has claimed for itself; and that it has been told. */
void prepared_claimed(uint64_t ref);
void prepared_forget(void);

#endif
