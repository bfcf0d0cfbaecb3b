/* SPDX-License-Identifier: MIT */
/*
 * How the command says that something is wrong, and how it ends.
 *
 * The idea: one line, "sendfin: what: why", where the why ends with what to do next when that is
 * known.  The caller returns the status it gets back, so a refusal reads as one statement.
 * The invariant: one message is one line and one write, whatever bytes a file name holds.
 * Never here: exit(); only main returns from the process.
 */
#ifndef SENDFIN_CLI_FAIL_H
#define SENDFIN_CLI_FAIL_H

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FOUND = 1, /* found something, or failed */
	EXIT_USAGE = 2, /* the command line makes no sense */
	EXIT_NOT_RUNNABLE =
		126,          /* run: the program is there but cannot be run (POSIX env, nohup) */
	EXIT_NOT_FOUND = 127, /* run: there is no such program */
};

/* Prints "sendfin: WHAT: WHY" on stderr; returns STATUS. */
int fail(enum exit_status status, const char *what, const char *why, ...)
	__attribute__((format(printf, 3, 4)));

/* The same with the system's words for ERR, an errno value. */
int fail_errno(enum exit_status status, const char *what, int err);

/* Prints "sendfin: WHAT: warning: WHY" on stderr, for what does not stop the command. */
void warn_that(const char *what, const char *why, ...) __attribute__((format(printf, 2, 3)));

#endif
