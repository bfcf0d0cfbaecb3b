/* SPDX-License-Identifier: MIT */
/*
 * What tree.c, tree_use.c and tree_image.c share, and nobody else calls.
 */
#ifndef SHIM_TREE_PARTS_H
#define SHIM_TREE_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger/conns.h"
#include "ledger/procs.h"

/* Work on the ledger's connections is done in this name from now on. */
void tree_introduce(uint64_t ref);

/* Sets a flag (LEDGER_PROCESS_*) of this process's own slot. */
void tree_raise_flag(uint32_t flag);

/* Claims a slot for a child of this process, whichever it is by then (procs_claim). */
uint64_t tree_claim_child(bool is_caller, procs_is_dead *is_dead);

/* Fills a claimed slot for somebody who comes into being at `born`. */
void tree_fill_child(uint64_t ref, uint64_t born);

/* Parent and child both say the child's pid, as each sees it. */
void tree_agree_on_pid(struct ledger_process *child, uint32_t pid);

/* The first fork, or sending away, with something to share makes the ledger. */
void tree_make_ledger_to_share(void);

/* The process is born: it uses nothing yet. Or its image is new, and uses what it did. */
void tree_use_begin(void);
void tree_use_inherited(void);

/* It ends, and uses nothing any more. */
void tree_use_end(void);

/* Flags of a slot that is only made now. */
uint32_t tree_use_flags(void);

/* Publishes that `ref` uses the connection; NULL, and a flag on us, when there is no room. */
struct ledger_connection *tree_publish(uint64_t cookie, uint64_t ref,
				       const struct conns_origin *origin);

/* The ledger with this id is ours, and `ref` our slot in it. Constructor only. */
void tree_settle(struct ledger *ledger, int id, uint64_t ref);

#endif
