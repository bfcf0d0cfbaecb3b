/* SPDX-License-Identifier: MIT */
/*
 * What to change in the source so that a finding does not come back: one sentence.
 *
 * The idea: what is wrong is known from the kind, who did it from the sites; a table gives the
 * sentence and the sites give it its places.
 * The invariant: no advice where nothing is wrong, and no place that is not known.
 * Never here: a line's layout.
 */
#ifndef SENDFIN_CLI_REMEDY_H
#define SENDFIN_CLI_REMEDY_H

#include "cli/resolve.h"

enum { REMEDY_BYTES = 1024 };

/* The sentence for an event, or "" when there is nothing to change. */
void remedy_for(struct resolve *resolve, const struct ledger_event *event,
		char sentence[REMEDY_BYTES]);

/* True when the event is by itself the proof of somebody's leak. */
bool remedy_is_leak(const struct ledger_event *event);

#endif
