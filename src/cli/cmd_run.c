/* SPDX-License-Identifier: MIT */
/*
 * sendfin run: puts the library and the settings into the environment and becomes CMD; with
 * --debug it starts CMD and stays.
 *
 * The idea: everything that would make the loader drop the library in silence is said before, and
 * refused: a program that runs without the shim that was asked for looks healed and is not.
 * The invariant: CMD gets what this process got (descriptors, signals, directory, arguments), and
 * of its environment only LD_PRELOAD and the SENDFIN_* variables that were asked for are changed.
 * Never here: fork. Without --debug the process that the caller started is the one that serves;
 * with it, follow.c is its parent.
 */
#include "cli/commands.h"
#include "cli/fail.h"
#include "cli/follow.h"
#include "cli/libpath.h"
#include "cli/program.h"
#include "cli/run_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRACE_NAME "libsendfin-trace.so"

/* Characters that no shell interprets, so that --dry-run quotes only where it must. */
#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:=,+@%"

static int find_program(char path[PATH_MAX], const char *name)
{
	const char *what = *name ? name : "''";
	int err = program_find(path, name);

	switch (-err) {
	case 0:
		return EXIT_DONE;
	case ENOENT:
		return fail(EXIT_NOT_FOUND, what, "%s",
			    strchr(name, '/') ? "no such file" : "no such program in PATH");
	case EACCES:
		return fail(EXIT_NOT_RUNNABLE, what,
			    "not executable; chmod +x it, unless it lies on a file system that is "
			    "mounted noexec or in a directory you may not search");
	case EISDIR:
		return fail(EXIT_NOT_RUNNABLE, what, "is a directory");
	default:
		return fail_errno(EXIT_NOT_RUNNABLE, what, -err);
	}
}

/* Says what is wrong with PATH, in one line; EXIT_DONE when it may be run. */
static int check_program(const struct run_options *options, const char *path,
			 const struct elfinfo *library, bool *runs)
{
	struct program_report report;
	char why[PROGRAM_SENTENCE];

	program_examine(&report, path, library);
	*runs = !program_is_refused(report.verdict);
	if (report.verdict == PROGRAM_FITS) {
		return EXIT_DONE;
	}
	program_explain(why, &report, library);
	if (!*runs && !options->force) {
		return fail(EXIT_NOT_RUNNABLE, report.file, "%s", why);
	}
	warn_that(report.file, "%s", why);
	return EXIT_DONE;
}

/* A process that stays tells the events itself: no line shall be there twice. */
static bool follows(const struct run_options *options)
{
	return options->values[RUN_DEBUG] && !options->dry_run;
}

static const char *value_of(const struct run_options *options, enum run_variable variable)
{
	const char *before = getenv(run_options_variable(variable));

	if (variable == RUN_LOG && follows(options) &&
	    (options->values[RUN_LOG] || !before || !*before)) {
		return "none";
	}
	return options->values[variable];
}

static int prepare_environment(const struct run_options *options, const char *library)
{
	char *preload = libpath_join(library, getenv("LD_PRELOAD"));
	int i, failed = !preload || setenv("LD_PRELOAD", preload, 1) != 0;

	free(preload);
	for (i = 0; i < RUN_VARIABLES; i++) {
		const char *value = value_of(options, i);

		if (value) {
			failed |= setenv(run_options_variable(i), value, 1) != 0;
		}
	}
	return failed ? fail_errno(EXIT_NOT_RUNNABLE, "the environment", ENOMEM) : EXIT_DONE;
}

static void print_quoted(const char *word)
{
	if (*word && !word[strspn(word, PLAIN)]) {
		fputs(word, stdout);
		return;
	}
	putchar('\'');
	for (; *word; word++) {
		if (*word == '\'') {
			fputs("'\\''", stdout);
		} else {
			putchar(*word);
		}
	}
	putchar('\'');
}

static void print_assignment(const char *name)
{
	printf("%s=", name);
	print_quoted(getenv(name));
	putchar(' ');
}

/* One line that can be pasted into a shell and does what `run` would have done. */
static int print_plan(const struct run_options *options, char **command)
{
	int i;

	fputs("env ", stdout);
	for (i = 0; i < RUN_VARIABLES; i++) {
		if (options->values[i]) {
			print_assignment(run_options_variable(i));
		}
	}
	if (options->fail_on_leak) {
		printf("%s=%d ", run_options_variable(RUN_EXITCODE), options->fail_on_leak);
	}
	print_assignment("LD_PRELOAD");
	for (i = 0; command[i]; i++) {
		if (i > 0) {
			putchar(' ');
		}
		print_quoted(command[i]);
	}
	putchar('\n');
	return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_DONE
						      : fail_errno(EXIT_FOUND, "stdout", errno);
}

/*
 * execvp gives a text without "#!" to the shell, as everybody does; what we refused, and were told
 * to run anyway, is for the kernel alone to decide: a shell would try to read it as a script.
 */
static int become(const char *path, char **command, bool runs)
{
	if (runs) {
		execvp(path, command);
	} else {
		execv(path, command);
	}
	return fail_errno(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUNNABLE, path, errno);
}

struct program_to_be {
	const char *path;
	char **command;
	bool runs;
};

static int become_it(void *context)
{
	const struct program_to_be *program = context;

	return become(program->path, program->command, program->runs);
}

/* The library that unwinds lies beside the library; without it there are no places to tell. */
static void check_trace(const char *library)
{
	char path[PATH_MAX + sizeof(TRACE_NAME)];
	const char *slash = strrchr(library, '/');

	snprintf(path, sizeof(path), "%.*s%s", slash ? (int)(slash + 1 - library) : 0, library,
		 TRACE_NAME);
	if (access(path, R_OK) != 0) {
		warn_that(path, "is not there: what is told will be without places");
	}
}

static int start_and_follow(const struct run_options *options, struct program_to_be *program,
			    const char *library)
{
	const char *format = options->values[RUN_LOG_FORMAT];
	struct follow follow = {
		.name = program->path,
		.become = become_it,
		.context = program,
		.where = options->values[RUN_LOG],
		.fail_on_leak = options->fail_on_leak,
	};

	format = format ? format : getenv(run_options_variable(RUN_LOG_FORMAT));
	if (format && strcmp(format, "json") == 0) {
		follow.format = SETTINGS_FORMAT_JSON;
	}
	check_trace(library);
	return follow_run(&follow);
}

int cmd_run(int argc, char **argv)
{
	struct run_options options;
	struct elfinfo library_facts;
	char library[PATH_MAX], path[PATH_MAX];
	struct program_to_be program;
	char **command;
	bool runs = true;
	int status = run_options_parse(&options, argc, argv);

	if (status != EXIT_DONE) {
		return status;
	}
	if (options.help) {
		run_options_print_help(stdout);
		return fflush(stdout) == 0 ? EXIT_DONE : fail_errno(EXIT_FOUND, "stdout", errno);
	}
	if (options.command >= argc) {
		return fail(EXIT_USAGE, "run",
			    "which program? usage: sendfin run [OPTION]... [--] CMD "
			    "[ARG]...");
	}
	command = argv + options.command;
	if (libpath_find(library, &library_facts, options.library) != EXIT_DONE) {
		return EXIT_NOT_RUNNABLE;
	}
	status = find_program(path, command[0]);
	status = status ?: check_program(&options, path, &library_facts, &runs);
	status = status ?: prepare_environment(&options, library);
	if (status != EXIT_DONE) {
		return status;
	}
	program = (struct program_to_be){path, command, runs};
	if (options.dry_run) {
		return print_plan(&options, command);
	}
	return follows(&options) ? start_and_follow(&options, &program, library)
				 : become_it(&program);
}
