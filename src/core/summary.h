/* SPDX-License-Identifier: MIT */
/*
 * The first line of a leak report: what a process still held when it ended.
 * Never here: the findings themselves; each is a line of its own (core/line.h).
 */
#ifndef CORE_SUMMARY_H
#define CORE_SUMMARY_H

#include <stdint.h>

#include "core/text.h"

struct summary {
	uint32_t pid;
	uint32_t never_closed; /* connections read to EOF, then forgotten */
	uint32_t stale_copies; /* copies of connections that others serve, in CLOSE_WAIT */
	uint32_t dead;         /* descriptors of connections that are over both ways */
	uint32_t reclaimed;    /* descriptors that were given back for it */
};

/* How many leaks these are. */
uint32_t summary_leaks(const struct summary *summary);

/* "sendfin[PID]: leak report: 1 connection never closed, 2 stale copies, ..." */
void summary_text(struct text *text, const struct summary *summary);

/* {"event":"report","pid":...,"never_closed":...,...} */
void summary_json(struct text *text, const struct summary *summary);

#endif
