/* SPDX-License-Identifier: MIT */
/*
 * Planted: a helper process that outlives the daemon, and answers no signal but the last.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void stay(void)
{
	if (getenv("PLANTED_ONCE") == NULL) {
		setenv("PLANTED_ONCE", "1", 1);
		if (fork() == 0) {
			signal(SIGTERM, SIG_IGN);
			for (;;) {
				pause();
			}
		}
	}
}
