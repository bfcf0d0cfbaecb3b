/* SPDX-License-Identifier: MIT */
/*
 * A process per unit test, without a word in the tests themselves.
 *
 * The idea: the Makefile links every unit test with --wrap=_cmocka_run_group_tests, so that
 * cmocka_run_group_tests() arrives here with the table of tests; each one is given to the real
 * function alone, in a child of its own, and the result is told as TAP.
 * The invariant: one line "ok" or "not ok" per test, whatever the test did: a crash, an exit(),
 * a sanitizer's report and an endless loop are all failures of that one test.
 * Never: share state between two tests, or let a test's output reach stdout as if it were TAP.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Long enough for any exhaustive table under a sanitizer; only a hang meets it. */
#define TEST_SECONDS 60

/* Exit statuses of a test's process. */
enum {
	TEST_FAILED = 1,
	TEST_PASSED = 42,
};

int __real__cmocka_run_group_tests(const char *group, const struct CMUnitTest *tests, size_t count,
				   CMFixtureFunction setup, CMFixtureFunction teardown);
int __wrap__cmocka_run_group_tests(const char *group, const struct CMUnitTest *tests, size_t count,
				   CMFixtureFunction setup, CMFixtureFunction teardown);

/* Prints what the child said as TAP comments; returns whether it was skipped. */
static bool relay_output(FILE *output, bool show)
{
	char line[1024];
	bool skipped = false;

	rewind(output);
	while (fgets(line, sizeof(line), output)) {
		line[strcspn(line, "\n")] = '\0';
		if (strstr(line, "[  SKIPPED ]")) {
			skipped = true;
		}
		if (show && line[0]) {
			printf("# %s\n", line);
		}
	}
	return skipped;
}

/* Whether the child came back and said so, which a test's own exit(0) does not. */
static bool has_passed(int status)
{
	if (WIFSIGNALED(status)) {
		printf("# ended by signal %d (%s)\n", WTERMSIG(status),
		       strsignal(WTERMSIG(status)));
	} else if (WIFEXITED(status) && WEXITSTATUS(status) != TEST_PASSED) {
		printf("# exit status %d\n", WEXITSTATUS(status));
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == TEST_PASSED;
}

/* Runs one test in a child whose stdout and stderr are OUTPUT; its wait status, or -1. */
static int run_alone(const char *group, const struct CMUnitTest *test, CMFixtureFunction setup,
		     CMFixtureFunction teardown, FILE *output)
{
	int status = -1;
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child == 0) {
		alarm(TEST_SECONDS);
		dup2(fileno(output), STDOUT_FILENO);
		dup2(fileno(output), STDERR_FILENO);
		exit(__real__cmocka_run_group_tests(group, test, 1, setup, teardown) == 0
			     ? TEST_PASSED
			     : TEST_FAILED);
	}
	if (child > 0) {
		waitpid(child, &status, 0);
	}
	return status;
}

int __wrap__cmocka_run_group_tests(const char *group, const struct CMUnitTest *tests, size_t count,
				   CMFixtureFunction setup, CMFixtureFunction teardown)
{
	int failures = 0;

	printf("1..%zu\n", count);
	for (size_t i = 0; i < count; i++) {
		FILE *output = tmpfile();
		bool passed;
		bool skipped;

		if (!output) {
			perror("isolate: tmpfile");
			return 1;
		}
		passed = has_passed(run_alone(group, &tests[i], setup, teardown, output));
		skipped = relay_output(output, !passed);
		failures += !passed;
		printf("%s %zu - %s%s\n", passed ? "ok" : "not ok", i + 1, tests[i].name,
		       passed && skipped ? " # SKIP" : "");
		fclose(output);
	}
	return failures != 0;
}
