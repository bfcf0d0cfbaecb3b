/* SPDX-License-Identifier: MIT */
/*
 * The capture room, for tests: functions that do what a hook does.
 *
 * Linked with the library's own objects into a libsendfin.so for tests only. Its ledger is
 * shared with nobody but forked children, so that there is one from the start.
 */
#include "probe.h"

#include <sys/mman.h>

#include "ledger/sites.h"
#include "shim/capture.h"
#include "shim/real.h"
#include "shim/tree.h"
#include "sys/rawsys.h"

extern EXPORT const struct probe sendfin_probe;

static bool is_on(void)
{
	return capture_is_on;
}

/* As deep below the hook as a verdict is. */
__attribute__((noinline)) static uint32_t inside(int depth)
{
	uint32_t site = depth > 0 ? inside(depth - 1) : capture_site();

	__asm__ volatile("" ::: "memory");
	return site;
}

static uint32_t site_with_entry(void)
{
	uint32_t site;

	CAPTURE_ENTRY();
	site = inside(2);
	__asm__ volatile("" ::: "memory");
	return site;
}

static uint32_t site_without_entry(void)
{
	uint32_t site;

	guard_self.caller_pc = 0;
	guard_self.caller_cfa = 0;
	site = inside(2);
	__asm__ volatile("" ::: "memory");
	return site;
}

static bool frame_of(uint32_t site, uint32_t index, struct line_frame *frame)
{
	return tree_ledger != NULL && capture_frame_of(NULL, site, index, frame);
}

static uint64_t count(uint32_t site)
{
	const struct ledger_site *known = sites_get(tree_ledger, site);

	return known != NULL ? known->count : 0;
}

static bool is_cut(uint32_t site)
{
	const struct ledger_site *known = sites_get(tree_ledger, site);

	return known != NULL && known->is_cut != 0;
}

static int fork_as_hooks_do(void)
{
	int pid;

	capture_before_fork();
	pid = real.fork();
	if (pid == 0) {
		capture_after_fork_in_child();
	} else {
		capture_after_fork_in_parent();
	}
	return pid;
}

const struct probe sendfin_probe = {
	.is_on = is_on,
	.site = site_with_entry,
	.site_without_entry = site_without_entry,
	.frame = frame_of,
	.count = count,
	.is_cut = is_cut,
	.fork = fork_as_hooks_do,
};

/* Behind the library's own constructor, which has the higher rank of -z initfirst's order. */
__attribute__((constructor)) static void have_ledger(void)
{
	long map = rawsys6(SYS_mmap, 0, sizeof(*tree_ledger), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (tree_ledger == NULL && !rawsys_is_error(map)) {
		tree_ledger = (struct ledger *)map;
	}
}
