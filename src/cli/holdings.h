/* SPDX-License-Identifier: MIT */
/*
 * The sockets that the processes of a tree hold and should not: in CLOSE_WAIT, or dead.
 *
 * The idea: /proc says who holds what and in which state, the shim's memory where it came from.
 * The invariant: nothing is held by us meanwhile; a copy of a descriptor, however short, would
 * be one more reason why no FIN is sent.
 * Never here: what the ledger found before.
 */
#ifndef SENDFIN_CLI_HOLDINGS_H
#define SENDFIN_CLI_HOLDINGS_H

#include "cli/report.h"

/* Fills the report's holdings; its processes are known already. 0 or -errno. */
int holdings_gather(struct report *report);

#endif
