/* SPDX-License-Identifier: MIT */
/*
 * What conns.c and conns_mark.c share, and nobody else calls.
 */
#ifndef LEDGER_CONNS_PARTS_H
#define LEDGER_CONNS_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "sendfin/ledger.h"

/* The slots that a connection with this cookie may be in: LEDGER_BUCKET of them. */
struct ledger_connection *conns_bucket_of(struct ledger *ledger, uint64_t cookie);

/* Whether a walk (conns_next) meets the slot. */
void conns_set_live(struct ledger *ledger, const struct ledger_connection *slot, bool value);

#endif
