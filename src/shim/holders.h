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
 * tells), and one system call per vetoing one.
 */
#ifndef SHIM_HOLDERS_H
#define SHIM_HOLDERS_H

#include <stdint.h>

#include "core/verdict.h"
#include "ledger/conns.h"

/* Does the caller itself count? */
enum holders_of {
	HOLDERS_OTHERS, /* no: it is letting go of the connection */
	HOLDERS_ALL,    /* yes: it keeps its copy, and must be elsewhere itself */
};

/*
 * Fills `holders` (and sets asked). Without a ledger: one that nobody can see. Returns one
 * of them, to be named to people: one that is elsewhere, else a pending one, else a user;
 * LEDGER_NOBODY when none has a slot.
 */
uint64_t holders_count(uint64_t cookie, const struct conns_origin *origin, enum holders_of whom,
		       struct verdict_holders *holders);

#endif
