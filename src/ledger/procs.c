/* SPDX-License-Identifier: MIT */
/*
 * Slots are taken in turn, not lowest first: a dead process's family stays readable
 * for as long as possible.
 */
#include "ledger/procs.h"
#include "ledger/words.h"

#include <stddef.h>

#define REF_SLOT_BITS 16
#define REF_SLOT_MASK (((uint64_t)1 << REF_SLOT_BITS) - 1)

/* The slot number of a reference; LEDGER_PROCESSES for nobody and phantoms. */
static uint64_t slot_of(uint64_t ref)
{
	uint64_t slot = (ref & REF_SLOT_MASK) - 1;

	return ref == LEDGER_NOBODY || ref == LEDGER_PHANTOM || slot >= LEDGER_PROCESSES
		       ? LEDGER_PROCESSES
		       : slot;
}

uint64_t procs_generation(uint64_t word)
{
	return (word & ~(LEDGER_REF_ENDED | LEDGER_REF_CLAIMING)) >> REF_SLOT_BITS;
}

struct ledger_process *procs_get(struct ledger *ledger, uint64_t ref)
{
	uint64_t slot = slot_of(ref);

	return slot < LEDGER_PROCESSES && word_load(&ledger->processes[slot].ref) == ref
		       ? &ledger->processes[slot]
		       : NULL;
}

/* The name of who is or was in the slot; nobody's while it is filled or given back. */
static uint64_t name_in(uint64_t word)
{
	return (word & LEDGER_REF_CLAIMING) != 0 ? LEDGER_NOBODY : word & ~LEDGER_REF_ENDED;
}

const struct ledger_process *procs_recall(const struct ledger *ledger, uint64_t ref)
{
	uint64_t slot = slot_of(ref);

	return slot < LEDGER_PROCESSES && name_in(word_load(&ledger->processes[slot].ref)) == ref
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
	uint64_t word = word_load(&ledger->processes[index].ref);

	return (word & (LEDGER_REF_ENDED | LEDGER_REF_CLAIMING)) != 0 ? LEDGER_NOBODY : word;
}

uint32_t procs_next(const struct ledger *ledger, uint32_t index)
{
	while (index < LEDGER_PROCESSES) {
		uint64_t rest = word_load(&ledger->occupied[index / 64]) >> (index % 64);

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
		for (uint64_t word = word_load(&ledger->occupied[i]); word != 0; word &= word - 1) {
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
	return word_load(&ledger->births[index]);
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

/* A fresh generation; the slot is still to be added. */
static uint64_t next_name(struct ledger *ledger)
{
	return __atomic_add_fetch(&ledger->header.generation, 1, __ATOMIC_SEQ_CST) << REF_SLOT_BITS;
}

/* Somebody without a slot lives on, and nobody else would tell. */
static void raise_unseen(struct ledger *ledger, uint64_t epoch)
{
	word_raise(&ledger->header.unseen, epoch);
}

static void remember_unseen(struct ledger *ledger, const struct ledger_process *process)
{
	raise_unseen(ledger, word_load(&process->blind));
}

/*
 * The bit goes while nobody can claim the slot: else it might be its next owner's. Whoever
 * does it stands in the word meanwhile, with a fresh generation, as a claimer does.
 */
void procs_bury(struct ledger *ledger, uint64_t ref, uint64_t by)
{
	uint64_t slot = slot_of(ref);
	uint64_t ending;

	if (slot >= LEDGER_PROCESSES || word_load(&ledger->processes[slot].ref) != ref) {
		return;
	}
	remember_unseen(ledger, &ledger->processes[slot]);
	ending = next_name(ledger) | (by & REF_SLOT_MASK) | LEDGER_REF_ENDED | LEDGER_REF_CLAIMING;
	if (word_swap(&ledger->processes[slot].ref, ref, ending)) {
		vacate(ledger, slot);
		word_swap(&ledger->processes[slot].ref, ending, ref | LEDGER_REF_ENDED);
	}
}

void procs_end(struct ledger *ledger, uint64_t ref)
{
	procs_bury(ledger, ref, ref);
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
		    source != NULL ? word_load(&source->ancestors[i - 1]) : LEDGER_NOBODY);
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
	put(&process->unpublished, 0);
	put(&process->newest_acquirer, LEDGER_NOBODY);
	put(&process->newest_acquired, 0);
	for (uint32_t i = 0; i < LEDGER_RELEASES; i++) {
		put(&process->releases[i], 0);
	}
	put32(&process->release_count, 0);
	for (uint32_t i = 0; i < LEDGER_RELEASES; i++) {
		put(&process->closed[i].seal, 0);
		put(&process->closed[i].bound, 0);
	}
	put32(&process->closed_count, 0);
	put32(&process->fins, 0);
	put32(&process->defers, 0);
	put32(&process->reclaimed, 0);
	put32(&process->forked, 0);
	put32(&process->leaks, 0);
	fill_family(ledger, process, parent);
	put32(&process->flags, 0);
}

/* Where a claim looks, in this order. */
enum pass {
	PASS_FREE,
	PASS_DEAD,
	PASS_UNBORN, /* the forker is dead, and nobody knows whether its child was born */
	PASSES,
};

/* One claim under way. */
struct claim {
	struct ledger *ledger;
	const uint64_t *parent;
	bool is_caller;
	procs_is_dead *is_dead;
	enum pass pass;
};

/* Whoever was in `slot` when the ledger counted `generation`: its place may be another's now. */
static bool is_gone(const struct claim *claim, uint64_t slot, uint64_t generation)
{
	const struct ledger_process *process;

	if (slot >= LEDGER_PROCESSES) {
		return false;
	}
	process = &claim->ledger->processes[slot];
	return procs_generation(word_load(&process->ref)) > generation || claim->is_dead(process);
}

static bool is_free(const struct claim *claim, const struct ledger_process *process, uint64_t word)
{
	uint64_t parent = word_load(&process->ancestors[0]);

	if ((word & LEDGER_REF_CLAIMING) != 0) {
		return claim->pass != PASS_FREE &&
		       is_gone(claim, (word & REF_SLOT_MASK) - 1, procs_generation(word));
	}
	if (word == LEDGER_NOBODY || (word & LEDGER_REF_ENDED) != 0) {
		return true;
	}
	if (claim->pass == PASS_FREE) {
		return false;
	}
	if (claim->pass == PASS_DEAD) {
		return claim->is_dead(process);
	}
	return __atomic_load_n(&process->pid, __ATOMIC_SEQ_CST) == 0 &&
	       is_gone(claim, slot_of(parent), procs_generation(parent));
}

/*
 * Takes the slot if nobody is in it, fills it, and only then gives it its new name. A copy
 * of us, made by a signal handler that forked, is not in time to give it once more.
 */
static uint64_t try_claim(const struct claim *claim, uint32_t index)
{
	struct ledger *ledger = claim->ledger;
	struct ledger_process *process = &ledger->processes[index];
	uint64_t old = word_load(&process->ref);
	uint64_t parent;
	uint64_t taken;
	uint64_t name;

	if (!is_free(claim, process, old)) {
		return LEDGER_NOBODY;
	}
	remember_unseen(ledger, process);
	if (claim->pass == PASS_UNBORN) {
		raise_unseen(ledger, word_load(&process->born));
	}
	name = next_name(ledger);
	parent = word_load(claim->parent);
	taken = name | LEDGER_REF_CLAIMING | (claim->is_caller ? parent & REF_SLOT_MASK : 0);
	name |= index + 1;
	if (!word_swap(&process->ref, old, taken)) {
		return LEDGER_NOBODY;
	}
	occupy(ledger, index);
	fill(ledger, process, parent);
	raise_high(ledger, index + 1);
	return word_swap(&process->ref, taken, name) || word_load(&process->ref) == name
		       ? name
		       : LEDGER_NOBODY;
}

uint64_t procs_claim(struct ledger *ledger, const uint64_t *parent, bool is_caller,
		     procs_is_dead *is_dead)
{
	uint32_t start = __atomic_fetch_add(&ledger->header.process_next, 1, __ATOMIC_SEQ_CST);
	struct claim claim = {
		.ledger = ledger, .parent = parent, .is_caller = is_caller, .is_dead = is_dead};

	for (; claim.pass < (is_dead != NULL ? PASSES : PASS_DEAD); claim.pass++) {
		for (uint32_t i = 0; i < LEDGER_PROCESSES; i++) {
			uint64_t ref = try_claim(&claim, (start + i) % LEDGER_PROCESSES);

			if (ref != LEDGER_NOBODY) {
				/* Those that were passed over are passed over by the next, too. */
				__atomic_fetch_add(&ledger->header.process_next, i,
						   __ATOMIC_SEQ_CST);
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
		if (word_load(&process->ancestors[i]) == ancestor) {
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
