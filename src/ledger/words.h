/* SPDX-License-Identifier: MIT */
/*
 * The words of the ledger: read, written and exchanged one at a time, in the one order that
 * all processes agree on (sequentially consistent).
 */
#ifndef LEDGER_WORDS_H
#define LEDGER_WORDS_H

#include <stdbool.h>
#include <stdint.h>

static inline uint64_t word_load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static inline void word_store(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

static inline bool word_swap(uint64_t *word, uint64_t from, uint64_t to)
{
	return __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

/* Never back: another thread or process may be late with an older value. */
static inline void word_raise(uint64_t *word, uint64_t value)
{
	uint64_t old = word_load(word);

	while (old < value && !word_swap(word, old, value)) {
		old = word_load(word);
	}
}

#endif
