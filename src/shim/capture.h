/* SPDX-License-Identifier: MIT */
/*
 * Where in the program are we? Debug mode's backtraces, as the ledger's sites.
 *
 * The idea: libsendfin-trace.so, which knows libunwind, is opened by the constructor, in
 * debug mode only; it unwinds a stack once. From then on the same stack is known again
 * without unwinding: by comparing every return address that was found, and every frame
 * pointer that mattered, with the word at the place where it was found (known.h).
 * Invariant: a site is never one of another stack: what is not the same to the last
 * return address is unwound anew.
 * Never here: a descriptor that outlives the constructor, a lock held while unwinding, or
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
 * At the entry of a hook's cold path: remembers who called, as a hint where to look among
 * the known stacks. It is never believed, so a signal handler may overwrite it, and where
 * it is missing the same site is found, only later. A macro, because it is about the
 * function it stands in.
 */
#define CAPTURE_ENTRY()                                                                            \
	do {                                                                                       \
		if (unlikely(capture_is_on)) {                                                     \
			guard_self.caller_pc = (uintptr_t)__builtin_return_address(0);             \
			guard_self.caller_cfa = (uintptr_t)__builtin_dwarf_cfa();                  \
		}                                                                                  \
	} while (0)

/* Opens libsendfin-trace.so, which lies beside libsendfin.so. Constructor only. */
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
