/* SPDX-License-Identifier: MIT */
/*
 * sendfin: runs programs under the shim that makes forking servers close their connections.
 *
 * A map of the source:
 *   main.c         this table of subcommands
 *   commands.h     what a subcommand looks like; each is one file, cmd_NAME.c
 *   cmd_run.c      sendfin run: environment, LD_PRELOAD, exec
 *   run_options.c  its options: which variable each one sets
 *   program.c      will CMD really run under the shim? PATH, "#!", set-user-ID, static, ...
 *   elfinfo.c      the few bytes of a file that answer this
 *   libpath.c      where is libsendfin.so, and how does it get into LD_PRELOAD
 *   follow.c       run --debug: starts the program, stays, passes signals on
 *   narrate.c      what happens in its tree, told as it comes; sink.c: told where
 *   farewell.c     what the tree holds when a signal ends it
 *   cmd_report.c   sendfin report: what a running tree leaks
 *   report.c       gathers it; report_text.c, report_json.c, report_folded.c tell it
 *   holdings.c     which sockets are held and should not; netsockets.c: in which state they are
 *   members.c      which processes are of the tree
 *   findings.c     what was found so far, counted; remedy.c: what to change in the source
 *   ledgerview.c   the ledger of a running tree; anchor.c: where it is; procfile.c: how to read
 *   resolve.c      places with function, file and line; symbols.c: by libdw
 *   fail.c         "sendfin: what: why"
 *
 * The invariant: only main returns from the process; everything else returns a status to it.
 */
#include "cli/commands.h"
#include "cli/fail.h"

#include <stdio.h>
#include <string.h>

#ifndef SENDFIN_VERSION
#define SENDFIN_VERSION "0.1"
#endif

static const struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} subcommands[] = {
	{"run", cmd_run, "run a program under the shim"},
	{"report", cmd_report, "what a running server leaks, and at which line"},
};

static const struct subcommand *find_subcommand(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++) {
		if (strcmp(subcommands[i].name, name) == 0) {
			return &subcommands[i];
		}
	}
	return NULL;
}

static void print_usage(FILE *out)
{
	size_t i;

	fputs("usage: sendfin COMMAND [ARG]...\n"
	      "       sendfin --version | --help\n\n"
	      "Makes forking servers close their TCP connections properly.\n\n",
	      out);
	for (i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++) {
		fprintf(out, "  %-12s %s\n", subcommands[i].name, subcommands[i].summary);
	}
	fprintf(out, "  %-12s %s\n\n", "help COMMAND", "the options of a command");
	fputs("Manual: man 1 sendfin (the command), man 7 sendfin (the shim and its variables).\n",
	      out);
}

static int unknown_subcommand(const char *name)
{
	return fail(EXIT_USAGE, name, "no such command; 'sendfin help' lists them");
}

/* A help that could not be written is not done: the reader sees nothing. */
static int written(void)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_DONE
						      : fail(EXIT_FOUND, "stdout", "cannot write");
}

static int help(int argc, char **argv)
{
	char option[] = "--help";
	const struct subcommand *command;

	if (argc < 2) {
		print_usage(stdout);
		return written();
	}
	command = find_subcommand(argv[1]);
	if (!command) {
		return unknown_subcommand(argv[1]);
	}
	return command->run(2, (char *[]){argv[1], option, NULL});
}

int main(int argc, char **argv)
{
	const struct subcommand *command;

	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		return help(1, argv + 1);
	}
	if (strcmp(argv[1], "help") == 0) {
		return help(argc - 1, argv + 1);
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts("sendfin " SENDFIN_VERSION);
		return written();
	}
	command = find_subcommand(argv[1]);
	return command ? command->run(argc - 1, argv + 1) : unknown_subcommand(argv[1]);
}
