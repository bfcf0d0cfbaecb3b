/* SPDX-License-Identifier: MIT */
/*
 * Where in the program are we? Debug mode's backtraces, as the ledger's sites.
 *
 * The idea: libsendfin-trace.so, which knows libunwind, is opened just before main, in
 * debug mode only; it unwinds a stack once. From then on the same stack is known again
 * without unwinding: by the caller's return address and frame, and by comparing every
 * return address that was found with the word at the place where it was found.
 * Invariant: a site is never one of another stack: what is not the same to the last
 * return address is unwound anew.
 * Never here: a descriptor that is still there at main, a lock held while unwinding, or
 * one that a forked child could find taken for ever.
 *
 * Does nothing, and costs a load and a branch, when debug mode is off. Safe in threads and
 * signal handlers: a capture on top of one under way gives 0, "not known".
 */
#ifndef SHIM_CAPTURE_H
#define SHIM_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/line.h"
#include "shim/attributes.h"
#include "shim/guard.h"

extern HIDDEN bool capture_is_on;

/*
 * At the entry of a hook's cold path: remembers who called. A macro, because it is about
 * the function it stands in. The outermost hook of a thread counts.
 */
#define CAPTURE_ENTRY()                                                                            \
	do {                                                                                       \
		if (unlikely(capture_is_on)) {                                                     \
			guard_self.caller_pc = (uintptr_t)__builtin_return_address(0);             \
			guard_self.caller_cfa = (uintptr_t)__builtin_dwarf_cfa();                  \
		}                                                                                  \
	} while (0)

/* Opens libsendfin-trace.so, which lies beside libsendfin.so. Once, in front of main. */
void capture_setup(void);

/*
 * The site of the program's call under way, counted once more; 0 when it is not known: off,
 * no ledger, no room, in a vfork child, or another capture is in the way.
 */
uint32_t capture_site(void);

/* Around a fork: no child may find a capture of another thread under way. */
void capture_before_fork(void);
void capture_after_fork_in_child(void);
void capture_after_fork_in_parent(void);

/* The frames of sites, with function names where the modules' own symbols have them. */
bool capture_frame_of(const void *context, uint32_t site, uint32_t index, struct line_frame *frame);

#endif
