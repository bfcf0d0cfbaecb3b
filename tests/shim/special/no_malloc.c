/* SPDX-License-Identifier: MIT */
/*
 * A leaky server whose malloc may not be called while it serves: it aborts.
 *
 * A hook runs in signal handlers, between fork and exec, and inside other people's malloc; one that
 * allocates hangs such a program sooner or later. Here it dies at once, and its status tells.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REPORT_FD = 3, CTL_FD = 4, ARENA = 4 << 20 };

static char arena[ARENA] __attribute__((aligned(16)));
static size_t used;
static volatile int forbidden;
static int listener;

/* The simplest allocator there is: nothing is ever given back. */
void *malloc(size_t n)
{
	size_t *p;

	if (forbidden) {
		abort();
	}
	n = (n + 15) / 16 * 16 + 16;
	if (used + n > sizeof(arena)) {
		return NULL;
	}
	p = (size_t *)(void *)(arena + used);
	*p = n;
	used += n;
	return (char *)p + 16;
}

void free(void *p)
{
	if (forbidden && p) {
		abort();
	}
}

void *calloc(size_t a, size_t b)
{
	return malloc(a * b); /* the arena is fresh: zero already */
}

void *realloc(void *old, size_t n)
{
	void *p = malloc(n);

	if (p && old) {
		memcpy(p, old,
		       n < *(size_t *)(void *)((char *)old - 16)
			       ? n
			       : *(size_t *)(void *)((char *)old - 16));
	}
	return p;
}

static void say(const char *what, int number)
{
	char line[32] = "P ok ", digits[8];
	int n = 0;

	strcat(line, what);
	do {
		digits[n++] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	while (n) {
		strncat(line, &digits[--n], 1);
	}
	strcat(line, "\n");
	if (write(REPORT_FD, line, strlen(line)) < 0) {
		_exit(120);
	}
}

static void serve(int fd)
{
	char buf[512];
	ssize_t n;
	int other = dup(fd);

	while ((n = recv(other, buf, sizeof(buf), 0)) > 0) {
		if (write(fd, buf, (size_t)n) != n) {
			break;
		}
	}
	dup2(other, 30);
	close(other);
	close(30);
	close(fd);
}

int main(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	socklen_t len = sizeof(sa);
	int fd, status;
	pid_t pid;
	char c;

	forbidden = 1;
	listener = socket(AF_INET, SOCK_STREAM, 0);
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&sa, len) < 0 || listen(listener, 5) < 0) {
		return 1;
	}
	getsockname(listener, (struct sockaddr *)&sa, &len);
	say("started", 1);
	say("port=", ntohs(sa.sin_port));
	fd = accept(listener, NULL, NULL);
	pid = fork();
	if (pid == 0) {
		serve(fd);
		_exit(5);
	}
	waitpid(pid, &status, 0);
	say("exit=", WIFSIGNALED(status) ? 100 + WTERMSIG(status) : WEXITSTATUS(status));
	c = (char)read(CTL_FD, &c, 1);
	forbidden = 0;
	return c;
}
