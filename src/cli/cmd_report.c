/* SPDX-License-Identifier: MIT */
/*
 * sendfin report PID: what the tree of a running process leaks, and where.
 *
 * The invariant: it can be asked at any time, of a tree in production, and changes nothing.
 */
#include "cli/commands.h"
#include "cli/fail.h"
#include "cli/ledgerview.h"
#include "cli/report.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
	pid_t pid;
	void (*print)(const struct report *report);
	const char *printed_by; /* the option that chose it, or NULL */
	bool help;
};

static const char help_text[] =
	"usage: sendfin report [OPTION] PID\n\n"
	"Tells what the processes of PID's tree hold though their peers have closed, and\n"
	"what was found there so far: where it was accepted, where forked, and what to\n"
	"change in the source. The tree runs under libsendfin.so, runs on meanwhile, and\n"
	"is not changed. Places are known of what was started with --debug.\n\n"
	"  --json              one JSON document\n"
	"  --folded            stacks for flame graphs: frame;frame;frame count\n"
	"  -h, --help          print this\n\n"
	"The exit status is 0 if nothing leaks, 1 if something does or the report cannot\n"
	"be had, 2 for a bad command line.\n";

static int parse_pid(const char *word, pid_t *pid)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(word, &end, 10);
	if (*word < '0' || *word > '9' || *end || errno != 0 || value < 1 || value > INT_MAX) {
		return fail(EXIT_USAGE, "report", "'%s' is no process id", word);
	}
	*pid = (pid_t)value;
	return EXIT_DONE;
}

static int choose(struct request *request, const char *option,
		  void (*print)(const struct report *report))
{
	if (request->printed_by && strcmp(request->printed_by, option) != 0) {
		return fail(EXIT_USAGE, "report",
			    "%s and %s contradict each other; give one of them",
			    request->printed_by, option);
	}
	request->printed_by = option;
	request->print = print;
	return EXIT_DONE;
}

static int parse(struct request *request, int argc, char **argv)
{
	static const struct option known[] = {
		{"json", no_argument, NULL, 'j'},
		{"folded", no_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int found, status = EXIT_DONE;

	memset(request, 0, sizeof(*request));
	request->print = report_print_text;
	opterr = 0;
	optind = 1;
	while (status == EXIT_DONE && (found = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
		switch (found) {
		case 'j':
			status = choose(request, "--json", report_print_json);
			break;
		case 'f':
			status = choose(request, "--folded", report_print_folded);
			break;
		case 'h':
			request->help = true;
			break;
		default:
			status = fail(EXIT_USAGE, "report",
				      "%s: no such option, or not with an argument; 'sendfin "
				      "report --help' lists them",
				      argv[optind - 1]);
		}
	}
	if (status != EXIT_DONE || request->help) {
		return status;
	}
	if (optind + 1 != argc) {
		return fail(EXIT_USAGE, "report", "%s; usage: sendfin report [OPTION] PID",
			    optind < argc ? "one process at a time" : "which process?");
	}
	return parse_pid(argv[optind], &request->pid);
}

static int written(int status)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? status
						      : fail_errno(EXIT_FOUND, "stdout", errno);
}

int cmd_report(int argc, char **argv)
{
	struct request request;
	struct ledgerview view;
	struct report report;
	int status = parse(&request, argc, argv);
	int err;

	if (status != EXIT_DONE) {
		return status;
	}
	if (request.help) {
		fputs(help_text, stdout);
		return written(EXIT_DONE);
	}
	status = ledgerview_open(&view, request.pid);
	if (status != EXIT_DONE) {
		return status;
	}
	err = report_gather(&report, &view);
	if (err != 0) {
		status = fail_errno(EXIT_FOUND, "report", -err);
	} else {
		request.print(&report);
		status = written(report_has_leak(&report) ? EXIT_FOUND : EXIT_DONE);
	}
	report_free(&report);
	ledgerview_close(&view);
	return status;
}
