/* SPDX-License-Identifier: MIT */
/* See sites.h for the protocol. Orders are sequentially consistent, but for mere counts. */
#include "ledger/sites.h"

#include <string.h>

#include "ledger/probe.h"

_Static_assert((LEDGER_SITES & (LEDGER_SITES - 1)) == 0, "probe_slot() wants a power of two");
_Static_assert((LEDGER_MODULES & (LEDGER_MODULES - 1)) == 0, "the same");

static uint32_t load(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

/*
 * Makes the word `value` if it is 0 still; tells whether it is `value` now. Most words are
 * settled: no cache line is asked for writing then.
 */
static bool settle(uint64_t *word, uint64_t value)
{
	uint64_t old = __atomic_load_n(word, __ATOMIC_SEQ_CST);

	return old == value ||
	       (old == 0 && (__atomic_compare_exchange_n(word, &old, value, false, __ATOMIC_SEQ_CST,
							 __ATOMIC_SEQ_CST) ||
			     old == value));
}

/* A key is never 0. */
static uint64_t key_of(uint64_t hash)
{
	return hash != 0 ? hash : 1;
}

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length)
{
	const uint8_t *next = bytes;

	for (size_t i = 0; i < length; i++) {
		hash = probe_mix(hash, next[i]);
	}
	return probe_mix(hash, length);
}

/* The part of a module that is kept. */
struct kept {
	const char *path;
	size_t path_length;
	const uint8_t *build_id;
	uint32_t build_id_length;
};

static struct kept what_is_kept(const struct sites_module *module)
{
	struct kept kept = {
		.path = module->path,
		.path_length = strlen(module->path),
		.build_id = module->build_id,
		.build_id_length = module->build_id_length,
	};

	if (kept.build_id_length > LEDGER_BUILD_ID) {
		kept.build_id_length = LEDGER_BUILD_ID;
	}
	if (kept.path_length > LEDGER_MODULE_PATH - 1) {
		kept.path += kept.path_length - (LEDGER_MODULE_PATH - 1);
		kept.path_length = LEDGER_MODULE_PATH - 1;
	}
	return kept;
}

static bool is_same_module(const struct ledger_module *slot, const struct kept *kept)
{
	return load(&slot->is_told) != 0 && slot->build_id_length == kept->build_id_length &&
	       (kept->build_id_length == 0 ||
		memcmp(slot->build_id, kept->build_id, kept->build_id_length) == 0) &&
	       memcmp(slot->path, kept->path, kept->path_length) == 0 &&
	       slot->path[kept->path_length] == '\0';
}

/* The slot was never used: behind what is written here it is all zeros. */
static void tell_module(struct ledger_module *slot, const struct kept *kept)
{
	slot->build_id_length = kept->build_id_length;
	if (kept->build_id_length > 0) {
		memcpy(slot->build_id, kept->build_id, kept->build_id_length);
	}
	memcpy(slot->path, kept->path, kept->path_length);
	__atomic_store_n(&slot->is_told, 1, __ATOMIC_SEQ_CST);
}

uint32_t sites_intern_module(struct ledger *ledger, const struct sites_module *module)
{
	const struct kept kept = what_is_kept(module);
	uint64_t hash = hash_bytes(0, kept.path, kept.path_length);
	uint64_t key = key_of(hash_bytes(hash, kept.build_id, kept.build_id_length));

	for (uint32_t i = 0; i < PROBE_TRIES; i++) {
		uint32_t index = probe_slot(key, i, LEDGER_MODULES);
		struct ledger_module *slot = &ledger->modules[index];
		uint64_t old = __atomic_load_n(&slot->key, __ATOMIC_SEQ_CST);

		if (old == 0 && __atomic_compare_exchange_n(&slot->key, &old, key, false,
							    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
			tell_module(slot, &kept);
			return index;
		}
		if (old == key && is_same_module(slot, &kept)) {
			return index;
		}
	}
	return LEDGER_MODULES;
}

enum settled {
	SETTLED_OTHER, /* the slot is another backtrace's */
	SETTLED_KNOWN, /* it was told before */
	SETTLED_NEW,   /* we told it */
};

/*
 * Word by word, in order, so that of several backtraces with this key one wins: who loses
 * a word has settled only what it has in common with the winner. The number of frames
 * comes last and decides between one and another that begins like it.
 */
static enum settled settle_site(struct ledger_site *slot, const uint64_t *frames, uint32_t count)
{
	uint32_t told;

	for (uint32_t i = 0; i < count; i++) {
		if (!settle(&slot->frames[i], frames[i])) {
			return SETTLED_OTHER;
		}
	}
	told = load(&slot->frame_count);
	if (told == 0 && __atomic_compare_exchange_n(&slot->frame_count, &told, count, false,
						     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		return SETTLED_NEW;
	}
	return told == count ? SETTLED_KNOWN : SETTLED_OTHER;
}

static uint32_t find_or_make(struct ledger *ledger, const uint64_t *frames, uint32_t count,
			     bool *is_new)
{
	uint64_t hash = 0;

	for (uint32_t i = 0; i < count; i++) {
		hash = probe_mix(hash, frames[i]);
	}
	for (uint32_t i = 0; i < PROBE_TRIES; i++) {
		uint32_t index = probe_slot(key_of(hash), i, LEDGER_SITES);
		struct ledger_site *slot = &ledger->sites[index];
		enum settled settled;

		if (!settle(&slot->key, key_of(hash))) {
			continue;
		}
		settled = settle_site(slot, frames, count);
		if (settled != SETTLED_OTHER) {
			*is_new = settled == SETTLED_NEW;
			return index + 1;
		}
	}
	__atomic_fetch_add(&ledger->header.sites_lost, 1, __ATOMIC_RELAXED);
	return 0;
}

uint32_t sites_intern(struct ledger *ledger, const uint64_t *frames, uint32_t count, bool *is_new)
{
	uint32_t kept = 0;
	bool is_made = false;
	uint32_t site = 0;

	while (kept < count && kept < LEDGER_FRAMES && frames[kept] != 0) {
		kept++;
	}
	if (kept > 0) {
		site = find_or_make(ledger, frames, kept, &is_made);
	}
	if (site != 0 && kept == LEDGER_FRAMES && count > kept && frames[kept] != 0) {
		__atomic_store_n(&ledger->sites[site - 1].is_cut, 1, __ATOMIC_RELAXED);
	}
	sites_count(ledger, site);
	if (is_new != NULL) {
		*is_new = is_made;
	}
	return site;
}

void sites_count(struct ledger *ledger, uint32_t site)
{
	if (sites_get(ledger, site) != NULL) {
		__atomic_fetch_add(&ledger->sites[site - 1].count, 1, __ATOMIC_RELAXED);
	}
}

/* The ledger may be a stranger's: what is beyond its bounds is not told. */
const struct ledger_site *sites_get(const struct ledger *ledger, uint32_t site)
{
	const struct ledger_site *slot;
	uint32_t count;

	if (site == 0 || site > LEDGER_SITES) {
		return NULL;
	}
	slot = &ledger->sites[site - 1];
	count = load(&slot->frame_count);
	return count != 0 && count <= LEDGER_FRAMES ? slot : NULL;
}

const struct ledger_module *sites_module(const struct ledger *ledger, uint32_t index)
{
	const struct ledger_module *slot;

	if (index >= LEDGER_MODULES) {
		return NULL;
	}
	slot = &ledger->modules[index];
	return load(&slot->is_told) != 0 && slot->build_id_length <= LEDGER_BUILD_ID &&
			       slot->path[LEDGER_MODULE_PATH - 1] == '\0'
		       ? slot
		       : NULL;
}

uint64_t sites_frame(uint32_t index, uint64_t offset)
{
	uint64_t module = index < LEDGER_MODULES ? (uint64_t)index + 1 : 0;

	return module << LEDGER_FRAME_MODULE_SHIFT | (offset & LEDGER_FRAME_OFFSET);
}

uint32_t sites_frame_module(uint64_t frame)
{
	uint64_t module = frame >> LEDGER_FRAME_MODULE_SHIFT;

	return module != 0 && module <= LEDGER_MODULES ? (uint32_t)module - 1 : LEDGER_MODULES;
}

uint64_t sites_frame_offset(uint64_t frame)
{
	return frame & LEDGER_FRAME_OFFSET;
}
