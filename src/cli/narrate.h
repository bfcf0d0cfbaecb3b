/* SPDX-License-Identifier: MIT */
/*
 * The events of a tree while it runs, and a summary at its end, for people or for programs.
 *
 * The idea: the shim's lines name modules and offsets; here files and debug information can be
 * read, so each event is told with function, file and line.
 * The invariant: whatever a program is called, or its functions, one event is told as one
 * block, or as one line of JSON.
 * Never here: processes and signals.
 */
#ifndef SENDFIN_CLI_NARRATE_H
#define SENDFIN_CLI_NARRATE_H

#include "cli/resolve.h"
#include "cli/sink.h"
#include "core/settings.h"
#include "ledger/events.h"

#include <stdbool.h>
#include <stdint.h>

struct narrator {
	const struct ledger *ledger;
	struct sink sink;
	enum settings_format format;
	struct events_reader reader;
	struct resolve *resolve; /* NULL until there is something to tell */
};

/* Tells what is new; false when nothing was. */
bool narrate_news(struct narrator *narrator);

/* Tells the findings with their counts. With JSON nothing: events are all that is there. */
void narrate_summary(struct narrator *narrator);

/* How many events have come too fast. */
uint64_t narrate_lost(const struct narrator *narrator);

void narrate_end(struct narrator *narrator);

#endif
