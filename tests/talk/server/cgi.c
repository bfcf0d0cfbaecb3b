/* SPDX-License-Identifier: MIT */
/*
 * cgi HOW [PORT]: a child reads the request to its EOF, and the parent answers on the connection.
 *
 *   wait      the parent answers when the child is dead
 *   early     the child closes the connection, is heard of, and dies later
 *   stdio     the child reads through stdio
 *   pipe      ... when the child has said through a pipe what to answer
 *   pause     ... when the control pipe says so, long after
 *   upstream  ... when another TCP server, at PORT, has said what
 *   worker    all of it in a worker of its own; the first process accepts on and leaks its copy
 *   spawn     two clients; the child is wc, made by posix_spawn
 *   vfork     ... by vfork and exec
 *   held      a second client after the first, and the parent is still inside fork when its child
 *             has closed: a handler of pthread_atfork holds it there until the child is dead
 *
 * The child is the last one that reads; whoever takes its close for the end cuts the answer off.
 */
#include "server.h"

#include <pthread.h>
#include <spawn.h>

static bool is_held;

/* Runs in the parent before fork returns; the child stays to be waited for. */
static void hold(void)
{
	siginfo_t ended;

	while (is_held && waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
	}
}

static size_t slurp_stdio(int fd)
{
	FILE *f = fdopen(fd, "r");
	size_t n = 0;

	while (f && fgetc(f) != EOF) {
		n++;
	}
	if (f) {
		fclose(f);
	}
	return n;
}

static void child(const char *how, int conn, int out)
{
	size_t n = strcmp(how, "stdio") == 0 ? slurp_stdio(conn) : slurp(conn);

	dprintf(out, "%zu bytes", n);
	if (strcmp(how, "early") == 0) {
		close(conn);
		report("child closed");
		hear(KID_FD);
	}
	exit(0);
}

static void answer(const char *how, int conn, int pipe_out, pid_t pid, int port)
{
	char text[64] = "";
	ssize_t n;

	if (strcmp(how, "pipe") != 0) {
		bury(pid);
		report("reaped");
	}
	n = read(pipe_out, text, sizeof(text) - 1);
	slurp(pipe_out);
	if (strcmp(how, "pause") == 0) {
		hear(CONTROL_FD);
	}
	if (strcmp(how, "upstream") == 0) {
		int up = dial(port);

		put(up, text, (size_t)n);
		shutdown(up, SHUT_WR);
		n = read(up, text, sizeof(text) - 1);
		close(up);
	}
	put(conn, text, (size_t)n);
	pour(conn, 0, 100000);
	close(conn);
	if (strcmp(how, "pipe") == 0) {
		bury(pid);
	}
}

extern char **environ;

/* "wc -c" with the connection for its input; it says "5000\n". */
static pid_t count_by_program(const char *how, int conn, int out)
{
	char *const words[] = {"wc", "-c", NULL};
	posix_spawn_file_actions_t actions;
	pid_t pid;

	if (strcmp(how, "vfork") == 0) {
		pid = vfork();
		if (pid == 0) {
			dup2(conn, 0);
			dup2(out, 1);
			execv("/usr/bin/wc", words);
			_exit(127);
		}
		return pid;
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, conn, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	if (posix_spawn(&pid, "/usr/bin/wc", &actions, NULL, words, environ) != 0) {
		die("posix_spawn");
	}
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

static bool is_program(const char *how)
{
	return strcmp(how, "spawn") == 0 || strcmp(how, "vfork") == 0;
}

static void serve(const char *how, int conn, int port)
{
	int p[2];
	pid_t pid;

	if (pipe(p) < 0) {
		die("pipe");
	}
	pid = is_program(how) ? count_by_program(how, conn, p[1]) : born();
	if (pid == 0) {
		close(p[0]);
		child(how, conn, p[1]);
	}
	close(p[1]);
	answer(how, conn, p[0], pid, port);
	close(p[0]);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "wait";
	int listener = listen_any(), conn = accept_one(listener);

	if (strcmp(how, "worker") == 0) {
		pid_t pid = born();

		if (pid == 0) {
			close(listener);
			serve(how, conn, 0);
			exit(0);
		}
		accept_one(listener); /* and not a thought of conn */
		report("second client");
		bury(pid);
	} else if (is_program(how)) {
		serve(how, conn, 0);
		serve(how, accept_one(listener), 0);
	} else if (strcmp(how, "held") == 0) {
		pthread_atfork(NULL, hold, NULL);
		serve(how, conn, 0);
		is_held = true;
		serve(how, accept_one(listener), 0);
	} else {
		serve(how, conn, argc > 2 ? atoi(argv[2]) : 0);
	}
	return farewell(listener);
}
