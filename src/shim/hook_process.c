/* SPDX-License-Identifier: MIT */
/*
 * Births of processes, and what makes a process one that we must leave alone.
 *
 * A child that shares memory with its parent (CLONE_VM without CLONE_THREAD) works
 * on the parent's tables: while the parent's thread waits for it (CLONE_VFORK) its
 * hooks pass through, as under vfork; otherwise nobody can tell the two apart and
 * the process retires. So it does when descriptors are shared or unshared alone.
 */
#include <linux/seccomp.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "shim/capture.h"
#include "shim/guard.h"
#include "shim/hooks.h"
#include "shim/process.h"
#include "shim/table.h"

EXPORT pid_t fork(void)
{
	uint64_t begun;
	pid_t pid;

	CAPTURE_ENTRY();
	begun = process_before_fork();
	pid = real.fork();
	process_after_fork(pid, begun);
	return pid;
}

EXPORT pid_t _Fork(void)
{
	uint64_t begun;
	pid_t pid;

	CAPTURE_ENTRY();
	begun = process_before_fork();
	pid = real._Fork();
	process_after_fork(pid, begun);
	return pid;
}

EXPORT pid_t forkpty(int *terminal, char *name, const struct termios *settings,
		     const struct winsize *size)
{
	uint64_t begun;
	pid_t pid;

	CAPTURE_ENTRY();
	begun = process_before_fork();
	pid = real.forkpty(terminal, name, settings, size);
	process_after_fork(pid, begun);
	if (pid == 0) {
		process_standard_replaced();
	}
	return pid;
}

/* The parent leaves inside; who returns with 0 is the child. */
EXPORT int daemon(int keep_directory, int keep_standard)
{
	uint64_t begun;
	int result;

	CAPTURE_ENTRY();
	begun = process_before_fork();
	result = real.daemon(keep_directory, keep_standard);
	process_after_fork(result, begun);
	if (result == 0 && !keep_standard) {
		process_standard_replaced();
	}
	return result;
}

EXPORT int login_tty(int fd)
{
	int result = real.login_tty(fd);

	if (result == 0) {
		process_standard_replaced();
		if (fd > 2) {
			table_forget(fd);
		}
	}
	return result;
}

static int clone_waiting(int (*function)(void *), void *stack, int flags, void *argument,
			 pid_t *parent_tid, void *tls, pid_t *child_tid)
{
	uintptr_t before;
	int pid;

	guard_before_vfork();
	before = guard_self.vfork_frame;
	if (before == 0) {
		guard_self.vfork_frame = (uintptr_t)__builtin_frame_address(0);
	}
	pid = real.clone(function, stack, flags, argument, parent_tid, tls, child_tid);
	guard_self.vfork_frame = before;
	return pid;
}

static int clone_process(int (*function)(void *), void *stack, int flags, void *argument,
			 pid_t *parent_tid, void *tls, pid_t *child_tid)
{
	bool before = guard_self.new_pid_space;
	uint64_t begun;
	int pid;

	guard_self.new_pid_space = before || (flags & CLONE_NEWPID) != 0;
	begun = process_before_fork();
	pid = real.clone(function, stack, flags, argument, parent_tid, tls, child_tid);
	process_after_fork(pid, begun);
	guard_self.new_pid_space = before;
	return pid;
}

EXPORT int clone(int (*function)(void *), void *stack, int flags, void *argument, ...)
{
	va_list rest;
	pid_t *parent_tid;
	void *tls;
	pid_t *child_tid;

	va_start(rest, argument);
	parent_tid = va_arg(rest, pid_t *);
	tls = va_arg(rest, void *);
	child_tid = va_arg(rest, pid_t *);
	va_end(rest);
	CAPTURE_ENTRY();
	if ((flags & (CLONE_VM | CLONE_FILES | CLONE_THREAD)) == 0) {
		return clone_process(function, stack, flags, argument, parent_tid, tls, child_tid);
	}
	if ((flags & CLONE_THREAD) == 0) {
		if ((flags & CLONE_VFORK) != 0 && (flags & (CLONE_SETTLS | CLONE_FILES)) == 0) {
			return clone_waiting(function, stack, flags, argument, parent_tid, tls,
					     child_tid);
		}
		process_retire();
	}
	return real.clone(function, stack, flags, argument, parent_tid, tls, child_tid);
}

/* A child of this thread will be in another pid namespace: pids say nothing across. */
static void note_pid_space(uint64_t flags)
{
	if ((flags & CLONE_NEWPID) != 0) {
		guard_self.new_pid_space = true;
	}
}

EXPORT int setns(int fd, int type)
{
	int result = real.setns(fd, type);

	if (result == 0) {
		note_pid_space(type == 0 ? CLONE_NEWPID : (uint64_t)type);
	}
	return result;
}

EXPORT int unshare(int flags)
{
	int result = real.unshare(flags);

	if (result == 0) {
		note_pid_space((uint64_t)(unsigned int)flags);
	}

	if (result == 0 && (flags & CLONE_FILES) != 0) {
		process_retire();
	}
	return result;
}

/* A sandbox is about to be closed around us: from now on not one system call of our own. */
EXPORT int prctl(int option, ...)
{
	va_list rest;
	long arguments[4];
	int result;

	va_start(rest, option);
	for (int i = 0; i < 4; i++) {
		arguments[i] = va_arg(rest, long);
	}
	va_end(rest);
	result = real.prctl(option, arguments[0], arguments[1], arguments[2], arguments[3]);
	if (option == PR_SET_SECCOMP && result == 0) {
		process_retire();
	}
	return result;
}

__typeof__(setns) hook_setns SAME_AS(setns);
__typeof__(unshare) hook_unshare SAME_AS(unshare);
__typeof__(prctl) hook_prctl SAME_AS(prctl);
EXPORT __typeof__(fork) __fork SAME_AS(fork);
EXPORT __typeof__(clone) __clone SAME_AS(clone);
