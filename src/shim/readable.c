/* SPDX-License-Identifier: MIT */
/*
 * MADV_POPULATE_READ faults pages in as reading them would, and says EFAULT, EINVAL or
 * ENOMEM where reading would have raised a signal (madvise(2)).
 */
#include "shim/readable.h"

#include "sys/rawsys.h"

/* linux/mman.h; the libcs' own headers learned of it later than kernels did. */
enum { POPULATE_READ = 22 };

uintptr_t readable_stack_end;

static bool can_be_asked;

static bool is_populated(uintptr_t first, uintptr_t last)
{
	uintptr_t page = first & ~(uintptr_t)(READABLE_PAGE - 1);

	return rawsys3(SYS_madvise, (long)page, (long)(last - page + 1), POPULATE_READ) == 0;
}

void readable_setup(uintptr_t random)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	readable_stack_end = random;
	can_be_asked = is_populated(here, here);
}

__attribute__((noinline, cold)) bool readable_asked(uintptr_t first, uintptr_t last)
{
	return !can_be_asked || is_populated(first, last);
}

size_t readable_count(const void *address, size_t count, size_t size)
{
	uintptr_t first = (uintptr_t)address;
	uintptr_t page = first;
	uintptr_t end;

	if (count == 0 || __builtin_mul_overflow(count, size, &end) ||
	    __builtin_add_overflow(first, end, &end)) {
		return 0;
	}
	if (readable(address, count * size)) {
		return count;
	}
	while (page < end && readable_asked(page, page)) {
		page = (page | (READABLE_PAGE - 1)) + 1;
	}
	return (page - first) / size;
}

bool readable_byte(struct readable_page *known, const char *byte)
{
	uintptr_t page = (uintptr_t)byte & ~(uintptr_t)(READABLE_PAGE - 1);

	if (page != known->page && !readable(byte, 1)) {
		return false;
	}
	known->page = page;
	return true;
}
