/* SPDX-License-Identifier: MIT */
#include "cli/findings.h"

#include "cli/remedy.h"
#include "core/verdict.h"
#include "ledger/events.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { WHAT_BYTES = 64 };

static int by_count(const void *a, const void *b)
{
	const struct ledger_finding *left = a;
	const struct ledger_finding *right = b;
	bool left_leaks = remedy_is_leak(&left->example);
	bool right_leaks = remedy_is_leak(&right->example);

	if (left_leaks != right_leaks) {
		return left_leaks ? -1 : 1;
	}
	return (left->count < right->count) - (left->count > right->count);
}

int findings_collect(struct findings *findings, const struct ledger *ledger)
{
	findings->count = 0;
	findings->list = calloc(LEDGER_FINDINGS, sizeof(findings->list[0]));
	if (!findings->list) {
		return -ENOMEM;
	}
	for (uint32_t i = 0; ledger && i < LEDGER_FINDINGS; i++) {
		const struct ledger_finding *found = events_finding(ledger, i);

		if (found) {
			findings->list[findings->count++] = *found;
		}
	}
	qsort(findings->list, findings->count, sizeof(findings->list[0]), by_count);
	return 0;
}

void findings_free(struct findings *findings)
{
	free(findings->list);
	memset(findings, 0, sizeof(*findings));
}

bool findings_have_leak(const struct ledger *ledger)
{
	bool has_leak = ledger && __atomic_load_n(&ledger->header.leaks, __ATOMIC_RELAXED) != 0;

	for (uint32_t i = 0; ledger && !has_leak && i < LEDGER_FINDINGS; i++) {
		const struct ledger_finding *found = events_finding(ledger, i);

		has_leak = found && found->example.kind != LEDGER_KIND_LET_GO;
	}
	return has_leak;
}

/* "fin stale", or the kind. */
static void what_of(const struct ledger_event *event, char what[WHAT_BYTES])
{
	if (event->kind == LEDGER_KIND_LET_GO) {
		snprintf(what, WHAT_BYTES, "%s %s", verdict_token((enum verdict)event->verdict),
			 verdict_reason_token((enum verdict_reason)event->reason));
	} else {
		snprintf(what, WHAT_BYTES, "%s", line_kind_token(event->kind));
	}
}

void findings_print_remedy(FILE *out, const struct ledger_event *event, struct resolve *resolve)
{
	char sentence[REMEDY_BYTES];

	remedy_for(resolve, event, sentence);
	if (sentence[0]) {
		fprintf(out, "         -> %s\n", sentence);
	}
}

static void print_one(FILE *out, const struct ledger_finding *found, struct resolve *resolve)
{
	const struct ledger_event *event = &found->example;
	char what[WHAT_BYTES];
	char accepted[RESOLVE_SHORT];
	char forked[RESOLVE_SHORT];
	char let_go[RESOLVE_SHORT];

	what_of(event, what);
	resolve_short(resolve, event->accepted, accepted);
	resolve_short(resolve, event->forked, forked);
	resolve_short(resolve, event->let_go ? event->let_go : event->ended, let_go);
	fprintf(out, "%7" PRIu64 " %6" PRIu64 "  %-20s %-20s %-20s %s\n", found->count,
		found->acted, what, accepted, forked, let_go);
	findings_print_remedy(out, event, resolve);
}

void findings_print(FILE *out, const struct findings *findings, struct resolve *resolve)
{
	fprintf(out, "%7s %6s  %-20s %-20s %-20s %s\n", "COUNT", "FINS", "WHAT", "ACCEPTED AT",
		"FORKED AT", "CLOSED OR READ AT");
	for (size_t i = 0; i < findings->count; i++) {
		print_one(out, &findings->list[i], resolve);
	}
}
