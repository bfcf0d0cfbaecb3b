/* SPDX-License-Identifier: MIT */
/*
 * Slots are taken in turn, not lowest first: a dead process's family stays readable
 * for as long as possible.
 */
#include "ledger/procs.h"

#include <stddef.h>

#define REF_SLOT_BITS 16
#define REF_SLOT_MASK (((uint64_t)1 << REF_SLOT_BITS) - 1)

static uint64_t load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static uint32_t flags_of(const struct ledger_process *process)
{
	return __atomic_load_n(&process->flags, __ATOMIC_SEQ_CST);
}

struct ledger_process *procs_get(struct ledger *ledger, uint64_t ref)
{
	uint64_t slot = (ref & REF_SLOT_MASK) - 1;

	if (ref == LEDGER_NOBODY || ref == LEDGER_PHANTOM || slot >= LEDGER_PROCESSES ||
	    load(&ledger->processes[slot].ref) != ref) {
		return NULL;
	}
	return &ledger->processes[slot];
}

uint32_t procs_high(const struct ledger *ledger)
{
	uint32_t high = __atomic_load_n(&ledger->header.process_high, __ATOMIC_SEQ_CST);

	return high < LEDGER_PROCESSES ? high : LEDGER_PROCESSES;
}

uint64_t procs_at(const struct ledger *ledger, uint32_t index)
{
	const struct ledger_process *process = &ledger->processes[index];

	return (flags_of(process) & LEDGER_PROCESS_ENDED) != 0 ? LEDGER_NOBODY
							       : load(&process->ref);
}

void procs_end(struct ledger *ledger, uint64_t ref)
{
	struct ledger_process *process = procs_get(ledger, ref);

	if (process != NULL) {
		__atomic_fetch_or(&process->flags, LEDGER_PROCESS_ENDED, __ATOMIC_SEQ_CST);
	}
}

static void raise_high(struct ledger *ledger, uint32_t high)
{
	uint32_t old = __atomic_load_n(&ledger->header.process_high, __ATOMIC_SEQ_CST);

	while (old < high &&
	       !__atomic_compare_exchange_n(&ledger->header.process_high, &old, high, true,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
	}
}

static void put(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static void put32(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

/* The family of a new child: its parent first, then the parent's own ancestors. */
static void fill_family(struct ledger *ledger, struct ledger_process *child, uint64_t parent)
{
	const struct ledger_process *source = procs_get(ledger, parent);

	put(&child->ancestors[0], source != NULL ? parent : LEDGER_NOBODY);
	for (uint32_t i = 1; i < LEDGER_ANCESTORS; i++) {
		put(&child->ancestors[i],
		    source != NULL ? load(&source->ancestors[i - 1]) : LEDGER_NOBODY);
	}
	put32(&child->depth, source != NULL ? source->depth + 1 : 0);
	put32(&child->pid_space, source != NULL ? source->pid_space : 0);
}

static void fill(struct ledger *ledger, struct ledger_process *process, uint64_t parent)
{
	put32(&process->pid, 0);
	put(&process->born, 0);
	put(&process->came_to_share, 0);
	put(&process->away, 0);
	put(&process->execed, 0);
	put(&process->spawned, 0);
	put(&process->blind, 0);
	put(&process->newest_acquirer, LEDGER_NOBODY);
	put(&process->newest_acquired, 0);
	for (uint32_t i = 0; i < LEDGER_RELEASES; i++) {
		put(&process->releases[i], 0);
	}
	put32(&process->release_count, 0);
	put32(&process->fins, 0);
	put32(&process->defers, 0);
	put32(&process->reclaimed, 0);
	fill_family(ledger, process, parent);
	__atomic_store_n(&process->flags, 0, __ATOMIC_SEQ_CST);
}

/*
 * Takes the slot if nobody is in it. A walk may see it half filled; that does no harm,
 * for the process it is meant for does not exist yet and holds nothing.
 */
static uint64_t try_claim(struct ledger *ledger, uint32_t index, procs_is_dead *is_dead)
{
	struct ledger_process *process = &ledger->processes[index];
	uint64_t old = load(&process->ref);
	uint64_t generation;
	uint64_t ref;

	if (old != LEDGER_NOBODY && (flags_of(process) & LEDGER_PROCESS_ENDED) == 0 &&
	    (is_dead == NULL || !is_dead(process))) {
		return LEDGER_NOBODY;
	}
	generation = __atomic_add_fetch(&ledger->header.generation, 1, __ATOMIC_SEQ_CST);
	ref = generation << REF_SLOT_BITS | (index + 1);
	if (!__atomic_compare_exchange_n(&process->ref, &old, ref, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST)) {
		return LEDGER_NOBODY;
	}
	return ref;
}

uint64_t procs_claim(struct ledger *ledger, uint64_t parent, procs_is_dead *is_dead)
{
	uint32_t start = __atomic_fetch_add(&ledger->header.process_next, 1, __ATOMIC_SEQ_CST);

	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < LEDGER_PROCESSES; i++) {
			uint32_t index = (start + i) % LEDGER_PROCESSES;
			uint64_t ref = try_claim(ledger, index, pass == 0 ? NULL : is_dead);

			if (ref != LEDGER_NOBODY) {
				fill(ledger, &ledger->processes[index], parent);
				raise_high(ledger, index + 1);
				return ref;
			}
		}
	}
	return LEDGER_NOBODY;
}

enum procs_kin procs_kin(const struct ledger_process *process, uint64_t ancestor)
{
	for (uint32_t i = 0; i < LEDGER_ANCESTORS; i++) {
		if (load(&process->ancestors[i]) == ancestor) {
			return PROCS_DESCENDS;
		}
	}
	return process->depth <= LEDGER_ANCESTORS ? PROCS_NO_KIN : PROCS_UNKNOWN;
}

/* Epochs have their low 16 bits free; larger descriptors are not remembered. */
static uint64_t release_key(uint64_t acquired, int descriptor)
{
	return descriptor >= 0 && (uint64_t)descriptor < REF_SLOT_MASK
		       ? (acquired & ~REF_SLOT_MASK) | ((uint64_t)descriptor + 1)
		       : 0;
}

void procs_release(struct ledger_process *process, uint64_t acquired, int descriptor)
{
	uint64_t key = release_key(acquired, descriptor);
	uint32_t index;

	if (key != 0) {
		index = __atomic_fetch_add(&process->release_count, 1, __ATOMIC_RELAXED);
		__atomic_store_n(&process->releases[index % LEDGER_RELEASES], key,
				 __ATOMIC_SEQ_CST);
	}
}

bool procs_has_released(const struct ledger_process *process, uint64_t acquired, int descriptor)
{
	uint64_t key = release_key(acquired, descriptor);

	for (uint32_t i = 0; key != 0 && i < LEDGER_RELEASES; i++) {
		if (load(&process->releases[i]) == key) {
			return true;
		}
	}
	return false;
}
