/* SPDX-License-Identifier: MIT */
/*
 * answer ORDER: the parent reads the request to its EOF, forks a child to answer, and closes.
 *
 *   parent  the parent closes first, at once; the child answers when it is told to
 *   child   the child answers and closes first; the parent closes when it is told to
 *   race    both at once
 *   header  the parent writes the header, forks, closes; the child writes the rest
 *
 * Both have a right to the connection, and the second to go is the last.
 */
#include "server.h"

int main(int argc, char **argv)
{
	const char *order = argc > 1 ? argv[1] : "race";
	int listener = listen_any(), conn = accept_one(listener);
	pid_t pid;

	slurp(conn);
	if (strcmp(order, "header") == 0) {
		say(conn, "header ");
	}
	pid = born();
	if (pid == 0) {
		if (strcmp(order, "parent") == 0 || strcmp(order, "header") == 0) {
			hear(KID_FD);
		}
		pour(conn, 0, 300000);
		close(conn);
		if (strcmp(order, "child") == 0) {
			report("child closed");
			hear(KID_FD);
		}
		exit(0);
	}
	if (strcmp(order, "child") == 0) {
		hear(CONTROL_FD);
	}
	close(conn);
	if (strcmp(order, "race") != 0) {
		report("parent closed");
	}
	bury(pid);
	return farewell(listener);
}
