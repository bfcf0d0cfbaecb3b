/* SPDX-License-Identifier: MIT */
/*
 * Helpers: children that have nothing to do with the connections they inherit, and die soon.
 *
 * Most close every descriptor they got, as daemons and process launchers do before an exec. The
 * vfork ones do it on the memory of their parent, which is where an interposer's tables are. None
 * of them may cut a connection of the parent.
 */
#include "victim.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { LAST_FD = 1100 };

static void close_by_loop(void)
{
	for (int fd = FIRST_FREE_FD; fd < LAST_FD; fd++) {
		close(fd);
	}
}

static void close_by_range(void)
{
#ifdef __GLIBC__
	close_range(FIRST_FREE_FD, ~0U, 0);
#else
	close_by_loop();
#endif
}

static void close_by_closefrom(void)
{
#ifdef __GLIBC__
	closefrom(FIRST_FREE_FD);
#else
	close_by_loop();
#endif
}

static void close_by_dup2(void)
{
	for (int fd = FIRST_FREE_FD; fd < 64; fd++) {
		dup2(REPORT_FD, fd);
	}
}

static void close_nothing(void)
{
}

static __attribute__((noinline)) pid_t vforked(void (*closer)(void), bool exec)
{
	pid_t pid = vfork();

	if (pid == 0) {
		closer();
		if (exec) {
			execl("/bin/true", "true", (char *)NULL);
		}
		_exit(9);
	}
	return pid;
}

static pid_t forked(void (*closer)(void), bool exec)
{
	pid_t pid = fork();

	if (pid == 0) {
		closer();
		if (exec) {
			execl("/bin/true", "true", (char *)NULL);
		}
		_exit(9);
	}
	return pid;
}

static pid_t spawned(void)
{
	char *const args[] = {"true", NULL};
	pid_t pid = -1;

	errno = posix_spawn(&pid, "/bin/true", NULL, NULL, args, environ);
	return errno ? -1 : pid;
}

static int by_popen(void)
{
	FILE *p = popen("exit 9", "r");

	return p ? pclose(p) : -1;
}

/* helper HOW CLOSER: make one, wait for its end, answer its status */
static void verb_helper(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} closers[] = {
		{"loop", close_by_loop},           {"close_range", close_by_range},
		{"closefrom", close_by_closefrom}, {"dup2", close_by_dup2},
		{"nothing", close_nothing},
	};
	const char *how = argc > 1 ? argv[1] : "", *what = argc > 2 ? argv[2] : "nothing";
	void (*closer)(void) = close_nothing;
	int status = -1;
	pid_t pid = -1;

	for (size_t i = 0; i < sizeof(closers) / sizeof(closers[0]); i++) {
		closer = strcmp(closers[i].name, what) == 0 ? closers[i].fn : closer;
	}
	if (strcmp(how, "system") == 0) {
		status = system("exit 9");
	} else if (strcmp(how, "popen") == 0) {
		status = by_popen();
	} else if (strcmp(how, "spawn") == 0) {
		pid = spawned();
	} else if (strncmp(how, "vfork", 5) == 0) {
		pid = vforked(closer, strcmp(how, "vfork_exec") == 0);
	} else {
		pid = forked(closer, strcmp(how, "fork_exec") == 0);
	}
	if (pid > 0) {
		waitpid(pid, &status, 0);
	}
	say("ok helper %d", status);
}

const struct verb helper_verbs[] = {
	{"helper", verb_helper},
	{NULL, NULL},
};
