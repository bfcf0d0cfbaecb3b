/* SPDX-License-Identifier: MIT */
/*
 * leaky_echo [-6] [PORT]: an echo server with the oldest mistake of forking servers.
 *
 * Wrong: the parent forks a child for each connection and never closes its own copy of it.
 * Seen:  clients wait for ever for the server's EOF, CLOSE_WAIT grows by one per client, and one
 *        day accept says "Too many open files".
 * Cure:  close(conn); in the parent, below the fork.
 */
#include <err.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

int main(int argc, char **argv)
{
	bool six = argc > 1 && strcmp(argv[1], "-6") == 0;
	const char *port = argc > 1 + six ? argv[1 + six] : "0";
	char *end;

	if (argc > 2 + six || strtoul(port, &end, 10) > 65535 || *end || *port < '0' ||
	    *port > '9') {
		errx(2, "usage: leaky_echo [-6] [PORT]");
	}
	int listener = listen_on(six ? "::1" : "127.0.0.1", port);

	signal(SIGCHLD, SIG_IGN); /* the kernel reaps the children */
	for (;;) {
		int conn = accept(listener, NULL, NULL);

		if (conn < 0) {
			warn("accept");
			poll(NULL, 0, 100); /* out of descriptors: do not spin */
			continue;
		}
		if (fork() == 0) {
			close(listener);
			serve(conn);
			_exit(0);
		}
		/* here the parent forgets: close(conn); */
	}
}
