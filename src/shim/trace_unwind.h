/* SPDX-License-Identifier: MIT */
/*
 * The walk up a stack: the only user of libunwind.
 *
 * The idea: libunwind is used as if it looked at another process, through functions of
 * ours that read our own memory. So it never takes the loader's lock, never looks for
 * files, and never tries an address with the pipe of its own. Where a module has no
 * unwind table for a frame, or a frame lies in no module, the chain of frame pointers is
 * followed, if there seems to be one.
 * Invariant: stacks grow down: each frame lies above the one before, but where a signal
 * came in between.
 * Never here: libunwind's local interface, its caches, or its guesses.
 */
#ifndef SHIM_TRACE_UNWIND_H
#define SHIM_TRACE_UNWIND_H

#include <stdbool.h>

#include "shim/trace.h"

/* False when libunwind has no memory. */
bool unwind_setup(void);

/* See struct trace_api. */
void unwind_walk(struct trace_walk *walk);

#endif
