/* SPDX-License-Identifier: MIT */
/*
 * Every situation that the rule can be asked about, and what the manual's table
 * says of it.
 *
 * The idea: the table is written down a second time, as a list of predicates of
 * which the first that holds decides; situations are numbered, so that a test
 * walks over all of them in one loop.
 * Invariant: the numbering reaches every combination of facts, each count being
 * 0, 1 or 2, and of the two settings that the rule may look at.
 * Never here: a look at how verdict.c does it.
 */
#ifndef UNIT_SITUATION_H
#define UNIT_SITUATION_H

#include <stdbool.h>

#include "core/verdict.h"

enum {
	/* Four yes-or-no facts, states, EOF, four counts, policies, triggers. */
	SITUATION_COUNT = 16 * 3 * 2 * 81 * 3 * 2,
	/* The table's rows, and one for a pending holder before the peer's FIN. */
	SITUATION_ROWS = 11,
};

/* One letting-go under some settings. */
struct situation {
	struct verdict_facts facts;
	struct settings settings;
};

/* The situation of that number, everything known; false from SITUATION_COUNT on. */
bool situation_nth(unsigned number, struct situation *situation);

/* What verdict.c says. */
struct verdict_result situation_rule(const struct situation *situation);

/* What the table says, and which of its rows, from 0. All facts must be known. */
struct verdict_result situation_model(const struct situation *situation);
unsigned situation_row(const struct situation *situation);

bool situation_is_same(struct verdict_result a, struct verdict_result b);

/* Fails the test with what and all facts. */
void situation_fail(const struct situation *situation, const char *what);

#endif
