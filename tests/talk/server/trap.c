/* SPDX-License-Identifier: MIT */
/*
 * trap HOW: correct servers that a shim may take for leaky ones. The child has its turn, and it
 * looks as if nobody else could want the connection; but somebody does.
 *
 *   oneshot  the listening socket is closed before the fork: the parent is nobody's accept loop
 *   dead     the parent's main thread has ended; a worker goes on, and the process is not dead
 *   killed   the parent has read the first bytes itself; its child is killed, and after a look at
 *            its listener it answers that something went wrong
 *   chain    the helper gets the connection on 0 and 1 through a third number
 *   streams  two streams on one descriptor, closed one after the other, and then exit
 */
#include "server.h"

#include <poll.h>
#include <pthread.h>
#include <spawn.h>

extern char **environ;

static int conn;
static pthread_t main_thread;

/* A child that reads all, says its word and goes. */
static pid_t slurper(const char *word)
{
	pid_t pid = born();

	if (pid == 0) {
		slurp(conn);
		say(conn, word);
		_exit(0);
	}
	return pid;
}

static void await(pid_t pid)
{
	if (waitpid(pid, NULL, 0) != pid) {
		die("waitpid");
	}
}

static void oneshot(int listener)
{
	close(listener);
	await(slurper("ack "));
	say(conn, "answer");
}

static void *worker(void *unused)
{
	pid_t pid;

	(void)unused;
	pthread_join(main_thread, NULL);
	pid = born();
	if (pid == 0) {
		hear(KID_FD);
		slurp(conn);
		say(conn, "one ");
		_exit(0);
	}
	say(conn, "zero ");
	report("ready");
	await(pid);
	say(conn, "two");
	close(conn);
	hear(CONTROL_FD);
	exit(0);
}

static void dead(void)
{
	pthread_t thread;

	main_thread = pthread_self();
	pthread_create(&thread, NULL, worker, NULL);
	pthread_exit(NULL);
}

static void killed(int listener)
{
	struct pollfd clients = {listener, POLLIN, 0};
	char header[4];
	pid_t pid;

	if (read(conn, header, sizeof(header)) != sizeof(header)) {
		die("header");
	}
	pid = born();
	if (pid == 0) {
		slurp(conn);
		kill(getpid(), SIGKILL);
	}
	await(pid);
	poll(&clients, 1, 0);
	say(conn, "500 sorry");
}

static void chain(void)
{
	static char sh[] = "sh", flag[] = "-c", text[] = "read go <&5; cat; echo done";
	char *argv[] = {sh, flag, text, NULL};
	posix_spawn_file_actions_t actions;
	struct pollfd client = {conn, POLLIN, 0};
	char byte;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, conn, 9);
	posix_spawn_file_actions_adddup2(&actions, 9, 0);
	posix_spawn_file_actions_adddup2(&actions, 9, 1);
	if (posix_spawn(&pid, "/bin/sh", &actions, NULL, argv, environ) != 0) {
		die("spawn");
	}
	posix_spawn_file_actions_destroy(&actions);
	poll(&client, 1, -1);
	if (recv(conn, &byte, 1, MSG_PEEK) != 1) {
		die("peek");
	}
	hear(CONTROL_FD);
	close(conn);
	report("ready");
	await(pid);
}

static void streams(void)
{
	pid_t pid = born();
	int status;

	if (pid == 0) {
		FILE *in = fdopen(conn, "r"), *out = fdopen(conn, "w");
		static char *again[256]; /* where the streams were */
		char line[64];

		if (!in || !out) {
			die("fdopen");
		}
		while (fgets(line, sizeof(line), in)) {
			fputs(line, out);
		}
		fflush(out);
		fclose(in);
		fclose(out);
		for (size_t i = 0; i < 256; i++) {
			again[i] = malloc(8 * i + 8);
			if (again[i]) {
				memset(again[i], 'A', 8 * i + 8);
			}
		}
		exit(0);
	}
	if (waitpid(pid, &status, 0) != pid) {
		die("waitpid");
	}
	dprintf(REPORT_FD, "child %x\n", (unsigned)status);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	int listener = listen_any();

	signal(SIGPIPE, SIG_IGN);
	conn = accept_one(listener);
	if (strcmp(how, "oneshot") == 0) {
		oneshot(listener);
	} else if (strcmp(how, "dead") == 0) {
		dead();
	} else if (strcmp(how, "killed") == 0) {
		killed(listener);
	} else if (strcmp(how, "chain") == 0) {
		chain();
	} else {
		streams();
	}
	close(conn);
	report("answered");
	hear(CONTROL_FD);
	return 0;
}
