/* SPDX-License-Identifier: MIT */
/*
 * relay HOW PORT [half]: client and upstream server, joined by two processes, one per direction.
 *
 *   close  the parent lets both connections go at once
 *   wait   ... when both children are dead
 *   leak   ... never
 *
 * With `half` a child that has read EOF passes it on by shutdown(SHUT_WR); without, it just goes.
 * Both children hold both connections, and one direction ends long before the other.
 */
#include "server.h"

static pid_t direction(int from, int to, bool half, const char *name)
{
	pid_t pid = born();

	if (pid == 0) {
		copy(from, to);
		if (half) {
			shutdown(to, SHUT_WR);
		}
		close(from);
		close(to);
		report(name);
		exit(0);
	}
	return pid;
}

int main(int argc, char **argv)
{
	const char *how = argc > 2 ? argv[1] : "close";
	int listener = listen_any(), client = accept_one(listener);
	int up = dial(argc > 2 ? atoi(argv[2]) : 0);
	bool half = argc > 3;
	pid_t a = direction(client, up, half, "request copied");
	pid_t b = direction(up, client, half, "answer copied");

	if (strcmp(how, "close") == 0) {
		close(client);
		close(up);
	}
	if (strcmp(how, "leak") == 0) {
		signal(SIGCHLD, SIG_IGN);
		return farewell(listener);
	}
	bury(a);
	bury(b);
	if (strcmp(how, "wait") == 0) {
		close(client);
		close(up);
	}
	return farewell(listener);
}
