/* SPDX-License-Identifier: MIT */
/* See lineage.h. */
#include "shim/lineage.h"

#include <stddef.h>

#include "shim/home.h"

uint32_t lineage_depth(void)
{
	return __atomic_load_n(&home->length, __ATOMIC_SEQ_CST);
}

void lineage_put(uint32_t depth, uint64_t ref, uint64_t born, uint32_t forked)
{
	home->line[depth % HOME_LINE].ref = ref;
	home->line[depth % HOME_LINE].born = born;
	home->line[depth % HOME_LINE].forked = forked;
	__atomic_compare_exchange_n(&home->length, &depth, depth + 1, false, __ATOMIC_SEQ_CST,
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

		lineage_put(home->length, ref, ancestor != NULL ? ancestor->born : 0,
			    ancestor != NULL ? ancestor->forked : 0);
	}
	lineage_put(home->length, self, process->born, process->forked);
}

struct conns_origin lineage_origin(uint64_t acquired, int descriptor)
{
	struct conns_origin origin = {
		.acquirer = LEDGER_NOBODY, .acquired = acquired, .descriptor = descriptor};

	for (uint32_t i = home->length; acquired != 0 && i > 0 && i + HOME_LINE > home->length;
	     i--) {
		if (home->line[(i - 1) % HOME_LINE].born <= acquired) {
			origin.acquirer = home->line[(i - 1) % HOME_LINE].ref;
			/* It came to be shared when the next in our line was born. */
			origin.shared = i < home->length ? home->line[i % HOME_LINE].born : 0;
			origin.forked = i < home->length ? home->line[i % HOME_LINE].forked : 0;
			break;
		}
	}
	return origin;
}
