/* SPDX-License-Identifier: MIT */
/*
 * This process in the ledger of its tree: its slot, its family, what it publishes.
 *
 * The idea: the ledger is made by the first fork that has a socket to share. A child's
 * slot is claimed before the fork, so that parent and child know it the moment they
 * exist; the line of descent is kept in private memory, which fork copies.
 * Invariant: a process that could not publish a use says so in its slot, and counts
 * as using everything; a child that got no slot is noted at its parent as one that
 * nobody can see.
 * Never here: a verdict.
 *
 * Everything does nothing without a ledger. Safe in threads and signal handlers.
 */
#ifndef SHIM_TREE_H
#define SHIM_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ledger/conns.h"
#include "ledger/procs.h"
#include "sendfin/ledger.h"
#include "shim/attributes.h"
#include "shim/table.h"

/* The ledger of this tree, or NULL while there is none. */
extern HIDDEN struct ledger *tree_ledger;

/* For those who look into this process from outside; exported as sendfin_anchor. */
extern HIDDEN struct sendfin_anchor tree_anchor;

/* No ledger yet. Constructor only. */
void tree_setup(void);

/* This process's own slot, or NULL. */
struct ledger_process *tree_self(void);

/* Its reference, or LEDGER_NOBODY. */
uint64_t tree_self_ref(void);

/* Debug mode notes what happens before the first fork, too. Constructor only. */
void tree_make_ledger(void);

/* Around a fork, called by process.c with the epochs raised. As in process.h. */
uint64_t tree_before_fork(void);
void tree_after_fork(pid_t child_pid, uint64_t begun);

/*
 * In the child: what it has inherited; its own place, once that is known to be untouched;
 * and when the child has been told. A handler may do all three between any two steps.
 */
struct tree_birth {
	struct ledger *ledger;
	uint64_t parent;
	uint64_t prepared; /* the slot that the parent has claimed, if it is for us */
	uint32_t depth;
};

void tree_birth_begin(struct tree_birth *birth);
void tree_born(const struct tree_birth *birth);
void tree_birth_end(void);

/* A child made inside libc is about to hold copies of everything. */
void tree_spawning(void);

/* The process is sandboxed or otherwise notes nothing any more. Memory only. */
void tree_retired(void);

/* It ends: its engagements and its slot are given back. */
void tree_end(void);

/*
 * This process uses the connection with this cookie while it is shared; `accepted` is the
 * site it came from, 0 = not known.
 */
void tree_engage(uint64_t cookie, const struct table_gone *known, uint32_t accepted);

/* It uses it no more. */
void tree_disengage(uint64_t cookie);

/* The kernel has closed what letgo() let go: children from now on are born without it. */
void tree_closed(uint64_t key);

/* It left a FIN to somebody else: counted. */
void tree_deferred(void);

/* It uses something that it could not publish: perhaps any that was acquired by now. */
void tree_uses_unknown(void);

/* A connection is sent away, or handed to a child of libc: somebody will use it. */
void tree_engage_phantom(uint64_t cookie, const struct table_gone *known, uint32_t accepted);

/* It may hold what neither fork nor exec, as far as they are seen, have brought. */
void tree_received(void);

/* A connection arrived in a message: that, and the phantom's place is taken. */
void tree_arrived(uint64_t cookie);

/* It calls accept: it listens. */
void tree_listen(void);

/* Does it listen, as far as the ledger has been told? */
bool tree_listens(void);

/* Its last listening socket is closed: it is nobody's accept loop any more. */
void tree_stop_listening(void);

/* It has forked or spawned since its birth. */
bool tree_has_children(void);

/* It enters accept, or waits for clients: everything it does not use is "elsewhere". */
void tree_go_away(void);

/*
 * Of the children that this process has forked, is the first after `acquired` dead, and has
 * it been waited for? False when it is not known. Asks the kernel.
 */
bool tree_child_is_reaped(uint64_t acquired);

/* Is the process in this slot known to be dead? Asks the kernel. */
bool tree_is_dead(const struct ledger_process *process);

/*
 * A new program image: its slot is prepared, this process's own or, for a child, a new
 * one. *id is the ledger's. False when there is no room.
 */
bool tree_image_begin(bool is_child, uint64_t *image, int *id);

/* It will have this connection on one of descriptors 0 to 2. */
void tree_image_engage(uint64_t image, uint64_t cookie, const struct table_gone *known,
		       uint32_t accepted);

/* It runs, in the process with this pid; or it does not. */
void tree_image_started(uint64_t image, pid_t pid);
void tree_image_failed(uint64_t image);

/* In the new image: attaches and takes over the slot. Constructor only. */
bool tree_adopt(int id, uint64_t ref);

/* In a new image: which of the connections it was engaged with it still holds. */
void tree_keep_only(conns_is_held *is_held, const void *context);

#endif
