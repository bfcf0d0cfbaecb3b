/* SPDX-License-Identifier: MIT */
/*
 * chat HOW: three clients, one process that polls; each line goes to all, and a child logs it.
 *
 *   keep  a client that has half-closed stays in the poll set with no events
 *   drop  it is taken out of the set, and still gets every line
 *
 * Each logger is forked with all connections open, says its line, and goes. A line "who" is
 * answered by a child. A line "quit" ends the evening: the server closes all.
 */
#include "server.h"

#include <poll.h>

enum { GUESTS = 3 };

static bool drop;
static int guest[GUESTS];
static struct pollfd set[1 + GUESTS]; /* the listener first, as every server does */

static void let_child(void (*work)(const char *line, int i), const char *line, int i)
{
	pid_t pid = born();

	if (pid == 0) {
		work(line, i);
		exit(0);
	}
	bury(pid);
}

static void log_line(const char *line, int i)
{
	dprintf(REPORT_FD, "log %d %s\n", i, line);
}

static void answer_who(const char *line, int i)
{
	(void)line;
	say(guest[i], "you and me\n");
}

static void broadcast(const char *line)
{
	for (int i = 0; i < GUESTS; i++) {
		dprintf(guest[i], "%s\n", line);
	}
}

/* One read is one line: the clients wait for the echo before they go on. False: quit. */
static bool listen_to(int i)
{
	char line[128];
	ssize_t n = read(guest[i], line, sizeof(line) - 1);

	if (n <= 0) {
		set[1 + i].events = 0;
		set[1 + i].fd = drop ? -1 : set[1 + i].fd;
		dprintf(REPORT_FD, "guest %d listens on\n", i);
		return true;
	}
	line[strcspn(line, "\n") < (size_t)n ? strcspn(line, "\n") : (size_t)n] = '\0';
	let_child(log_line, line, i);
	if (strcmp(line, "quit") == 0) {
		return false;
	}
	if (strcmp(line, "who") == 0) {
		let_child(answer_who, line, i);
	} else {
		broadcast(line);
	}
	return true;
}

static bool one_turn(void)
{
	if (poll(set, 1 + GUESTS, -1) < 0) {
		die("poll");
	}
	for (int i = 0; i < GUESTS; i++) {
		if (set[1 + i].fd >= 0 && (set[1 + i].revents & POLLIN) && !listen_to(i)) {
			return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	int listener = listen_any();

	drop = argc > 1 && strcmp(argv[1], "drop") == 0;
	set[0] = (struct pollfd){listener, POLLIN, 0};
	for (int i = 0; i < GUESTS; i++) {
		guest[i] = accept_one(listener);
		set[1 + i] = (struct pollfd){guest[i], POLLIN, 0};
	}
	while (one_turn()) {
	}
	for (int i = 0; i < GUESTS; i++) {
		close(guest[i]);
	}
	return farewell(listener);
}
