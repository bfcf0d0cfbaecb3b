/* SPDX-License-Identifier: MIT */
/*
 * The subcommands. Each gets its own name as argv[0] and returns an exit status (cli/fail.h); each
 * answers --help by itself.
 */
#ifndef SENDFIN_CLI_COMMANDS_H
#define SENDFIN_CLI_COMMANDS_H

/* Runs a program under the shim; returns only when it could not. */
int cmd_run(int argc, char **argv);

/* Tells what a running tree leaks. */
int cmd_report(int argc, char **argv);

#endif
