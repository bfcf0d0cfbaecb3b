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

static bool swap(uint64_t *word, uint64_t from, uint64_t to)
{
	return __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

/* The slot number of a reference; LEDGER_PROCESSES for nobody and phantoms. */
static uint64_t slot_of(uint64_t ref)
{
	uint64_t slot = (ref & REF_SLOT_MASK) - 1;

	return ref == LEDGER_NOBODY || ref == LEDGER_PHANTOM || slot >= LEDGER_PROCESSES
		       ? LEDGER_PROCESSES
		       : slot;
}

struct ledger_process *procs_get(struct ledger *ledger, uint64_t ref)
{
	uint64_t slot = slot_of(ref);

	return slot < LEDGER_PROCESSES && load(&ledger->processes[slot].ref) == ref
		       ? &ledger->processes[slot]
		       : NULL;
}

/* The name of who is or was in the slot; of one that is being filled, nobody's. */
static uint64_t name_in(uint64_t word)
{
	return (word & LEDGER_REF_ENDED) != 0 ? word & ~(LEDGER_REF_ENDED | LEDGER_REF_CLAIMING)
					      : word;
}

const struct ledger_process *procs_recall(const struct ledger *ledger, uint64_t ref)
{
	uint64_t slot = slot_of(ref);

	return slot < LEDGER_PROCESSES && name_in(load(&ledger->processes[slot].ref)) == ref
		       ? &ledger->processes[slot]
		       : NULL;
}

uint32_t procs_high(const struct ledger *ledger)
{
	uint32_t high = __atomic_load_n(&ledger->header.process_high, __ATOMIC_SEQ_CST);

	return high < LEDGER_PROCESSES ? high : LEDGER_PROCESSES;
}

uint64_t procs_at(const struct ledger *ledger, uint32_t index)
{
	uint64_t word = load(&ledger->processes[index].ref);

	return (word & (LEDGER_REF_ENDED | LEDGER_REF_CLAIMING)) != 0 ? LEDGER_NOBODY : word;
}

uint32_t procs_next(const struct ledger *ledger, uint32_t index)
{
	while (index < LEDGER_PROCESSES) {
		uint64_t rest = load(&ledger->occupied[index / 64]) >> (index % 64);

		if (rest != 0) {
			return index + (uint32_t)__builtin_ctzll(rest);
		}
		index = (index / 64 + 1) * 64;
	}
	return LEDGER_PROCESSES;
}

bool procs_is_crowd(const struct ledger *ledger, uint32_t few)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < LEDGER_PROCESS_WORDS && count <= few; i++) {
		/* Not by a built-in count of bits: that is a function of the compiler's library. */
		for (uint64_t word = load(&ledger->occupied[i]); word != 0; word &= word - 1) {
			count++;
		}
	}
	return count > few;
}

void procs_set_born(struct ledger *ledger, struct ledger_process *slot, uint64_t born)
{
	__atomic_store_n(&slot->born, born, __ATOMIC_SEQ_CST);
	__atomic_store_n(&ledger->births[slot - ledger->processes], born, __ATOMIC_SEQ_CST);
}

uint64_t procs_born(const struct ledger *ledger, uint32_t index)
{
	return load(&ledger->births[index]);
}

uint32_t procs_index(uint64_t ref)
{
	return (uint32_t)slot_of(ref);
}

static void occupy(struct ledger *ledger, uint64_t slot)
{
	__atomic_fetch_or(&ledger->occupied[slot / 64], (uint64_t)1 << (slot % 64),
			  __ATOMIC_SEQ_CST);
}

static void vacate(struct ledger *ledger, uint64_t slot)
{
	__atomic_fetch_and(&ledger->occupied[slot / 64], ~((uint64_t)1 << (slot % 64)),
			   __ATOMIC_SEQ_CST);
}

/* Its children without a slot live on; nobody else would tell of them. */
static void remember_unseen(struct ledger *ledger, const struct ledger_process *process)
{
	uint64_t blind = load(&process->blind);
	uint64_t old = load(&ledger->header.unseen);

	while (old < blind &&
	       !__atomic_compare_exchange_n(&ledger->header.unseen, &old, blind, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
	}
}

/* The bit goes while nobody can claim the slot: else it might be its next owner's. */
void procs_end(struct ledger *ledger, uint64_t ref)
{
	uint64_t slot = slot_of(ref);
	uint64_t ending = ref | LEDGER_REF_ENDED | LEDGER_REF_CLAIMING;

	if (slot >= LEDGER_PROCESSES || load(&ledger->processes[slot].ref) != ref) {
		return;
	}
	remember_unseen(ledger, &ledger->processes[slot]);
	if (swap(&ledger->processes[slot].ref, ref, ending)) {
		vacate(ledger, slot);
		swap(&ledger->processes[slot].ref, ending, ref | LEDGER_REF_ENDED);
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

/*
 * The family of a new child: its parent first, then the parent's own ancestors. Of a
 * parent that is not known any more nothing is known but that there was more.
 */
static void fill_family(const struct ledger *ledger, struct ledger_process *child, uint64_t parent)
{
	const struct ledger_process *source = procs_recall(ledger, parent);
	uint32_t depth = parent == LEDGER_NOBODY ? 0 : LEDGER_DEPTH_UNKNOWN;

	if (source != NULL) {
		depth = __atomic_load_n(&source->depth, __ATOMIC_RELAXED);
		depth += depth != LEDGER_DEPTH_UNKNOWN;
	}
	put(&child->ancestors[0], parent);
	for (uint32_t i = 1; i < LEDGER_ANCESTORS; i++) {
		put(&child->ancestors[i],
		    source != NULL ? load(&source->ancestors[i - 1]) : LEDGER_NOBODY);
	}
	put32(&child->depth, depth);
	put32(&child->pid_space,
	      source != NULL ? __atomic_load_n(&source->pid_space, __ATOMIC_RELAXED) : 0);
}

static void fill(struct ledger *ledger, struct ledger_process *process, uint64_t parent)
{
	put32(&process->pid, 0);
	procs_set_born(ledger, process, 0);
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
	put32(&process->forked, 0);
	put32(&process->leaks, 0);
	fill_family(ledger, process, parent);
	put32(&process->flags, 0);
}

static bool is_free(const struct ledger_process *process, uint64_t word, procs_is_dead *is_dead)
{
	/* Who was killed while it filled the slot, or gave it back, has lost it for good. */
	if ((word & LEDGER_REF_CLAIMING) != 0) {
		return false;
	}
	return word == LEDGER_NOBODY || (word & LEDGER_REF_ENDED) != 0 ||
	       (is_dead != NULL && is_dead(process));
}

/* Takes the slot if nobody is in it, fills it, and only then gives it its new name. */
static uint64_t try_claim(struct ledger *ledger, uint32_t index, uint64_t parent,
			  procs_is_dead *is_dead)
{
	struct ledger_process *process = &ledger->processes[index];
	uint64_t old = load(&process->ref);
	uint64_t generation;
	uint64_t ref;

	if (!is_free(process, old, is_dead)) {
		return LEDGER_NOBODY;
	}
	remember_unseen(ledger, process);
	generation = __atomic_add_fetch(&ledger->header.generation, 1, __ATOMIC_SEQ_CST);
	ref = generation << REF_SLOT_BITS | (index + 1);
	if (!swap(&process->ref, old, ref | LEDGER_REF_CLAIMING)) {
		return LEDGER_NOBODY;
	}
	occupy(ledger, index);
	fill(ledger, process, parent);
	raise_high(ledger, index + 1);
	__atomic_store_n(&process->ref, ref, __ATOMIC_SEQ_CST);
	return ref;
}

uint64_t procs_claim(struct ledger *ledger, uint64_t parent, procs_is_dead *is_dead)
{
	uint32_t start = __atomic_fetch_add(&ledger->header.process_next, 1, __ATOMIC_SEQ_CST);

	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < LEDGER_PROCESSES; i++) {
			uint32_t index = (start + i) % LEDGER_PROCESSES;
			uint64_t ref = try_claim(ledger, index, parent, pass == 0 ? NULL : is_dead);

			if (ref != LEDGER_NOBODY) {
				return ref;
			}
		}
	}
	return LEDGER_NOBODY;
}

static uint32_t depth_of(const struct ledger_process *process)
{
	return process != NULL ? __atomic_load_n(&process->depth, __ATOMIC_RELAXED)
			       : LEDGER_DEPTH_UNKNOWN;
}

enum procs_kin procs_kin(const struct ledger *ledger, const struct ledger_process *process,
			 uint64_t ancestor)
{
	uint32_t depth = depth_of(process);
	uint32_t above = depth_of(procs_recall(ledger, ancestor));

	for (uint32_t i = 0; i < LEDGER_ANCESTORS && ancestor != LEDGER_NOBODY; i++) {
		if (load(&process->ancestors[i]) == ancestor) {
			return PROCS_DESCENDS;
		}
	}
	if (depth == LEDGER_DEPTH_UNKNOWN) {
		return PROCS_UNKNOWN;
	}
	/* All are known; or it stands where it would have been among those that are. */
	if (depth <= LEDGER_ANCESTORS ||
	    (above != LEDGER_DEPTH_UNKNOWN && above + LEDGER_ANCESTORS >= depth)) {
		return PROCS_NO_KIN;
	}
	return PROCS_UNKNOWN;
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
