/* SPDX-License-Identifier: MIT */
/*
 * Entries stand where their hint says, or behind that; there is no empty one in between, as
 * none is ever emptied. All are looked at before a stack counts as new: that costs a
 * hundredth of a walk.
 *
 * The count makes a torn entry harmless: words are only compared as long as the count is
 * the one from before they were read, so what is followed was written as a whole.
 */
#include "shim/known.h"

#include <string.h>

static uint32_t home_of(const struct known_key *key)
{
	uint64_t mixed = (key->pc ^ key->cfa << 20 ^ key->hint) * 0x9e3779b97f4a7c15U;

	return (uint32_t)(mixed >> 32) % KNOWN_ENTRIES;
}

static uintptr_t load(const uintptr_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static bool is_as_it_was(const struct known_entry *entry, uint32_t count)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE); /* pairs with the fences in known_keep() */
	return __atomic_load_n(&entry->count, __ATOMIC_RELAXED) == count;
}

static bool is_same_start(const struct known_entry *entry, const struct known_key *key)
{
	return load(&entry->pc) == key->pc && load(&entry->cfa) == key->cfa &&
	       (!__atomic_load_n(&entry->needs_fp, __ATOMIC_RELAXED) ||
		load(&entry->fp) == key->fp);
}

static bool match(const struct known_entry *entry, const struct known_key *key, uint32_t *site)
{
	uint32_t count = __atomic_load_n(&entry->count, __ATOMIC_ACQUIRE);
	uint32_t word_count = __atomic_load_n(&entry->word_count, __ATOMIC_RELAXED);

	if (count == 0 || (count & 1) != 0 || word_count > KNOWN_WORDS ||
	    !is_same_start(entry, key)) {
		return false;
	}
	for (uint32_t i = 0; i < word_count; i++) {
		uintptr_t where = load(&entry->words[i].where);
		uintptr_t value = load(&entry->words[i].value);

		if (!is_as_it_was(entry, count) || *(const volatile uintptr_t *)where != value) {
			return false;
		}
	}
	*site = __atomic_load_n(&entry->site, __ATOMIC_RELAXED);
	return is_as_it_was(entry, count);
}

bool known_find(const struct known *known, const struct known_key *key, uint32_t *site)
{
	uint32_t home = home_of(key);

	for (uint32_t i = 0; i < KNOWN_ENTRIES; i++) {
		const struct known_entry *entry = &known->entries[(home + i) % KNOWN_ENTRIES];

		if (match(entry, key, site)) {
			return true;
		}
		if (__atomic_load_n(&entry->count, __ATOMIC_RELAXED) == 0) {
			return false;
		}
	}
	return false;
}

static struct known_entry *entry_for(struct known *known, const struct known_key *key)
{
	uint32_t home = home_of(key);

	for (uint32_t i = 0; i < KNOWN_ENTRIES; i++) {
		struct known_entry *entry = &known->entries[(home + i) % KNOWN_ENTRIES];

		if (__atomic_load_n(&entry->count, __ATOMIC_RELAXED) == 0) {
			return entry;
		}
	}
	return &known->entries[__atomic_fetch_add(&known->next, 1, __ATOMIC_RELAXED) %
			       KNOWN_ENTRIES];
}

static void store(uintptr_t *word, uintptr_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

void known_keep(struct known *known, const struct known_key *key, const struct trace_walk *walk,
		uint32_t site)
{
	struct known_entry *entry;
	uint32_t count;

	if (walk->word_count == 0 || walk->word_count > KNOWN_WORDS ||
	    known_find(known, key, &count)) {
		return;
	}
	entry = entry_for(known, key);
	count = __atomic_load_n(&entry->count, __ATOMIC_RELAXED) & ~UINT32_C(1);
	/* Another process may be at it. */
	if (!__atomic_compare_exchange_n(&entry->count, &count, count + 1, false, __ATOMIC_RELAXED,
					 __ATOMIC_RELAXED)) {
		return;
	}
	__atomic_thread_fence(__ATOMIC_RELEASE);
	store(&entry->pc, key->pc);
	store(&entry->cfa, key->cfa);
	store(&entry->fp, key->fp);
	__atomic_store_n(&entry->needs_fp, walk->needs_fp, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < walk->word_count; i++) {
		store(&entry->words[i].where, walk->words[i].where);
		store(&entry->words[i].value, walk->words[i].value);
	}
	__atomic_store_n(&entry->word_count, walk->word_count, __ATOMIC_RELAXED);
	__atomic_store_n(&entry->site, site, __ATOMIC_RELAXED);
	__atomic_store_n(&entry->count, count + 2, __ATOMIC_RELEASE);
}
