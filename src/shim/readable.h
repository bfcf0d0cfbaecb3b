/* SPDX-License-Identifier: MIT */
/*
 * May the program read this? Asked before we look at what it gave us by address.
 *
 * A hook that looks at a set of descriptors or a message before the call would die of a
 * bad address where the kernel says EFAULT. So what the kernel has not looked at yet is
 * asked for first: by arithmetic on the stack that we stand on, which needs no call, and
 * by madvise(2), MADV_POPULATE_READ, for everything else. It changes nothing that the
 * program can see, and valgrind has no opinion on it.
 * Invariant: nothing is read at an address that came from the program before one of these
 * said yes, or before a real call that reads it succeeded.
 * Never here: on the path of a descriptor about which nothing is known.
 *
 * Kernels before 5.14 cannot be asked: there every address is taken to be good.
 * Safe in threads, signal handlers and vfork children; errno is left alone.
 */
#ifndef SHIM_READABLE_H
#define SHIM_READABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/attributes.h"

enum {
	/* What every machine's pages are a multiple of. */
	READABLE_PAGE = 4096,
	/* The kernel maps nothing else this near below a growing stack (stack_guard_gap). */
	READABLE_STACK = 1 << 20,
};

/* The end of the first thread's stack, or 0. */
extern HIDDEN uintptr_t readable_stack_end;

/* Constructor only: random is getauxval(AT_RANDOM), which lies above that stack's frames. */
void readable_setup(uintptr_t random);

/* Asks the kernel. */
bool readable_asked(uintptr_t first, uintptr_t last);

/* True when all `size` bytes at `address` can be read; also when size is 0. */
static inline bool readable(const void *address, size_t size)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	uintptr_t first = (uintptr_t)address;
	uintptr_t last = first + size - 1;

	if (size == 0) {
		return true;
	}
	if (last < first) {
		return false;
	}
	if (((first ^ here) | (last ^ here)) < READABLE_PAGE) {
		return true; /* on the page that we stand on */
	}
	if (here <= first && last < readable_stack_end &&
	    readable_stack_end - here < READABLE_STACK) {
		return true; /* between us and the end of our stack */
	}
	return readable_asked(first, last);
}

/* How many of the `count` things of `size` bytes there, from the first on, can be read. */
size_t readable_count(const void *address, size_t count, size_t size);

/* For walks that come back to the same page: the one that was asked for last. */
struct readable_page {
	uintptr_t page;
};

/* Before anything was asked: no page has this address. */
#define READABLE_NO_PAGE                                                                           \
	{                                                                                          \
		1                                                                                  \
	}

/* True when the byte can be read. */
bool readable_byte(struct readable_page *known, const char *byte);

#endif
