/* SPDX-License-Identifier: MIT */
/* The choice of tests by name; see unit.h. */
#include "unit.h"

#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* More than any one program should have; the compiler cannot count for us. */
#define CHOSEN_MAX 256

int unit_main(const struct CMUnitTest *tests, size_t count, int argc, char **argv)
{
	static struct CMUnitTest chosen[CHOSEN_MAX];
	const char *pattern = argc > 1 ? argv[1] : "*";
	bool list = strcmp(pattern, "-l") == 0;
	size_t chosen_count = 0;

	if (argc > 2 || count > CHOSEN_MAX) {
		fprintf(stderr, "usage: %s [-l | PATTERN] (at most %d tests)\n", argv[0],
			CHOSEN_MAX);
		return 2;
	}
	for (size_t i = 0; i < count; i++) {
		if (list) {
			puts(tests[i].name);
		} else if (fnmatch(pattern, tests[i].name, 0) == 0) {
			chosen[chosen_count++] = tests[i];
		}
	}
	if (list) {
		return 0;
	}
	if (chosen_count == 0) {
		fprintf(stderr, "%s: no test matches %s\n", argv[0], pattern);
		return 2;
	}
	return _cmocka_run_group_tests(argv[0], chosen, chosen_count, NULL, NULL) != 0;
}
