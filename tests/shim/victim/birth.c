/* SPDX-License-Identifier: MIT */
/*
 * Births: every door through which a process can come into the world and still run our code.
 *
 * Each returns like fork(2): the pid of the one to reap, 0 in the newborn, -1 with errno. Doors
 * that put a process in between (double fork, daemon) reap it themselves and return 1: the newborn
 * is an orphan then, and whoever is its reaper collects it.
 */
#include "victim.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { ORPHAN = 1, CLONE_STACK = 256 * 1024 };

static const char *newborn; /* the name it will bear */

#ifdef __GLIBC__
pid_t __fork(void);

static pid_t by_fork_alias(void)
{
	return __fork();
}
#endif

static pid_t by_fork(void)
{
	return fork();
}

static pid_t by__Fork(void)
{
	return _Fork();
}

static pid_t by_sys_fork(void)
{
#ifdef SYS_fork
	return (pid_t)syscall(SYS_fork);
#else
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
#endif
}

static pid_t by_sys_clone(void)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static int clone_main(void *arg)
{
	puppet_live(arg);
	return me.code;
}

static pid_t by_clone(void)
{
	char *stack = malloc(CLONE_STACK);

	return clone(clone_main, stack + CLONE_STACK, SIGCHLD, (void *)(uintptr_t)newborn);
}

static pid_t by_forkpty(void)
{
	int master;

	return forkpty(&master, NULL, NULL, NULL);
}

static pid_t reap_between(pid_t between)
{
	int status;

	while (waitpid(between, &status, 0) < 0 && errno == EINTR) {
	}
	return status == 0 ? ORPHAN : -1;
}

static pid_t by_double_fork(void)
{
	pid_t between = fork(), child;

	if (between != 0) {
		return between < 0 ? -1 : reap_between(between);
	}
	child = fork();
	if (child != 0) {
		_exit(child < 0);
	}
	return 0;
}

static pid_t by_daemon(void)
{
	pid_t between = fork();

	if (between != 0) {
		return between < 0 ? -1 : reap_between(between);
	}
	return daemon(1, 1) < 0 ? -1 : 0;
}

static const struct {
	const char *name;
	pid_t (*fn)(void);
} doors[] = {
	{"fork", by_fork},           {"_Fork", by__Fork},   {"sys_fork", by_sys_fork},
	{"sys_clone", by_sys_clone}, {"clone", by_clone},   {"forkpty", by_forkpty},
	{"double", by_double_fork},  {"daemon", by_daemon},
#ifdef __GLIBC__
	{"__fork", by_fork_alias},
#endif
};

static int kid_index(const char *name)
{
	return name[0] == 'b';
}

static void note_kid(pid_t pid, const char *name)
{
	if (pid > ORPHAN) {
		me.kid[kid_index(name)] = pid;
	}
	if (pid < 0) {
		say_result(pid);
	} else {
		say("ok born");
	}
}

/* fork DOOR NAME: a child that is the puppet NAME from now on */
static void verb_fork(int argc, char **argv)
{
	newborn = argc > 2 && argv[2][0] == 'b' ? "b" : "a";
	for (size_t i = 0; argc > 2 && i < sizeof(doors) / sizeof(doors[0]); i++) {
		if (strcmp(doors[i].name, argv[1]) == 0) {
			pid_t pid = doors[i].fn();

			if (pid == 0) {
				puppet_live(newborn);
			} else {
				note_kid(pid, newborn);
			}
			return;
		}
	}
	say("skip not in this libc: %s", argc > 1 ? argv[1] : "");
}

/* reap NAME: wait for the child that played NAME; answers how it ended */
static void verb_reap(int argc, char **argv)
{
	int status;
	pid_t pid = argc > 1 ? me.kid[kid_index(argv[1])] : -1, r;

	do {
		r = waitpid(pid, &status, 0);
	} while (r < 0 && errno == EINTR);
	if (r < 0) {
		say_result(r);
	} else {
		say("ok %s=%d", WIFSIGNALED(status) ? "signal" : "exit",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	}
}

static void exec_self(const char *name, int fd)
{
	char number[12];

	snprintf(number, sizeof(number), "%d", fd);
	execl("/proc/self/exe", "victim", "puppet", name, number, (char *)NULL);
}

static void put_on_012(int fd)
{
	for (int i = 0; i < 3; i++) {
		dup2(fd, i);
	}
	close(fd);
}

/* exec 012|keep: become a new image of oneself, the connection on 0 to 2 (inetd) or left alone */
static void verb_exec(int argc, char **argv)
{
	int fd = cur_fd();

	if (argc > 1 && strcmp(argv[1], "012") == 0) {
		put_on_012(fd);
		fd = 0;
	}
	exec_self(me.name, fd);
	say_result(-1);
}

/* misexec: an exec that fails; life goes on */
static void verb_misexec(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	say_result(execl("/nowhere/at/all", "nowhere", (char *)NULL));
}

/* Written apart: between vfork and exec nothing but the calls themselves may happen. */
static __attribute__((noinline)) pid_t vfork_handler(const char *name, int fd)
{
	pid_t pid = vfork();

	if (pid == 0) {
		put_on_012(fd);
		execl("/proc/self/exe", "victim", "puppet", name, "0", (char *)NULL);
		_exit(127);
	}
	return pid;
}

static pid_t spawn_handler(const char *name, int fd)
{
	char *const args[] = {"victim", "puppet", name[0] == 'b' ? "b" : "a", "0", NULL};
	posix_spawn_file_actions_t act;
	pid_t pid = -1;

	posix_spawn_file_actions_init(&act);
	for (int i = 0; i < 3; i++) {
		posix_spawn_file_actions_adddup2(&act, fd, i);
	}
	posix_spawn_file_actions_addclose(&act, fd);
	errno = posix_spawn(&pid, "/proc/self/exe", &act, NULL, args, environ);
	posix_spawn_file_actions_destroy(&act);
	return errno ? -1 : pid;
}

/* handler fork|vfork|spawn NAME: an inetd-style child, exec'd with the connection on 0 to 2 */
static void verb_handler(int argc, char **argv)
{
	const char *name = argc > 2 && argv[2][0] == 'b' ? "b" : "a";
	int fd = cur_fd();
	pid_t pid;

	if (argc > 1 && strcmp(argv[1], "vfork") == 0) {
		pid = vfork_handler(name, fd);
	} else if (argc > 1 && strcmp(argv[1], "spawn") == 0) {
		pid = spawn_handler(name, fd);
	} else {
		pid = fork();
		if (pid == 0) {
			put_on_012(fd);
			exec_self(name, 0);
			_exit(127);
		}
	}
	note_kid(pid, name);
}

const struct verb birth_verbs[] = {
	{"fork", verb_fork},       {"reap", verb_reap},       {"exec", verb_exec},
	{"misexec", verb_misexec}, {"handler", verb_handler}, {NULL, NULL},
};
