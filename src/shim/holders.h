/* SPDX-License-Identifier: MIT */
/*
 * The other holders of a connection, counted by how they stand towards it.
 *
 * The idea: nobody keeps a list of holders. Who may hold a copy follows from the
 * family: the process that acquired the connection, and those born of it later. A
 * holder that would veto is asked for: the dead are buried on the way.
 * Invariant: who cannot be told apart from a holder is counted as one; what cannot
 * be seen counts as pending.
 *
 * Costs one look per live process of the tree (in a crowd, at its birth alone where that
 * tells), and a system call for each that would veto: but one living pending holder is as
 * good as ten, so who only wants to know whether there is any asks for one.
 */
#ifndef SHIM_HOLDERS_H
#define SHIM_HOLDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/verdict.h"
#include "ledger/conns.h"

/* Does the caller itself count? */
enum holders_of {
	HOLDERS_OTHERS, /* no: it is letting go of the connection */
	HOLDERS_ALL,    /* yes: it keeps its copy, and must be elsewhere itself */
};

/* What one act of several looks knows of who lives. Begins zeroed. */
struct holders_known {
	uint64_t alive; /* reference: found alive in the same act, and not asked for again */
};

/*
 * Fills `holders` (and sets asked). Without a ledger: one that nobody can see. Returns one
 * of them, to be named to people: one that is elsewhere, else a pending one, else a user;
 * LEDGER_NOBODY when none has a slot.
 *
 * With `known`, pending holders are no more asked for when one of them, that is no accept
 * loop, is known to live: what counts them counts the dead, too. NULL: every one is.
 */
uint64_t holders_count(uint64_t cookie, const struct conns_origin *origin, enum holders_of whom,
		       struct holders_known *known, struct verdict_holders *holders);

/*
 * Does another process use the connection, or may it want it? As holders_count() would find,
 * but it ends at the first one. Only "yes" may be acted on, by doing nothing: who hears "no"
 * counts.
 */
bool holders_veto(uint64_t cookie, const struct conns_origin *origin, struct holders_known *known);

#endif
