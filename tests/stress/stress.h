/* SPDX-License-Identifier: MIT */
/*
 * The world of the ledger's stress test: one ledger, and beside it what its users
 * believe of it, in one piece of shared memory.
 *
 * The idea: workers stand for processes of a tree. Every belief is written so that it
 * is true in every moment it claims: "engaged" after conns_engage() and until before
 * conns_disengage(). So whoever looks may check it, at any time, against the ledger.
 * Invariant: all words here are read and written with atomics. A worker may be killed
 * between any two instructions.
 * Never here: a lock, or a time that is asserted.
 */
#ifndef STRESS_STRESS_H
#define STRESS_STRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger/conns.h"
#include "ledger/procs.h"

enum {
	WORKERS = 4,
	BUCKETS = 2,
	PER_BUCKET = 10, /* more than fit */
	COOKIES = BUCKETS * PER_BUCKET,
	CHILDREN = 6, /* that one worker has at most */
	ROOM = 28,    /* process slots that are not occupied for good */
	LIVES = 4096, /* names that workers and children can die under */
	TOKEN_DEAD = 1,
	TOKEN_FIRST = 2,
	MARK_BITS = 1 << 23, /* marks of one slot that can be told apart */
};

/* What can be wrong; each has a sentence in ledger_stress.c. */
enum stress_fault {
	FAULT_HIDDEN_SELF,
	FAULT_HIDDEN_OTHER,
	FAULT_HIDDEN_SLOT,
	FAULT_WRONG_ORIGIN,
	FAULT_TWO_TAKERS,
	FAULT_TAKEN_LOST,
	FAULT_SLOT_TWICE,
	FAULT_SLOT_STOLEN,
	FAULT_FAMILY,
	FAULT_DUE_COUNT,
	FAULT_LEAKED_CONNECTION,
	FAULT_USER_LEFT,
	FAULT_LOST_CONNECTION,
	FAULT_LOST_PROCESS,
	FAULT_HUNG,
	FAULT_TWIN_LEFT,
	FAULTS,
};

struct stress_world {
	struct ledger ledger;
	uint64_t cookies[COOKIES];
	uint32_t first_slot[BUCKETS]; /* of each bucket */
	uint64_t refs[WORKERS];
	uint64_t faults[FAULTS];
	uint64_t origins_lost; /* allowed, but told */
	uint64_t no_room;      /* the same */
	uint32_t is_stopped;
	uint32_t is_dead[LIVES];                /* by token, which is the pid in a slot */
	uint64_t engaged[WORKERS][COOKIES];     /* odd while engaged for certain */
	uint32_t phantoms[COOKIES];             /* sent and not yet received, at least */
	uint32_t taker[BUCKETS][LEDGER_BUCKET]; /* worker + 1 */
	uint64_t taken[BUCKETS][LEDGER_BUCKET][MARK_BITS / 64]; /* marks that had a taker */
};

extern struct stress_world *stress;
extern const uint64_t stress_nobody;

static inline uint64_t stress_load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static inline void stress_store(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

/* Counts a fault. */
void stress_fault(enum stress_fault fault);

/* Is the process in the slot dead? By its token. */
bool stress_is_dead(const struct ledger_process *process);

/* What the acquirer of the cookie would say of it. */
struct conns_origin stress_origin(uint64_t cookie);

/*
 * Worker `self` under `token`: so many random operations, or, with 0, until stopped.
 * Lets go of everything before it returns.
 */
void stress_work(uint32_t self, uint32_t token, uint64_t operations);

/* `by` takes the dead out of the ledger, as a look at all processes does. */
void stress_bury(uint64_t by);

/* Checks the ledger after the last worker; `kills` of them did not end by themselves. */
void stress_settle(uint32_t kills);

#endif
