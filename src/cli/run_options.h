/* SPDX-License-Identifier: MIT */
/*
 * The options of `sendfin run`: which variable each sets, to what.
 *
 * The idea: one table makes the parser, the check of the values and --help; a new variable is a
 * line in include/sendfin/env.h and a line here.
 * The invariant: nothing is set that the user did not ask for, so that variables which are in the
 * environment already stay as they are.
 * Never here: reading or changing the environment.
 */
#ifndef SENDFIN_CLI_RUN_OPTIONS_H
#define SENDFIN_CLI_RUN_OPTIONS_H

#include "sendfin/env.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

enum run_variable {
#define X(id, name, accepted, meaning) RUN_##id,
	SENDFIN_ENV_LIST(X)
#undef X
		RUN_VARIABLES
};

struct run_options {
	const char *values[RUN_VARIABLES]; /* by enum run_variable; NULL: leave as it is */
	const char *set_by[RUN_VARIABLES]; /* the option that did, for the message on a conflict */
	const char *library;               /* --library, or NULL */
	int fail_on_leak;                  /* --fail-on-leak: the exit status of a leak, or 0 */
	bool force;
	bool dry_run;
	bool help;
	int command;        /* index of CMD in argv; argc if there is none */
	char log[PATH_MAX]; /* --log made absolute: what values[RUN_LOG] points to */
};

/* The name of VARIABLE in the environment. */
const char *run_options_variable(enum run_variable variable);

/*
 * Parses ARGV up to CMD.  EXIT_DONE, or the exit status to leave with after a complaint.  OPTIONS
 * points into ARGV and into itself: do not copy it.
 */
int run_options_parse(struct run_options *options, int argc, char **argv);

void run_options_print_help(FILE *out);

#endif
