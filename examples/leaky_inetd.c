/* SPDX-License-Identifier: MIT */
/*
 * leaky_inetd [-6] [PORT] [-- COMMAND [ARG...]]: a superserver in the manner of inetd. Each client
 * gets a COMMAND of its own (default: cat) with the connection on descriptors 0, 1 and 2.
 *
 * Wrong: the superserver never closes its own copy of the connection it started COMMAND for.
 * Seen:  COMMAND is long gone, its client still waits for the end of the answer, and the CLOSE_WAIT
 *        sockets belong to a program that never read a byte of them.
 * Cure:  close(conn); in the superserver, below the fork.
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

static void run(int conn, char **command)
{
	signal(SIGCHLD, SIG_DFL); /* a shell as COMMAND wants to wait for its own children */
	for (int fd = 0; fd <= 2; fd++) {
		dup2(conn, fd);
	}
	if (conn > 2) {
		close(conn);
	}
	execvp(command[0], command);
	_exit(127); /* without a word: descriptor 2 is the client */
}

int main(int argc, char **argv)
{
	char *cat[] = {"cat", NULL};
	char **command = cat;
	const char *port = "0";
	bool six = false;
	int i = 1;

	if (i < argc && strcmp(argv[i], "-6") == 0) {
		six = true;
		i++;
	}
	if (i < argc && strcmp(argv[i], "--") != 0) {
		port = argv[i++];
	}
	if (i + 1 < argc && strcmp(argv[i], "--") == 0) {
		command = &argv[i + 1];
		i = argc;
	}
	char *end;

	if (i < argc || strtoul(port, &end, 10) > 65535 || *end || *port < '0' || *port > '9') {
		errx(2, "usage: leaky_inetd [-6] [PORT] [-- COMMAND [ARG...]]");
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
			run(conn, command);
		}
		/* here the parent forgets: close(conn); */
	}
}
