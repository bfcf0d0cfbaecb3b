/* SPDX-License-Identifier: MIT */
/*
 * closeall HOW: in the middle of 10 MB to a client that has half-closed, a child is made that
 * closes every descriptor it can think of, as careful programs do before they exec.
 *
 *   fork, exec, vfork, spawn, popen, system, range, actions
 *
 * The child's closes are not the server's: not one byte may be missing.
 */
#include "server.h"

#include <spawn.h>

enum { ALL = 10 * 1000 * 1000, BEFORE = 1000 * 1000, HIGHEST = 256 };

extern char **environ;

static void close_all(void)
{
	for (int fd = 3; fd < HIGHEST; fd++) {
		close(fd);
	}
}

static void spawn(const char *const *argv, const posix_spawn_file_actions_t *actions)
{
	pid_t pid;
	char *copy[4] = {NULL};

	for (int i = 0; argv[i]; i++) {
		copy[i] = strdup(argv[i]);
	}
	if (posix_spawn(&pid, argv[0], actions, NULL, copy, environ) != 0) {
		die("posix_spawn");
	}
	bury(pid);
}

static void spawn_with_actions(void)
{
	posix_spawn_file_actions_t actions;

	posix_spawn_file_actions_init(&actions);
	for (int fd = 3; fd < HIGHEST; fd++) {
		posix_spawn_file_actions_addclose(&actions, fd);
	}
	spawn((const char *const[]){"/bin/true", NULL}, &actions);
	posix_spawn_file_actions_destroy(&actions);
}

static void fork_child(const char *how)
{
	pid_t pid = born();

	if (pid == 0) {
		if (strcmp(how, "range") == 0) {
			close_range(3, ~0U, 0);
		} else {
			close_all();
		}
		if (strcmp(how, "exec") == 0) {
			execl("/bin/true", "true", (char *)NULL);
		}
		exit(0);
	}
	bury(pid);
}

static void vfork_child(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		close_all();
		execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	bury(pid);
}

static void make_child(const char *how, const char *self)
{
	char command[512];

	snprintf(command, sizeof(command), "%s closer", self);
	if (strcmp(how, "vfork") == 0) {
		vfork_child();
	} else if (strcmp(how, "spawn") == 0) {
		spawn((const char *const[]){self, "closer", NULL}, NULL);
	} else if (strcmp(how, "actions") == 0) {
		spawn_with_actions();
	} else if (strcmp(how, "system") == 0) {
		if (system(command) != 0) {
			die("system");
		}
	} else if (strcmp(how, "popen") == 0) {
		FILE *f = popen(command, "r");

		if (!f || fgetc(f) != EOF || pclose(f) != 0) {
			die("popen");
		}
	} else {
		fork_child(how);
	}
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "fork";
	char self[400] = "";
	int listener, conn;

	if (strcmp(how, "closer") == 0) {
		close_all();
		return 0;
	}
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0) {
		die("readlink");
	}
	listener = listen_any();
	conn = accept_one(listener);
	slurp(conn);
	pour(conn, 0, BEFORE);
	make_child(how, self);
	report("child gone");
	hear(CONTROL_FD);
	pour(conn, BEFORE, ALL);
	close(conn);
	return farewell(listener);
}
