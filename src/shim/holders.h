/* SPDX-License-Identifier: MIT */
/*
 * The other holders of a connection, counted by how they stand towards it.
 *
 * The idea: nobody keeps a list of holders. Who may hold a copy follows from the
 * family: the process that acquired the connection, and those born of it later. A
 * holder that would veto is asked for: the dead are buried on the way.
 * Invariant: who cannot be told apart from a holder is counted as one; what cannot
 * be seen counts as pending. The caller is counted only if it is among the users.
 *
 * Costs one look per live process of the tree, and one system call per vetoing one.
 */
#ifndef SHIM_HOLDERS_H
#define SHIM_HOLDERS_H

#include <stdint.h>

#include "core/verdict.h"
#include "ledger/conns.h"

/* Fills `holders` (and sets asked). Without a ledger: one that nobody can see. */
void holders_count(uint64_t cookie, const struct conns_origin *origin,
		   struct verdict_holders *holders);

#endif
