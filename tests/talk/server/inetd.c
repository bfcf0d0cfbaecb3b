/* SPDX-License-Identifier: MIT */
/*
 * inetd WHO HANDLER: sh -c HANDLER with the connection on 0 and 1, as inetd's nowait services.
 *
 *   leaky    the parent keeps its copy and goes on to accept
 *   late     ... when it has waited for the handler
 *   correct  the parent closes its copy
 *
 * The handlers find the children's control pipe on 5: `read x <&5` waits for the runner.
 */
#include "server.h"

static void on_child(int sig)
{
	int saved = errno;

	(void)sig;
	while (waitpid(-1, NULL, WNOHANG) > 0) {
		put(REPORT_FD, "reaped\n", 7);
	}
	errno = saved;
}

__attribute__((noreturn)) static void become_handler(int conn, int listener, const char *handler)
{
	signal(SIGCHLD, SIG_DFL);
	dup2(conn, 0);
	dup2(conn, 1);
	close(conn);
	close(listener);
	execl("/bin/sh", "sh", "-c", handler, (char *)NULL);
	die("sh");
}

int main(int argc, char **argv)
{
	int listener = listen_any(), conn;
	pid_t pid;

	if (argc < 3) {
		return 2;
	}
	if (strcmp(argv[1], "late") != 0) {
		signal(SIGCHLD, on_child);
	}
	conn = accept_one(listener);
	pid = born();
	if (pid == 0) {
		become_handler(conn, listener, argv[2]);
	}
	if (strcmp(argv[1], "correct") == 0) {
		close(conn);
	}
	if (strcmp(argv[1], "late") == 0) {
		bury(pid);
		report("reaped");
	}
	return farewell(listener);
}
