/* SPDX-License-Identifier: MIT */
#include "cli/report.h"

#include "cli/holdings.h"
#include "cli/members.h"
#include "ledger/procs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROOT_BYTES = 64 };

static int gather_processes(struct report *report)
{
	struct member *members = NULL;
	int err = members_find(report->view, &members, &report->process_count);

	if (err == 0) {
		report->processes = calloc(report->process_count, sizeof(report->processes[0]));
		err = report->processes ? 0 : -ENOMEM;
	}
	for (size_t i = 0; err == 0 && i < report->process_count; i++) {
		struct report_process *process = &report->processes[i];

		process->pid = members[i].pid;
		process->slot = members[i].slot;
		procfile_name(process->pid, process->name);
	}
	free(members);
	return err;
}

static void count_all(struct report *report)
{
	const struct ledger *ledger = report->view->ledger;
	uint64_t acted = 0;

	for (uint32_t i = 0; ledger && i < procs_high(ledger); i++) {
		report->fins += ledger->processes[i].fins;
		report->defers += ledger->processes[i].defers;
		report->reclaimed += ledger->processes[i].reclaimed;
	}
	for (size_t i = 0; i < report->findings.count; i++) {
		acted += report->findings.list[i].acted;
	}
	report->fins = acted > report->fins ? acted : report->fins;
}

/* Programs are looked for where the tree sees them. */
static int open_resolve(struct report *report)
{
	char root[ROOT_BYTES] = "";

	if (!procfile_same_namespace(report->view->pid, getpid(), "mnt")) {
		snprintf(root, sizeof(root), "/proc/%d/root", (int)report->view->pid);
	}
	report->resolve = resolve_open(report->view->ledger, root);
	return report->resolve ? 0 : -ENOMEM;
}

int report_gather(struct report *report, const struct ledgerview *view)
{
	int err;

	memset(report, 0, sizeof(*report));
	report->view = view;
	err = open_resolve(report);
	err = err != 0 ? err : gather_processes(report);
	err = err != 0 ? err : holdings_gather(report);
	err = err != 0 ? err : findings_collect(&report->findings, view->ledger);
	count_all(report);
	return err;
}

void report_free(struct report *report)
{
	resolve_close(report->resolve);
	free(report->processes);
	free(report->holdings);
	findings_free(&report->findings);
	memset(report, 0, sizeof(*report));
}

bool report_holds_leak(const struct report *report)
{
	bool has_leak = false;

	for (size_t i = 0; i < report->holding_count; i++) {
		has_leak |= report->holdings[i].is_leak;
	}
	return has_leak;
}

bool report_has_leak(const struct report *report)
{
	return report_holds_leak(report) || findings_have_leak(report->view->ledger);
}

struct ledger_event report_event(const struct report *report, const struct report_holding *held)
{
	const struct report_process *process = &report->processes[held->process];

	return (struct ledger_event){
		.kind = (uint16_t)held->kind,
		.pid = (uint32_t)process->pid,
		.descriptor = held->descriptor,
		.accepted = held->accepted,
		.ended = held->ended,
		.forked = held->forked,
		.others = held->others,
		.ends = held->ends,
	};
}
