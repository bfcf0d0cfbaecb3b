/* SPDX-License-Identifier: MIT */
/*
 * The hand-over from one program image to the next, across exec and posix_spawn.
 *
 * The idea: one variable, SENDFIN_LEDGER=id:ref[:fd.epoch,...], in a copy of the
 * environment's pointers. It names the ledger, the slot that the new image takes over,
 * and the epoch in which each inherited connection was acquired; the rest of what the
 * old image knew dies with it.
 * Invariant: the variable is taken out again before the program sees its environment,
 * so it never travels on by itself; and a slot is taken over only by the process whose
 * pid is in it, or that finds none there yet. An image whose environment preloads
 * nothing gets none: nobody would take it out.
 *
 * Behind the environment's pointers lies the auxiliary vector, and programs look for it
 * there. So entries are handed over in twos, the second of them empty padding, and where
 * they were there are then as many words as one entry of the vector has: it begins with
 * an AT_IGNORE, directly behind the environment, and nothing else has moved.
 * Never here: the heap. exec is called in vfork children and in signal handlers.
 */
#ifndef SHIM_IMAGE_H
#define SHIM_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	/* "SENDFIN_LEDGER=", id, reference, and some sixty inherited connections. */
	IMAGE_VARIABLE_BYTES = 1024,
	/* A larger environment goes on as it is: the stack may be small. */
	IMAGE_ENVIRONMENT_MAX = 8192,
	/* What a hand-over adds to it, and the NULL. */
	IMAGE_ENVIRONMENT_ROOM = 3,
	/* Descriptors a new image looks at: what a superviser hands over. */
	IMAGE_DESCRIPTORS = 256,
};

/* Which of our descriptors will be the new image's 0, 1 and 2; -1 = not known. */
struct image_standard {
	int source[3];
};

/* How the new image comes into being. */
enum image_kind {
	IMAGE_EXEC,  /* in this process, or in a vfork child of it */
	IMAGE_SPAWN, /* in a child that libc makes */
};

/*
 * Prepares the slot of the new image, publishes the connections on its standard
 * descriptors as used by it, and writes the variable. False when there is nothing to
 * hand on: the program's own environment is to be used.
 */
bool image_prepare(enum image_kind kind, const struct image_standard *standard, char *variable,
		   uint64_t *image);

/* The exec or spawn failed. */
void image_failed(uint64_t image);

/*
 * Strings in the environment of an image that will find the shim there; -1 when it will
 * not, or the environment is too large or cannot be read: then it goes on as it is.
 */
int image_count(char *const environment[]);

/* Copies `count` pointers and adds the variable; room for IMAGE_ENVIRONMENT_ROOM more. */
void image_environment(char **copy, char *const environment[], int count, char *variable);

/* What the new image learned: the epoch of acquisition by descriptor, 0 = not known. */
struct image_legacy {
	uint64_t acquired[IMAGE_DESCRIPTORS];
};

/*
 * Constructor: takes the variable out of an array of environment strings, the kernel's own
 * or a copy. Its value, or NULL when there was none.
 */
const char *image_take(char **environment, bool is_kernels);

/* Constructor: takes over what the value (or NULL) says. False: nothing is known, *legacy unset. */
bool image_adopt(const char *value, struct image_legacy *legacy);

#endif
