/* SPDX-License-Identifier: MIT */
/*
 * Images: every function of the exec family, with arguments and environment that must arrive.
 *
 * The new image is a shell that reports what it got and ends with status 3. The variadic ones get
 * more arguments than registers hold.
 */
#include "victim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

#define REPORT "echo \"a ok $# $1 ${12} ${VICTIM_EXEC-none}\" >&3; exit 3"
#define ARGS                                                                                       \
	"sh", "-c", REPORT, "name", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11",       \
		"twelve"

static char *const vector[] = {ARGS, NULL};
static char *own_environment[] = {"PATH=/bin:/usr/bin", "VICTIM_EXEC=given", NULL};

static int by_execl(void)
{
	return execl("/bin/sh", ARGS, (char *)NULL);
}

static int by_execlp(void)
{
	return execlp("sh", ARGS, (char *)NULL);
}

static int by_execle(void)
{
	return execle("/bin/sh", ARGS, (char *)NULL, own_environment);
}

static int by_execv(void)
{
	return execv("/bin/sh", vector);
}

static int by_execvp(void)
{
	return execvp("sh", vector);
}

static int by_execvpe(void)
{
	return execvpe("sh", vector, own_environment);
}

static int by_execve(void)
{
	return execve("/bin/sh", vector, own_environment);
}

static int by_fexecve(void)
{
	return fexecve(open("/bin/sh", O_RDONLY | O_CLOEXEC), vector, own_environment);
}

static int by_syscall(void)
{
	return (int)syscall(SYS_execve, "/bin/sh", vector, own_environment);
}

#ifdef __GLIBC__
static int by_execveat(void)
{
	return execveat(AT_FDCWD, "/bin/sh", vector, own_environment, 0);
}
#endif

/* image HOW: become the shell, which answers in this puppet's name */
static void verb_image(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*fn)(void);
	} table[] = {
		{"execl", by_execl},       {"execlp", by_execlp},   {"execle", by_execle},
		{"execv", by_execv},       {"execvp", by_execvp},   {"execvpe", by_execvpe},
		{"execve", by_execve},     {"fexecve", by_fexecve}, {"syscall", by_syscall},
#ifdef __GLIBC__
		{"execveat", by_execveat},
#endif
	};

	setenv("VICTIM_EXEC", "inherited", 1);
	for (size_t i = 0; argc > 1 && i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(table[i].name, argv[1]) == 0) {
			say_result(table[i].fn());
			return;
		}
	}
	say("skip not in this libc: %s", argc > 1 ? argv[1] : "");
}

/* image-of-self scrubbed|closed: a new image of oneself, which keeps the connection, but with an
 * empty environment (so without any preload), or with nothing on 0 to 2 */
static void verb_image_of_self(int argc, char **argv)
{
	char number[12];
	char *const args[] = {"victim", "puppet", (char *)(size_t)me.name, number, NULL};
	char *const nothing[] = {NULL};

	snprintf(number, sizeof(number), "%d", cur_fd());
	if (argc > 1 && strcmp(argv[1], "scrubbed") == 0) {
		execve("/proc/self/exe", args, nothing);
	} else {
		for (int i = 0; i < 3; i++) {
			close(i);
		}
		execve("/proc/self/exe", args, environ);
	}
	say_result(-1);
}

const struct verb image_verbs[] = {
	{"image", verb_image},
	{"image-of-self", verb_image_of_self},
	{NULL, NULL},
};
