/* SPDX-License-Identifier: MIT */
/*
 * forks [-u] COUNT: a server with COUNT open connections forks once.
 *
 * It prints the port it listens on and accepts COUNT connections. With -u another
 * process comes to hold all of them first, and each is read from afterwards, so that
 * everything that can be known of a connection is known. Then fork_once(), in the parent
 * and in the child; then close_some() closes a few of the connections, and accept_some()
 * takes as many new ones. Only these three count.
 * Before it ends it prints how much memory it has of its own, in KiB, before the first
 * connection and after the last: that is what connections cost when nobody counts.
 */
#include <err.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SOME = 10 };

static int checked(int result, const char *what)
{
	if (result < 0) {
		err(2, "%s", what);
	}
	return result;
}

static int listen_anywhere(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = checked(socket(AF_INET, SOCK_STREAM, 0), "socket");

	checked(bind(fd, (struct sockaddr *)&address, length), "bind");
	checked(listen(fd, 4096), "listen");
	checked(getsockname(fd, (struct sockaddr *)&address, &length), "getsockname");
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

/* KiB of memory that is not of a file, shared after a fork or not: proc(5). */
static long own_memory(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "r");
	char line[256];
	long size = -1;

	if (file == NULL) {
		err(2, "/proc/self/smaps_rollup");
	}
	while (size < 0 && fgets(line, sizeof(line), file) != NULL) {
		sscanf(line, "Anonymous: %ld", &size);
	}
	fclose(file);
	if (size < 0) {
		errx(2, "smaps_rollup: no line Anonymous");
	}
	return size;
}

/* A process that holds whatever this one holds now; it ends when *keep is closed. */
static pid_t begin_sharing(int *keep)
{
	int ends[2];
	char none;

	checked(pipe(ends), "pipe");
	pid_t pid = checked(fork(), "fork");

	if (pid == 0) {
		close(ends[1]);
		_exit(read(ends[0], &none, 1) == 0 ? 0 : 2);
	}
	close(ends[0]);
	*keep = ends[1];
	return pid;
}

static void use_all(const int *connections, int count)
{
	char byte;

	for (int i = 0; i < count; i++) {
		if (read(connections[i], &byte, 1) != 1) {
			err(2, "read");
		}
	}
}

/* What is counted: callgrind is told one of these names. */

static __attribute__((noinline)) pid_t fork_once(void)
{
	return fork();
}

static __attribute__((noinline)) void close_some(const int *connections)
{
	for (int i = 0; i < SOME; i++) {
		close(connections[i]);
	}
}

static __attribute__((noinline)) void accept_some(int listener)
{
	for (int i = 0; i < SOME; i++) {
		checked(accept(listener, NULL, NULL), "accept");
	}
}

int main(int argc, char **argv)
{
	bool used = argc > 1 && strcmp(argv[1], "-u") == 0;
	int count = argc > 1 + used ? atoi(argv[1 + used]) : -1;
	int *connections = calloc((size_t)(count > 0 ? count : 1), sizeof(int));
	int keep = -1;

	if (count < 0 || connections == NULL) {
		errx(2, "usage: forks [-u] COUNT");
	}
	int listener = listen_anywhere();
	long before = own_memory();

	for (int i = 0; i < count; i++) {
		connections[i] = checked(accept(listener, NULL, NULL), "accept");
	}
	pid_t holder = used ? begin_sharing(&keep) : -1;

	if (used) {
		use_all(connections, count);
	}
	long after = own_memory();
	pid_t child = checked(fork_once(), "fork");

	if (child == 0) {
		_exit(0);
	}
	if (waitpid(child, NULL, 0) != child || (holder > 0 && close(keep) != 0) ||
	    (holder > 0 && waitpid(holder, NULL, 0) != holder)) {
		err(2, "waitpid");
	}
	if (count >= SOME) {
		close_some(connections);
		accept_some(listener);
	}
	printf("%ld %ld\n", before, after);
	return 0;
}
