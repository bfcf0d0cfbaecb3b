/* SPDX-License-Identifier: MIT */
/*
 * For people: what is held now, then what was found, each with what to change.
 *
 * Holdings that differ in descriptor and peer only are one row: a server leaks thousands of
 * the same kind.
 */
#include "cli/report.h"

#include "core/text.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	PEER_BYTES = 64,
	DESCRIPTORS_BYTES = 64,
};

/* Rows of the same kind, from FIRST up to, not with, the result. */
static size_t end_of_group(const struct report *report, size_t first)
{
	const struct report_holding *a = &report->holdings[first];
	size_t i = first + 1;

	while (i < report->holding_count) {
		const struct report_holding *b = &report->holdings[i];

		if (a->kind != b->kind || a->process != b->process || a->accepted != b->accepted ||
		    a->ended != b->ended) {
			break;
		}
		i++;
	}
	return i;
}

/* "4-9, 12, 14, ..." */
static void list_descriptors(struct text *text, const struct report_holding *held, size_t count)
{
	size_t i = 0;

	while (i < count) {
		size_t last = i;

		if (text->length > DESCRIPTORS_BYTES - 30) {
			text_string(text, ", ...");
			return;
		}
		while (last + 1 < count && held[last + 1].descriptor == held[last].descriptor + 1) {
			last++;
		}
		text_string(text, i > 0 ? ", " : "");
		text_signed(text, held[i].descriptor);
		if (last > i) {
			text_char(text, '-');
			text_signed(text, held[last].descriptor);
		}
		i = last + 1;
	}
}

static void peer_of(const struct ledger_ends *ends, char peer[PEER_BYTES])
{
	struct text_endpoint endpoint = {
		.port = ends->peer_port,
		.is_ipv6 = ends->is_ipv6 != 0,
		.is_known = ends->is_known != 0,
	};
	struct text text;

	for (size_t i = 0; i < sizeof(endpoint.address); i++) {
		endpoint.address[i] = ends->peer[i];
	}
	text_begin(&text, peer, PEER_BYTES);
	text_endpoint(&text, &endpoint);
}

static void print_group(FILE *out, const struct report *report, size_t first, size_t end)
{
	const struct report_holding *held = &report->holdings[first];
	const struct report_process *process = &report->processes[held->process];
	struct ledger_event event = report_event(report, held);
	char descriptors[DESCRIPTORS_BYTES];
	char accepted[RESOLVE_SHORT];
	char ended[RESOLVE_SHORT];
	char peer[PEER_BYTES];
	struct text text;
	uint64_t unread = 0;

	for (size_t i = first; i < end; i++) {
		unread += report->holdings[i].unread;
	}
	text_begin(&text, descriptors, sizeof(descriptors));
	list_descriptors(&text, held, end - first);
	resolve_short(report->resolve, held->accepted, accepted);
	resolve_short(report->resolve, held->ended, ended);
	peer_of(&held->ends, peer);
	fprintf(out, "%6zu  %-12s %7d %-15s %-20s %-20s %s\n", end - first,
		line_kind_token(held->kind), (int)process->pid, process->name, accepted, ended,
		peer);
	fprintf(out, "         descriptors %s", descriptors);
	if (held->kind != LEDGER_KIND_DEAD) {
		fprintf(out, "; %" PRIu64 " bytes unread, the EOF %s", unread,
			held->eof_was_read ? "was read" : "was not");
	}
	fputc('\n', out);
	findings_print_remedy(out, &event, report->resolve);
}

void report_print_held(FILE *out, const struct report *report)
{
	size_t first = 0;

	fprintf(out, "%6s  %-12s %7s %-15s %-20s %-20s %s\n", "COUNT", "KIND", "PID", "COMMAND",
		"ACCEPTED AT", "EOF READ AT", "PEER");
	while (first < report->holding_count) {
		size_t end = end_of_group(report, first);

		print_group(out, report, first, end);
		first = end;
	}
}

static void print_holdings(const struct report *report)
{
	if (report->holding_count == 0) {
		puts("\nHeld now: nothing that should have been closed.");
		return;
	}
	puts("\nHeld now, though the peer has closed:\n");
	report_print_held(stdout, report);
}

static void print_findings(const struct report *report)
{
	if (report->findings.count == 0) {
		puts("\nFound so far: nothing.");
		return;
	}
	puts("\nFound so far:\n");
	findings_print(stdout, &report->findings, report->resolve);
}

static void print_head(const struct report *report)
{
	const struct report_process *first = &report->processes[0];

	for (size_t i = 0; i < report->process_count; i++) {
		if (report->processes[i].pid == report->view->pid) {
			first = &report->processes[i];
		}
	}
	printf("%d %s: %zu process%s; FINs sent %" PRIu64 ", descriptors given back %" PRIu64 "\n",
	       (int)first->pid, first->name, report->process_count,
	       report->process_count == 1 ? "" : "es", report->fins, report->reclaimed);
}

static void print_notes(const struct report *report)
{
	const struct ledger *ledger = report->view->ledger;
	bool has_places = report->view->anchor.data.places != 0;
	size_t retired = 0;

	for (size_t i = 0; i < report->process_count; i++) {
		const struct report_process *process = &report->processes[i];

		retired += process->slot && (process->slot->flags & LEDGER_PROCESS_RETIRED) != 0;
		if (process->err != 0) {
			printf("note: the descriptors of %d %s may not be read\n",
			       (int)process->pid, process->name);
		}
		if (process->unconnected > 0) {
			printf("note: %d %s holds %u TCP sockets that are over, or were never "
			       "connected\n",
			       (int)process->pid, process->name, process->unconnected);
		}
	}
	if (!ledger) {
		puts("note: nothing was shared by a fork yet: this is the one process alone");
	}
	if (retired > 0) {
		printf("note: in %zu of them the shim has retired: it acts and notes no more\n",
		       retired);
	}
	if (!has_places) {
		puts("note: places are known only of what runs with --debug");
	}
	if (ledger && (ledger->header.sites_lost != 0 || ledger->header.findings_lost != 0)) {
		printf("note: no room was left for %u places and %u findings\n",
		       ledger->header.sites_lost, ledger->header.findings_lost);
	}
}

void report_print_text(const struct report *report)
{
	print_head(report);
	print_notes(report);
	print_holdings(report);
	print_findings(report);
}
