/* SPDX-License-Identifier: MIT */
/*
 * odd HOW: correct servers of kinds that one meets seldom. In each, somebody reads the request to
 * its end and goes, and somebody else, who did not look as if, answers.
 *
 *   unix     the parent takes the child's result from a local socket, by accept
 *   private  ... from a port of its own, by accept;  polled: by poll
 *   epoll    the parent waits for clients and for its child's pipe, which was registered with
 *            epoll before there was any socket
 *   select   ... with select
 *   third    two children: one reads, the other answers
 *   daemon   the server goes into the background between request and answer
 *   double   a child forks the one that serves, and goes
 *   wait     the child itself accepts, from the listening socket that it got on 0 by exec
 *   spawn    the helper is spawned, with the connection on 0, and afterwards the parent answers;
 *            vfork: it is vforked
 *   ftp      a second connection, made by the server; a helper empties it, the session signs it
 */
#include "server.h"

#include <poll.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/un.h>

extern char **environ;

static int listener;

/* A child that reads the request, closes it and says on `to`, a pipe, that it has. */
static pid_t reader(int conn, int to)
{
	pid_t pid = born();

	if (pid == 0) {
		slurp(conn);
		close(conn);
		report("read");
		hear(KID_FD);
		say(to, "x");
		_exit(0);
	}
	return pid;
}

static int dial_unix(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
		die("connect");
	}
	return fd;
}

static void by_unix(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int results = socket(AF_UNIX, SOCK_STREAM, 0), conn;

	snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "odd-%d", getpid());
	if (bind(results, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(results, 1) < 0) {
		die("unix");
	}
	conn = accept_one(listener);
	if (born() == 0) {
		slurp(conn);
		close(conn);
		report("read");
		hear(KID_FD);
		dial_unix(&address);
		_exit(0);
	}
	accept_one(results);
	say(conn, "answer");
	close(conn);
}

static void by_private_port(bool polls)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	int conn = accept_one(listener), results = socket(AF_INET, SOCK_STREAM, 0);
	struct pollfd p = {results, POLLIN, 0};

	if (bind(results, (struct sockaddr *)&sa, len) < 0 || listen(results, 1) < 0 ||
	    getsockname(results, (struct sockaddr *)&sa, &len) < 0) {
		die("listen");
	}
	if (born() == 0) {
		slurp(conn);
		close(conn);
		report("read");
		hear(KID_FD);
		dial(ntohs(sa.sin_port));
		_exit(0);
	}
	if (polls) {
		poll(&p, 1, -1);
	} else {
		accept_one(results);
	}
	say(conn, "answer");
	close(conn);
}

static void by_epoll(void)
{
	int epoll = epoll_create1(0), p[2], conn;
	struct epoll_event event = {.events = EPOLLIN};

	if (pipe(p) < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, p[0], &event) < 0) {
		die("epoll");
	}
	listener = listen_any();
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
	conn = accept_one(listener);
	reader(conn, p[1]);
	epoll_wait(epoll, &event, 1, -1);
	say(conn, "answer");
	close(conn);
}

static void by_select(void)
{
	int p[2], conn = accept_one(listener);
	fd_set set;

	if (pipe(p) < 0) {
		die("pipe");
	}
	reader(conn, p[1]);
	FD_ZERO(&set);
	FD_SET(listener, &set);
	FD_SET(p[0], &set);
	select(p[0] + 1, &set, NULL, NULL, NULL);
	say(conn, "answer");
	close(conn);
}

static void by_third(void)
{
	int p[2], conn = accept_one(listener);
	char byte;

	if (pipe(p) < 0) {
		die("pipe");
	}
	if (born() == 0) {
		if (read(p[0], &byte, 1) != 1) {
			die("read");
		}
		say(conn, "answer");
		_exit(0);
	}
	reader(conn, p[1]);
	close(conn);
}

static void by_daemon(void)
{
	int conn = accept_one(listener);

	slurp(conn);
	if (daemon(1, 1) < 0) {
		die("daemon");
	}
	report("read");
	hear(KID_FD);
	say(conn, "answer");
	close(conn);
}

static void by_double_fork(void)
{
	int conn = accept_one(listener);
	pid_t pid = born();

	if (pid == 0) {
		if (born() == 0) {
			slurp(conn);
			report("read");
			hear(KID_FD);
			say(conn, "answer");
		}
		exit(0);
	}
	bury(pid);
	close(conn);
}

/* `odd accept`: the program on the listening socket. */
static int accept_on_0(void)
{
	int conn = accept_one(0);

	if (born() == 0) {
		slurp(conn);
		exit(0);
	}
	if (wait(NULL) < 0) {
		die("wait");
	}
	report("read");
	hear(KID_FD);
	say(conn, "answer");
	return 0;
}

static void by_wait(void)
{
	struct pollfd p = {listener, POLLIN, 0};
	pid_t pid;

	poll(&p, 1, -1);
	pid = born();
	if (pid == 0) {
		dup2(listener, 0);
		close(listener);
		execl("/proc/self/exe", "odd", "accept", (char *)NULL);
		die("exec");
	}
	bury(pid);
}

static void by_spawn(void)
{
	static char sh[] = "sh", flag[] = "-c", text[] = "cat >/dev/null";
	char *argv[] = {sh, flag, text, NULL};
	int conn = accept_one(listener);
	posix_spawn_file_actions_t actions;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, conn, 0);
	if (posix_spawn(&pid, "/bin/sh", &actions, NULL, argv, environ) != 0) {
		die("spawn");
	}
	posix_spawn_file_actions_destroy(&actions);
	bury(pid);
	report("read");
	hear(KID_FD);
	say(conn, "answer");
	close(conn);
}

static void by_vfork(void)
{
	int conn = accept_one(listener);
	pid_t pid = vfork();

	if (pid == 0) {
		dup2(conn, 0);
		execl("/bin/sh", "sh", "-c", "cat >/dev/null", (char *)NULL);
		_exit(1);
	}
	bury(pid);
	report("read");
	hear(KID_FD);
	say(conn, "answer");
	close(conn);
}

/* The client says where it listens for its data. */
static void by_ftp(void)
{
	int conn = accept_one(listener), data;
	char port[16] = "";
	pid_t pid = born();

	if (pid != 0) {
		bury(pid);
		close(conn);
		return;
	}
	if (read(conn, port, sizeof(port) - 1) <= 0) {
		die("port");
	}
	data = dial(atoi(port));
	pid = born();
	if (pid == 0) {
		slurp(data);
		_exit(0);
	}
	bury(pid);
	report("read");
	hear(KID_FD);
	say(data, "signed");
	close(data);
	say(conn, "answer");
	exit(0);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	static const struct {
		const char *how;
		void (*serve)(void);
	} ways[] = {
		{"unix", by_unix},          {"select", by_select}, {"third", by_third},
		{"daemon", by_daemon},      {"wait", by_wait},     {"ftp", by_ftp},
		{"double", by_double_fork}, {"spawn", by_spawn},   {"vfork", by_vfork},
	};

	if (strcmp(how, "accept") == 0) {
		return accept_on_0();
	}
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(how, "epoll") == 0) {
		by_epoll();
		return farewell(listener);
	}
	listener = listen_any();
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(how, ways[i].how) == 0) {
			ways[i].serve();
		}
	}
	if (how[0] == 'p') {
		by_private_port(strcmp(how, "polled") == 0);
	}
	return farewell(listener);
}
