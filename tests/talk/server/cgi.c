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
 *
 * The child is the last one that reads; whoever takes its close for the end cuts the answer off.
 */
#include "server.h"

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

static void serve(const char *how, int conn, int port)
{
	int p[2];
	pid_t pid;

	if (pipe(p) < 0) {
		die("pipe");
	}
	pid = born();
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
	} else {
		serve(how, conn, argc > 2 ? atoi(argv[2]) : 0);
	}
	return farewell(listener);
}
