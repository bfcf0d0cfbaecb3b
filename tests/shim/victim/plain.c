/* SPDX-License-Identifier: MIT */
/*
 * What a program can see of itself: errno, results, descriptors, environment, vfork's memory.
 *
 * Each verb answers with everything it saw; the runner compares the answer with the bare run's, so
 * no expectation is written down here: plain libc is the expectation.
 */
#include "victim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { SENTINEL = 0x5a5a };

struct text {
	char s[MAX_LINE - 64];
	size_t len;
};

static __attribute__((format(printf, 2, 3))) void text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->s + t->len, sizeof(t->s) - t->len, fmt, ap);
	va_end(ap);
	if (n > 0 && t->len + (size_t)n < sizeof(t->s)) {
		t->len += (size_t)n;
	}
}

/* Call it with errno set to something no call sets; note the result and what errno is then. */
#define TRY(t, call)                                                                               \
	do {                                                                                       \
		long r_;                                                                           \
		errno = SENTINEL;                                                                  \
		r_ = (long)(call);                                                                 \
		text_add(t, " %.12s=%ld/%d", #call, r_, errno);                                    \
	} while (0)

/* errno-bad: every wrapped call, called wrongly */
static void verb_errno_bad(int argc, char **argv)
{
	static char b[8];
	struct iovec v = {b, 8};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	struct mmsghdr mm = {.msg_hdr = m};
	char *const none[] = {NULL};
	struct text t = {.len = 0};
	volatile int minus_one = -1; /* or the compiler complains of what is meant */
	int p[2];

	(void)argc;
	(void)argv;
	if (pipe(p) < 0) {
		say_result(-1);
		return;
	}
	TRY(&t, close(-1));
	TRY(&t, close(999));
	TRY(&t, dup(-1));
	TRY(&t, dup2(-1, 5));
	TRY(&t, dup2(REPORT_FD, -1));
	TRY(&t, dup3(REPORT_FD, REPORT_FD, 0));
	TRY(&t, dup3(REPORT_FD, 50, 1));
	TRY(&t, fcntl(-1, F_GETFD));
	TRY(&t, fcntl(REPORT_FD, 12345, 1));
	TRY(&t, fcntl(REPORT_FD, F_DUPFD, -1));
	TRY(&t, read(-1, b, 8));
	TRY(&t, read(p[1], b, 8));
	TRY(&t, readv(-1, &v, 1));
	TRY(&t, readv(p[0], &v, minus_one));
	TRY(&t, recv(-1, b, 8, 0));
	TRY(&t, recv(p[0], b, 8, 0));
	TRY(&t, recvfrom(-1, b, 8, 0, NULL, NULL));
	TRY(&t, recvmsg(p[0], &m, 0));
	TRY(&t, recvmmsg(-1, &mm, 1, 0, NULL));
	TRY(&t, write(-1, b, 8));
	TRY(&t, write(p[0], b, 8));
	TRY(&t, writev(-1, &v, 1));
	TRY(&t, send(-1, b, 8, 0));
	TRY(&t, sendto(p[1], b, 8, 0, NULL, 0));
	TRY(&t, sendmsg(-1, &m, 0));
	TRY(&t, sendmmsg(-1, &mm, 1, 0));
	TRY(&t, sendfile(-1, p[0], NULL, 8));
	TRY(&t, splice(-1, NULL, p[1], NULL, 8, 0));
	TRY(&t, shutdown(-1, SHUT_RDWR));
	TRY(&t, shutdown(p[0], SHUT_RDWR));
	TRY(&t, socket(-1, SOCK_STREAM, 0));
	TRY(&t, listen(-1, 5));
	TRY(&t, connect(-1, NULL, 0));
	TRY(&t, accept(-1, NULL, NULL));
	TRY(&t, accept(p[0], NULL, NULL));
	TRY(&t, accept4(REPORT_FD, NULL, NULL, -1));
	TRY(&t, execve("/nowhere", none, environ));
	TRY(&t, execv("/", none));
	TRY(&t, execvp("no-such-program-anywhere", none));
	TRY(&t, execl("/nowhere", "x", (char *)NULL));
	TRY(&t, syscall(-1));
	TRY(&t, syscall(SYS_close, -1));
	TRY(&t, syscall(SYS_dup3, REPORT_FD, REPORT_FD, 0));
#ifdef __GLIBC__
	TRY(&t, close_range(9, 8, 0));
	TRY(&t, close_range(2000, 3000, 128));
	TRY(&t, fcntl64(-1, F_GETFD));
	TRY(&t, execvpe("no-such-program", none, environ));
	TRY(&t, fexecve(-1, none, environ));
#endif
	close(p[0]);
	close(p[1]);
	say("ok%s", t.s);
}

/* errno-good: wrapped calls that succeed on the current connection must not touch errno */
static void verb_errno_good(int argc, char **argv)
{
	static char b[64];
	struct iovec v = {b, 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	struct text t = {.len = 0};
	int fd = cur_fd();

	(void)argc;
	(void)argv;
	TRY(&t, read(fd, b, 1));
	TRY(&t, readv(fd, &v, 1));
	TRY(&t, recv(fd, b, 1, 0));
	TRY(&t, recvfrom(fd, b, 1, 0, NULL, NULL));
	TRY(&t, recvmsg(fd, &m, 0));
	TRY(&t, recv(fd, b, 1, MSG_PEEK));
	TRY(&t, dup(fd));
	TRY(&t, dup2(fd, 60));
	TRY(&t, dup3(fd, 61, O_CLOEXEC));
	TRY(&t, fcntl(fd, F_DUPFD, 70));
	TRY(&t, fcntl(fd, F_GETFL));
	TRY(&t, fcntl(fd, F_GETFD));
	TRY(&t, fcntl(70, F_SETFD, FD_CLOEXEC));
	TRY(&t, dup2(fd, fd));
	TRY(&t, close(60));
	TRY(&t, close(61));
	TRY(&t, close(70));
	TRY(&t, syscall(SYS_close, syscall(SYS_dup, fd)));
	say("ok%s", t.s);
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* fds: which descriptors are open */
static void verb_fds(int argc, char **argv)
{
	int all[256] = {0}, n = 0;
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	struct text t = {.len = 0};

	(void)argc;
	(void)argv;
	if (!d) {
		say_result(-1);
		return;
	}
	while ((e = readdir(d)) && n < 256) {
		if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(d)) {
			all[n++] = atoi(e->d_name);
		}
	}
	closedir(d);
	qsort(all, (size_t)n, sizeof(int), by_number);
	for (int i = 0; i < n; i++) {
		text_add(&t, " %d", all[i]);
	}
	say("ok fds%s", t.s);
}

/* env: everything but what is meant for the shim, in order, as a count and a hash */
static void verb_env(int argc, char **argv)
{
	unsigned hash = 2166136261u;
	int n = 0;

	(void)argc;
	(void)argv;
	for (char **e = environ; *e; e++) {
		if (strncmp(*e, "LD_PRELOAD=", 11) == 0 || strncmp(*e, "SENDFIN_", 8) == 0) {
			continue;
		}
		n++;
		for (const char *c = *e; *c; c++) {
			hash = (hash ^ (unsigned char)*c) * 16777619u;
		}
	}
	say("ok env %d %u", n, hash);
}

/* vfork-memory: the child's writes are the parent's, which waits for its end; errno, too */
static void verb_vfork_memory(int argc, char **argv)
{
	volatile int shared = 0, rounds = 0;
	int status = -1;

	(void)argc;
	(void)argv;
	for (volatile int i = 0; i < 100; i = i + 1) {
		pid_t pid = vfork();

		if (pid == 0) {
			shared = shared + 1;
			close(999);
			_exit(4);
		}
		waitpid(pid, &status, 0);
		rounds = rounds + (shared == i + 1 && WEXITSTATUS(status) == 4);
	}
	say("ok %d", rounds);
}

/* syscall6: all six arguments and the result survive the detour */
static void verb_syscall6(int argc, char **argv)
{
	int fd = memfd_create("six", 0);
	char in[16] = "six arguments", *map;
	long r;

	(void)argc;
	(void)argv;
	if (fd < 0 || ftruncate(fd, 8192) < 0 || pwrite(fd, in, sizeof(in), 4096) < 0) {
		say_result(-1);
		return;
	}
	r = syscall(SYS_mmap, NULL, 4096L, (long)PROT_READ, (long)MAP_PRIVATE, (long)fd, 4096L);
	map = (char *)(uintptr_t)r;
	close(fd);
	say("ok %s", r == -1 ? "none" : map);
}

/* raise SIGNAL: and die of it, if that is its default */
static void verb_raise(int argc, char **argv)
{
	say_result(raise(argc > 1 ? atoi(argv[1]) : SIGTERM));
}

/* close2: close standard error, as daemons do; the next descriptor may get its number */
static void verb_close2(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	say_result(close(2));
}

/* break2: standard error is a pipe that nobody reads, from now on */
static void verb_break2(int argc, char **argv)
{
	int p[2];

	(void)argc;
	(void)argv;
	if (pipe(p) < 0 || dup2(p[1], 2) != 2) {
		say_result(-1);
		return;
	}
	close(p[0]);
	close(p[1]);
	say("ok");
}

/* fsize: no file may grow any more; a write to one raises SIGXFSZ */
static void verb_fsize(int argc, char **argv)
{
	struct rlimit none = {0, 0};

	(void)argc;
	(void)argv;
	say_result(setrlimit(RLIMIT_FSIZE, &none));
}

const struct verb plain_verbs[] = {
	{"errno-bad", verb_errno_bad},
	{"errno-good", verb_errno_good},
	{"fds", verb_fds},
	{"env", verb_env},
	{"vfork-memory", verb_vfork_memory},
	{"syscall6", verb_syscall6},
	{"raise", verb_raise},
	{"close2", verb_close2},
	{"break2", verb_break2},
	{"fsize", verb_fsize},
	{NULL, NULL},
};
