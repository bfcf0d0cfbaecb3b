/* SPDX-License-Identifier: MIT */
/*
 * An event is told in full when its finding is new; what comes back is one line with a count.
 */
#include "cli/narrate.h"

#include "cli/findings.h"
#include "cli/procfile.h"
#include "cli/remedy.h"
#include "core/line.h"
#include "core/text.h"
#include "core/verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* Frames beyond the program's own main tell nothing. */
	FUNCTION_WIDTH = 28,
	NAME_BYTES = 256,
};

/* What a terminal makes of it; empty elsewhere. */
struct look {
	const char *loud, *quiet, *plain;
};

static struct look look_of(const struct narrator *narrator)
{
	return narrator->sink.has_color ? (struct look){"\033[1m", "\033[2m", "\033[0m"}
					: (struct look){"", "", ""};
}

static void append_end(struct text *text, const uint8_t address[16], uint16_t port,
		       const struct ledger_ends *ends)
{
	struct text_endpoint endpoint = {
		.port = port,
		.is_ipv6 = ends->is_ipv6 != 0,
		.is_known = ends->is_known != 0,
	};

	memcpy(endpoint.address, address, sizeof(endpoint.address));
	text_endpoint(text, &endpoint);
}

static void pad(struct text *text, size_t start, size_t width)
{
	do {
		text_char(text, ' ');
	} while (!text->truncated && text->length - start < width);
}

/* "serve+0x1f    echo.c:60", or "libfoo.so+0x13a4", or that the file is another now. */
static void append_frame(struct text *text, const struct line_frame *frame, bool is_other_build)
{
	size_t start = text->length;

	if (!frame->file) {
		text_string(text, is_other_build ? "another build of " : "");
		line_frame_text(text, frame);
		return;
	}
	text_untrusted(text, frame->function ? frame->function : "?", NAME_BYTES);
	text_string(text, "+0x");
	text_hex(text, frame->into);
	pad(text, start, FUNCTION_WIDTH);
	text_untrusted(text, frame->file, NAME_BYTES);
	text_char(text, ':');
	text_unsigned(text, frame->line);
}

/* Down to main; nothing when the site is not known. */
static void append_site(struct narrator *narrator, struct text *text, const char *what,
			uint32_t site)
{
	struct look look = look_of(narrator);
	struct line_frame frame;
	bool is_main = false;

	for (uint32_t i = 0; !is_main && resolve_frame(narrator->resolve, site, i, &frame); i++) {
		char label[16];

		snprintf(label, sizeof(label), "%11s", i == 0 ? what : "");
		text_string(text, look.quiet);
		text_string(text, label);
		text_string(text, look.plain);
		text_string(text, "  ");
		append_frame(text, &frame, resolve_is_other_build(narrator->resolve, site, i));
		text_char(text, '\n');
		is_main = frame.function && strcmp(frame.function, "main") == 0;
	}
}

static void append_headline(struct narrator *narrator, struct text *text,
			    const struct ledger_event *event)
{
	struct look look = look_of(narrator);
	bool is_verdict = event->kind == LEDGER_KIND_LET_GO;
	enum verdict_reason reason = (enum verdict_reason)event->reason;
	char name[PROCFILE_NAME];

	procfile_name((pid_t)event->pid, name);
	text_string(text, "sendfin[");
	text_unsigned(text, event->pid);
	text_char(text, ']');
	if (strcmp(name, "?") != 0) {
		text_char(text, ' ');
		text_string(text, name);
	}
	text_string(text, ": ");
	text_string(text, look.loud);
	text_string(text, is_verdict ? verdict_token((enum verdict)event->verdict)
				     : line_kind_token(event->kind));
	if (is_verdict) {
		text_char(text, ' ');
		text_string(text, verdict_reason_token(reason));
	}
	text_string(text, look.plain);
	text_string(text, ": ");
	text_string(text,
		    is_verdict ? verdict_reason_sentence(reason) : line_kind_sentence(event->kind));
	if (event->count > 1) {
		text_string(text, "; seen ");
		text_unsigned(text, event->count);
		text_string(text, " times");
	}
	text_char(text, '\n');
}

static void append_connection(struct text *text, const struct ledger_event *event)
{
	text_string(text, " connection  fd ");
	text_signed(text, event->descriptor);
	text_string(text, ", local ");
	append_end(text, event->ends.local, event->ends.local_port, &event->ends);
	text_string(text, ", peer ");
	append_end(text, event->ends.peer, event->ends.peer_port, &event->ends);
	if (event->verdict == VERDICT_FIN && event->kind == LEDGER_KIND_LET_GO) {
		text_string(text, event->acted ? "; FIN sent" : "; no FIN sent");
	}
	text_char(text, '\n');
	if (event->holder_pid != 0) {
		text_string(text, "    held by  process ");
		text_unsigned(text, event->holder_pid);
		if (event->others > 1) {
			text_string(text, " and ");
			text_unsigned(text, event->others - 1);
			text_string(text, " more");
		}
		text_char(text, '\n');
	}
}

static void append_remedy(struct narrator *narrator, struct text *text,
			  const struct ledger_event *event)
{
	char sentence[REMEDY_BYTES];

	remedy_for(narrator->resolve, event, sentence);
	if (sentence[0]) {
		text_string(text, "         ->  ");
		text_string(text, sentence);
		text_char(text, '\n');
	}
}

static void tell_people(struct narrator *narrator, struct text *text,
			const struct ledger_event *event)
{
	bool is_plain = event->kind == LEDGER_KIND_LET_GO && event->verdict == VERDICT_LEAVE;

	append_headline(narrator, text, event);
	if (event->count > 1) {
		return;
	}
	append_connection(text, event);
	append_site(narrator, text, "closed at", event->let_go);
	if (!is_plain) {
		append_site(narrator, text, "EOF read at", event->ended);
		append_site(narrator, text, "accepted at", event->accepted);
		append_site(narrator, text, "forked at", event->forked);
		append_remedy(narrator, text, event);
	}
}

static void tell(struct narrator *narrator, const struct ledger_event *event)
{
	struct line_source source = resolve_source(narrator->resolve);
	char buffer[LINE_BYTES];
	struct text text;

	text_begin(&text, buffer, sizeof(buffer));
	if (narrator->format == SETTINGS_FORMAT_JSON) {
		line_json(&text, event, &source);
		text.truncated = false;
		text_char(&text, '\n');
	} else {
		tell_people(narrator, &text, event);
	}
	if (text.truncated && text.length > 0) {
		text.buffer[text.length - 1] = '\n';
	}
	sink_write(&narrator->sink, text.buffer, text.length);
}

/* Without memory for names, modules and offsets have to do. */
static bool can_resolve(struct narrator *narrator)
{
	if (!narrator->resolve) {
		narrator->resolve = resolve_open(narrator->ledger, "");
	}
	return narrator->resolve != NULL;
}

bool narrate_news(struct narrator *narrator)
{
	struct ledger_event event;
	bool is_news = false;

	while (events_read(narrator->ledger, &narrator->reader, &event)) {
		is_news = true;
		if (can_resolve(narrator)) {
			tell(narrator, &event);
		}
	}
	return is_news;
}

void narrate_summary(struct narrator *narrator)
{
	struct findings findings;
	char *lines = NULL;
	size_t length = 0;
	FILE *out;

	if (narrator->format == SETTINGS_FORMAT_JSON || !can_resolve(narrator) ||
	    findings_collect(&findings, narrator->ledger) != 0) {
		return;
	}
	out = open_memstream(&lines, &length);
	if (out && findings.count == 0) {
		fputs("sendfin: summary: nothing was found\n", out);
	} else if (out) {
		fprintf(out, "sendfin: summary\n");
		findings_print(out, &findings, narrator->resolve);
	}
	if (out && fclose(out) == 0) {
		sink_write(&narrator->sink, lines, length);
	}
	free(lines);
	findings_free(&findings);
}

uint64_t narrate_lost(const struct narrator *narrator)
{
	return narrator->reader.lost;
}

void narrate_end(struct narrator *narrator)
{
	resolve_close(narrator->resolve);
	narrator->resolve = NULL;
}
