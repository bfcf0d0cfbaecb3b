/* SPDX-License-Identifier: MIT */
/*
 * tree COUNT: a server with COUNT children that do nothing serves a few clients.
 *
 * The sleepers are forked before the first client comes, so none holds its connection, but
 * all are processes of the tree that a child's look at the others meets. For each client it
 * prints what its child spent in close(), in nanoseconds, and the page faults of the
 * child's whole life. The last line is the size and the part in use, in KiB, of the shared
 * memory that the process has mapped: smaps, proc(5).
 */
#include <err.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS = 40 };

static int checked(int result, const char *what)
{
	if (result < 0) {
		err(2, "%s", what);
	}
	return result;
}

static int64_t now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

/* They end when the last copy of the pipe's other end is closed. */
static void make_sleepers(int count, const int *ends)
{
	char none;

	for (int i = 0; i < count; i++) {
		if (checked(fork(), "fork") == 0) {
			close(ends[1]);
			_exit(read(ends[0], &none, 1) == 0 ? 0 : 2);
		}
	}
}

/* A client that says a word, hears it back and leaves; then the child reads EOF and closes. */
static void serve(int conn, int report)
{
	char buffer[64];
	ssize_t got;
	int64_t begun;

	while ((got = read(conn, buffer, sizeof(buffer))) > 0) {
		if (write(conn, buffer, (size_t)got) != got) {
			err(2, "write");
		}
	}
	begun = now();
	close(conn);
	begun = now() - begun;
	if (write(report, &begun, sizeof(begun)) != sizeof(begun)) {
		err(2, "report");
	}
}

static void one_client(int listener, const struct sockaddr_in *address, const int *report)
{
	struct rusage usage;
	char word[4] = "abc";
	int64_t took;
	int status;
	int client = checked(socket(AF_INET, SOCK_STREAM, 0), "socket");

	checked(connect(client, (const struct sockaddr *)address, sizeof(*address)), "connect");
	int conn = checked(accept(listener, NULL, NULL), "accept");
	pid_t child = checked(fork(), "fork");

	if (child == 0) {
		close(client);
		serve(conn, report[1]);
		_exit(0);
	}
	if (write(client, word, sizeof(word)) != (ssize_t)sizeof(word) ||
	    read(client, word, sizeof(word)) != (ssize_t)sizeof(word)) {
		err(2, "client");
	}
	close(client);
	if (read(report[0], &took, sizeof(took)) != sizeof(took) ||
	    wait4(child, &status, 0, &usage) != child || status != 0) {
		errx(2, "the child failed");
	}
	printf("%lld %ld\n", (long long)took, usage.ru_minflt);
	close(conn);
}

static void tell_shared_memory(void)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	char line[512];
	bool is_shared = false;
	long size = 0;
	long used = 0;

	if (file == NULL) {
		err(2, "/proc/self/smaps");
	}
	while (fgets(line, sizeof(line), file) != NULL) {
		long kib;

		if (strstr(line, "-") != NULL && strchr(line, '-') < strchr(line, ' ')) {
			is_shared = strstr(line, "SYSV") != NULL;
		} else if (is_shared && sscanf(line, "Size: %ld", &kib) == 1) {
			size += kib;
		} else if (is_shared && sscanf(line, "Rss: %ld", &kib) == 1) {
			used += kib;
		}
	}
	fclose(file);
	printf("%ld %ld\n", size, used);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int count = argc == 2 ? atoi(argv[1]) : -1;
	int sleep_ends[2];
	int report[2];

	if (count < 0) {
		errx(2, "usage: tree COUNT");
	}
	int listener = checked(socket(AF_INET, SOCK_STREAM, 0), "socket");

	checked(bind(listener, (struct sockaddr *)&address, length), "bind");
	checked(listen(listener, 16), "listen");
	checked(getsockname(listener, (struct sockaddr *)&address, &length), "getsockname");
	checked(pipe(sleep_ends), "pipe");
	checked(pipe(report), "pipe");
	make_sleepers(count, sleep_ends);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16); /* what is in it is not for the children */
	for (int i = 0; i < CLIENTS; i++) {
		one_client(listener, &address, report);
		fflush(stdout);
	}
	tell_shared_memory();
	fflush(stdout);
	close(sleep_ends[1]);
	while (wait(NULL) > 0) {
	}
	return 0;
}
