/* SPDX-License-Identifier: MIT */
/*
 * What the tests of lines share: an event, and a table of frames in place of the ledger's
 * sites.
 */
#ifndef UNIT_FRAMES_H
#define UNIT_FRAMES_H

#include "core/line.h"

enum {
	SITE_LET_GO = 1,
	SITE_ACCEPTED,
	SITE_FORKED,
	SITE_ENDED,
	SITE_STRANGE, /* its name is hostile */
	SITE_NAMED,   /* functions, files and lines */
	SITES,
};

/* Knows the sites above; the other one knows nothing. */
extern const struct line_source frames_source;
extern const struct line_source frames_of_nothing;

/* A FIN for a stale connection between two IPv4 ports, of which no site is known. */
struct ledger_event frames_event(void);

/* The same with all sites, and one holder. */
struct ledger_event frames_full_event(void);

#endif
