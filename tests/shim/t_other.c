/* SPDX-License-Identifier: MIT */
/*
 * Victims that need a program of their own, and the check that tests/README.md tells the truth.
 */
#include "shim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHOLE_STORY "P join; c connect; c send 300; c half; c recv 300; P join -> exit=5; c heal"

#define STEPS(how) "P join -> " how ": 0 rounds went wrong;"

static void check_readme(struct world *w)
{
	static char text[65536];
	char *tests = list_tests(), *rows = list_rows();
	FILE *f = fopen("tests/README.md", "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f) {
		fclose(f);
	}
	if (!strstr(text, tests)) {
		fail(w, "tests/README.md does not hold what `run -l` prints");
	}
	if (!strstr(text, rows)) {
		fail(w, "tests/README.md does not hold what `run -p` prints");
	}
	free(tests);
	free(rows);
}

/* A row is a story, and breaks where it breathes. */
/* clang-format off */
const struct test other_tests[] = {
	{ .name = "a_fortified_server_is_healed",
	  .script = WHOLE_STORY, .program = "special/fortify", .rows = "A9" },
	{ .name = "no_hook_calls_malloc",
	  .script = WHOLE_STORY, .program = "special/no_malloc", .rows = "A1 D14" },
	{ .name = "no_hook_calls_malloc_in_debug_mode",
	  .script = WHOLE_STORY, .program = "special/no_malloc",
	  .env = "SENDFIN_DEBUG=1 SENDFIN_LOG=%LOG%", .rows = "D14" },
	{ .name = "a_signal_at_any_instruction_of_a_fork_does_no_harm",
	  .script = STEPS("forks in the parent") STEPS("forks in the child")
	  STEPS("doubles in the parent") STEPS("doubles in the child") STEPS("exits in the child"),
	  .program = "special/stepped", .rows = "C7 C8" },
	{ .name = "the_readme_names_every_test", .check = check_readme },
	{ .name = NULL },
};
/* clang-format on */
