/* SPDX-License-Identifier: MIT */
/*
 * Places in programs: unique backtraces, and the modules that they lie in.
 *
 * The idea: a backtrace becomes a number, the same one in every process of the tree, so
 * that places can be compared, counted and handed on in a word. A slot is found by its
 * key and never given back. Frames are never 0, so each word of a site is settled by
 * compare-and-swap from 0: writers of one backtrace all write the same words and help
 * each other, and a writer of another one with the same key finds a word that is not its
 * own, and goes on to the next slot.
 * Invariant: a word that is settled never changes, and what sites_get() and sites_module()
 * give is complete. So equal backtraces have one number, whoever interns them when, and who
 * is killed over a site leaves it to the next who comes. A module may hold zeros and
 * has one writer: who is killed over it loses the slot, and those who intern the same new
 * module in the same moment may each make one; all who come later get the same.
 * Never here: a look at a stack, or at a file; a wait.
 *
 * Safe in threads and signal handlers, and in processes killed at any instruction.
 */
#ifndef LEDGER_SITES_H
#define LEDGER_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sendfin/ledger.h"

/* A module as its finder knows it. */
struct sites_module {
	const char *path; /* NUL-terminated; of one that is too long the end is kept */
	const uint8_t *build_id;
	uint32_t build_id_length; /* bytes, 0 = it has none; at most LEDGER_BUILD_ID are kept */
};

/* The module's index, made if it is new; LEDGER_MODULES when there is no room. */
uint32_t sites_intern_module(struct ledger *ledger, const struct sites_module *module);

/*
 * The site of a backtrace, made if it is new and counted once more: 1 + its index, 0 when
 * there is no room (header.sites_lost counts those) or no frame. Frames as struct
 * ledger_site has them, innermost first; a frame of 0 ends them, and more than
 * LEDGER_FRAMES are cut. *is_new, if wanted: it was made, and nobody else is told so.
 */
uint32_t sites_intern(struct ledger *ledger, const uint64_t *frames, uint32_t count, bool *is_new);

/* Counts a known site once more. */
void sites_count(struct ledger *ledger, uint32_t site);

/* The site with this number, or NULL: 0, out of range, or not told yet. */
const struct ledger_site *sites_get(const struct ledger *ledger, uint32_t site);

/* The module at this index, or NULL. */
const struct ledger_module *sites_module(const struct ledger *ledger, uint32_t index);

/* A frame of module `index`; LEDGER_MODULES = in no known module, then offset is the address. */
uint64_t sites_frame(uint32_t index, uint64_t offset);

/* The reverse: LEDGER_MODULES when it is in none. */
uint32_t sites_frame_module(uint64_t frame);
uint64_t sites_frame_offset(uint64_t frame);

#endif
