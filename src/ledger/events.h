/* SPDX-License-Identifier: MIT */
/*
 * What happened: the ring of events for whoever reads along, and the findings, which count
 * events that are the same.
 *
 * The idea: a writer takes the next number and fills that number's place in the ring; a
 * reader that was too slow finds a later number there and knows how many it has lost.
 * Two events are the same finding when kind, verdict, reason and all four sites are.
 * Invariant: an event that events_read() gives was written completely by one writer.
 * A writer killed in the middle leaves a place that is passed over, never a torn event.
 * Never here: what an event means, or how it is shown.
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
