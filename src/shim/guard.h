/* SPDX-License-Identifier: MIT */
/*
 * What every thread must know before it touches our bookkeeping.
 *
 * depth: this thread is inside the table's critical section, entered in the stack
 * frame at `frame`. A hook entered with depth > 0 is a signal handler on top of us:
 * it must not wait for itself, so it gives up, and its descriptor becomes "unknown",
 * which means plain libc. Unless its frame is no deeper than ours: then a handler
 * has jumped out of the section (siglongjmp), and nobody will ever leave it.
 *
 * vfork_depth: this thread's memory is being used by a vfork child (the flag is
 * raised by the thunk before the child starts and lowered when the parent runs
 * again). Whatever a hook would note there would be noted for the parent.
 *
 * Initial-exec thread-local storage: reading it calls nothing and allocates
 * nothing. The offsets are known to thunks.S.
 */
#ifndef SHIM_GUARD_H
#define SHIM_GUARD_H

#define GUARD_OFFSET_VFORK_DEPTH 4

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/attributes.h"

struct guard {
	uint32_t depth;
	uint32_t vfork_depth;
	uintptr_t frame;
	uint64_t child;         /* ledger slot of the child that this thread is forking */
	uint64_t execed_before; /* what exec's failure restores (tree.c) */
	bool new_pid_space;     /* the next child is in a pid namespace of its own */
};

_Static_assert(offsetof(struct guard, vfork_depth) == GUARD_OFFSET_VFORK_DEPTH,
	       "thunks.S counts at this offset");

extern HIDDEN __thread struct guard guard_self;

static inline bool guard_in_vfork_child(void)
{
	return guard_self.vfork_depth != 0;
}

#endif
#endif
