/* SPDX-License-Identifier: MIT */
/*
 * The ledger as a source of frames for lines: module, offset and build-id, which is all
 * that it knows. Who knows functions, or files and lines, asks here first.
 *
 * Invariant: a ledger that is a stranger's, or that changes meanwhile, gives wrong names
 * at worst; nothing beyond its bounds is read. Never here: a look at a file.
 */
#ifndef LEDGER_SOURCE_H
#define LEDGER_SOURCE_H

#include "core/line.h"
#include "sendfin/ledger.h"

/* A line_frame_of; the context is a const struct ledger. Strings live as long as it does. */
bool source_frame_of(const void *ledger, uint32_t site, uint32_t index, struct line_frame *frame);

#endif
