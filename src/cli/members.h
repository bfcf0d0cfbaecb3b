/* SPDX-License-Identifier: MIT */
/*
 * The processes of a tree, as we see them.
 *
 * The idea: the ledger has slots with the pids that the processes themselves see, in whatever
 * pid namespace; so /proc is searched for processes whose innermost pid is in a slot, and who
 * have the tree's memory attached.
 * The invariant: a process is found once, with the slot that is its own.
 * Never here: what they hold.
 */
#ifndef SENDFIN_CLI_MEMBERS_H
#define SENDFIN_CLI_MEMBERS_H

#include "cli/ledgerview.h"

#include <stddef.h>
#include <sys/types.h>

struct member {
	pid_t pid;
	const struct ledger_process *slot; /* NULL: the tree has no ledger yet */
};

/*
 * The members, by pid; the caller frees *MEMBERS. The view's own process is among them,
 * whatever the ledger says. 0 or -errno.
 */
int members_find(const struct ledgerview *view, struct member **members, size_t *count);

#endif
