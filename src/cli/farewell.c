/* SPDX-License-Identifier: MIT */
#include "cli/farewell.h"

#include "cli/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void tell_people(const struct narrator *narrator, const struct report *report)
{
	char *lines = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&lines, &length);

	if (!out) {
		return;
	}
	fputs("sendfin: held when it was told to end, though the peer has closed\n", out);
	report_print_held(out, report);
	if (fclose(out) == 0) {
		sink_write(&narrator->sink, lines, length);
	}
	free(lines);
}

static void tell_programs(const struct narrator *narrator, const struct report *report)
{
	struct line_source source = resolve_source(report->resolve);
	char buffer[LINE_BYTES];

	for (size_t i = 0; i < report->holding_count; i++) {
		struct ledger_event event = report_event(report, &report->holdings[i]);
		struct text text;

		text_begin(&text, buffer, sizeof(buffer) - 1);
		event.count = 1;
		line_json(&text, &event, &source);
		buffer[text.length] = '\n';
		sink_write(&narrator->sink, buffer, text.length + 1);
	}
}

bool farewell_tell(const struct narrator *narrator, pid_t program, int id)
{
	struct ledgerview view = {.pid = program, .ledger = narrator->ledger};
	struct report report;
	bool has_leak = false;

	/* The program itself may be one of those who start the server and have no shim. */
	if (anchor_find(&view.anchor, program) != 0) {
		memset(&view.anchor, 0, sizeof(view.anchor));
	}
	view.anchor.data.id = id;
	if (report_gather(&report, &view) == 0 && report.holding_count > 0) {
		has_leak = report_holds_leak(&report);
		if (narrator->format == SETTINGS_FORMAT_JSON) {
			tell_programs(narrator, &report);
		} else {
			tell_people(narrator, &report);
		}
	}
	report_free(&report);
	return has_leak;
}
