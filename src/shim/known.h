/* SPDX-License-Identifier: MIT */
/*
 * Stacks that were walked before, so that none is walked twice.
 *
 * The idea: a stack is known by where capture_site() was called from (return address, end
 * of frame, perhaps frame pointer) and by the words of memory that the walk gave as proof.
 * A look reads those words again, in their order, and stops at the first that differs; so
 * it never follows what is not there any more.
 * A forked child has the same stacks at the same addresses, so all that were forked from one
 * image share what is known: a server's children need not walk what the first has walked.
 * Invariant: an entry is found only if every word holds what it held. The hint chooses
 * where to begin looking, and is never believed.
 * Never here: a lock. Each entry has a count that is odd while it is written; a reader that
 * meets one has not found it, a writer leaves it alone. A writer that is killed loses it.
 * What remains: a library that was loaded by two children, in each another one at the same
 * address, and called at the same offset, is named as the first.
 */
#ifndef SHIM_KNOWN_H
#define SHIM_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/trace.h"

enum {
	KNOWN_ENTRIES = 256, /* a power of two; a server has some dozens of places, 200 KiB */
	/* Own frames, 17 of the program's, and the frame pointers of -O0 code. */
	KNOWN_WORDS = 44,
};

/* Where capture_site() was called. */
struct known_key {
	uintptr_t pc;
	uintptr_t cfa;
	uintptr_t fp;
	uintptr_t hint; /* whatever tells stacks apart well: the program's return address */
};

struct known_entry {
	uint32_t count; /* odd: being written; 0: empty */
	uint32_t site;  /* 0: there is no room for it in the ledger */
	uint32_t word_count;
	bool needs_fp;
	uintptr_t pc;
	uintptr_t cfa;
	uintptr_t fp;
	struct trace_word words[KNOWN_WORDS];
};

/* Zero is empty. */
struct known {
	uint32_t next; /* entry to be replaced, once all are taken */
	struct known_entry entries[KNOWN_ENTRIES];
};

/* The site of this very stack; false when it is not known. Safe anywhere. */
bool known_find(const struct known *known, const struct known_key *key, uint32_t *site);

/* Remembers a walk; one without proof, too long, or known by now is not remembered. */
void known_keep(struct known *known, const struct known_key *key, const struct trace_walk *walk,
		uint32_t site);

#endif
