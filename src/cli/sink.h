/* SPDX-License-Identifier: MIT */
/*
 * Where the command tells what it sees while a program runs: standard error, a file or syslog.
 *
 * The invariant: what is told at once is written at once, whatever else writes there; a file is
 * opened, appended to and closed each time, so that it can be moved away meanwhile. What cannot
 * be written is lost, and the program runs on.
 */
#ifndef SENDFIN_CLI_SINK_H
#define SENDFIN_CLI_SINK_H

#include "core/settings.h"

#include <stdbool.h>
#include <stddef.h>

struct sink {
	enum settings_log where;
	const char *path; /* with SETTINGS_LOG_FILE; the caller's */
	bool has_color;   /* a terminal, and nobody said NO_COLOR */
};

/* WHERE is a value of SENDFIN_LOG that was accepted already, or NULL: standard error. */
void sink_open(struct sink *sink, const char *where);

/* Writes lines, each with its newline. */
void sink_write(const struct sink *sink, const char *lines, size_t length);

#endif
