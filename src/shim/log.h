/* SPDX-License-Identifier: MIT */
/*
 * What the shim says: one line per event, and complaints about its variables.
 *
 * The idea: a line is formatted into a buffer and written with one system call to where
 * SENDFIN_LOG says. A file or the syslog socket is opened for the line and closed again:
 * the program's descriptors stay as they are. Lines with backtraces need a large buffer:
 * there is one, taken by compare-and-swap and never waited for; who does not get it, and
 * everybody when there is none, says the same on the stack, without the backtraces.
 * Invariant: nothing is ever written to descriptor 2 when it is an internet socket
 * or no longer the file it was at the start; no signal reaches the program because
 * of us; a line that cannot be written is lost.
 * Never here: stdio, a lock, a wait (files are opened non-blocking).
 */
#ifndef SHIM_LOG_H
#define SHIM_LOG_H

#include <stdbool.h>

#include "core/summary.h"
#include "sendfin/ledger.h"

/* Takes process_settings as they are now, and a look at descriptor 2. Constructor only. */
void log_setup(void);

/* The buffer for lines with backtraces. Returns 0 or -errno. Constructor only. */
int log_setup_buffer(void);

/* True when verdicts are to be logged (debug or observe, and a place to log to). */
bool log_wants_verdicts(void);

/* One line about what happened. errno is kept. */
void log_event(const struct ledger_event *event);

/* The first line of a leak report. errno is kept. */
void log_summary(const struct summary *summary);

/* In a forked child: the buffer is free, unless this very thread is writing into it. */
void log_after_fork_in_child(void);

/* One line of text without a newline, e.g. about a bad variable. */
void log_line(const char *line);

#endif
