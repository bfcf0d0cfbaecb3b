/* SPDX-License-Identifier: MIT */
/*
 * The line for people. What comes after the first sentence comes in parts, a frame or a
 * clause, which are there as a whole or not at all; room for the ending is kept from the
 * start. line_json.c has the line for programs.
 */
#include "core/line.h"

#include <string.h>

#include "core/verdict.h"

enum {
	NAME_BYTES = 256, /* of a function or file that are shown */
};

#define MARK_CUT " [cut]"
/* The longest ending, with a count of 20 digits. */
#define ENDING MARK_CUT " (seen 18446744073709551615 times)"

struct kind {
	const char *token;
	const char *sentence;
	const char *remedy;
};

static const struct kind kinds[] = {
	{"unknown", "", ""},
#define SENDFIN_KIND(name, text, why, cure) [LEDGER_KIND_##name] = {text, why, cure},
#include "sendfin/event.def"
#undef SENDFIN_KIND
};

/* A line in the making. */
struct line {
	struct text *text;
	const struct ledger_event *event;
	const struct line_source *source;
	bool is_cut; /* a part did not fit: none follows */
};

static const struct kind *kind_of(uint32_t kind)
{
	return &kinds[kind < sizeof(kinds) / sizeof(kinds[0]) ? kind : 0];
}

const char *line_kind_token(uint32_t kind)
{
	return kind_of(kind)->token;
}

const char *line_kind_sentence(uint32_t kind)
{
	return kind_of(kind)->sentence;
}

const char *line_kind_remedy(uint32_t kind)
{
	return kind_of(kind)->remedy;
}

bool line_find_frame(const struct line_source *source, uint32_t site, uint32_t index,
		     struct line_frame *frame)
{
	memset(frame, 0, sizeof(*frame));
	return site != 0 && source->frame_of != NULL &&
	       source->frame_of(source->context, site, index, frame);
}

static bool is_something(const char *string)
{
	return string != NULL && string[0] != '\0';
}

static void append_name(struct text *text, const char *name)
{
	text_untrusted(text, name, NAME_BYTES);
	if (strnlen(name, NAME_BYTES + 1) > NAME_BYTES) {
		text_string(text, "...");
	}
}

static void append_hex(struct text *text, const char *before, uint64_t value)
{
	text_string(text, before);
	text_hex(text, value);
}

/* "leaky_echo+0x13a4", or the address. */
static void append_place(struct text *text, const struct line_frame *frame)
{
	const char *slash;

	if (!is_something(frame->module)) {
		append_hex(text, "0x", frame->offset);
		return;
	}
	slash = strrchr(frame->module, '/');
	append_name(text, slash != NULL && slash[1] != '\0' ? slash + 1 : frame->module);
	append_hex(text, "+0x", frame->offset);
}

void line_frame_text(struct text *text, const struct line_frame *frame)
{
	bool has_function = is_something(frame->function);
	bool has_file = is_something(frame->file);

	if (has_function) {
		append_name(text, frame->function);
		append_hex(text, "+0x", frame->into);
	}
	if (has_function && has_file) {
		text_string(text, " in ");
	}
	if (has_file) {
		append_name(text, frame->file);
	}
	if (has_file && frame->line != 0) {
		text_char(text, ':');
		text_unsigned(text, frame->line);
	}
	if (!has_function && !has_file) {
		append_place(text, frame);
		return;
	}
	text_string(text, " (");
	append_place(text, frame);
	text_char(text, ')');
}

static bool is_known(const struct line *line, uint32_t site)
{
	struct line_frame frame;

	return line_find_frame(line->source, site, 0, &frame);
}

/* The part that began at `start` is complete; one that did not fit is taken back. */
static void end_part(struct line *line, size_t start)
{
	if (line->text->truncated) {
		text_rewind(line->text, start);
		line->is_cut = true;
	}
}

/* "; let go at FRAME < FRAME < FRAME"; nothing when the site is not known. */
static void append_site(struct line *line, const char *what, uint32_t site)
{
	uint32_t wanted = line->event->count > 1 ? 1 : UINT32_MAX;
	struct line_frame frame;

	for (uint32_t i = 0; i < wanted && !line->is_cut; i++) {
		size_t start = line->text->length;

		if (!line_find_frame(line->source, site, i, &frame)) {
			break;
		}
		text_string(line->text, i == 0 ? what : " < ");
		line_frame_text(line->text, &frame);
		end_part(line, start);
	}
}

/* A clause with a number in the middle. */
static void append_clause(struct line *line, const char *before, uint32_t number, const char *after)
{
	size_t start = line->text->length;

	if (line->is_cut) {
		return;
	}
	text_string(line->text, before);
	text_unsigned(line->text, number);
	text_string(line->text, after);
	end_part(line, start);
}

static void append_fork_and_holder(struct line *line)
{
	const struct ledger_event *event = line->event;
	bool is_forgotten = event->verdict == VERDICT_FIN;
	bool has_fork = is_known(line, event->forked);

	append_site(line, "; forked at ", event->forked);
	if (event->holder_pid != 0) {
		append_clause(line, has_fork ? ", and pid " : "; pid ", event->holder_pid,
			      is_forgotten ? " never closed its copy" : " holds a copy, too");
	}
	if (event->others > 1) {
		append_clause(line, "; ", event->others, " other processes hold it");
	} else if (event->others == 1 && event->holder_pid == 0) {
		append_clause(line, "; ", event->others, " other process holds it");
	}
}

static void append_let_go(struct line *line)
{
	const struct ledger_event *event = line->event;

	append_site(line, "; let go at ", event->let_go);
	append_site(line, "; accepted at ", event->accepted);
	append_fork_and_holder(line);
	append_site(line, "; EOF was read at ", event->ended);
}

/* What to change: at the line that is known, else in general. */
static void append_remedy(struct line *line)
{
	const struct ledger_event *event = line->event;
	bool was_used = event->kind != LEDGER_KIND_STALE_COPY && is_known(line, event->ended);
	bool was_shared = event->kind != LEDGER_KIND_NEVER_CLOSED && is_known(line, event->forked);

	if (was_used) {
		append_site(line, "; close it after read() returned 0 at ", event->ended);
	} else if (was_shared) {
		append_site(line, "; close it after the fork at ", event->forked);
	} else if (line_kind_remedy(event->kind)[0] != '\0') {
		size_t start = line->text->length;

		text_string(line->text, "; ");
		text_string(line->text, line_kind_remedy(event->kind));
		end_part(line, start);
	}
	append_site(line, "; accepted at ", event->accepted);
}

static void append_ends(struct text *text, const struct ledger_ends *ends)
{
	struct text_endpoint local = {.port = ends->local_port,
				      .is_ipv6 = ends->is_ipv6 != 0,
				      .is_known = (ends->is_known & LEDGER_ENDS_LOCAL) != 0};
	struct text_endpoint peer = local;

	peer.port = ends->peer_port;
	peer.is_known = (ends->is_known & LEDGER_ENDS_PEER) != 0;
	memcpy(local.address, ends->local, sizeof(local.address));
	memcpy(peer.address, ends->peer, sizeof(peer.address));
	text_string(text, " local=");
	text_endpoint(text, &local);
	text_string(text, " peer=");
	text_endpoint(text, &peer);
}

/* All up to the first sentence. */
static void append_head(struct text *text, const struct ledger_event *event)
{
	bool is_verdict = event->kind == LEDGER_KIND_LET_GO;

	text_string(text, "sendfin[");
	text_unsigned(text, event->pid);
	text_string(text, "]: ");
	if (is_verdict) {
		text_string(text, verdict_token(event->verdict));
		text_char(text, ' ');
		text_string(text, verdict_reason_token(event->reason));
	} else {
		text_string(text, line_kind_token(event->kind));
	}
	text_string(text, " fd=");
	text_signed(text, event->descriptor);
	append_ends(text, &event->ends);
	if (is_verdict) {
		text_string(text, event->acted != 0 ? " acted=yes: " : " acted=no: ");
		text_string(text, verdict_reason_sentence(event->reason));
	} else {
		text_string(text, ": ");
		text_string(text, line_kind_sentence(event->kind));
	}
}

static void append_ending(struct line *line)
{
	struct text *text = line->text;
	size_t start = text->length;

	if (line->is_cut) {
		text_string(text, MARK_CUT);
	}
	if (line->event->count > 1) {
		text_string(text, " (seen ");
		text_unsigned(text, line->event->count);
		text_string(text, " times)");
	}
	end_part(line, start);
}

void line_text(struct text *text, const struct ledger_event *event,
	       const struct line_source *source)
{
	struct line line = {.text = text, .event = event, .source = source};
	size_t kept;

	append_head(text, event);
	if (text->truncated) {
		return;
	}
	kept = text_keep(text, sizeof(ENDING) - 1);
	if (event->kind == LEDGER_KIND_LET_GO) {
		append_let_go(&line);
	} else {
		append_remedy(&line);
	}
	text_release(text, kept);
	append_ending(&line);
	text->truncated = line.is_cut;
}
