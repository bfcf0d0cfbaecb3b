/* SPDX-License-Identifier: MIT */
/*
 * owner HOW: an event-driven server closes as it should, but a helper has inherited the socket.
 *
 *   HOW  exec (fork and exec), spawn, popen, system (in the background), thread (a system() that
 *        another thread waits for)
 *
 * The helper is started at the first word of the client. It knows of nothing, and lives on.
 */
#include "server.h"

#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdint.h>

#define HELPER "echo helper >&3; exec cat <&5 >/dev/null"

extern char **environ;

static FILE *helper; /* of popen(), never closed */

static void *run_helper(void *unused)
{
	(void)unused;
	if (system(HELPER) != 0) {
		report("helper failed");
	}
	return NULL;
}

static void start_helper(const char *how)
{
	static char sh[] = "sh", flag[] = "-c", text[] = HELPER;
	char *argv[] = {sh, flag, text, NULL};
	pthread_t thread;
	pid_t pid;

	if (strcmp(how, "spawn") == 0) {
		posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ);
	} else if (strcmp(how, "popen") == 0) {
		helper = popen(HELPER, "w");
	} else if (strcmp(how, "system") == 0) {
		if (system("sh -c '" HELPER "' &") != 0) {
			report("helper failed");
		}
	} else if (strcmp(how, "thread") == 0) {
		pthread_create(&thread, NULL, run_helper, NULL);
	} else if (born() == 0) {
		execv("/bin/sh", argv);
		die("sh");
	}
}

int main(int argc, char **argv)
{
	int listener = listen_any(), conn = accept_one(listener);
	struct pollfd set[2] = {{listener, POLLIN, 0}, {conn, POLLIN, 0}};
	bool helped = false;

	for (;;) {
		char buf[256];
		ssize_t n;

		if (poll(set, 2, -1) < 0) {
			if (errno == EINTR) {
				continue;
			}
			die("poll");
		}
		if (set[0].revents) {
			return farewell(listener);
		}
		n = read(conn, buf, sizeof(buf));
		if (n > 0 && !helped) {
			start_helper(argc > 1 ? argv[1] : "exec");
			helped = true;
		}
		if (n <= 0) {
			close(conn);
			set[1].fd = -1;
			report("closed");
		} else {
			put(conn, buf, (size_t)n);
		}
	}
}
