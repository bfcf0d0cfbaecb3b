/* SPDX-License-Identifier: MIT */
/*
 * What every unit test includes: cmocka with the headers that it forgets, and a
 * main() from the table of tests.
 *
 * The idea: one table gives the names (-l), the choice (a pattern) and the run;
 * isolate.c gives each test a process of its own.
 * Never here: an assertion that only one test needs.
 */
#ifndef UNIT_UNIT_H
#define UNIT_UNIT_H

/* cmocka.h needs these four before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define UNIT_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * test_x                runs all tests
 * test_x '*engaged*'    runs those whose names match the pattern of the shell
 * test_x -l             lists the names
 * Returns the exit status: 0 only if at least one test ran and none failed.
 */
int unit_main(const struct CMUnitTest *tests, size_t count, int argc, char **argv);

/* The main() of a test program. */
#define UNIT_MAIN(tests)                                                                           \
	int main(int argc, char **argv)                                                            \
	{                                                                                          \
		return unit_main(tests, UNIT_COUNT(tests), argc, argv);                            \
	}

#endif
