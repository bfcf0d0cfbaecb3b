/* SPDX-License-Identifier: MIT */
/*
 * What was found in a tree, counted: the list, and the table of it for people.
 *
 * The invariant: leaks come before what merely happened, and among each the most frequent first.
 */
#ifndef SENDFIN_CLI_FINDINGS_H
#define SENDFIN_CLI_FINDINGS_H

#include "cli/resolve.h"
#include "sendfin/ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct findings {
	struct ledger_finding *list; /* copies: the tree goes on counting */
	size_t count;
};

/* Copies and sorts what the ledger, which may be NULL, has found. 0 or -errno. */
int findings_collect(struct findings *findings, const struct ledger *ledger);

void findings_free(struct findings *findings);

/* True when the tree has leaked: it says so itself, or something was held that should not be. */
bool findings_have_leak(const struct ledger *ledger);

/* The table: a row for each, and what to change in the source. */
void findings_print(FILE *out, const struct findings *findings, struct resolve *resolve);

/* A row's remedy, indented, if there is one. */
void findings_print_remedy(FILE *out, const struct ledger_event *event, struct resolve *resolve);

#endif
