/* SPDX-License-Identifier: MIT */
/* See guard.h. */
#include "shim/guard.h"

#include "shim/capture.h"
#include "shim/process.h"
#include "sys/rawsys.h"

__thread struct guard guard_self;

void guard_before_vfork(void)
{
	CAPTURE_ENTRY();
	if (!guard_in_vfork_child()) {
		/* A number of another namespace may be the same: then nobody can tell. */
		bool can_tell = !process_is_retired() && !guard_self.new_pid_space;

		guard_self.vfork_parent = can_tell ? (int32_t)rawsys1(SYS_getpid, 0) : 0;
		guard_self.vfork_forks = false;
	}
	guard_self.vfork_sources = 0;
	CAPTURE_ENTRY();
	process_spawning();
	if (!guard_in_vfork_child()) {
		guard_self.vfork_epoch = process_epoch_now();
	}
}

/*
 * Its child has memory of its own, but the vfork child has closed and copied descriptors of
 * which that memory knows nothing.
 */
void guard_before_fork(void)
{
	if (!process_is_retired() && guard_in_vfork_child()) {
		guard_self.vfork_forks = true;
	}
}

void guard_after_fork(void)
{
	if (guard_self.vfork_forks && process_is_told()) {
		guard_self.vfork_forks = false;
	}
}

void guard_born(void)
{
	/* A handler on top of a vfork made us: that vfork will be ours. */
	if (guard_self.vfork_frame != 0 && guard_self.vfork_parent != 0) {
		guard_self.vfork_parent = (int32_t)rawsys1(SYS_getpid, 0);
	}
}

__attribute__((noinline, cold)) bool guard_is_really_child(void)
{
	if (process_is_retired()) {
		return true;
	}
	if (!process_is_told()) {
		return guard_self.vfork_forks; /* forked, so in memory of its own */
	}
	return guard_self.vfork_parent == 0 ||
	       guard_self.vfork_parent != (int32_t)rawsys1(SYS_getpid, 0);
}
