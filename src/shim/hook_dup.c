/* SPDX-License-Identifier: MIT */
/*
 * Second descriptors of one connection, and descriptors that are overwritten.
 *
 * dup2 over a connection's last descriptor lets go of it, and the FIN needs the
 * descriptor, so the decision comes before the call. A dup2 that would fail leaves
 * its target open: what can be known beforehand (the source is open) is asked
 * first, and after any other failure the target is put back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>

#include "shim/capture.h"
#include "shim/guard.h"
#include "shim/hooks.h"
#include "shim/letgo.h"
#include "shim/places.h"
#include "shim/process.h"
#include "shim/table.h"
#include "shim/use.h"
#include "sys/rawsys.h"

/*
 * The standard descriptors have streams that libc reads and writes unseen: to put
 * a connection there is to open a stream on it.
 */
static void note_standard(int fd)
{
	if (fd >= 0 && fd <= 2 && table_is_watched(fd) && stamp_is_connection(table_stamp(fd))) {
		table_flag(fd, STAMP_STDIO);
		use_note(fd, fd == 0 ? STAMP_USE_READ : STAMP_USE_WRITE);
	}
}

/* After a call that made `to` (or failed: -1) a copy of `from`, for which `alias` was begun. */
static void finish_alias(bool has_alias, const struct table_alias *alias, int from, int to)
{
	if (unlikely(places_are_kept) && to >= 0) {
		places_copy(from, to);
	}
	if (has_alias) {
		table_alias_end(alias, to);
		note_standard(to);
	} else if (to >= 0) {
		table_forget(to);
	}
}

static __attribute__((noinline, cold)) int dup_watched(int from)
{
	struct table_alias alias;
	bool has_alias;
	int to;

	if (!process_may_act()) {
		return real.dup(from);
	}
	has_alias = table_alias_begin(from, &alias);
	to = real.dup(from);
	finish_alias(has_alias, &alias, from, to);
	return to;
}

EXPORT int dup(int from)
{
	if (likely(!table_is_watched(from))) {
		return real.dup(from);
	}
	return dup_watched(from);
}

/* dup2 and dup3 in one: flags < 0 means dup2. */
static int real_dup_over(int from, int to, int flags)
{
	return flags < 0 ? real.dup2(from, to) : real.dup3(from, to, flags);
}

/* The kernel refuses a target at or above the limit, even one that is open. */
static bool is_allowed(int fd)
{
	struct rlimit limit;

	return rawsys6(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit, 0, 0) == 0 &&
	       (rlim_t)fd < limit.rlim_cur;
}

static bool is_open(int fd)
{
	return rawsys3(SYS_fcntl, fd, F_GETFD, 0) >= 0;
}

static __attribute__((noinline, cold)) int dup_over_watched(int from, int to, int flags)
{
	struct table_alias alias;
	struct table_gone gone = {.stamp = STAMP_NONE};
	bool has_alias;
	bool replaces;
	int result;

	if (guard_in_vfork_child()) {
		result = real_dup_over(from, to, flags);
		if (result >= 0 && result <= 2) {
			guard_set_vfork_source(from, result);
		}
		return result;
	}
	replaces = table_is_watched(to);
	if (!process_may_act() || (replaces && (!is_open(from) || !is_allowed(to)))) {
		return real_dup_over(from, to, flags);
	}
	CAPTURE_ENTRY();
	has_alias = table_is_watched(from) && table_alias_begin(from, &alias);
	if (replaces) {
		letgo_begin(to, &gone);
	}
	result = real_dup_over(from, to, flags);
	if (result < 0) {
		table_put_back(to, &gone);
	}
	finish_alias(has_alias, &alias, from, result);
	return result;
}

EXPORT int dup2(int from, int to)
{
	if (likely(!table_is_watched(from) && !table_is_watched(to)) || from == to) {
		return real.dup2(from, to);
	}
	return dup_over_watched(from, to, -1);
}

EXPORT int dup3(int from, int to, int flags)
{
	/* Equal descriptors and unknown flags are refused by the kernel. */
	if (likely(!table_is_watched(from) && !table_is_watched(to)) || from == to ||
	    (flags & ~O_CLOEXEC) != 0) {
		return real.dup3(from, to, flags);
	}
	return dup_over_watched(from, to, flags);
}

static __attribute__((noinline, cold)) int fcntl_watched(__typeof__(fcntl) *call, int fd,
							 int command, void *argument)
{
	struct table_alias alias;
	bool has_alias;
	int to;

	if (!process_may_act()) {
		return call(fd, command, argument);
	}
	has_alias = table_alias_begin(fd, &alias);
	to = call(fd, command, argument);
	finish_alias(has_alias, &alias, fd, to);
	return to;
}

/* A program that marks it and unmarks it later means to hand it over. */
static inline void note_flags(int fd, int command, void *argument)
{
	if (unlikely(command == F_SETFD && ((uintptr_t)argument & FD_CLOEXEC) != 0 &&
		     table_is_watched(fd)) &&
	    process_may_act() && stamp_is_connection(table_stamp(fd))) {
		table_flag(fd, STAMP_CLOEXEC);
	}
}

static bool makes_descriptor(int command)
{
	return command == F_DUPFD || command == F_DUPFD_CLOEXEC;
}

/* One pointer-sized argument is what every command has at most (fcntl(2)). */
#define TAKE_ARGUMENT(last, argument)                                                              \
	do {                                                                                       \
		va_list rest;                                                                      \
		va_start(rest, last);                                                              \
		(argument) = va_arg(rest, void *);                                                 \
		va_end(rest);                                                                      \
	} while (0)

EXPORT int fcntl(int fd, int command, ...)
{
	void *argument;

	TAKE_ARGUMENT(command, argument);
	if (unlikely(makes_descriptor(command) && table_is_watched(fd))) {
		return fcntl_watched(real.fcntl, fd, command, argument);
	}
	note_flags(fd, command, argument);
	return real.fcntl(fd, command, argument);
}

EXPORT int fcntl64(int fd, int command, ...)
{
	void *argument;

	TAKE_ARGUMENT(command, argument);
	if (unlikely(makes_descriptor(command) && table_is_watched(fd))) {
		return fcntl_watched(real.fcntl64, fd, command, argument);
	}
	note_flags(fd, command, argument);
	return real.fcntl64(fd, command, argument);
}

__typeof__(dup) hook_dup SAME_AS(dup);
__typeof__(dup2) hook_dup2 SAME_AS(dup2);
__typeof__(dup3) hook_dup3 SAME_AS(dup3);
__typeof__(fcntl) hook_fcntl SAME_AS(fcntl);
EXPORT __typeof__(dup2) __dup2 SAME_AS(dup2);
EXPORT __typeof__(fcntl) __fcntl SAME_AS(fcntl);
