/* SPDX-License-Identifier: MIT */
/*
 * leaving HOW: an accept loop whose first connection a brother has inherited, who is undecided, and
 * which a child echoes. The loop will not come by any more, or has nothing to come by for.
 *
 *   exit      it ends with its next client; a helper that was exec'd with the connection lives on
 *   drain     with its next client it closes its listener, and waits until it is told to end
 *   close     with its next client it closes its copy, and waits so
 *   exec      with its next client it becomes another program
 *   careful   it closed its copy at once, as it does with every client that it gives to a child
 */
#include "server.h"

static pid_t kid;

/* accept goes on where it was: the loop does not come by for this. */
static void on_child(int sig)
{
	int saved = errno;
	pid_t pid;

	(void)sig;
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		if (pid == kid) {
			report("kid is dead");
		}
	}
	errno = saved;
}

static void make_helper(void)
{
	if (born() == 0) {
		execl("/bin/sh", "sh", "-c", "echo helper $$ >&3; exec cat <&5 >/dev/null", NULL);
		die("sh");
	}
}

static void make_brother(void)
{
	pid_t pid = born();

	if (pid == 0) {
		hear(KID_FD);
		exit(0);
	}
	dprintf(REPORT_FD, "brother %d\n", pid);
}

static void serve(int listener, int conn)
{
	kid = born();
	if (kid == 0) {
		close(listener);
		copy(conn, conn);
		close(conn);
		report("closed");
		exit(0);
	}
}

/* Clients of no interest, each with a child of its own. */
static void be_careful(int listener, int conn)
{
	close(conn);
	while (hear(CONTROL_FD) != 0) {
		conn = accept_one(listener);
		if (born() == 0) {
			exit(0);
		}
		close(conn);
		report("poked");
	}
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "exit";
	struct sigaction restarting = {.sa_handler = on_child, .sa_flags = SA_RESTART};
	int listener = listen_any(), conn;

	sigaction(SIGCHLD, &restarting, NULL);
	conn = accept_one(listener);
	make_brother();
	if (strcmp(how, "exit") == 0) {
		make_helper();
	}
	serve(listener, conn);
	if (strcmp(how, "careful") == 0) {
		be_careful(listener, conn);
		return farewell(listener);
	}
	accept_one(listener);
	if (strcmp(how, "drain") == 0) {
		close(listener);
	} else if (strcmp(how, "close") == 0) {
		close(conn);
	} else if (strcmp(how, "exec") == 0) {
		execl("/bin/sh", "sh", "-c", "echo left >&3; exec cat <&4", NULL);
		die("sh");
	}
	report("left");
	if (strcmp(how, "exit") != 0) {
		hear(CONTROL_FD);
	}
	return 0;
}
