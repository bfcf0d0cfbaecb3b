/* SPDX-License-Identifier: MIT */
/*
 * faults COUNT: a forking echo server that serves COUNT clients, one after the other.
 *
 * For each it prints how many pages its child touched first (minor page faults), from
 * fork to _exit, and how many the parent did since the one before: getrusage(2). Both
 * do what they do in a leaky server.
 * The client is a process of its own, made before there is anything to hold.
 * Then comes the processor time that one connection took, of both, in nanoseconds.
 * At last one child more tells, instead of a number, all that the kernel knows of its
 * mappings when it has served and closed: /proc/self/smaps.
 */
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int checked(int result, const char *what)
{
	if (result < 0) {
		err(2, "%s", what);
	}
	return result;
}

/* Connects `count` times: says a word, hears it back, leaves. */
static void be_client(const struct sockaddr_in *address, int count)
{
	char word[] = "word";

	for (int i = 0; i < count; i++) {
		int fd = checked(socket(AF_INET, SOCK_STREAM, 0), "socket");

		checked(connect(fd, (const struct sockaddr *)address, sizeof(*address)), "connect");
		if (write(fd, word, sizeof(word)) != (ssize_t)sizeof(word) ||
		    read(fd, word, sizeof(word)) <= 0) {
			err(2, "client");
		}
		close(fd);
	}
}

static void serve(int conn)
{
	char buffer[4096];
	ssize_t got;

	while ((got = read(conn, buffer, sizeof(buffer))) > 0) {
		if (write(conn, buffer, (size_t)got) != got) {
			break;
		}
	}
	close(conn);
}

/* Only system calls and its own stack: what it touches would be in what it tells. */
static void tell_mappings(void)
{
	char buffer[4096];
	int fd = checked(open("/proc/self/smaps", O_RDONLY), "/proc/self/smaps");
	ssize_t got;

	while ((got = read(fd, buffer, sizeof(buffer))) > 0) {
		if (write(STDOUT_FILENO, buffer, (size_t)got) != got) {
			err(2, "write");
		}
	}
}

static long faults_of(pid_t child)
{
	struct rusage usage;
	int status;

	checked(wait4(child, &status, 0, &usage), "wait4");
	if (status != 0) {
		errx(2, "the child failed: %#x", (unsigned)status);
	}
	return usage.ru_minflt;
}

static int64_t nanoseconds(const struct rusage *usage)
{
	return ((int64_t)usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000000 +
	       ((int64_t)usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) * 1000;
}

/* Of this process and of its children, all of which have ended. */
static int64_t time_used(void)
{
	struct rusage own;
	struct rusage children;

	checked(getrusage(RUSAGE_SELF, &own), "getrusage");
	checked(getrusage(RUSAGE_CHILDREN, &children), "getrusage");
	return nanoseconds(&own) + nanoseconds(&children);
}

static long own_faults(void)
{
	struct rusage usage;

	checked(getrusage(RUSAGE_SELF, &usage), "getrusage");
	return usage.ru_minflt;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int count = argc == 2 ? atoi(argv[1]) : 0;

	if (count <= 0) {
		errx(2, "usage: faults COUNT");
	}
	int listener = checked(socket(AF_INET, SOCK_STREAM, 0), "socket");

	checked(bind(listener, (struct sockaddr *)&address, length), "bind");
	checked(listen(listener, 128), "listen");
	checked(getsockname(listener, (struct sockaddr *)&address, &length), "getsockname");

	pid_t client = checked(fork(), "fork");

	if (client == 0) {
		close(listener);
		be_client(&address, count + 1);
		_exit(0);
	}
	int64_t begun = time_used();
	long before = own_faults();

	for (int i = 0; i <= count; i++) {
		if (i == count) {
			printf("%lld\n", (long long)(time_used() - begun) / count);
		}

		int conn = checked(accept(listener, NULL, NULL), "accept");

		fflush(stdout); /* the buffer is not for the child */

		pid_t child = checked(fork(), "fork");

		if (child == 0) {
			close(listener);
			serve(conn);
			if (i == count) {
				tell_mappings();
			}
			_exit(0);
		}
		long of_child = faults_of(child);
		long after = own_faults();

		if (i < count) {
			printf("%ld %ld\n", of_child, after - before);
		}
		before = own_faults();
	}
	return waitpid(client, NULL, 0) == client ? 0 : 2;
}
