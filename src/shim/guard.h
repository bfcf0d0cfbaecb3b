/* SPDX-License-Identifier: MIT */
/*
 * What every thread must know before it touches our bookkeeping.
 *
 * frame: this thread is inside the table's critical section, held by a mark in this stack
 * frame; 0 outside. A hook that finds it set is a signal handler on top of us: it must
 * not wait for itself, so it gives up, and its descriptor becomes "unknown", which
 * means plain libc. Unless a handler has jumped out of the section (siglongjmp), and nobody
 * will ever leave it.
 *
 * vfork_frame: this thread's memory is being used by a vfork child; the stack pointer
 * at the outermost vfork, or 0. It is put there before the child starts, and put back
 * when the parent runs again. Whatever a hook would note meanwhile would be noted for the
 * parent. But signal handlers of the parent run then, too, before the child starts and
 * after it is gone; so where it is set the process is asked who it is. A handler may also
 * jump away, and leave it set. Then it stays: nobody can tell a jump from a handler on
 * another stack, on top of a vfork that is still to come, and all that it costs the parent
 * is the question. What a vfork child forks is no better than the vfork child.
 *
 * Each is one word, written at once: a handler finds all of it, or nothing.
 *
 * Initial-exec thread-local storage: reading it calls nothing and allocates
 * nothing. The offsets are known to thunks.S.
 */
#ifndef SHIM_GUARD_H
#define SHIM_GUARD_H

#define GUARD_OFFSET_VFORK_FRAME 0

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/attributes.h"

struct guard {
	uintptr_t vfork_frame;
	uint64_t vfork_sources; /* what the vfork child put on 0 to 2: 20 bits each, + 1 */
	uintptr_t frame;
	uint64_t vfork_epoch;   /* of the outermost vfork: its child's copies are as old */
	uint64_t child;         /* ledger slot of the child being forked (prepared.h) */
	uint64_t execed_before; /* what exec's failure restores (tree.c) */
	bool new_pid_space;     /* children of this thread are in another pid namespace */
	bool vfork_forks;       /* the vfork child is forking; and in what it forked */
	int32_t vfork_parent;   /* who made the outermost vfork child, 0 = not known */
	uintptr_t caller_pc;    /* who called the hook that this thread is in (capture.h) */
	uintptr_t caller_cfa;   /* ... and where that frame ends */
	uint32_t capture_holds; /* forks of this thread that hold captures off (capture.c) */
	uint32_t birth_site;    /* where this thread is making a child */
};

_Static_assert(offsetof(struct guard, vfork_frame) == GUARD_OFFSET_VFORK_FRAME,
	       "thunks.S writes at this offset");

extern HIDDEN __thread struct guard guard_self;

/* This thread's name in what threads of one process share. A forked child keeps its thread's. */
static inline uintptr_t guard_thread(void)
{
	return (uintptr_t)&guard_self;
}

/* A vfork is about to happen: remembers whose memory it is. Called by thunks.S, too. */
void guard_before_vfork(void);

/* Around a fork, whoever forks; the second not in the child. */
void guard_before_fork(void);
void guard_after_fork(void);

/* First thing in a forked child. */
void guard_born(void);

/* With vfork_frame set: is this really the child? */
bool guard_is_really_child(void);

static inline bool guard_in_vfork_child(void)
{
	return unlikely(guard_self.vfork_frame != 0) && guard_is_really_child();
}

enum { GUARD_SOURCE_BITS = 20 };

/* The parent's number for what this vfork child has on fd 0 to 2; fd itself if untouched. */
static inline int guard_vfork_source(int fd)
{
	uint64_t source = guard_self.vfork_sources >> (fd * GUARD_SOURCE_BITS) &
			  ((1U << GUARD_SOURCE_BITS) - 1);

	return source != 0 ? (int)source - 1 : fd;
}

/* The vfork child made `to` (0 to 2) a copy of `from`. */
static inline void guard_set_vfork_source(int from, int to)
{
	uint64_t mask = (((uint64_t)1 << GUARD_SOURCE_BITS) - 1) << (to * GUARD_SOURCE_BITS);
	int source = from <= 2 ? guard_vfork_source(from) : from;

	guard_self.vfork_sources &= ~mask;
	guard_self.vfork_sources |= (uint64_t)(source + 1) << (to * GUARD_SOURCE_BITS) & mask;
}

#endif
#endif
