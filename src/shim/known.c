/* SPDX-License-Identifier: MIT */
/*
 * The count makes a torn entry harmless: words are only compared as long as the count is
 * the one from before they were read, so what is followed was written as a whole.
 */
#include "shim/known.h"

#include <string.h>

static uint32_t set_of(const struct known_key *key)
{
	uint64_t mixed = (key->pc ^ key->cfa << 20 ^ key->hint) * 0x9e3779b97f4a7c15U;

	return (uint32_t)(mixed >> 32) % KNOWN_SETS;
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

/* The entry's site, if it is of this stack. */
static uint32_t match(const struct known_entry *entry, const struct known_key *key)
{
	uint32_t count = __atomic_load_n(&entry->count, __ATOMIC_ACQUIRE);
	uint32_t site = __atomic_load_n(&entry->site, __ATOMIC_RELAXED);
	uint32_t word_count = __atomic_load_n(&entry->word_count, __ATOMIC_RELAXED);

	if (site == 0 || (count & 1) != 0 || word_count > KNOWN_WORDS ||
	    !is_same_start(entry, key)) {
		return 0;
	}
	for (uint32_t i = 0; i < word_count; i++) {
		uintptr_t where = load(&entry->words[i].where);
		uintptr_t value = load(&entry->words[i].value);

		if (!is_as_it_was(entry, count) || *(const volatile uintptr_t *)where != value) {
			return 0;
		}
	}
	return is_as_it_was(entry, count) ? site : 0;
}

uint32_t known_find(const struct known *known, const struct known_key *key)
{
	const struct known_entry *set = known->entries[set_of(key)];

	for (int i = 0; i < KNOWN_WAYS; i++) {
		uint32_t site = match(&set[i], key);

		if (site != 0) {
			return site;
		}
	}
	return 0;
}

static void store(uintptr_t *word, uintptr_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

void known_keep(struct known *known, const struct known_key *key, const struct trace_walk *walk,
		uint32_t site)
{
	struct known_entry *set = known->entries[set_of(key)];
	struct known_entry *entry = &set[known->next++ % KNOWN_WAYS];
	uint32_t count = entry->count;

	if (walk->word_count == 0 || walk->word_count > KNOWN_WORDS) {
		return;
	}
	__atomic_store_n(&entry->count, count + 1, __ATOMIC_RELAXED);
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
