/* SPDX-License-Identifier: MIT */
/*
 * The ways out that run no handler of ours: _exit and _Exit. exit, quick_exit and
 * return from main are met by the handlers that init.c registers.
 */
#include <stddef.h>

#include "shim/capture.h"
#include "shim/hooks.h"
#include "shim/letgo.h"
#include "shim/report.h"

EXPORT void _exit(int status)
{
	CAPTURE_ENTRY();
	letgo_at_exit(false);
	real._exit(report_status(status));
	__builtin_unreachable();
}

/* libc runs its handlers, ours last; where it has no such list ours comes now. */
EXPORT void quick_exit(int status)
{
	if (borrowed.__cxa_at_quick_exit == NULL) {
		CAPTURE_ENTRY();
		letgo_at_exit(false);
		status = report_status(status);
	}
	real.quick_exit(status);
	__builtin_unreachable();
}

__typeof__(_exit) hook__exit SAME_AS(_exit);
EXPORT __typeof__(_exit) _Exit SAME_AS(_exit);
