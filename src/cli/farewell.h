/* SPDX-License-Identifier: MIT */
/*
 * What a tree holds in the moment in which it is told to end.
 *
 * The idea: the shim reports what a process still holds when it exits, but whom a signal ends
 * reports nothing; so who passes the signal on looks first.
 * The invariant: the program gets its signal whatever is found, or not to be had.
 */
#ifndef SENDFIN_CLI_FAREWELL_H
#define SENDFIN_CLI_FAREWELL_H

#include "cli/narrate.h"

#include <stdbool.h>
#include <sys/types.h>

/* Tells what the program and its tree hold, and whether that is a leak. ID is the ledger's. */
bool farewell_tell(const struct narrator *narrator, pid_t program, int id);

#endif
