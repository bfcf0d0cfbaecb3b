/* SPDX-License-Identifier: MIT */
/*
 * lender HOW: a threaded server whose handler lends the connection to a helper, which reads it to
 * EOF, and then answers itself; the main thread is back in accept all the while.
 *
 *   HOW  loop (no thread: select waits for the helper's pipe and for clients, and the loop has
 *        read the first bytes itself), fork (the child counts), exec (wc with the connection on
 *        0), later (a second client's handler does the same in the meantime)
 *
 * It closes nothing of its own that it should not: it is a correct server.
 */
#include "server.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/select.h>

static bool execs;

/* The helper, and the pipe on which it will tell. */
static pid_t lend(int conn, int *pipe_end)
{
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
	*pipe_end = made[0];
	return pid;
}

static size_t hear_helper(pid_t pid, int pipe_end)
{
	char text[32] = "";

	if (read(pipe_end, text, sizeof(text) - 1) < 0 || waitpid(pid, NULL, 0) != pid) {
		die("helper");
	}
	close(pipe_end);
	return strtoul(text, NULL, 10);
}

static void answer(int conn, size_t count)
{
	char text[64];

	snprintf(text, sizeof(text), "counted %zu", count);
	say(conn, text);
	close(conn);
	report("answered");
}

static int loop(int listener)
{
	int conn = accept_one(listener), pipe_end;
	char header[4];
	fd_set set;
	pid_t pid;

	if (read(conn, header, sizeof(header)) != sizeof(header)) {
		die("header");
	}
	pid = lend(conn, &pipe_end);
	report("lent");
	do {
		FD_ZERO(&set);
		FD_SET(listener, &set);
		FD_SET(pipe_end, &set);
		if (select(pipe_end + 1, &set, NULL, NULL, NULL) < 0) {
			die("select");
		}
	} while (!FD_ISSET(pipe_end, &set));
	answer(conn, hear_helper(pid, pipe_end) + sizeof(header));
	return farewell(listener);
}

static void *handle(void *argument)
{
	int conn = (int)(intptr_t)argument, pipe_end;
	pid_t pid = lend(conn, &pipe_end);

	report("lent");
	answer(conn, hear_helper(pid, pipe_end));
	return NULL;
}

int main(int argc, char **argv)
{
	int listener = listen_any();
	int clients = argc > 1 && strcmp(argv[1], "later") == 0 ? 2 : 1;

	execs = argc > 1 && strcmp(argv[1], "fork") != 0;
	signal(SIGPIPE, SIG_IGN);
	if (argc > 1 && strcmp(argv[1], "loop") == 0) {
		return loop(listener);
	}
	for (int i = 0; i < clients; i++) {
		pthread_t thread;

		pthread_create(&thread, NULL, handle, (void *)(intptr_t)accept_one(listener));
	}
	return farewell(listener);
}
