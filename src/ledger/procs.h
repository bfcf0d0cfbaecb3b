/* SPDX-License-Identifier: MIT */
/*
 * The slots of processes: claimed for a child before it is born, given back when it
 * says good-bye, or when somebody finds it dead.
 *
 * The idea: a reference is slot + generation, so that a slot which was taken again
 * never answers to the old name. The slot's word goes 0 or ENDED -> CLAIMING -> the new
 * reference -> ENDED and CLAIMING -> ENDED by compare-and-swap alone; whoever has swapped
 * it to CLAIMING is the only one to write the slot until it stores the next word.
 * Invariants:
 *  - procs_get() of a reference whose process has ended, or whose slot is somebody else's,
 *    is NULL.
 *  - The slot of a process that lives has its bit in `occupied`: only who claims the slot
 *    sets it, before there is a reference, and only who ends that very process clears it,
 *    while nobody can claim. So a walk may go by the bits, and costs what lives.
 *  - Who is killed while it claims or ends has left its own slot's number in the word, with
 *    a fresh generation: who finds it dead may take the place. Only one without a slot of
 *    its own loses the place.
 * Never here: a wait; the question whether a pid lives (the caller asks the kernel).
 *
 * Safe in threads, signal handlers and vfork children.
 */
#ifndef LEDGER_PROCS_H
#define LEDGER_PROCS_H

#include <stdbool.h>
#include <stdint.h>

#include "sendfin/ledger.h"

/* Tells whether the process in a slot is known to be dead; may be NULL ("never"). */
typedef bool procs_is_dead(const struct ledger_process *process);

/*
 * Claims a slot for a child of *parent (LEDGER_NOBODY: the first of its tree), which is the
 * process that calls this if `is_caller`. It is read in the last moment: a signal handler
 * that forks on top of us makes a copy of us, whose children have another parent.
 * Free slots first; then those whose process is_dead() says is gone; at last those for
 * children of the dead that were perhaps never born: then the ledger remembers that there
 * may be one that nobody sees. Fills in the family and zeroes all else. Returns the
 * reference, or LEDGER_NOBODY when full.
 */
uint64_t procs_claim(struct ledger *ledger, const uint64_t *parent, bool is_caller,
		     procs_is_dead *is_dead);

/* The generation in a reference, or in a slot's word. */
uint64_t procs_generation(uint64_t word);

/* The slot of a reference, or NULL when the process has ended. */
struct ledger_process *procs_get(struct ledger *ledger, uint64_t ref);

/* The same, also of one that has ended and whose slot still tells of it. */
const struct ledger_process *procs_recall(const struct ledger *ledger, uint64_t ref);

/* The process says good-bye: its slot may be taken. */
void procs_end(struct ledger *ledger, uint64_t ref);

/* The same said by `by`, another process or LEDGER_NOBODY, of one that is dead or never was. */
void procs_bury(struct ledger *ledger, uint64_t ref, uint64_t by);

/* How many slots were ever claimed, from 0. */
uint32_t procs_high(const struct ledger *ledger);

/* The reference in slot `index`, or LEDGER_NOBODY when it is free or has ended. */
uint64_t procs_at(const struct ledger *ledger, uint32_t index);

/* Walks: the first slot from `index` on that may be somebody's; LEDGER_PROCESSES at the end. */
uint32_t procs_next(const struct ledger *ledger, uint32_t index);

/* Are there more than `few` slots that may be somebody's? */
bool procs_is_crowd(const struct ledger *ledger, uint32_t few);

/* The process in `slot`, whom nobody but its claimer knows yet, comes into being then. */
void procs_set_born(struct ledger *ledger, struct ledger_process *slot, uint64_t born);

/* When the process in slot `index` was born, without a look at the slot. */
uint64_t procs_born(const struct ledger *ledger, uint32_t index);

/* The index of the slot that a reference names; LEDGER_PROCESSES for nobody and phantoms. */
uint32_t procs_index(uint64_t ref);

/* What the family says of one process and another. */
enum procs_kin {
	PROCS_DESCENDS, /* `ancestor` is among the nearest ancestors */
	PROCS_NO_KIN,   /* it is not: it would be among those that are known */
	PROCS_UNKNOWN,  /* the family is longer than what is remembered */
};

enum procs_kin procs_kin(const struct ledger *ledger, const struct ledger_process *process,
			 uint64_t ancestor);

/*
 * Remembers that the owner lets go of its copy, and whether one did. The key is for
 * procs_closed(); 0 when it could not be remembered.
 */
uint64_t procs_release(struct ledger_process *process, uint64_t acquired, int descriptor);
bool procs_has_released(const struct ledger_process *process, uint64_t acquired, int descriptor);

/* Has one that held a copy certainly not let go of it? False, too, when that may be forgotten. */
bool procs_has_kept(const struct ledger_process *process, uint64_t acquired, int descriptor);

/* The kernel has closed it: whose birth is later than `bound` cannot have inherited it. */
void procs_closed(struct ledger_process *process, uint64_t key, uint64_t bound);

/* Was this process, a child of the acquirer, certainly born after the latter had closed it? */
bool procs_born_without(const struct ledger *ledger, const struct ledger_process *process,
			uint64_t acquirer, uint64_t acquired, int descriptor);

#endif
