/* SPDX-License-Identifier: MIT */
/*
 * forking WAIT KID: the leaky parent, waiting in the way of the day, and a child that serves.
 *
 *   WAIT  accept, poll, select, epoll  it waits there for the next client
 *         wait                         it waits for the child, then for commands, then in accept
 *         own                          ... and has keepalive options of its own
 *   KID   discard  reads to EOF and writes nothing
 *         echo     gives back what it reads
 *         greet    writes a greeting and does not read
 *
 * The child reports its pid, its EOF, waits, closes, reports, waits, exits. The commands: g(o on to
 * accept), w(rite a reply on the connection), c(lose it), k(eepalive: report its options), o(wn
 * keepalive: set some).
 */
#include "server.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

__attribute__((noreturn)) static void child(const char *kid, int conn)
{
	dprintf(REPORT_FD, "kid %d\n", getpid());
	if (strcmp(kid, "echo") == 0) {
		copy(conn, conn);
	} else if (strcmp(kid, "discard") == 0) {
		slurp(conn);
	} else {
		say(conn, "greeting\n");
	}
	report("eof");
	hear(KID_FD);
	close(conn);
	report("closed");
	hear(KID_FD);
	exit(0);
}

static void report_keepalive(int conn)
{
	int on = 0, idle = 0;
	socklen_t len = sizeof(on);

	getsockopt(conn, SOL_SOCKET, SO_KEEPALIVE, &on, &len);
	getsockopt(conn, IPPROTO_TCP, TCP_KEEPIDLE, &idle, &len);
	dprintf(REPORT_FD, "keepalive %d %d\n", on, on ? idle : 0);
}

static void set_keepalive(int conn)
{
	int on = 1, idle = 99;

	setsockopt(conn, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(conn, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
}

static void obey(int conn)
{
	char c;

	while ((c = hear(CONTROL_FD)) && c != 'g') {
		if (c == 'w') {
			say(conn, "parent reply\n");
		} else if (c == 'c') {
			close(conn);
		} else if (c == 'k') {
			report_keepalive(conn);
		}
		report("obeyed");
	}
}

static int wait_in_poll(int listener)
{
	struct pollfd p = {listener, POLLIN, 0};

	while (poll(&p, 1, -1) < 0 && errno == EINTR) {
	}
	return farewell(listener);
}

static int wait_in_select(int listener)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(listener, &set);
	if (select(listener + 1, &set, NULL, NULL, NULL) < 0) {
		die("select");
	}
	return farewell(listener);
}

static int wait_in_epoll(int listener, int ep)
{
	struct epoll_event got;

	if (epoll_wait(ep, &got, 1, -1) < 0) {
		die("epoll_wait");
	}
	return farewell(listener);
}

int main(int argc, char **argv)
{
	const char *how = argc > 2 ? argv[1] : "accept";
	struct epoll_event want = {.events = EPOLLIN};
	int listener = listen_any(), ep = epoll_create1(0), conn;
	pid_t pid;

	if (epoll_ctl(ep, EPOLL_CTL_ADD, listener, &want) < 0) {
		die("epoll_ctl");
	}
	conn = accept_one(listener);
	if (strcmp(how, "own") == 0) {
		set_keepalive(conn);
	}
	pid = born();
	if (pid == 0) {
		close(listener);
		child(argc > 2 ? argv[2] : "echo", conn);
	}
	if (strcmp(how, "wait") == 0 || strcmp(how, "own") == 0) {
		bury(pid);
		report("reaped");
		obey(conn);
		return farewell(listener);
	}
	signal(SIGCHLD, SIG_IGN);
	if (strcmp(how, "poll") == 0) {
		return wait_in_poll(listener);
	}
	if (strcmp(how, "select") == 0) {
		return wait_in_select(listener);
	}
	return strcmp(how, "epoll") == 0 ? wait_in_epoll(listener, ep) : farewell(listener);
}
