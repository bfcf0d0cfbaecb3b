/* SPDX-License-Identifier: MIT */
/*
 * What happened: the ring of events for whoever reads along, and the findings, which count
 * events that are the same.
 *
 * The idea: a writer takes the next number and claims that number's place in the ring, by
 * compare-and-swap of the place's sequence: from a complete, lower one to its own with
 * LEDGER_SEQUENCE_WRITING. It fills the place and stores the sequence. A reader that was
 * too slow finds a later number there and knows how many it has lost. Two events are the
 * same finding when kind, verdict, reason and all four sites are: these fit into a key.
 * Invariant: a place that is claimed is written by its claimer alone. Whoever is overtaken
 * by the ring's whole length finds either a later sequence, and takes a new number, or
 * holds the place, and then the overtaker does. So an event that events_read() gives, with
 * the same sequence before and after the copy, was written completely by one writer. One
 * killed over a place leaves it claimed for ever: it is passed over, by all.
 * A finding has one writer, too. Who meets one that is claimed but not told takes another
 * place, so two may be made in the same moment; later ones count on the first that is told.
 * Never here: what an event means, or how it is shown; a wait.
 *
 * Safe in threads and signal handlers, and in processes killed at any instruction.
 */
#ifndef LEDGER_EVENTS_H
#define LEDGER_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "sendfin/ledger.h"

/*
 * Counts the event's finding, made if it is new, and returns how often it has been made by
 * now, this time included; 1 when there is no room (header.findings_lost counts those).
 */
uint64_t events_count(struct ledger *ledger, const struct ledger_event *event);

/* Appends a copy of the event; its sequence is ours to set. */
void events_append(struct ledger *ledger, const struct ledger_event *event);

/* Where a reader is; zero is the beginning. */
struct events_reader {
	uint64_t next; /* number of the next event */
	uint64_t lost; /* events that were overwritten before they were read, or never finished */
};

/*
 * The next event, copied. False when there is none yet; also behind one that is just being
 * written, which is waited for until a later one is complete and then counted as lost.
 * Reads only: the ledger may be attached read-only, or be a copy.
 */
bool events_read(const struct ledger *ledger, struct events_reader *reader,
		 struct ledger_event *event);

/* The finding at `index` (0 to LEDGER_FINDINGS - 1), or NULL when there is none. */
const struct ledger_finding *events_finding(const struct ledger *ledger, uint32_t index);

#endif
