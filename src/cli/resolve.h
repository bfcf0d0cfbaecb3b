/* SPDX-License-Identifier: MIT */
/*
 * The sites of a ledger, with function, file and line: what core/line.h asks its caller for.
 *
 * The idea: a site never changes once it is told, so each frame is looked up once and kept.
 * The invariant: what is not known stays module and offset; nothing is guessed.
 * Never here: how a frame is shown.
 */
#ifndef SENDFIN_CLI_RESOLVE_H
#define SENDFIN_CLI_RESOLVE_H

#include "core/line.h"
#include "sendfin/ledger.h"

#include <stdbool.h>
#include <stdint.h>

struct resolve;

/*
 * For the sites of LEDGER, which may be NULL (nothing is known then). ROOT is put before the
 * path of a module: "/proc/PID/root", or "". NULL without memory. See symbols_open().
 */
struct resolve *resolve_open(const struct ledger *ledger, const char *root);

void resolve_close(struct resolve *resolve);

/* Frame INDEX of SITE, innermost first; false behind the last. */
bool resolve_frame(struct resolve *resolve, uint32_t site, uint32_t index,
		   struct line_frame *frame);

/* True when the file of that frame's module is another build now: "another build of ...". */
bool resolve_is_other_build(struct resolve *resolve, uint32_t site, uint32_t index);

/* The same for line_text() and line_json(). */
struct line_source resolve_source(struct resolve *resolve);

enum { RESOLVE_SHORT = 160 };

/*
 * The innermost frame of a site in a few characters: "echo.c:80", "serve+0x1f" or
 * "echo+0x13a4"; "-" when the site is not known.
 */
void resolve_short(struct resolve *resolve, uint32_t site, char name[RESOLVE_SHORT]);

#endif
