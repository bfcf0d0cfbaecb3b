/* SPDX-License-Identifier: MIT */
/*
 * Where each descriptor's connection was accepted, and where its EOF was read: what
 * debug mode remembers until it is asked.
 *
 * The idea: one small record per descriptor in private memory, copied by fork like the
 * stamps; a number that is used again is written over. The process counts how often it has
 * turned to other clients (waited for one, or got another connection), so that an EOF from
 * before the latest turn is known to be forgotten, and one that the process may just be about
 * to act on is not. Its own latest forks are remembered, too: a copy that it kept was to be
 * closed behind the first one.
 * Invariant: a record is about the connection that is on the descriptor now, if it is one
 * that we watch.
 * Never here: memory that is touched while debug mode is off.
 *
 * Safe in threads and signal handlers; of two threads at one descriptor the later wins.
 */
#ifndef SHIM_PLACES_H
#define SHIM_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#include "sendfin/ledger.h"
#include "shim/attributes.h"

/* Constant after the constructor: debug mode, a report or an exit code is wanted. */
extern HIDDEN bool places_are_kept;

/* For as many descriptors as the table has. Returns 0 or -errno. Constructor only. */
int places_setup(uint32_t count);

/* The connection on fd was just accepted or connected, by the call under way. */
void places_acquired(int fd);

/* Its EOF was read by the call under way, or it is being waited for once more after that. */
void places_ended(int fd);
void places_still_ended(int fd);

/* `to` became another descriptor of what is on `from`. */
void places_copy(int from, int to);

/* fd got something of unknown origin. */
void places_forget(int fd);

/* The process turns to other clients: waits for one. What is waited for, too, is not forgotten. */
void places_turn(void);

/* This process forked at `site`, with its epoch raised to `epoch`. */
void places_forked(uint64_t epoch, uint32_t site);

/* The site of its first fork after `epoch`; 0 when that is not known (any more). */
uint32_t places_fork_after(uint64_t epoch);

/* What is known of fd; zeroes if nothing is. */
struct ledger_place places_of(int fd);

/* True when EOF was read on fd and the process has turned to other clients since. */
bool places_is_forgotten(int fd);

#endif
