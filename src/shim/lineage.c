/* SPDX-License-Identifier: MIT */
/* See lineage.h. */
#include "shim/lineage.h"

#include <stddef.h>

#include "shim/attributes.h"

enum {
	/* Generations whose acquisitions can be told apart; deeper ones are "not known". */
	KEPT = 32,
};

/* The last is this process; the oldest are overwritten. */
static struct {
	uint64_t ref;
	uint64_t born;
	uint32_t forked;
} line[KEPT];
static uint32_t length;

uint32_t lineage_depth(void)
{
	return __atomic_load_n(&length, __ATOMIC_SEQ_CST);
}

void lineage_put(uint32_t depth, uint64_t ref, uint64_t born, uint32_t forked)
{
	line[depth % KEPT].ref = ref;
	line[depth % KEPT].born = born;
	line[depth % KEPT].forked = forked;
	__atomic_compare_exchange_n(&length, &depth, depth + 1, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_SEQ_CST);
}

void lineage_rebuild(const struct ledger *ledger, const struct ledger_process *process,
		     uint64_t self)
{
	uint32_t known = 0;

	while (known < LEDGER_ANCESTORS &&
	       procs_recall(ledger, process->ancestors[known]) != NULL) {
		known++;
	}
	while (known > 0) {
		uint64_t ref = process->ancestors[--known];
		const struct ledger_process *ancestor = procs_recall(ledger, ref);

		lineage_put(length, ref, ancestor != NULL ? ancestor->born : 0,
			    ancestor != NULL ? ancestor->forked : 0);
	}
	lineage_put(length, self, process->born, process->forked);
}

struct conns_origin lineage_origin(uint64_t acquired, int descriptor)
{
	struct conns_origin origin = {
		.acquirer = LEDGER_NOBODY, .acquired = acquired, .descriptor = descriptor};

	for (uint32_t i = length; acquired != 0 && i > 0 && i + KEPT > length; i--) {
		if (line[(i - 1) % KEPT].born <= acquired) {
			origin.acquirer = line[(i - 1) % KEPT].ref;
			/* It came to be shared when the next in our line was born. */
			origin.shared = i < length ? line[i % KEPT].born : 0;
			origin.forked = i < length ? line[i % KEPT].forked : 0;
			break;
		}
	}
	return origin;
}
