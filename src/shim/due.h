/* SPDX-License-Identifier: MIT */
/*
 * Deferred FINs: the process that served a connection has closed it, but another
 * holder might still want it. That holder finishes the job when it goes elsewhere.
 *
 * The protocol, in sequentially consistent order on both sides:
 *
 *   C lets go                           H, pending
 *   1 takes itself out of the users,     a becomes elsewhere or gone, and says so:
 *     and says that it let go              goes away, execs, serves a later client,
 *   2 looks at the others: pending         lets go unused
 *   3 marks: NONE -> DUE, with the       b looks for marks
 *     bytes written before 2             c looks at the others
 *   4 looks at the others once more      d nobody pending: DUE -> TAKEN, then the FIN
 *   5 nobody pending: DUE -> TAKEN,
 *     then the FIN                       or, when it touches the connection instead:
 *   6 the real close                     A puts itself among the users
 *                                        B DUE -> NONE
 *                                        C the real call
 *
 * A look reads the mark first, then where each process stands, then the users, then the
 * bytes; it starts over when a fork was prepared in the meantime.
 *
 * Invariants:
 *  - Either C sees at 4 that H is elsewhere, or H sees C's mark at b: no due mark is
 *    lost. The compare-and-swap to TAKEN lets exactly one of them act.
 *  - A holder that is pending until its A makes every taker, who looks at it before it
 *    takes, leave or drop the mark: no FIN after the connection was touched.
 *  - Bytes written since the mark, by whatever way, drop it: somebody nobody sees is
 *    answering.
 * What remains, because nobody waits: a holder that was elsewhere during the look, then
 * forks, and it or that child touches the connection before the FIN.
 * The model of this is checked by the tests (tests/model).
 * Never here: a FIN in observe mode, or on a connection that is not in CLOSE_WAIT.
 */
#ifndef SHIM_DUE_H
#define SHIM_DUE_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger/conns.h"
#include "shim/holders.h"

/*
 * Steps 3 to 5: the verdict on fd was "defer", or "leave" because somebody uses it: then
 * that one may let go without a word, and the mark is what remains. `written` is
 * sockprobe_written() of a moment ago, and `known` what is known of the others since then.
 * True when the caller has become the one to send the FIN after all; it then calls
 * due_done().
 */
bool due_mark(int fd, uint64_t cookie, const struct conns_origin *origin, uint64_t written,
	      struct holders_known *known);

/* The FIN is out: a mark, if there was one, has done its work. */
void due_done(uint64_t cookie);

/* Steps b to d, for all marks of connections that this process holds. */
void due_look(void);

/* The same when the process is about to let go of all it holds, and has said so. */
void due_look_leaving(void);

/* The same for the one on fd, which is about to be closed unused. */
void due_look_at(int fd);

/*
 * We wait for clients no more, and have said so: what we acquired and is still due gets the
 * keepalive that was left to us.
 */
void due_keep(void);

/*
 * At most once a second: connections that this process acquired and never used, whose
 * users have all died without letting go, get their FIN; and what it acquired and is still
 * due gets its keepalive, unless that was armed with the mark.
 */
void due_sweep(void);

#endif
