/* SPDX-License-Identifier: MIT */
/*
 * One line per message, made whole in memory and written at once: the program that is run next may
 * share the terminal, and a line must not be cut by another's.
 */
#include "cli/fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* File names may hold newlines and escape sequences; a terminal must see neither. */
static void hide_controls(char *line)
{
	for (; *line; line++) {
		if ((unsigned char)*line < ' ' || *line == 0x7f) {
			*line = '?';
		}
	}
}

static void say(const char *what, const char *mark, const char *why, va_list args)
{
	char *reason = NULL, *line = NULL;

	if (vasprintf(&reason, why, args) < 0) {
		reason = NULL;
	}
	if (asprintf(&line, "sendfin: %s: %s%s", what, mark, reason ? reason : why) < 0) {
		line = NULL;
	}
	if (line) {
		hide_controls(line);
		fprintf(stderr, "%s\n", line);
	}
	free(line);
	free(reason);
}

int fail(enum exit_status status, const char *what, const char *why, ...)
{
	va_list args;

	va_start(args, why);
	say(what, "", why, args);
	va_end(args);
	return status;
}

int fail_errno(enum exit_status status, const char *what, int err)
{
	return fail(status, what, "%s", strerror(err));
}

void warn_that(const char *what, const char *why, ...)
{
	va_list args;

	va_start(args, why);
	say(what, "warning: ", why, args);
	va_end(args);
}
