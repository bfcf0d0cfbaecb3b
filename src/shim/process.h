/* SPDX-License-Identifier: MIT */
/*
 * This process: its fork epoch, its birth, its retirement.
 *
 * The idea: the epoch goes up twice at every fork that we see: before it, so
 * that what the process holds counts as shared from the moment the child exists,
 * and after it on both sides, so that what another thread acquired in between
 * counts too. A page that the kernel wipes in a forked child tells those that we
 * do not see (raw clone): every cold path looks at it first.
 *
 * Invariant: a connection that two processes hold never has a stamp of the
 * current epoch without SHARED, except after a clone that neither a hook nor the
 * wiped page showed; and then it is left to plain libc.
 * Retirement is for good: every hook passes through, no system call of ours is
 * made any more. Never here: anything that grows with the number of descriptors.
 */
#ifndef SHIM_PROCESS_H
#define SHIM_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/settings.h"
#include "core/stamp.h"
#include "shim/attributes.h"
#include "shim/home.h"

/*
 * What the process was born with by exec is of the epoch before its first, so that it
 * counts as shared; what it acquires itself is of the first or later.
 */
#define PROCESS_INHERITED_EPOCH STAMP_EPOCH_ONE
#define PROCESS_FIRST_EPOCH     (2 * STAMP_EPOCH_ONE)

/* The fork epoch, shifted as core/stamp.h keeps it. Read by any thread. */
static inline uint64_t process_epoch_now(void)
{
	return __atomic_load_n(&home->epoch, __ATOMIC_RELAXED);
}

/* Since which epoch uses count: this process's birth, or its own latest fork. */
static inline uint64_t process_came_to_share(void)
{
	return __atomic_load_n(&home->came_to_share, __ATOMIC_RELAXED);
}

/* The epoch of this process's birth: what its stamps say from before is its parent's. */
static inline uint64_t process_birth(void)
{
	return __atomic_load_n(&home->birth, __ATOMIC_RELAXED);
}

/* What the constructor read from the environment; constant afterwards. */
extern HIDDEN struct settings process_settings;

enum { PROCESS_BYTES = 64 * 1024 }; /* the largest page there is */

/* Forks wipe the page at `place`. Returns 0 or -errno. Constructor only. */
int process_setup(void *place);

/*
 * To be asked at the start of every cold path: may our bookkeeping be touched?
 * False when retired and inside a vfork child. Notices the birth of this process.
 */
bool process_may_act(void);

bool process_is_retired(void);

/* False in a forked child until process_may_act() has noticed its birth. Once set up. */
bool process_is_told(void);

/* True when this process was forked by its program image, not exec'd itself. */
bool process_is_child_of_image(void);

/* Everything passes through from now on. Safe anywhere; memory only. */
void process_retire(void);

/*
 * Around every fork that a hook sees, in this order; child_pid -1 if it failed. The first
 * returns what the second wants: the hook may be in a signal handler that has interrupted
 * another fork, which must find everything as it was.
 */
uint64_t process_before_fork(void);
void process_after_fork(pid_t child_pid, uint64_t begun);

/*
 * libc is about to make a child that runs no hook of ours before its exec (system,
 * popen, posix_spawn): what we hold is shared from now on, but not handed over.
 */
void process_spawning(void);

/* libc put other files on descriptors 0 to 2 by itself. */
void process_standard_replaced(void);

#endif
