/* SPDX-License-Identifier: MIT */
/*
 * siblings HOW: a connection that a brother has inherited.
 *
 *   leak     the parent forks a child per client and keeps every copy: the second child is born
 *            with the first client's connection
 *   answer   two children for one client: one reads the request to its end, the other answers
 *            when it is told to
 *   respawn  a worker forks its replacement while it serves; the replacement goes to accept
 *
 * Each child echoes until EOF, closes, reports, waits, exits.
 */
#include "server.h"

static void serve(int conn, bool last)
{
	copy(conn, conn);
	close(conn);
	report("closed");
	if (last) {
		hear(KID_FD);
		exit(0);
	}
}

/* Which of two brothers answers has not touched the connection while the other reads it. */
static void serve_by_two(int conn)
{
	if (born() == 0) {
		hear(KID_FD);
		say(conn, "answered");
		close(conn);
		report("answered");
		exit(0);
	}
	if (born() == 0) {
		slurp(conn);
		close(conn);
		report("closed");
		exit(0);
	}
}

int main(int argc, char **argv)
{
	int listener = listen_any(), conn;

	signal(SIGCHLD, SIG_IGN);
	if (argc > 1 && strcmp(argv[1], "respawn") == 0) {
		conn = accept_one(listener);
		if (born() == 0) {
			serve(accept_one(listener), true);
		}
		serve(conn, false);
		hear(CONTROL_FD);
		return farewell(listener);
	}
	if (argc > 1 && strcmp(argv[1], "answer") == 0) {
		serve_by_two(accept_one(listener));
		return farewell(listener);
	}
	for (int i = 0; i < 2; i++) {
		conn = accept_one(listener);
		if (born() == 0) {
			close(listener);
			serve(conn, true);
		}
	}
	return farewell(listener);
}
