/* SPDX-License-Identifier: MIT */
/*
 * Ways of letting go of a descriptor, and ways of making a second one of it.
 *
 * A way either returns what libc returned, or ends the process with status 3 (ENDED_STATUS), so
 * that the runner can tell from the status which door was taken.
 */
#include "victim.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ENDED_STATUS = 3 };

#ifdef __GLIBC__
int __close(int fd);
int __dup2(int from, int to);
int __fcntl(int fd, int cmd, ...);

static int by_close_alias(int fd)
{
	return __close(fd);
}

static int by_dup2_alias(int fd)
{
	return __dup2(REPORT_FD, fd) == fd ? 0 : -1;
}

static int by_close_range(int fd)
{
	return close_range((unsigned)fd, (unsigned)fd, 0);
}

static int by_close_range_all(int fd)
{
	(void)fd;
	return close_range(FIRST_FREE_FD, ~0U, 0);
}

static int by_closefrom(int fd)
{
	closefrom(fd < FIRST_FREE_FD ? FIRST_FREE_FD : fd);
	return 0;
}
#endif

static int by_close(int fd)
{
	return close(fd);
}

static int by_dup2(int fd)
{
	return dup2(REPORT_FD, fd) == fd ? 0 : -1;
}

static int by_dup3(int fd)
{
	return dup3(REPORT_FD, fd, O_CLOEXEC) == fd ? 0 : -1;
}

static int by_syscall(int fd)
{
	return (int)syscall(SYS_close, fd);
}

static int by_syscall_close_range(int fd)
{
#ifdef SYS_close_range
	return (int)syscall(SYS_close_range, fd, fd, 0);
#else
	return close(fd);
#endif
}

static int by_syscall_dup2(int fd)
{
#ifdef SYS_dup2
	return (int)syscall(SYS_dup2, REPORT_FD, fd) == fd ? 0 : -1;
#else
	return dup2(REPORT_FD, fd) == fd ? 0 : -1;
#endif
}

/* A loop over every number, as old daemons do it. */
static int by_loop(int fd)
{
	for (int i = FIRST_FREE_FD; i < 1024; i++) {
		close(i);
	}
	return fd < 1024 ? 0 : -1;
}

static int by_exit(int fd)
{
	(void)fd;
	exit(ENDED_STATUS);
}

static int by_exit_(int fd)
{
	(void)fd;
	_exit(ENDED_STATUS);
}

static int by_Exit(int fd)
{
	(void)fd;
	_Exit(ENDED_STATUS);
}

static int by_quick_exit(int fd)
{
	(void)fd;
	quick_exit(ENDED_STATUS);
}

static int by_syscall_exit_group(int fd)
{
	(void)fd;
	syscall(SYS_exit_group, ENDED_STATUS);
	return -1;
}

/* Unwinds to main, which returns. */
static int by_return(int fd)
{
	(void)fd;
	me.code = ENDED_STATUS;
	me.leaving = true;
	return 0;
}

static int atexit_fd;

static void close_at_exit(void)
{
	close(atexit_fd);
}

static int by_atexit(int fd)
{
	atexit_fd = fd;
	atexit(close_at_exit);
	exit(ENDED_STATUS);
}

static void *outlive(void *arg)
{
	pthread_join(*(pthread_t *)arg, NULL);
	exit(ENDED_STATUS);
}

/* The first thread leaves by pthread_exit; another one ends the process. */
static int by_last_thread(int fd)
{
	static pthread_t first;
	pthread_t other;

	(void)fd;
	first = pthread_self();
	if (pthread_create(&other, NULL, outlive, &first) != 0) {
		return -1;
	}
	pthread_exit(NULL);
}

/* The kernel closes it at the exec: nobody can act, everything must stay as it would have been. */
static int by_exec_cloexec(int fd)
{
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	execl("/bin/sh", "sh", "-c", "exit 3", (char *)NULL);
	return -1;
}

static const struct {
	const char *name;
	int (*fn)(int fd);
} ways[] = {
	{"close", by_close},
	{"dup2", by_dup2},
	{"dup3", by_dup3},
	{"syscall", by_syscall},
	{"syscall_close_range", by_syscall_close_range},
	{"syscall_dup2", by_syscall_dup2},
	{"loop", by_loop},
	{"exit", by_exit},
	{"_exit", by_exit_},
	{"_Exit", by_Exit},
	{"quick_exit", by_quick_exit},
	{"syscall_exit_group", by_syscall_exit_group},
	{"return", by_return},
	{"atexit", by_atexit},
	{"last_thread", by_last_thread},
	{"exec_cloexec", by_exec_cloexec},
#ifdef __GLIBC__
	{"__close", by_close_alias},
	{"__dup2", by_dup2_alias},
	{"close_range", by_close_range},
	{"close_range_all", by_close_range_all},
	{"closefrom", by_closefrom},
#endif
};

/* letgo WAY: let go of the current descriptor; answers the result, unless the process is over */
static void verb_letgo(int argc, char **argv)
{
	int fd = cur_fd();

	for (size_t i = 0; argc > 1 && i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(ways[i].name, argv[1]) == 0) {
			int r = ways[i].fn(fd);

			if (r == 0) {
				slot_forget(fd);
			}
			say_result(r);
			return;
		}
	}
	say("skip not in this libc: %s", argc > 1 ? argv[1] : "");
}

static int alias_make(const char *how, int fd)
{
	if (strcmp(how, "dup") == 0) {
		return dup(fd);
	}
	if (strcmp(how, "dup2") == 0) {
		return dup2(fd, 40);
	}
	if (strcmp(how, "dup3") == 0) {
		return dup3(fd, 40, O_CLOEXEC);
	}
	if (strcmp(how, "F_DUPFD") == 0) {
		return fcntl(fd, F_DUPFD, 40);
	}
	if (strcmp(how, "F_DUPFD_CLOEXEC") == 0) {
		return fcntl(fd, F_DUPFD_CLOEXEC, 40);
	}
	if (strcmp(how, "syscall") == 0) {
		return (int)syscall(SYS_dup, fd);
	}
#ifdef __GLIBC__
	if (strcmp(how, "fcntl64") == 0) {
		return fcntl64(fd, F_DUPFD, 40);
	}
	if (strcmp(how, "__fcntl") == 0) {
		return __fcntl(fd, F_DUPFD, 40);
	}
	if (strcmp(how, "__dup2") == 0) {
		return __dup2(fd, 40);
	}
#endif
	errno = ENOSYS;
	return -1;
}

/* alias HOW: a second descriptor of the current connection, in the next slot */
static void verb_alias(int argc, char **argv)
{
	int fd = argc > 1 ? alias_make(argv[1], cur_fd()) : -1;

	if (fd >= 0) {
		slot_add(fd);
	}
	say_result(fd);
}

/* misdup HOW: a dup2/dup3 onto the connection that must change nothing */
static void verb_misdup(int argc, char **argv)
{
	int fd = cur_fd();

	if (argc > 1 && strcmp(argv[1], "self") == 0) {
		say_result(dup2(fd, fd));
	} else if (argc > 1 && strcmp(argv[1], "self3") == 0) {
		say_result(dup3(fd, fd, 0));
	} else if (argc > 1 && strcmp(argv[1], "flags3") == 0) {
		say_result(dup3(REPORT_FD, fd, 0x1000));
	} else {
		say_result(dup2(900, fd));
	}
}

const struct verb letgo_verbs[] = {
	{"letgo", verb_letgo},
	{"alias", verb_alias},
	{"misdup", verb_misdup},
	{NULL, NULL},
};
