/* SPDX-License-Identifier: MIT */
/*
 * Memory of our own that may not be there.
 *
 * The idea: the kernel says whether a page can be read. rt_sigprocmask() with a `how` that
 * does not exist changes nothing: it answers EFAULT where the new set cannot be read, and
 * EINVAL where it can. That needs no descriptor and no handler, and costs one system call
 * for each page of a walk.
 * Invariant: a walk ends: after so many words nothing is readable any more.
 * Never here: memory kept for known from one walk to the next.
 */
#ifndef SHIM_TRACE_MEMORY_H
#define SHIM_TRACE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/attributes.h"

enum {
	/* A stack, and the pages of two or three unwind tables. */
	MEMORY_PAGES = 32,
};

/* What one walk has found readable. Zero is the beginning. */
struct memory {
	uintptr_t pages[MEMORY_PAGES]; /* numbers of pages, each at its own remainder */
	uint32_t words_read;
};

/* At most a page of bytes. */
bool memory_is_readable(struct memory *memory, uintptr_t address, uintptr_t size);

/* The word at an address, aligned or not; false when it cannot be read. */
bool memory_word(struct memory *memory, uintptr_t address, uintptr_t *word);

#endif
