/* SPDX-License-Identifier: MIT */
/*
 * getopt_long(3) with a leading '+' stops at CMD, so that CMD's own options are left alone, and
 * with ':' it leaves the messages to us.
 */
#include "cli/run_options.h"

#include "cli/fail.h"
#include "core/settings.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum option_kind {
	KIND_SET, /* sets variable to value, or to its argument */
	KIND_FAIL_ON_LEAK,
	KIND_LIBRARY,
	KIND_DRY_RUN,
	KIND_FORCE,
	KIND_HELP,
};

static const struct {
	const char *name;
	const char *accepted;
} variables[] = {
#define X(id, name, accepted, meaning) {name, accepted},
	SENDFIN_ENV_LIST(X)
#undef X
};

static const struct run_option {
	const char *name;
	const char
		*argument; /* its name in --help, "[=N]" if it may be missing; NULL: takes none */
	enum option_kind kind;
	enum run_variable variable;
	const char *value; /* NULL: the argument */
	const char *help;
} table[] = {
	{"enforce", NULL, KIND_SET, RUN_MODE, "enforce", "send FINs (the default)"},
	{"observe", NULL, KIND_SET, RUN_MODE, "observe", "send nothing, log what would be done"},
	{"off", NULL, KIND_SET, RUN_MODE, "off", "do nothing at all"},
	{"policy", "WHICH", KIND_SET, RUN_POLICY, NULL,
	 "undecided holders: proof (the default), strict or eager"},
	{"strict", NULL, KIND_SET, RUN_POLICY, "strict", "the same as --policy=strict"},
	{"eager", NULL, KIND_SET, RUN_POLICY, "eager", "the same as --policy=eager"},
	{"trigger", "WHEN", KIND_SET, RUN_TRIGGER, NULL,
	 "the peer's FIN (eof, the default), or any close"},
	{"no-reclaim", NULL, KIND_SET, RUN_RECLAIM, "off",
	 "keep dead descriptors when accept runs out"},
	{"cloexec", NULL, KIND_SET, RUN_CLOEXEC, "on", "set FD_CLOEXEC on connections"},
	{"probe", "SECONDS", KIND_SET, RUN_PROBE, NULL,
	 "keepalive of a deferred connection (30); 0: none"},
	{"debug", NULL, KIND_SET, RUN_DEBUG, "1",
	 "stay, and tell every verdict with file and line"},
	{"fail-on-leak", "[=N]", KIND_FAIL_ON_LEAK, RUN_DEBUG, "1",
	 "the same, and exit with N (99) if CMD leaks"},
	{"log", "WHERE", KIND_SET, RUN_LOG, NULL, "a file, stderr, syslog or none"},
	{"log-format", "FORM", KIND_SET, RUN_LOG_FORMAT, NULL, "text (the default) or json"},
	{"library", "PATH", KIND_LIBRARY, 0, NULL, "preload this libsendfin.so"},
	{"dry-run", NULL, KIND_DRY_RUN, 0, NULL, "print what would be run, and run nothing"},
	{"force", NULL, KIND_FORCE, 0, NULL, "run CMD even if the shim cannot be loaded into it"},
	{"help", NULL, KIND_HELP, 0, NULL, "print this"},
};

/* The exit status of a leak when none was named. */
static const char leak_status[] = "99";

enum { OPTIONS = sizeof(table) / sizeof(table[0]), FIRST_VALUE = 256 };

const char *run_options_variable(enum run_variable variable)
{
	return variables[variable].name;
}

/* Will the shim accept it?  An empty value is as good as none to the shim; here it is a mistake. */
static bool is_accepted(enum run_variable variable, const char *value)
{
	char assignment[PATH_MAX + 64], error[SETTINGS_ERROR_MAX];
	struct settings settings;
	int len = snprintf(assignment, sizeof(assignment), "%s=%s", variables[variable].name,
			   value);

	settings_default(&settings);
	return *value && len >= 0 && (size_t)len < sizeof(assignment) &&
	       settings_set(&settings, assignment, error, sizeof(error));
}

/* The program may change its directory before it logs, so a relative file is made absolute. */
static int absolute_log(struct run_options *options, const char *value, const char **absolute)
{
	char here[PATH_MAX];
	int len;

	if (!*value || *value == '/' || is_accepted(RUN_LOG, value)) {
		*absolute = value;
		return EXIT_DONE;
	}
	if (!getcwd(here, sizeof(here))) {
		return fail_errno(EXIT_NOT_RUNNABLE, "the current directory", errno);
	}
	len = snprintf(options->log, sizeof(options->log), "%s/%s", here, value);
	if (len < 0 || (size_t)len >= sizeof(options->log)) {
		return fail_errno(EXIT_USAGE, "--log", ENAMETOOLONG);
	}
	*absolute = options->log;
	return EXIT_DONE;
}

static int set_variable(struct run_options *options, const struct run_option *option,
			const char *value)
{
	enum run_variable id = option->variable;
	int status;

	if (id == RUN_LOG) {
		status = absolute_log(options, value, &value);
		if (status != EXIT_DONE) {
			return status;
		}
	}
	if (!is_accepted(id, value)) {
		return fail(EXIT_USAGE, "run", "--%s: bad value '%s': expected %s", option->name,
			    value, variables[id].accepted);
	}
	if (options->values[id] && strcmp(options->values[id], value) != 0) {
		return fail(EXIT_USAGE, "run",
			    "--%s and --%s contradict each other; give one of them",
			    options->set_by[id], option->name);
	}
	options->values[id] = value;
	options->set_by[id] = option->name;
	return EXIT_DONE;
}

static int set_fail_on_leak(struct run_options *options, const struct run_option *option,
			    const char *status)
{
	if (!is_accepted(RUN_EXITCODE, status)) {
		return fail(EXIT_USAGE, "run", "--%s: bad value '%s': expected %s", option->name,
			    status, variables[RUN_EXITCODE].accepted);
	}
	options->fail_on_leak = (int)strtol(status, NULL, 10);
	return set_variable(options, option, option->value);
}

static int apply(struct run_options *options, const struct run_option *option, const char *argument)
{
	switch (option->kind) {
	case KIND_SET:
		return set_variable(options, option, option->value ? option->value : argument);
	case KIND_FAIL_ON_LEAK:
		return set_fail_on_leak(options, option, argument ? argument : leak_status);
	case KIND_LIBRARY:
		options->library = argument;
		break;
	case KIND_DRY_RUN:
		options->dry_run = true;
		break;
	case KIND_FORCE:
		options->force = true;
		break;
	case KIND_HELP:
		options->help = true;
		break;
	}
	return EXIT_DONE;
}

/* FOUND is what getopt_long returned instead of one of our values. */
static int complain(int found, char **argv)
{
	const char *word = argv[optind - 1];

	if (found == ':') {
		return fail(EXIT_USAGE, "run", "%s: needs an argument", word);
	}
	if (optopt >= FIRST_VALUE) {
		return fail(EXIT_USAGE, "run", "--%s: takes no argument",
			    table[optopt - FIRST_VALUE].name);
	}
	if (optopt) {
		return fail(EXIT_USAGE, "run",
			    "-%c: no such option; 'sendfin run --help' lists them", optopt);
	}
	return fail(EXIT_USAGE, "run", "%s: no such option; 'sendfin run --help' lists them", word);
}

static int argument_of(const struct run_option *option)
{
	if (!option->argument) {
		return no_argument;
	}
	return option->argument[0] == '[' ? optional_argument : required_argument;
}

int run_options_parse(struct run_options *options, int argc, char **argv)
{
	struct option known[OPTIONS + 1] = {{0}};
	int found, i;

	for (i = 0; i < OPTIONS; i++) {
		known[i].name = table[i].name;
		known[i].has_arg = argument_of(&table[i]);
		known[i].val = FIRST_VALUE + i;
	}
	memset(options, 0, sizeof(*options));
	opterr = 0;
	optind = 1;
	while ((found = getopt_long(argc, argv, "+:h", known, NULL)) != -1) {
		int status = EXIT_DONE;

		if (found == 'h') {
			options->help = true;
		} else if (found >= FIRST_VALUE) {
			status = apply(options, &table[found - FIRST_VALUE], optarg);
		} else {
			status = complain(found, argv);
		}
		if (status != EXIT_DONE) {
			return status;
		}
	}
	options->command = optind;
	return EXIT_DONE;
}

void run_options_print_help(FILE *out)
{
	int i;

	fputs("usage: sendfin run [OPTION]... [--] CMD [ARG]...\n\n"
	      "Runs CMD with libsendfin.so preloaded. The exit status is CMD's; 126 or 127\n"
	      "if CMD cannot be run or the shim cannot be loaded into it, 2 for a bad\n"
	      "command line. With --debug, 128+n if signal n ended CMD.\n\n",
	      out);
	for (i = 0; i < OPTIONS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%s--%s%s%s", table[i].kind == KIND_HELP ? "-h, " : "",
			 table[i].name, argument_of(&table[i]) == required_argument ? "=" : "",
			 table[i].argument ? table[i].argument : "");
		fprintf(out, "  %-19s %s\n", name, table[i].help);
	}
	fputs("\nWhat is set is a SENDFIN_* variable each: sendfin(7) tells what they mean.\n",
	      out);
}
