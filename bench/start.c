/* SPDX-License-Identifier: MIT */
/*
 * start COUNT LIBRARY PROGRAM: starts PROGRAM in turn with and without the preload.
 *
 * For each of COUNT rounds it prints two times in nanoseconds, from the spawn to the
 * program's end: without LIBRARY, with LIBRARY. Which of the two comes first alternates.
 */
#include <err.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

static int64_t now(void)
{
	struct timespec at;

	if (clock_gettime(CLOCK_MONOTONIC, &at) != 0) {
		err(2, "clock_gettime");
	}
	return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static int64_t start(char *program, char **environment)
{
	char *arguments[] = {program, NULL};
	int64_t begun = now();
	int status;
	pid_t pid;

	if (posix_spawn(&pid, program, NULL, NULL, arguments, environment) != 0 ||
	    waitpid(pid, &status, 0) != pid || status != 0) {
		errx(2, "%s does not run", program);
	}
	return now() - begun;
}

int main(int argc, char **argv)
{
	char preload[4200];
	char *bare[] = {NULL};
	char *with[] = {preload, NULL};
	int count = argc == 4 ? atoi(argv[1]) : 0;

	if (count <= 0 ||
	    snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", argv[2]) >= (int)sizeof(preload)) {
		errx(2, "usage: start COUNT LIBRARY PROGRAM");
	}
	start(argv[3], bare); /* into the page cache */
	start(argv[3], with);
	for (int i = 0; i < count; i++) {
		int64_t first = start(argv[3], i % 2 ? with : bare);
		int64_t second = start(argv[3], i % 2 ? bare : with);

		printf("%lld %lld\n", (long long)(i % 2 ? second : first),
		       (long long)(i % 2 ? first : second));
	}
	return 0;
}
