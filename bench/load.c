/* SPDX-License-Identifier: MIT */
/*
 * load [-e] PORT COUNT AT_ONCE: clients of an echo server, as fast as it lets them.
 *
 * AT_ONCE processes make COUNT connections between them, each process one after the
 * other: connect, say something, hear it back, leave. With -e each says that it is
 * done and waits for the server's EOF before it leaves.
 * Prints the nanoseconds that all of it took, then one line per connection: the
 * nanoseconds from before its connect until it had heard (or, with -e, seen the EOF).
 */
#include <err.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	SAID = 64,
	AT_ONCE_MAX = 64,
	/* A server that keeps a client waiting longer than this has failed. */
	PATIENCE_SECONDS = 30,
};

static int64_t now(void)
{
	struct timespec at;

	if (clock_gettime(CLOCK_MONOTONIC, &at) != 0) {
		err(2, "clock_gettime");
	}
	return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static void hear(int fd)
{
	char heard[SAID];
	ssize_t got;

	for (size_t sum = 0; sum < SAID; sum += (size_t)got) {
		got = read(fd, heard, SAID - sum);
		if (got <= 0) {
			err(2, "no echo");
		}
	}
}

static int64_t converse(const struct sockaddr_in *server, bool until_end)
{
	struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
	char said[SAID] = "";
	int64_t begun = now();
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0 ||
	    connect(fd, (const struct sockaddr *)server, sizeof(*server)) != 0 ||
	    write(fd, said, SAID) != SAID) {
		err(2, "client");
	}
	hear(fd);
	if (until_end && (shutdown(fd, SHUT_WR) != 0 || read(fd, said, SAID) != 0)) {
		err(2, "no end");
	}
	int64_t took = now() - begun;

	close(fd);
	return took;
}

int main(int argc, char **argv)
{
	bool until_end = argc > 1 && strcmp(argv[1], "-e") == 0;
	char **words = argv + 1 + until_end;
	struct sockaddr_in server = {.sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	if (argc != 4 + until_end) {
		errx(2, "usage: load [-e] PORT COUNT AT_ONCE");
	}
	int count = atoi(words[1]);
	int at_once = atoi(words[2]);

	server.sin_port = htons((uint16_t)atoi(words[0]));
	if (count <= 0 || at_once <= 0 || at_once > AT_ONCE_MAX) {
		errx(2, "COUNT is at least 1, AT_ONCE 1 to %d", AT_ONCE_MAX);
	}
	int64_t *took = mmap(NULL, (size_t)count * sizeof(*took), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t clients[AT_ONCE_MAX];
	int status;

	if (took == MAP_FAILED) {
		err(2, "mmap");
	}
	int64_t begun = now();

	for (int i = 0; i < at_once; i++) {
		clients[i] = fork();
		if (clients[i] < 0) {
			err(2, "fork");
		}
		for (int at = i; clients[i] == 0 && at < count; at += at_once) {
			took[at] = converse(&server, until_end);
		}
		if (clients[i] == 0) {
			_exit(0);
		}
	}
	for (int i = 0; i < at_once; i++) {
		if (waitpid(clients[i], &status, 0) != clients[i] || status != 0) {
			errx(2, "a client failed");
		}
	}
	printf("%lld\n", (long long)(now() - begun));
	for (int i = 0; i < count; i++) {
		printf("%lld\n", (long long)took[i]);
	}
	return 0;
}
