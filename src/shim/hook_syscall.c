/* SPDX-License-Identifier: MIT */
/*
 * syscall(): the programs that go past libc's functions but still through libc.
 *
 * The thunk sends only the numbers listed here. Those that are a hooked function
 * in other clothes become that function; births of processes are noted around the
 * real call, which stays a tail jump where a child might return on another stack.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "shim/bynumber.h"
#include "shim/capture.h"
#include "shim/guard.h"
#include "shim/handover.h"
#include "shim/hooks.h"
#include "shim/process.h"
#include "shim/readable.h"
#include "shim/reclaim.h"
#include "sys/rawsys.h"

#ifdef SYS_dup2
#define ONLY_WHERE_DUP2_IS(X) X(SYS_dup2) X(SYS_fork)
#else
#define ONLY_WHERE_DUP2_IS(X) /* aarch64 never had them */
#endif

/* clang-format off */
#define WATCHED(X) \
	X(SYS_accept) X(SYS_accept4) X(SYS_clone) X(SYS_clone3) X(SYS_close_range) X(SYS_dup) \
	X(SYS_dup3) X(SYS_execve) X(SYS_execveat) X(SYS_exit_group) X(SYS_fcntl) \
	X(SYS_io_uring_setup) X(SYS_listen) X(SYS_pidfd_getfd) X(SYS_prctl) X(SYS_seccomp) \
	X(SYS_setns) X(SYS_shutdown) X(SYS_socket) X(SYS_unshare) \
	BYNUMBER(X) ONLY_WHERE_DUP2_IS(X)
/* clang-format on */

#define BIT_IN(word, number) ((number) / 64 == (word) ? (uint64_t)1 << ((number) % 64) : 0)
#define IN_0(number)         BIT_IN(0, number) |
#define IN_1(number)         BIT_IN(1, number) |
#define IN_2(number)         BIT_IN(2, number) |
#define IN_3(number)         BIT_IN(3, number) |
#define IN_4(number)         BIT_IN(4, number) |
#define IN_5(number)         BIT_IN(5, number) |
#define IN_6(number)         BIT_IN(6, number) |
#define IN_7(number)         BIT_IN(7, number) |

const uint64_t syscall_watched[8] = {WATCHED(IN_0) 0, WATCHED(IN_1) 0, WATCHED(IN_2) 0,
				     WATCHED(IN_3) 0, WATCHED(IN_4) 0, WATCHED(IN_5) 0,
				     WATCHED(IN_6) 0, WATCHED(IN_7) 0};

static long early_syscall(long number, ...)
{
	/* Reached only before the constructor; the argument registers hold what was passed. */
	__builtin_va_list rest;
	long a[6];
	long rc;

	__builtin_va_start(rest, number);
	for (int i = 0; i < 6; i++) {
		a[i] = __builtin_va_arg(rest, long);
	}
	__builtin_va_end(rest);
	rc = rawsys6(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (rc < 0 && rc > -4096) {
		errno = (int)-rc;
		return -1;
	}
	return rc;
}

__typeof__(syscall) *real_syscall = early_syscall;

int vfork_failed(long error)
{
	errno = (int)-error;
	return -1;
}

/* What a clone would make: a process of its own, a thread, or something in between. */
static bool is_fork_like(uint64_t flags, uint64_t stack)
{
	return (flags & (CLONE_VM | CLONE_FILES | CLONE_THREAD)) == 0 && stack == 0;
}

static void note_odd_clone(uint64_t flags)
{
	if ((flags & CLONE_THREAD) == 0) {
		process_retire(); /* memory or descriptors shared with a process we cannot follow */
	}
}

static void clone_arguments(long number, long a, long b, uint64_t *flags, uint64_t *stack)
{
	struct clone_args arguments;
	size_t size = (size_t)b;

	*flags = (uint64_t)a;
	*stack = (uint64_t)b;
	if (number == SYS_clone3) {
		memset(&arguments, 0, sizeof(arguments));
		/* A size that the kernel will refuse: nothing is born. */
		size = size < sizeof(arguments) ? size : sizeof(arguments);
		if (size >= CLONE_ARGS_SIZE_VER0 && readable((void *)a, size)) {
			memcpy(&arguments, (void *)a, size);
		}
		*flags = arguments.flags;
		*stack = arguments.stack;
	}
}

static bool is_birth(long number)
{
#ifdef SYS_fork
	if (number == SYS_fork) {
		return true;
	}
#endif
	return number == SYS_clone || number == SYS_clone3;
}

static long fork_by_number(uint64_t flags, long number, long a, long b, long c, long d, long e,
			   long f)
{
	bool before = guard_self.new_pid_space;
	uint64_t begun;
	long pid;

	guard_self.new_pid_space = before || (flags & CLONE_NEWPID) != 0;
	begun = process_before_fork();
	pid = real_syscall(number, a, b, c, d, e, f);
	process_after_fork((pid_t)pid, begun);
	guard_self.new_pid_space = before;
	return pid;
}

static long birth_by_number(long number, long a, long b, long c, long d, long e, long f)
{
	uint64_t flags = 0;
	uint64_t stack = 0;

	if (number == SYS_clone || number == SYS_clone3) {
		clone_arguments(number, a, b, &flags, &stack);
	}
	if (is_fork_like(flags, stack)) {
		return fork_by_number(flags, number, a, b, c, d, e, f);
	}
	note_odd_clone(flags);
	return real_syscall(number, a, b, c, d, e, f);
}

static long seccomp_by_number(long a, long b, long c)
{
	long result = real_syscall(SYS_seccomp, a, b, c);

	if (result == 0 && (a == 0 || a == 1)) { /* SET_MODE_STRICT, SET_MODE_FILTER */
		process_retire();
	}
	return result;
}

/* As the hooks of accept, but no cancellation point; `stamp` is what accept4's flags say. */
static long accept_by_number(long number, long a, long b, long c, long d, uint64_t stamp)
{
	long fd;

	socket_accepting((int)a);
	fd = real_syscall(number, a, b, c, d);
	if (unlikely(fd < 0 && reclaim_for(errno))) {
		fd = real_syscall(number, a, b, c, d);
	}
	CAPTURE_ENTRY();
	return socket_accepted((int)a, (int)fd, stamp);
}

static long noted_by_number(long number, const long argument[6])
{
	long result;

	bynumber_before(number, argument);
	result = real_syscall(number, argument[0], argument[1], argument[2], argument[3],
			      argument[4], argument[5]);
	bynumber_after(number, argument, result);
	return result;
}

/* What a ring reads, accepts and closes nobody sees. */
static long ring_by_number(long a, long b)
{
	long result = real_syscall(SYS_io_uring_setup, a, b);

	if (result >= 0) {
		process_retire();
	}
	return result;
}

static long taken_by_number(long a, long b, long c)
{
	long fd = real_syscall(SYS_pidfd_getfd, a, b, c);

	if (fd >= 0) {
		handover_taken((int)fd);
	}
	return fd;
}

static bool is_descriptor_command(long command)
{
	return command == F_DUPFD || command == F_DUPFD_CLOEXEC || command == F_SETFD;
}

long hook_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	int fd = (int)a;

	CAPTURE_ENTRY();
	if (is_birth(number)) {
		return birth_by_number(number, a, b, c, d, e, f);
	}
	if (bynumber_is_noted(number)) {
		return noted_by_number(number, (const long[]){a, b, c, d, e, f});
	}
	switch (number) {
	case SYS_accept:
		return accept_by_number(number, a, b, c, d, 0);
	case SYS_accept4:
		return accept_by_number(number, a, b, c, d,
					(d & SOCK_CLOEXEC) != 0 ? STAMP_CLOEXEC : 0);
	case SYS_close_range:
		return hook_close_range((unsigned int)a, (unsigned int)b, (int)c);
	case SYS_dup:
		return hook_dup(fd);
#ifdef SYS_dup2
	case SYS_dup2:
		return hook_dup2(fd, (int)b);
#endif
	case SYS_dup3:
		return hook_dup3(fd, (int)b, (int)c);
	case SYS_execve:
		return hook_execve((char *)a, (char **)b, (char **)c);
	case SYS_execveat:
		return hook_execveat(fd, (char *)b, (char **)c, (char **)d, (int)e);
	case SYS_exit_group:
		hook__exit((int)a);
		break;
	case SYS_fcntl:
		if (is_descriptor_command(b)) {
			return hook_fcntl(fd, (int)b, c);
		}
		break;
	case SYS_io_uring_setup:
		return ring_by_number(a, b);
	case SYS_listen:
		return hook_listen(fd, (int)b);
	case SYS_pidfd_getfd:
		return taken_by_number(a, b, c);
	case SYS_prctl:
		return hook_prctl((int)a, b, c, d, e);
	case SYS_seccomp:
		return seccomp_by_number(a, b, c);
	case SYS_setns:
		return hook_setns(fd, (int)b);
	case SYS_shutdown:
		return hook_shutdown(fd, (int)b);
	case SYS_socket:
		return hook_socket((int)a, (int)b, (int)c);
	case SYS_unshare:
		return hook_unshare((int)a);
	default:
		break;
	}
	return real_syscall(number, a, b, c, d, e, f);
}
