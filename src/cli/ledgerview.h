/* SPDX-License-Identifier: MIT */
/*
 * The ledger of a tree that runs, for reading.
 *
 * The idea: where the tree is in our IPC namespace and we may, its memory is attached
 * read-only, and what is seen is what happens; else what is used of it is copied once.
 * The invariant: nothing in the tree changes: no slot is taken, nothing is written, and the
 * segment vanishes with the tree's last process as ever.
 * Never here: what the ledger says.
 */
#ifndef SENDFIN_CLI_LEDGERVIEW_H
#define SENDFIN_CLI_LEDGERVIEW_H

#include "cli/anchor.h"
#include "sendfin/ledger.h"

#include <stdbool.h>
#include <sys/types.h>

struct ledgerview {
	pid_t pid;                   /* whose tree it is */
	const struct ledger *ledger; /* NULL: the tree has none yet */
	bool is_attached;            /* false: a copy */
	struct anchor anchor;
};

/* Opens the ledger of PID's tree. EXIT_DONE, or an exit status after a complaint. */
int ledgerview_open(struct ledgerview *view, pid_t pid);

void ledgerview_close(struct ledgerview *view);

#endif
