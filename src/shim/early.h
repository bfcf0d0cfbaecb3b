/* SPDX-License-Identifier: MIT */
/*
 * What stands behind a hook before the constructor has run, and for ever where libc has
 * no such function.
 *
 * Other libraries' constructors, and malloc replacements in their first call, run before
 * us. Two ideas, a file each: early_call.c makes the bare system call and sets errno as
 * libc would; early_libc.c is for functions that are more than that (fork's handlers,
 * streams) and looks libc's up on the spot: by then ld.so has relocated everything.
 * Never here: anything but the call itself. These are no cancellation points.
 */
#ifndef SHIM_EARLY_H
#define SHIM_EARLY_H

#include "shim/attributes.h"
#include "shim/real.h"

#define HOOK(name)         HIDDEN __typeof__(name) early_##name;
#define HOOK_AS(name, ...) HIDDEN __typeof__(__VA_ARGS__) early_##name;
#include "shim/hooks.def"
#undef HOOK
#undef HOOK_AS

#endif
