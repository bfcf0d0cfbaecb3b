/* SPDX-License-Identifier: MIT */
/*
 * The segment itself: nameless System V shared memory that vanishes with the last
 * process that has it attached.
 *
 * The idea: it is marked for removal in the moment it is attached. On Linux a
 * segment so marked can still be attached by its id (shmctl(2)), so a new program
 * image finds it again, and nothing is ever left behind: no name, no descriptor.
 * Invariant: what segment_attach() gives has the right magic, version and size.
 *
 * This room makes no system call by itself: the caller says how (the shim must not
 * touch errno or anything that may be intercepted).
 */
#ifndef LEDGER_SEGMENT_H
#define LEDGER_SEGMENT_H

#include "sendfin/ledger.h"

/* Makes one system call; returns its value, or -errno. */
typedef long segment_call(long number, long a, long b, long c);

/* Makes a new, empty ledger. Returns 0 or -errno; *id is its System V id. */
int segment_create(segment_call *call, struct ledger **ledger, int *id);

/* Attaches the ledger with this id. Returns 0 or -errno (-EPROTO: not one of ours). */
int segment_attach(segment_call *call, int id, struct ledger **ledger);

#endif
