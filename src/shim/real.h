/* SPDX-License-Identifier: MIT */
/*
 * The real functions behind the hooks: what the program would have called.
 *
 * The idea: one table made from hooks.def with __typeof__, so that no prototype
 * is ever retyped. Until real_resolve() has run, every entry points to an early
 * fallback (early.h), so a hook may be called at any moment.
 * Invariant: no entry under HOOK is ever NULL; entries under REAL may be.
 * Never here: a look-up at the time of a call. dlsym() allocates when it fails.
 */
#ifndef SHIM_REAL_H
#define SHIM_REAL_H

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

#include "shim/attributes.h"

struct real {
#define HOOK(name)         __typeof__(name) *name;
#define HOOK_AS(name, ...) __typeof__(__VA_ARGS__) *name;
#include "shim/hooks.def"
#undef HOOK
#undef HOOK_AS
};

/* What we borrow without intercepting it; NULL where libc has no such thing. */
struct borrowed {
#define REAL(name, ...) __typeof__(__VA_ARGS__) *name;
#include "shim/hooks.def"
#undef REAL
};

extern HIDDEN struct real real;
extern HIDDEN struct borrowed borrowed;

/*
 * Looks every name up, once; later calls do nothing. Called by the constructor,
 * or by an early fallback that has no system call to fall back to. Leaves errno
 * and dlerror() as they were. Not for signal handlers. False when that cannot be, or while
 * another thread is at it, and will write to the tables.
 */
bool real_resolve(void);

#endif
