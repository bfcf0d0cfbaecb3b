/* SPDX-License-Identifier: MIT */
/*
 * lender HOW: a threaded server whose handler lends the connection to a helper, which reads it to
 * EOF, and then answers itself; the main thread is back in accept all the while.
 *
 *   HOW  fork (the child counts), exec (wc with the connection on 0), later (a second client's
 *        handler does the same in the meantime)
 *
 * It closes nothing of its own that it should not: it is a correct server.
 */
#include "server.h"

#include <pthread.h>
#include <stdint.h>

static bool execs;

static size_t count_by_helper(int conn)
{
	char text[32] = "";
	int made[2];
	pid_t pid;

	if (pipe(made) < 0) {
		die("pipe");
	}
	pid = born();
	if (pid == 0) {
		dup2(conn, 0);
		dup2(made[1], 1);
		if (execs) {
			execlp("wc", "wc", "-c", (char *)NULL);
			die("wc");
		}
		dprintf(1, "%zu\n", slurp(0));
		_exit(0);
	}
	close(made[1]);
	if (read(made[0], text, sizeof(text) - 1) < 0 || waitpid(pid, NULL, 0) != pid) {
		die("helper");
	}
	close(made[0]);
	return strtoul(text, NULL, 10);
}

static void *handle(void *argument)
{
	int conn = (int)(intptr_t)argument;
	char answer[64];

	report("lent");
	snprintf(answer, sizeof(answer), "counted %zu", count_by_helper(conn));
	say(conn, answer);
	close(conn);
	report("answered");
	return NULL;
}

int main(int argc, char **argv)
{
	int listener = listen_any();
	int clients = argc > 1 && strcmp(argv[1], "later") == 0 ? 2 : 1;

	execs = argc > 1 && strcmp(argv[1], "fork") != 0;
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < clients; i++) {
		pthread_t thread;

		pthread_create(&thread, NULL, handle, (void *)(intptr_t)accept_one(listener));
	}
	return farewell(listener);
}
