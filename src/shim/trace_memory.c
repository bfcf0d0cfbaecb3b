/* SPDX-License-Identifier: MIT */
#include "shim/trace_memory.h"

#include <errno.h>
#include <string.h>

#include "sys/rawsys.h"

enum {
	PAGE = 4096, /* what is smaller than the machine's page is not wrong, only slower */
	NO_SUCH_HOW = -1,
	KERNEL_SIGSET_BYTES = 8,
	/* A frame takes some hundred words of unwind table: far above any real stack. */
	WORDS_MAX = 100 * 1000,
};

/* Asks for a word that is wanted, not for the page's first: memory checkers look on. */
static bool ask_kernel(uintptr_t address)
{
	return rawsys6(SYS_rt_sigprocmask, NO_SUCH_HOW, (long)(address & -sizeof(uintptr_t)), 0,
		       KERNEL_SIGSET_BYTES, 0, 0) == -EINVAL;
}

static bool is_page_readable(struct memory *memory, uintptr_t address)
{
	uintptr_t number = address / PAGE;
	uintptr_t *known = &memory->pages[number % MEMORY_PAGES];

	if (likely(*known == number)) {
		return true;
	}
	if (!ask_kernel(address)) {
		return false;
	}
	*known = number;
	return true;
}

bool memory_is_readable(struct memory *memory, uintptr_t address, uintptr_t size)
{
	uintptr_t last = address + size - 1;

	return address >= PAGE && last >= address && is_page_readable(memory, address) &&
	       (likely(address / PAGE == last / PAGE) || is_page_readable(memory, last));
}

bool memory_word(struct memory *memory, uintptr_t address, uintptr_t *word)
{
	if (memory->words_read >= WORDS_MAX ||
	    !memory_is_readable(memory, address, sizeof(*word))) {
		return false;
	}
	memory->words_read++;
	memcpy(word, (const void *)address, sizeof(*word));
	return true;
}
