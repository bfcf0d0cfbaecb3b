/* SPDX-License-Identifier: MIT */
/*
 * The leak report: what a process still holds when it ends, although it is over.
 *
 * The idea: nothing is guessed from what happened on the way; a copy that is closed late
 * is no leak. What counts is what is there at the end:
 *  - never closed: in CLOSE_WAIT, EOF was read, and the process has turned to other
 *    clients since; who ends with its client has let exit do its close;
 *  - stale copy: in CLOSE_WAIT, shared, never used by this process, and used by nobody;
 *    in a process that did not accept it itself, only if nobody else has a copy;
 *  - dead: the same two, but over both ways.
 * Invariant: a report changes nothing; the exit status is changed only where
 * SENDFIN_EXITCODE asks for it and there was a leak.
 * A process that is ended by a signal writes no report: `sendfin run` does that for it.
 */
#ifndef SHIM_REPORT_H
#define SHIM_REPORT_H

#include <stdbool.h>

#include "shim/attributes.h"
#include "shim/journal.h"
#include "shim/process.h"

/* Room for what is found. Returns 0 or -errno. Constructor only. */
int report_setup(void);

/* Looks at all that is held, counts, and tells. Before anything is let go. */
void report_held(void);

static inline void report_leaks(void)
{
	if (unlikely(journal_keeps_findings)) {
		report_held();
	}
}

/* The status to end with instead of this one. */
int report_code(int status);

static inline int report_status(int status)
{
	return unlikely(process_settings.exitcode != 0) ? report_code(status) : status;
}

/*
 * The last handler of exit: ends the process if it is to end with another status than the
 * program's. `flush`: libc would have flushed its streams after us.
 */
void report_exit(bool flush);

#endif
