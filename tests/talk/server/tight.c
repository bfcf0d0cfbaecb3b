/* SPDX-License-Identifier: MIT */
/*
 * tight HOW COUNT IDLE: a server with 32 descriptors and COUNT clients to come, IDLE of which stay.
 *
 *   leaky  it never closes; when accept finds no descriptor it waits for the next death, and gives
 *          up when only the children of the idle ones are left
 *   late   it is right: its SIGCHLD handler closes the dead child's connection, and when accept
 *          finds no descriptor it waits for the next death
 *
 *   linger the same, but its children close and live on until they are told, and once there is no
 *          descriptor left it waits for a command between accept and fork: whoever closes a number
 *          then must mean the dead connection, not the new one
 *
 * When all have been served it waits in accept for the goodbye. Then it reports, waits for a
 * command, and closes each number it was ever given: each close must succeed, as if nobody had been
 * there before. (late: the handler has closed them.)
 */
#include "server.h"

#include <sys/resource.h>

enum { LIMIT = 32 };

static bool late, lingers;
static int room;                    /* connections that there are descriptors for */
static volatile pid_t owner[LIMIT]; /* who serves the connection with this number */
static bool given[LIMIT];
static volatile sig_atomic_t deaths;
static int births, idle;

static void on_child(int sig)
{
	int saved = errno;
	pid_t pid;

	(void)sig;
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		deaths++;
		for (int fd = 0; late && fd < LIMIT; fd++) {
			if (owner[fd] == pid) {
				owner[fd] = 0;
				close(fd);
			}
		}
		if (lingers && deaths == room) {
			report("all are dead");
		}
	}
	errno = saved;
}

/* -1: no descriptor left. */
static int next_client(int listener)
{
	sigset_t chld, old;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	for (;;) {
		sig_atomic_t before = deaths;
		int fd = accept(listener, NULL, NULL);

		if (fd >= 0 || (errno != EINTR && errno != EMFILE)) {
			return fd;
		}
		if (errno == EINTR) {
			continue;
		}
		sigprocmask(SIG_BLOCK, &chld, &old);
		if (!late && births - deaths <= idle && deaths == before) {
			sigprocmask(SIG_SETMASK, &old, NULL);
			return -1;
		}
		while (deaths == before) {
			sigsuspend(&old);
		}
		sigprocmask(SIG_SETMASK, &old, NULL);
	}
}

static void serve(int conn, int listener)
{
	sigset_t chld, old;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, &old);
	owner[conn] = born();
	given[conn] = true;
	births++;
	if (owner[conn] == 0) {
		close(listener);
		for (int fd = 0; late && fd < LIMIT; fd++) {
			if (owner[fd]) {
				close(fd); /* a brother's */
			}
		}
		copy(conn, conn);
		if (lingers) {
			close(conn);
			report("closed");
			hear(KID_FD);
		}
		_exit(0);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void close_again(void)
{
	int bad = 0;

	for (int fd = 0; fd < LIMIT; fd++) {
		bad += !late && given[fd] && close(fd) < 0;
	}
	dprintf(REPORT_FD, "%d closes failed\n", bad);
}

int main(int argc, char **argv)
{
	struct rlimit tight = {LIMIT, LIMIT};
	int listener = listen_any(), count = argc > 2 ? atoi(argv[2]) : 0;

	idle = argc > 3 ? atoi(argv[3]) : 0;

	lingers = argc > 1 && strcmp(argv[1], "linger") == 0;
	late = lingers || (argc > 1 && strcmp(argv[1], "late") == 0);
	room = LIMIT - dup(listener);
	close(LIMIT - room);
	if (lingers) {
		dprintf(REPORT_FD, "room %d\n", room);
		count = room + 1;
	}
	setrlimit(RLIMIT_NOFILE, &tight);
	signal(SIGCHLD, on_child);
	for (int i = 0; i <= count; i++) {
		int conn = next_client(listener);

		if (conn < 0) {
			report("no descriptor");
			close(listener);
			break;
		}
		if (lingers && i == room) {
			hear(CONTROL_FD);
		}
		if (i < count) {
			serve(conn, listener);
		}
	}
	report("done");
	hear(CONTROL_FD);
	close_again();
	return 0;
}
