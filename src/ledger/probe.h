/* SPDX-License-Identifier: MIT */
/*
 * Where to look for a key in a table of 2^n slots that are never given back.
 *
 * The idea: a start and an odd step, both from the key, so that a walk meets every slot
 * once and two keys that begin alike part at the second step. A bounded number of slots
 * is looked at: nine in ten are in use before the first key finds no room.
 * Invariant: the walk depends on the key alone, so all processes look in the same order.
 */
#ifndef LEDGER_PROBE_H
#define LEDGER_PROBE_H

#include <stdint.h>

enum {
	PROBE_TRIES = 64, /* slots looked at */
};

/* One more word into a hash; start with any number. */
static inline uint64_t probe_mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
	return hash ^ hash >> 29;
}

/* The slot to look at in try number `attempt`; `size` is a power of two. */
static inline uint32_t probe_slot(uint64_t hash, uint32_t attempt, uint32_t size)
{
	uint32_t step = (uint32_t)(hash >> 32) | 1;

	return ((uint32_t)hash + attempt * step) & (size - 1);
}

#endif
