/* SPDX-License-Identifier: MIT */
/* See lineage.h. A list of (reference, epoch of birth), oldest first. */
#include "shim/lineage.h"

#include <stddef.h>
#include <string.h>

#include "shim/attributes.h"

enum {
	/* Generations whose acquisitions can be told apart; deeper ones are "not known". */
	LINE_MAX_DEPTH = 32,
};

static OWN struct {
	uint64_t ref;
	uint64_t born;
} line[LINE_MAX_DEPTH];
static OWN uint32_t line_length;

void lineage_push(uint64_t ref, uint64_t born)
{
	if (line_length == LINE_MAX_DEPTH) {
		memmove(&line[0], &line[1], sizeof(line) - sizeof(line[0]));
		line_length--;
	}
	line[line_length].ref = ref;
	line[line_length].born = born;
	line_length++;
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

		lineage_push(ref, ancestor != NULL ? ancestor->born : 0);
	}
	lineage_push(self, process->born);
}

struct conns_origin lineage_origin(uint64_t acquired, int descriptor)
{
	struct conns_origin origin = {
		.acquirer = LEDGER_NOBODY, .acquired = acquired, .descriptor = descriptor};

	for (uint32_t i = line_length; acquired != 0 && i > 0; i--) {
		if (line[i - 1].born <= acquired) {
			origin.acquirer = line[i - 1].ref;
			/* It came to be shared when the next in our line was born. */
			origin.shared = i < line_length ? line[i].born : 0;
			break;
		}
	}
	return origin;
}
