/* SPDX-License-Identifier: MIT */
/*
 * What a tree of processes leaks: what it holds now, and what was found so far.
 *
 * The idea: everything is gathered first, from the ledger, the shim's memory and /proc; then
 * one of three ways of telling walks over it.
 * The invariant: the tree runs on meanwhile. What has gone is left out, what has come is not
 * there yet; a thing that is told was true when it was looked at.
 * Never here: a change to anything.
 */
#ifndef SENDFIN_CLI_REPORT_H
#define SENDFIN_CLI_REPORT_H

#include "cli/findings.h"
#include "cli/ledgerview.h"
#include "cli/procfile.h"
#include "cli/resolve.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* A socket that a process should not hold any more. */
struct report_holding {
	size_t process; /* index in processes */
	int descriptor;
	uint64_t inode;
	enum ledger_kind kind;
	bool is_leak;      /* it is clear that nobody will close it */
	bool eof_was_read; /* by anybody */
	uint32_t unread;   /* bytes in front of the EOF */
	uint32_t others;   /* other processes of the tree that hold it, too */
	uint32_t accepted; /* sites, 0 = not known */
	uint32_t ended;
	uint32_t forked; /* of the holder's own fork, for a stale copy */
	struct ledger_ends ends;
};

struct report_process {
	pid_t pid; /* as we see it */
	char name[PROCFILE_NAME];
	const struct ledger_process *slot; /* NULL without a ledger */
	int err;                           /* why its descriptors could not be read, -errno */
	/* TCP sockets that are over, or were never connected: nobody knows. */
	uint32_t unconnected;
};

struct report {
	const struct ledgerview *view;
	struct resolve *resolve;
	struct report_process *processes; /* by pid */
	size_t process_count;
	struct report_holding *holdings; /* by kind, process, accept site, descriptor */
	size_t holding_count;
	struct findings findings;
	/* As far as slots still tell: those of the dead do, until they are taken again. */
	uint64_t fins, defers, reclaimed;
};

/* Gathers it. 0 or -errno; report_free() in any case. */
int report_gather(struct report *report, const struct ledgerview *view);

void report_free(struct report *report);

/* Is anything held that nobody will close? */
bool report_holds_leak(const struct report *report);

/* The same, or has anything leaked before? */
bool report_has_leak(const struct report *report);

/* What a holding would be as an event, for the words that events have. */
struct ledger_event report_event(const struct report *report, const struct report_holding *held);

/* The three ways to tell it, on stdout. */
void report_print_text(const struct report *report);
void report_print_held(FILE *out, const struct report *report); /* a part of it */
void report_print_json(const struct report *report);
void report_print_folded(const struct report *report);

#endif
