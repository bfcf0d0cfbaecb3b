/* SPDX-License-Identifier: MIT */
/*
 * leaky_suite [CLIENTS]: the test suite of a forking echo server. All clients, three if nothing
 * is said, get their echo, so the test passes.
 *
 * Wrong: the server under test keeps its copy of each connection. No client noticed.
 * Seen:  nothing, until it runs in production. Under sendfin, with SENDFIN_EXITCODE=99, the
 *        suite fails, and the report names the accept and the fork.
 * Cure:  close(conn); in the server, below the fork.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* One client after the other; the exit status says how many got no echo. */
static int be_clients(const struct sockaddr_in *server, int count)
{
	int failed = 0;

	for (int i = 0; i < count; i++) {
		int conn = socket(AF_INET, SOCK_STREAM, 0);
		char word[4] = "";

		if (connect(conn, (const struct sockaddr *)server, sizeof(*server)) != 0 ||
		    write(conn, "word", 4) != 4 || recv(conn, word, 4, MSG_WAITALL) != 4 ||
		    memcmp(word, "word", 4) != 0) {
			failed++;
		}
		close(conn);
	}
	return failed;
}

/* The code under test. */
static void serve_one(int listener)
{
	int conn = accept(listener, NULL, NULL);
	char buf[256];
	ssize_t got;

	if (fork() == 0) {
		while ((got = read(conn, buf, sizeof(buf))) > 0) {
			if (write(conn, buf, (size_t)got) != got) {
				break;
			}
		}
		close(conn);
		_exit(0);
	}
	/* here the parent forgets: close(conn); */
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 3;
	struct sockaddr_in here = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(here);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int status;
	pid_t clients;

	if (bind(listener, (struct sockaddr *)&here, length) != 0 || listen(listener, 8) != 0 ||
	    getsockname(listener, (struct sockaddr *)&here, &length) != 0) {
		err(1, "listen");
	}
	clients = fork();
	if (clients == 0) {
		close(listener);
		_exit(be_clients(&here, count));
	}
	for (int i = 0; i < count; i++) {
		serve_one(listener);
	}
	waitpid(clients, &status, 0);
	while (wait(NULL) > 0) { /* the servers' children */
	}
	if (status != 0) {
		errx(1, "a client got no echo");
	}
	printf("ok: %d clients got their echo\n", count);
	return 0;
}
