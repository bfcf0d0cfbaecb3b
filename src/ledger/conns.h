/* SPDX-License-Identifier: MIT */
/*
 * The slots of connections: who uses each, and the mark of one that is due.
 *
 * The idea: a connection is named by the kernel's cookie and lives in one of the
 * eight slots of its bucket. It is published when a process first uses it while it
 * is shared, and given back when the last of them lets go.
 *
 * Invariants:
 *  - A process that engages writes its reference first and then looks whether the
 *    slot still has the cookie; one that gives a slot back makes the cookie DYING
 *    first and then looks whether anybody engaged. So nobody's engagement is lost. A
 *    dying slot keeps its name, and its users count; only who made it so frees it, or
 *    who finds that one dead.
 *  - References are taken out by value, never all together.
 *  - What a slot says of a connection's origin is bound to its cookie: a writer that was
 *    late leaves the slot's next connection without an origin, never with a wrong one.
 *  - Two slots may hold the same cookie for a moment: every question looks at all.
 *  - A full bucket means "not published", which the caller must remember as "uses
 *    something unknown"; it never means "nobody uses it".
 *  - A mark goes NONE -> DUE -> TAKEN -> NONE by compare-and-swap, with a count, so
 *    that exactly one process acts on it.
 * Never here: what a verdict follows from all this.
 *
 * Safe in threads, signal handlers and vfork children; a process may be killed
 * between any two instructions.
 */
#ifndef LEDGER_CONNS_H
#define LEDGER_CONNS_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger/procs.h"
#include "sendfin/ledger.h"

/*
 * Who acts here, for those who find its work half done; and how it asks for the dead whose
 * work it finds. *self is read whenever it is needed, and stays the caller's: a forked child
 * changes it. LEDGER_NOBODY and NULL until then: what a killed one leaves half done is lost
 * then. A vfork child acts in its parent's name.
 */
void conns_introduce(const uint64_t *self, procs_is_dead *is_dead);

/* What the first to publish knows of a connection. */
struct conns_origin {
	uint64_t acquirer; /* LEDGER_NOBODY = not known */
	uint64_t acquired;
	uint64_t shared; /* birth of the acquirer's child that leads here; 0 = none */
	int descriptor;
	uint32_t accepted; /* sites, 0 = not known: its accept or connect ... */
	uint32_t forked;   /* ... the acquirer's fork that leads here ... */
	uint32_t let_go;   /* ... and where it was let go, if it is marked */
	bool is_lent;      /* the acquirer used it before it shared it: it may come back to it */
};

/*
 * Publishes that `ref` uses the connection. Returns its slot, or NULL when there was
 * no room: the caller then counts as using everything.
 */
struct ledger_connection *conns_engage(struct ledger *ledger, uint64_t cookie, uint64_t ref,
				       const struct conns_origin *origin);

/*
 * `ref` uses it no more; the slot is given back with its last user, unless marked. True
 * when it was among the users.
 */
bool conns_disengage(struct ledger *ledger, uint64_t cookie, uint64_t ref);

/* Takes a dead `ref` out. The slot stays, for the sweep: nobody has let go. */
void conns_take_out(struct ledger *ledger, uint64_t cookie, uint64_t ref);

/* Takes `ref`, which says good-bye, out of every connection. */
void conns_disengage_all(struct ledger *ledger, uint64_t ref);

/*
 * `ref` is a new program image: it is taken out of every connection that is not held
 * any more. The slots stay, for the sweep to find: nobody has let go of them.
 */
typedef bool conns_is_held(uint64_t cookie, const void *context);
void conns_abandon(struct ledger *ledger, uint64_t ref, conns_is_held *is_held,
		   const void *context);

/* One phantom becomes `ref`. False when there was none. */
bool conns_replace_phantom(struct ledger *ledger, uint64_t cookie, uint64_t ref);

/*
 * Who uses the connection, one at each call: *place is 0 at first. LEDGER_NOBODY when there is
 * no other. Phantoms are named, too.
 */
uint64_t conns_next_user(struct ledger *ledger, uint64_t cookie, uint32_t *place);

/* The connection's slot, or NULL. Made if `make`, without a user. */
struct ledger_connection *conns_find(struct ledger *ledger, uint64_t cookie, bool make);

/*
 * What is known of where it came from, said by the first who knows. Nothing is said of a
 * slot that is another connection's by now.
 */
void conns_note_origin(struct ledger_connection *connection, uint64_t cookie,
		       const struct conns_origin *origin);

/*
 * The same question the other way: LEDGER_NOBODY when nobody has said so yet of the
 * connection with this cookie, whatever the slot says of another.
 */
struct conns_origin conns_origin(const struct ledger_connection *connection, uint64_t cookie);

/* The mark as it is, for the three that follow. */
uint64_t conns_mark_of(const struct ledger_connection *connection);

/*
 * NONE -> DUE, with the low half of the bytes written so far. A mark that is due already
 * is renewed: whoever is about to drop the old one for an old reason fails. Its bytes do not
 * go back.
 */
bool conns_mark(struct ledger *ledger, struct ledger_connection *connection, uint64_t cookie,
		uint64_t bytes);

/*
 * The same wherever the connection's slot is by now: a slot that is given back, or a mark that
 * is dropped, under us only means once more. NULL when somebody has taken the mark and is
 * about to send the FIN, or when there is no room.
 */
struct ledger_connection *conns_make_due(struct ledger *ledger, uint64_t cookie, uint64_t bytes);

/* The connection's slot with a mark that is due, or NULL. */
struct ledger_connection *conns_find_due(struct ledger *ledger, uint64_t cookie);

/* DUE -> TAKEN by the process in slot `taker`; true for exactly one caller per mark. */
bool conns_take(struct ledger *ledger, struct ledger_connection *connection, uint64_t seen,
		uint32_t taker);

/* DUE or TAKEN -> NONE. */
bool conns_drop(struct ledger *ledger, struct ledger_connection *connection, uint64_t seen);

/* Gives the slot back if it has neither users nor a mark. */
void conns_tidy(struct ledger *ledger, struct ledger_connection *connection);

/* Walks: the first slot in use from `index` on; LEDGER_CONNECTIONS at the end. */
uint32_t conns_next(const struct ledger *ledger, uint32_t index);

#endif
