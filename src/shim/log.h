/* SPDX-License-Identifier: MIT */
/*
 * What the shim says: one line per verdict, and complaints about its variables.
 *
 * The idea: a line is formatted into a buffer on the stack and written with one
 * system call to where SENDFIN_LOG says. A file or the syslog socket is opened for
 * the line and closed again: the program's descriptors stay as they are.
 * Invariant: nothing is ever written to descriptor 2 when it is an internet socket
 * or no longer the file it was at the start; no signal reaches the program because
 * of us; a line that cannot be written is lost.
 * Never here: stdio, a lock, a wait (files are opened non-blocking).
 */
#ifndef SHIM_LOG_H
#define SHIM_LOG_H

#include <stdbool.h>

#include "core/text.h"
#include "core/verdict.h"

/* Takes process_settings as they are now, and a look at descriptor 2. Constructor only. */
void log_setup(void);

/* True when verdicts are to be logged (debug or observe, and a place to log to). */
bool log_wants_verdicts(void);

/* Both ends of a connection, asked for while it still has them. */
struct log_names {
	struct text_endpoint local;
	struct text_endpoint peer;
};

/* One line about the connection that was on fd. errno is kept. */
void log_verdict(int fd, const struct log_names *names, struct verdict_result result, bool acted);

/* One line of text without a newline, e.g. about a bad variable. */
void log_line(const char *line);

#endif
