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

#include "shim/capture.h"
#include "shim/image.h"
#include "shim/places.h"
#include "shim/process.h"
#include "shim/real.h"
#include "shim/table.h"
#include "shim/tree.h"
#include "sys/sockprobe.h"

enum {
	/* Lists of file actions with a connection for 0 to 2, alive at the same time. */
	NOTES_MAX = 16,
	/* Copies of connections in one list. */
	PAIRS_MAX = 8,
};

static void hand_over(int fd)
{
	struct table_gone known;

	if (table_is_watched(fd) && process_may_act() && table_look(fd, &known)) {
		tree_engage_phantom(sockprobe_cookie(fd), &known, places_of(fd).accepted);
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

/* system and popen take no environment: who runs in there stays unseen. */
EXPORT int system(const char *command)
{
	if (command != NULL) {
		CAPTURE_ENTRY();
		process_spawning();
		hand_over_standard();
	}
	return real.system(command);
}

EXPORT FILE *popen(const char *command, const char *mode)
{
	CAPTURE_ENTRY();
	process_spawning();
	hand_over_standard();
	return real.popen(command, mode);
}

/* What is known of a list of file actions, by its address. */
static struct actions_note {
	const posix_spawn_file_actions_t *actions;
	struct image_standard standard;
	int pairs; /* of what was put where: from is our own number, through any chain */
	struct {
		int from;
		int to;
	} pair[PAIRS_MAX];
} notes[NOTES_MAX];

static struct actions_note *find_note(const posix_spawn_file_actions_t *actions)
{
	for (int i = 0; i < NOTES_MAX && actions != NULL; i++) {
		if (__atomic_load_n(&notes[i].actions, __ATOMIC_ACQUIRE) == actions) {
			return &notes[i];
		}
	}
	return NULL;
}

static struct actions_note *make_note(const posix_spawn_file_actions_t *actions)
{
	for (int i = 0; i < NOTES_MAX; i++) {
		const posix_spawn_file_actions_t *nobody = NULL;

		if (__atomic_compare_exchange_n(&notes[i].actions, &nobody, actions, false,
						__ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
			notes[i].standard = (struct image_standard){{-1, -1, -1}};
			notes[i].pairs = 0;
			return &notes[i];
		}
	}
	return NULL;
}

static void drop_note(const posix_spawn_file_actions_t *actions)
{
	struct actions_note *note = find_note(actions);

	if (note != NULL) {
		__atomic_store_n(&note->actions, NULL, __ATOMIC_RELEASE);
	}
}

EXPORT int posix_spawn_file_actions_init(posix_spawn_file_actions_t *actions)
{
	drop_note(actions);
	return real.posix_spawn_file_actions_init(actions);
}

EXPORT int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *actions)
{
	drop_note(actions);
	return real.posix_spawn_file_actions_destroy(actions);
}

/* Our own number for what the list will have put on `from` by then. */
static int origin_in(const struct actions_note *note, int from)
{
	for (int i = note != NULL ? note->pairs - 1 : -1; i >= 0; i--) {
		if (note->pair[i].to == from) {
			return note->pair[i].from;
		}
	}
	return from;
}

static void note_pair(struct actions_note *note, int from, int to)
{
	if (note == NULL || note->pairs == PAIRS_MAX) {
		hand_over(from); /* too much to remember: somebody will use it */
		return;
	}
	note->pair[note->pairs].from = from;
	note->pair[note->pairs].to = to;
	note->pairs++;
	if (to >= 0 && to <= 2) {
		note->standard.source[to] = from;
	}
}

/* The list of actions is libc's own: what will be put where is noted as it is said. */
EXPORT int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions, int from, int to)
{
	int result = real.posix_spawn_file_actions_adddup2(actions, from, to);
	struct actions_note *note = find_note(actions);
	int origin = origin_in(note, from);

	if (result == 0 && table_is_watched(origin) && process_may_act()) {
		note_pair(note != NULL ? note : make_note(actions), origin, to);
	}
	return result;
}

/* As around exec, but the new image has a process of its own; results are error numbers. */
#define SPAWN(call)                                                                                \
	do {                                                                                       \
		const struct actions_note *note = find_note(actions);                              \
		const struct image_standard none = {{-1, -1, -1}};                                 \
		char variable[IMAGE_VARIABLE_BYTES];                                               \
		char *const *handed = environment;                                                 \
		int count = image_count(environment);                                              \
		pid_t child = 0;                                                                   \
		uint64_t image;                                                                    \
		int result;                                                                        \
		CAPTURE_ENTRY();                                                                   \
		process_spawning();                                                                \
		if (!process_may_act() ||                                                          \
		    !image_prepare(IMAGE_SPAWN, note != NULL ? &note->standard : &none, variable,  \
				   &image)) {                                                      \
			return call;                                                               \
		}                                                                                  \
		if (count >= 0) {                                                                  \
			char **copy = __builtin_alloca(((size_t)count + IMAGE_ENVIRONMENT_ROOM) *  \
						       sizeof(char *));                            \
			image_environment(copy, environment, count, variable);                     \
			handed = copy;                                                             \
		}                                                                                  \
		pid = pid != NULL ? pid : &child;                                                  \
		result = call;                                                                     \
		if (result == 0) {                                                                 \
			tree_image_started(image, *pid);                                           \
		} else {                                                                           \
			image_failed(image);                                                       \
		}                                                                                  \
		return result;                                                                     \
	} while (0)

EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attributes, char *const arguments[],
		       char *const environment[])
{
	SPAWN(real.posix_spawn(pid, path, actions, attributes, arguments, handed));
}

EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
			const posix_spawnattr_t *attributes, char *const arguments[],
			char *const environment[])
{
	SPAWN(real.posix_spawnp(pid, file, actions, attributes, arguments, handed));
}

EXPORT __typeof__(popen) _IO_popen SAME_AS(popen);
