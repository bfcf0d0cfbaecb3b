/* SPDX-License-Identifier: MIT */
/*
 * In place of src/ledger/probe.h: a hash with eight values, so that keys which are equal, and
 * writers that meet in one slot with different contents, are the rule.
 */
#ifndef LEDGER_PROBE_H
#define LEDGER_PROBE_H

#include <stdint.h>

enum {
	PROBE_TRIES = 64,
};

static inline uint64_t probe_mix(uint64_t hash, uint64_t word)
{
	return (hash * 5 + word) % 8;
}

static inline uint32_t probe_slot(uint64_t hash, uint32_t attempt, uint32_t size)
{
	return ((uint32_t)hash * 128 + attempt) & (size - 1);
}

#endif
