/* SPDX-License-Identifier: MIT */
/*
 * The copies that a process let go, and what follows of its children.
 *
 * The idea: what is about to be closed is remembered first, for whoever looks at the same
 * time; and once more when the kernel has closed it, with an epoch that no child has that
 * was forked before. A child's epoch of birth is read before the fork, and this one after
 * the close, so the child that holds the copy was born by then at the latest, whichever
 * threads and handlers close and fork at the same time:
 *     it holds the copy  =>  it was forked before the close  =>  born <= bound.
 * That is all that is concluded, and only of the acquirer's own children while neither has
 * become another program or received anything: the case of every server that closes what
 * it has handed to a child. Further down, and across exec, the order of births is harder to
 * be sure of, and nobody pays much for being counted.
 */
#include <stddef.h>

#include "ledger/procs.h"
#include "ledger/words.h"

#define DESCRIPTOR_MASK ((uint64_t)0xffff)

/* Epochs have their low 16 bits free; larger descriptors are not remembered. */
static uint64_t key_of(uint64_t acquired, int descriptor)
{
	return descriptor >= 0 && (uint64_t)descriptor < DESCRIPTOR_MASK &&
			       acquired > DESCRIPTOR_MASK
		       ? (acquired & ~DESCRIPTOR_MASK) | ((uint64_t)descriptor + 1)
		       : 0;
}

uint64_t procs_release(struct ledger_process *process, uint64_t acquired, int descriptor)
{
	uint64_t key = key_of(acquired, descriptor);
	uint32_t index;

	if (key != 0) {
		index = __atomic_fetch_add(&process->release_count, 1, __ATOMIC_RELAXED);
		word_store(&process->releases[index % LEDGER_RELEASES], key);
	}
	return key;
}

bool procs_has_released(const struct ledger_process *process, uint64_t acquired, int descriptor)
{
	uint64_t key = key_of(acquired, descriptor);

	for (uint32_t i = 0; key != 0 && i < LEDGER_RELEASES; i++) {
		if (word_load(&process->releases[i]) == key) {
			return true;
		}
	}
	return false;
}

bool procs_has_kept(const struct ledger_process *process, uint64_t acquired, int descriptor)
{
	return key_of(acquired, descriptor) != 0 &&
	       !procs_has_released(process, acquired, descriptor) &&
	       __atomic_load_n(&process->release_count, __ATOMIC_SEQ_CST) <= LEDGER_RELEASES;
}

/* Half of one entry and half of another are none. */
static uint64_t seal_of(uint64_t key, uint64_t bound)
{
	return key ^ (bound * 0x9e3779b97f4a7c15U);
}

/*
 * Other threads may be at the same entry, and so may a copy of us, made by a handler that
 * forked, when we have long gone on: that entry then says nothing, and nobody is harmed.
 */
void procs_closed(struct ledger_process *process, uint64_t key, uint64_t bound)
{
	uint32_t index = __atomic_fetch_add(&process->closed_count, 1, __ATOMIC_RELAXED);
	struct ledger_closed *closed = &process->closed[index % LEDGER_RELEASES];

	word_store(&closed->bound, bound);
	word_store(&closed->seal, seal_of(key, bound));
}

/* Is the copy closed for all who were born at `born`? */
static bool was_closed(const struct ledger_process *process, uint64_t key, uint64_t born)
{
	for (uint32_t i = 0; i < LEDGER_RELEASES; i++) {
		uint64_t bound = word_load(&process->closed[i].bound);

		if (born > bound && word_load(&process->closed[i].seal) == seal_of(key, bound)) {
			return true;
		}
	}
	return false;
}

/* It has nothing but what it was born with or acquired, as far as anybody can tell. */
static bool is_heir_only(const struct ledger_process *process)
{
	uint32_t flags = __atomic_load_n(&process->flags, __ATOMIC_SEQ_CST);

	return (flags & (LEDGER_PROCESS_RECEIVED | LEDGER_PROCESS_RETIRED)) == 0 &&
	       word_load(&process->execed) == 0;
}

bool procs_born_without(const struct ledger *ledger, const struct ledger_process *process,
			uint64_t acquirer, uint64_t acquired, int descriptor)
{
	const struct ledger_process *forker = procs_recall(ledger, acquirer);
	uint64_t key = key_of(acquired, descriptor);
	bool is_closed;

	if (key == 0 || forker == NULL || word_load(&process->ancestors[0]) != acquirer ||
	    !is_heir_only(process) || !is_heir_only(forker)) {
		return false;
	}
	is_closed = was_closed(forker, key, word_load(&process->born));
	/* Else the slot is another's, and what was read may be, too. */
	return is_closed && procs_recall(ledger, acquirer) == forker;
}
