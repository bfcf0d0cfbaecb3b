/* SPDX-License-Identifier: MIT */
/*
 * leaky_prefork [-6] [PORT]: a prefork echo server. Four workers wait in accept; one that gets a
 * connection forks its successor first, so that four are always waiting, then serves and exits.
 *
 * Wrong: the successor is born with the connection its parent is about to serve, and keeps it.
 * Seen:  CLOSE_WAIT sockets held by idle workers that never spoke with those clients; the master,
 *        where one looks first, holds none.
 * Cure:  close(conn); in the successor, before it goes back to accept.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WORKERS = 4 };

static int listen_on(const char *host, const char *port)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				 .ai_socktype = SOCK_STREAM};
	struct addrinfo *at;
	int why = getaddrinfo(host, port, &hints, &at);

	if (why != 0) {
		errx(2, "port %s: %s", port, gai_strerror(why));
	}
	int listener = socket(at->ai_family, SOCK_STREAM, 0);
	int on = 1;

	if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(listener, at->ai_addr, at->ai_addrlen) != 0 || listen(listener, 128) != 0 ||
	    getsockname(listener, at->ai_addr, &at->ai_addrlen) != 0) {
		err(1, "listen on port %s", port);
	}
	char got[NI_MAXSERV];

	getnameinfo(at->ai_addr, at->ai_addrlen, NULL, 0, got, sizeof(got), NI_NUMERICSERV);
	printf(strchr(host, ':') ? "listening on [%s]:%s\n" : "listening on %s:%s\n", host, got);
	fflush(stdout);
	freeaddrinfo(at);
	return listener;
}

static void serve(int conn)
{
	char buf[4096];
	ssize_t got;

	while ((got = read(conn, buf, sizeof(buf))) > 0) {
		if (write(conn, buf, (size_t)got) != got) {
			break;
		}
	}
	close(conn);
}

/* Accepts until `lifeline` says that the master is gone. */
static void work(int listener, int lifeline)
{
	struct pollfd wait[2] = {{.fd = listener, .events = POLLIN}, {.fd = lifeline}};

	while (poll(wait, 2, -1) > 0 && wait[1].revents == 0) {
		int conn = accept(listener, NULL, NULL);

		if (conn < 0) { /* another worker was faster, or there are no descriptors left */
			poll(NULL, 0, errno == EAGAIN ? 0 : 100);
			continue;
		}
		pid_t successor = fork();

		if (successor == 0) {
			continue; /* here the successor forgets: close(conn); */
		}
		serve(conn);
		if (successor > 0) {
			return;
		}
	}
}

int main(int argc, char **argv)
{
	bool six = argc > 1 && strcmp(argv[1], "-6") == 0;
	const char *port = argc > 1 + six ? argv[1 + six] : "0";
	char *end;
	int lifeline[2];

	if (argc > 2 + six || strtoul(port, &end, 10) > 65535 || *end || *port < '0' ||
	    *port > '9') {
		errx(2, "usage: leaky_prefork [-6] [PORT]");
	}
	int listener = listen_on(six ? "::1" : "127.0.0.1", port);

	/* Four wait for one listener, and three find nothing: they must not block in accept. */
	if (fcntl(listener, F_SETFL, O_NONBLOCK) != 0 || pipe(lifeline) != 0) {
		err(1, "prepare");
	}
	/* Successors outlive their parents: they come to the master, and the kernel reaps them. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGCHLD, SIG_IGN);
	for (int i = 0; i < WORKERS; i++) {
		if (fork() == 0) {
			close(lifeline[1]);
			work(listener, lifeline[0]);
			_exit(0);
		}
	}
	for (;;) {
		pause();
	}
}
