/* SPDX-License-Identifier: MIT */
/*
 * usage: storm FORKS
 *
 * Three threads capture stacks that are never twice the same, so that nearly always one of
 * them is inside libunwind, while the first thread forks. A child captures, and ends; one
 * that finds captures switched off ends, too. A child that hangs hangs the program.
 */
#include "victim.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 3 };

static volatile int is_over;

/* Always another path: one bit of `path` a frame. */
OWN static uint32_t wander(unsigned int path, int depth)
{
	uint32_t site;

	if (depth == 0) {
		site = SITE();
	} else if ((path & 1) != 0) {
		site = wander(path >> 1, depth - 1);
	} else {
		site = wander(path >> 1, depth - 1);
		STAY();
	}
	STAY();
	return site;
}

static void *capture(void *first)
{
	for (unsigned int path = (unsigned int)(uintptr_t)first; !is_over; path += THREADS) {
		wander(path, 12);
	}
	return NULL;
}

static int child(unsigned int path)
{
	bool was_on = probe->is_on();
	uint32_t site = wander(path, 12);

	/* The sites run out, so 0 is an answer, too; but not one from a child that is off. */
	return !was_on && site != 0;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	int forks = argc > 1 ? atoi(argv[1]) : 1;
	int wrong = 0;
	int off = 0;

	for (uintptr_t i = 0; i < THREADS; i++) {
		pthread_create(&threads[i], NULL, capture, (void *)i);
	}
	for (int i = 0; i < forks; i++) {
		int status;
		pid_t pid = probe->fork();

		if (pid == 0) {
			_exit(child((unsigned int)i) != 0 ? 1 : probe->is_on() ? 0 : 2);
		}
		waitpid(pid, &status, 0);
		off += status == 2 << 8;
		wrong += status != 0 && status != 2 << 8;
	}
	is_over = 1;
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
	}
	printf("forks %d wrong %d off %d\n", forks, wrong, off);
	return wrong != 0;
}
