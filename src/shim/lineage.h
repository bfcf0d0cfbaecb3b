/* SPDX-License-Identifier: MIT */
/*
 * The line of descent: who was forked by whom, from the first process of the tree down to
 * this one, and when.
 *
 * The idea: epochs grow along it, so an epoch of acquisition names the one that was alive
 * then. It is kept in private memory, which fork copies.
 * Invariant: the last in it is this process; what is older than the oldest is not known.
 * Never here: a look at who lives.
 */
#ifndef SHIM_LINEAGE_H
#define SHIM_LINEAGE_H

#include <stdint.h>

#include "ledger/conns.h"
#include "ledger/procs.h"

/* This process, by its reference and birth: the next in the line. */
void lineage_push(uint64_t ref, uint64_t born);

/* A new image: the line as far as the ancestors' slots still tell it, then `self`. */
void lineage_rebuild(const struct ledger *ledger, const struct ledger_process *process,
		     uint64_t self);

/* Who acquired what was acquired then; LEDGER_NOBODY when it is not known. */
struct conns_origin lineage_origin(uint64_t acquired, int descriptor);

#endif
