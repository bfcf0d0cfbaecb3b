/* SPDX-License-Identifier: MIT */
/*
 * looping WHERE: a leaky server that waits for clients in accept, or in poll before it. With shy
 * it waits in accept, and the child waits to be told before it touches its connection. With
 * brother it waits in accept, and has made another child before, which holds the connection, and
 * does nothing until it is told to exit.
 *
 * The first client gets a child that echoes; every later one is closed at once, reported as a poke,
 * and the parent is back where it waits. It ends at the goodbye after it has been told that it is
 * enough.
 */
#include "server.h"

#include <poll.h>

static void on_child(int sig)
{
	int saved = errno;

	(void)sig;
	while (waitpid(-1, NULL, WNOHANG) > 0) {
		put(REPORT_FD, "kid is dead\n", 12);
	}
	errno = saved;
}

static void make_brother(void)
{
	if (born() == 0) {
		hear(KID_FD);
		exit(0);
	}
}

__attribute__((noreturn)) static void serve(int conn, const char *how)
{
	dprintf(REPORT_FD, "kid %d\n", getpid());
	if (strcmp(how, "shy") == 0) {
		hear(KID_FD);
	}
	copy(conn, conn);
	if (strcmp(how, "brother") != 0) {
		hear(KID_FD);
	}
	exit(0);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "accept";
	bool polls = strcmp(how, "poll") == 0;
	int listener = listen_any();
	struct pollfd door = {listener, POLLIN, 0}, told = {CONTROL_FD, POLLIN, 0};

	signal(SIGCHLD, on_child);
	for (bool first = true;; first = false) {
		int conn;

		while (polls && poll(&door, 1, -1) < 0) {
		}
		conn = accept_one(listener);
		if (!first) {
			close(conn);
			if (poll(&told, 1, 0) > 0) {
				return 0;
			}
			report("poked");
			continue;
		}
		if (strcmp(how, "brother") == 0) {
			make_brother();
		}
		if (born() == 0) {
			close(listener);
			serve(conn, how);
		}
	}
}
