/* SPDX-License-Identifier: MIT */
/*
 * chaos [LIMIT | workers N]: a leaky server whose children have children, all of them to be shot.
 *
 * Every child echoes. Without LIMIT, the third of each four has a helper that inherited everything
 * and is exec'd; the fourth, when it has read EOF, leaves a grandchild to say goodbye. All pids are
 * reported with the port of their client. It serves until it is shot itself, or has more than LIMIT
 * descriptors. With workers, N of them accept and fork, and it makes a new one for each that dies.
 */
#include "server.h"

#include <sys/resource.h>

static void helper(int port)
{
	if (born() == 0) {
		dprintf(REPORT_FD, "helper %d %d\n", port, getpid());
		execl("/bin/sh", "sh", "-c", "exec cat <&5 >/dev/null", (char *)NULL);
		_exit(1);
	}
}

/* Its client may be dead, which is no news here. */
static void echo(int conn)
{
	char buf[256];
	ssize_t n;

	while ((n = read(conn, buf, sizeof(buf))) > 0 && write(conn, buf, (size_t)n) == n) {
	}
}

static void child(int conn, int port, int kind)
{
	dprintf(REPORT_FD, "kid %d %d\n", port, getpid());
	if (kind == 2) {
		helper(port);
	}
	echo(conn);
	if (kind == 3 && born() == 0) {
		exit(write(conn, "bye", 3) == 3 ? 0 : 1);
	}
	exit(0);
}

static void work(int listener)
{
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int conn = accept_one(listener);

		if (born() == 0) {
			close(listener);
			echo(conn);
			exit(0);
		}
	}
}

static void start_worker(int listener)
{
	pid_t pid = born();

	if (pid == 0) {
		work(listener);
	}
	dprintf(REPORT_FD, "worker %d\n", pid);
}

static void supervise(int listener, int workers)
{
	for (int i = 0; i < workers; i++) {
		start_worker(listener);
	}
	for (;;) {
		if (wait(NULL) < 0) {
			die("wait");
		}
		start_worker(listener);
	}
}

int main(int argc, char **argv)
{
	rlim_t limit = argc > 1 ? (rlim_t)atoi(argv[1]) : 0;
	int listener = listen_any();

	signal(SIGPIPE, SIG_IGN);
	if (argc > 2) {
		supervise(listener, atoi(argv[2]));
	}
	if (limit) {
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){limit, limit});
	}
	signal(SIGCHLD, SIG_IGN);
	for (int i = 0;; i++) {
		struct sockaddr_in sa;
		socklen_t len = sizeof(sa);
		int conn = accept(listener, (struct sockaddr *)&sa, &len);

		if (conn < 0) {
			die("accept");
		}
		if (born() == 0) {
			close(listener);
			child(conn, ntohs(sa.sin_port), limit ? 0 : i % 4);
		}
	}
}
