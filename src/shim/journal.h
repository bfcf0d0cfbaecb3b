/* SPDX-License-Identifier: MIT */
/*
 * What happened, written down: into the log, the ledger's ring of events, and its findings.
 *
 * The idea: an event is begun while the connection still has its ends and the program's
 * call is still under way, and ended when its outcome is known. What is the same is
 * counted: in debug mode the log and the ring get a finding the first, tenth, hundredth
 * ... time, so that a busy server does not drown them.
 * Invariant: nothing is written, asked or captured unless journal_is_wanted().
 * Never here: a decision about a connection.
 *
 * Safe in threads and signal handlers; errno is left alone.
 */
#ifndef SHIM_JOURNAL_H
#define SHIM_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/verdict.h"
#include "sendfin/ledger.h"
#include "shim/attributes.h"

/* Findings are kept: debug mode, or a report or an exit code is wanted. Constant. */
extern HIDDEN bool journal_keeps_findings;

/* Reads the settings. Constructor only, after the ledger was adopted. */
void journal_setup(void);

/* Is there anybody to write for? Ask before journal_begin(). */
bool journal_is_wanted(void);

/* Fills in what fd and the call under way tell: ends, sites, process, time. */
void journal_begin(struct ledger_event *event, enum ledger_kind kind, int fd);

/* Whom we blame: the site of the fork that gave `holder` its copy, if it is not the acquirer's. */
void journal_blame(struct ledger_event *event, uint64_t holder, uint64_t acquirer);

/* The outcome is in: counts, appends, logs. */
void journal_end(struct ledger_event *event, struct verdict_result result, bool acted);

/* Counts a finding without telling of it: the report will. */
void journal_count(const struct ledger_event *event);

#endif
