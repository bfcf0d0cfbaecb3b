/* SPDX-License-Identifier: MIT */
/*
 * Children made inside libc: they run no hook of ours before their exec, and libc hands
 * them the program's own environment.
 *
 * What we hold is shared from then on. As a rule such a helper holds its copies by
 * accident. But a connection on descriptors 0 to 2, there or by a file action, is
 * handed over on purpose: somebody whom we cannot see will use it.
 */
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "shim/process.h"
#include "shim/real.h"
#include "shim/table.h"
#include "shim/tree.h"
#include "sys/sockprobe.h"

static void hand_over(int fd)
{
	struct table_gone known;

	if (table_is_watched(fd) && process_may_act() && table_look(fd, &known)) {
		tree_engage_phantom(sockprobe_cookie(fd), known.acquired, known.descriptor);
	}
}

/* The first of descriptors 0 to 2 that carries each connection; phantoms are counted. */
static void hand_over_standard(void)
{
	uint64_t last = 0;

	for (int fd = 0; fd <= 2; fd++) {
		if (table_is_watched(fd) && stamp_is_connection(table_stamp(fd))) {
			uint64_t cookie = sockprobe_cookie(fd);

			if (cookie != last) {
				hand_over(fd);
			}
			last = cookie;
		}
	}
}

static void note_spawn(void)
{
	process_spawning();
	hand_over_standard();
}

EXPORT int system(const char *command)
{
	if (command != NULL) {
		note_spawn();
	}
	return real.system(command);
}

EXPORT FILE *popen(const char *command, const char *mode)
{
	note_spawn();
	return real.popen(command, mode);
}

EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attributes, char *const arguments[],
		       char *const environment[])
{
	note_spawn();
	return real.posix_spawn(pid, path, actions, attributes, arguments, environment);
}

EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
			const posix_spawnattr_t *attributes, char *const arguments[],
			char *const environment[])
{
	note_spawn();
	return real.posix_spawnp(pid, file, actions, attributes, arguments, environment);
}

/* The list of actions is libc's own: what will be put on 0 to 2 is noted as it is said. */
EXPORT int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions, int from, int to)
{
	int result = real.posix_spawn_file_actions_adddup2(actions, from, to);

	if (result == 0 && to <= 2) {
		hand_over(from);
	}
	return result;
}

EXPORT __typeof__(popen) _IO_popen SAME_AS(popen);
