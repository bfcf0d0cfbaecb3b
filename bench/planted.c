/* SPDX-License-Identifier: MIT */
/*
 * A shim that breaks every promise that is counted: bench/check must see each of them broken.
 *
 * read and close waste some instructions; fork walks over the open descriptors, in the parent
 * and in the child, and the child touches pages.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WASTED = 40, WALKED = 256, TOUCHED = 16, PAGE = 4096 };

static volatile int wasted;
static volatile char pages[TOUCHED * PAGE];

static void waste(int rounds)
{
	for (int i = 0; i < rounds; i++) {
		wasted += i;
	}
}

static void walk(void)
{
	for (int fd = 0; fd < WALKED; fd++) {
		waste(fcntl(fd, F_GETFD) >= 0 ? 1 : 0);
	}
}

ssize_t read(int fd, void *buffer, size_t count)
{
	waste(WASTED);
	return syscall(SYS_read, fd, buffer, count);
}

int close(int fd)
{
	waste(WASTED);
	return (int)syscall(SYS_close, fd);
}

pid_t fork(void)
{
	walk();

	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0) {
		walk();
		for (int i = 0; i < TOUCHED; i++) {
			pages[i * PAGE] = 1;
		}
	}
	return pid;
}
