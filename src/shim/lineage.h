/* SPDX-License-Identifier: MIT */
/*
 * The line of descent: from the first process of the tree down to this one.
 *
 * The idea: a list of (reference, epoch of birth), which fork copies. Epochs grow along it,
 * so an epoch of acquisition names the one that was alive then.
 * Invariant: members are put in once, each at its own depth; the oldest are overwritten, and
 * what they acquired is of unknown origin then.
 * Never here: a look at who lives.
 *
 * Safe in threads and signal handlers; written only where a process is born.
 */
#ifndef SHIM_LINEAGE_H
#define SHIM_LINEAGE_H

#include <stdint.h>

#include "ledger/conns.h"
#include "ledger/procs.h"

/* How many are known to be in the line, this process included. */
uint32_t lineage_depth(void);

/*
 * The member with `depth` others above it; nothing grows when it is there already. `forked`
 * is the site of the fork that made it, 0 = not known.
 */
void lineage_put(uint32_t depth, uint64_t ref, uint64_t born, uint32_t forked);

/* A new image: the line as far as the ancestors' slots still tell it, then `self`. */
void lineage_rebuild(const struct ledger *ledger, const struct ledger_process *process,
		     uint64_t self);

/* Who acquired what was acquired then; LEDGER_NOBODY when it is not known. */
struct conns_origin lineage_origin(uint64_t acquired, int descriptor);

#endif
