/* SPDX-License-Identifier: MIT */
/*
 * For flame graphs: "held;kind;outermost;...;innermost count" or "found;kind;...", a line
 * for each place that connections leak from: where they were accepted, as far as that is known.
 */
#include "cli/report.h"

#include "cli/remedy.h"
#include "core/text.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	FRAME_BYTES = 256,
	FOLDED_BYTES = LEDGER_FRAMES * FRAME_BYTES,
};

/* The separators of the format are no part of a name. */
static void append_name(struct text *text, const char *name, size_t max)
{
	char clean[FRAME_BYTES];
	struct text copy;

	text_begin(&copy, clean, sizeof(clean));
	text_untrusted(&copy, name, max);
	for (char *at = clean; *at; at++) {
		if (*at == ';' || *at == ' ') {
			*at = '_';
		}
	}
	text_string(text, clean);
}

static void append_frame(struct text *text, const struct line_frame *frame)
{
	text_char(text, ';');
	if (frame->function) {
		append_name(text, frame->function, FRAME_BYTES - 1);
		return;
	}
	append_name(text, frame->module ? frame->module : "unknown", FRAME_BYTES - 32);
	text_string(text, "+0x");
	text_hex(text, frame->offset);
}

static uint32_t best_site(const struct ledger_event *event)
{
	if (event->accepted != 0) {
		return event->accepted;
	}
	if (event->ended != 0) {
		return event->ended;
	}
	return event->forked != 0 ? event->forked : event->let_go;
}

static void print_stack(const struct report *report, const struct ledger_event *event,
			const char *where, uint64_t count)
{
	uint32_t site = best_site(event);
	char line[FOLDED_BYTES];
	struct line_frame frame;
	struct text text;
	uint32_t depth = 0;

	text_begin(&text, line, sizeof(line));
	text_string(&text, where);
	text_char(&text, ';');
	text_string(&text,
		    event->kind == LEDGER_KIND_LET_GO ? "fin_stale" : line_kind_token(event->kind));
	while (depth < LEDGER_FRAMES && resolve_frame(report->resolve, site, depth, &frame)) {
		depth++;
	}
	if (depth == 0) {
		text_string(&text, ";[not_known]");
	}
	while (depth > 0 && resolve_frame(report->resolve, site, --depth, &frame)) {
		append_frame(&text, &frame);
	}
	printf("%s %" PRIu64 "\n", line, count);
}

void report_print_folded(const struct report *report)
{
	for (size_t i = 0; i < report->holding_count; i++) {
		struct ledger_event event = report_event(report, &report->holdings[i]);
		size_t same = i;

		while (same + 1 < report->holding_count &&
		       report->holdings[same + 1].kind == report->holdings[i].kind &&
		       report->holdings[same + 1].accepted == report->holdings[i].accepted) {
			same++;
		}
		print_stack(report, &event, "held", same - i + 1);
		i = same;
	}
	for (size_t i = 0; i < report->findings.count; i++) {
		const struct ledger_finding *found = &report->findings.list[i];

		if (remedy_is_leak(&found->example)) {
			print_stack(report, &found->example, "found", found->count);
		}
	}
}
