/* SPDX-License-Identifier: MIT */
/*
 * The line for programs. The four sites come last, so that a line which is cut has all the
 * rest; room for what closes it is kept from the start, and a frame is there as a whole or
 * not at all. sendfin(7) lists the keys: a test compares.
 */
#include <string.h>

#include "core/json.h"
#include "core/line.h"
#include "core/verdict.h"

/* All that follows the head when there is room for no frame; after a frame it is less. */
#define ENDING ",\"let_go\":null,\"accepted\":null,\"forked\":null,\"ended\":null,\"cut\":false}"

enum {
	RESERVE = sizeof(ENDING) - 1,
};

/* A line in the making. */
struct line {
	struct text *text;
	const struct line_source *source;
	size_t kept; /* bytes of the text that are kept for the ending */
	bool is_cut; /* a frame did not fit: none follows */
};

static void append_key_string(struct text *text, const char *key, const char *string)
{
	json_key(text, key);
	json_string(text, string);
}

static void append_key_known(struct text *text, const char *key, uint64_t value)
{
	json_key(text, key);
	json_known(text, value);
}

static void append_end(struct text *text, const char *key, const struct ledger_ends *ends,
		       const uint8_t address[16], uint16_t port)
{
	struct text_endpoint endpoint = {.is_ipv6 = ends->is_ipv6 != 0, .is_known = true};

	json_key(text, key);
	if (ends->is_known == 0) {
		json_null(text);
		return;
	}
	memcpy(endpoint.address, address, sizeof(endpoint.address));
	text_char(text, '{');
	json_key(text, "address");
	text_char(text, '"');
	text_address(text, &endpoint);
	text_char(text, '"');
	json_key(text, "port");
	text_unsigned(text, port);
	text_char(text, '}');
}

static void append_message(struct text *text, const struct ledger_event *event)
{
	bool is_verdict = event->kind == LEDGER_KIND_LET_GO;

	json_key(text, "message");
	text_char(text, '"');
	text_string(text, is_verdict ? verdict_reason_sentence(event->reason)
				     : line_kind_sentence(event->kind));
	if (line_kind_remedy(event->kind)[0] != '\0') {
		text_string(text, "; ");
		text_string(text, line_kind_remedy(event->kind));
	}
	text_char(text, '"');
}

/* All keys before the sites. */
static void append_head(struct text *text, const struct ledger_event *event)
{
	bool is_verdict = event->kind == LEDGER_KIND_LET_GO;

	append_key_string(text, "event", line_kind_token(event->kind));
	append_key_known(text, "when_ns", event->when_ns);
	append_key_known(text, "pid", event->pid);
	json_key(text, "fd");
	if (event->descriptor >= 0) {
		text_signed(text, event->descriptor);
	} else {
		json_null(text);
	}
	append_end(text, "local", &event->ends, event->ends.local, event->ends.local_port);
	append_end(text, "peer", &event->ends, event->ends.peer, event->ends.peer_port);
	append_key_known(text, "cookie", event->cookie);
	append_key_known(text, "count", event->count);
	append_key_string(text, "verdict", is_verdict ? verdict_token(event->verdict) : NULL);
	append_key_string(text, "reason", is_verdict ? verdict_reason_token(event->reason) : NULL);
	json_key(text, "acted");
	json_bool(text, event->acted != 0);
	append_key_known(text, "holder_pid", event->holder_pid);
	json_key(text, "others");
	text_unsigned(text, event->others);
	append_message(text, event);
}

static void append_frame(struct text *text, const struct line_frame *frame)
{
	json_next(text);
	text_char(text, '{');
	append_key_string(text, "module", frame->module);
	json_key(text, "offset");
	json_hex(text, frame->offset);
	json_key(text, "build_id");
	json_bytes(text, frame->build_id, frame->build_id_length);
	append_key_string(text, "function", frame->function);
	json_key(text, "into");
	if (frame->function != NULL) {
		json_hex(text, frame->into);
	} else {
		json_null(text);
	}
	append_key_string(text, "file", frame->file);
	append_key_known(text, "line", frame->line);
	text_char(text, '}');
}

/* An array of frames; null when the site is not known. Key and brackets fit: see RESERVE. */
static void append_site(struct line *line, const char *key, uint32_t site)
{
	struct text *text = line->text;
	struct line_frame frame;
	bool is_known = line_find_frame(line->source, site, 0, &frame);

	text_release(text, line->kept);
	json_key(text, key);
	text_string(text, is_known ? "[" : "null");
	line->kept = text_keep(text, RESERVE);
	for (uint32_t i = 0; is_known && !line->is_cut; i++) {
		size_t start = text->length;

		if (!line_find_frame(line->source, site, i, &frame)) {
			break;
		}
		append_frame(text, &frame);
		if (text->truncated) {
			text_rewind(text, start);
			line->is_cut = true;
		}
	}
	text_release(text, line->kept);
	text_string(text, is_known ? "]" : "");
	line->kept = text_keep(text, RESERVE);
}

static void append_sites(struct line *line, const struct ledger_event *event)
{
	append_site(line, "let_go", event->let_go);
	append_site(line, "accepted", event->accepted);
	append_site(line, "forked", event->forked);
	append_site(line, "ended", event->ended);
	text_release(line->text, line->kept);
	json_key(line->text, "cut");
	json_bool(line->text, line->is_cut);
	text_char(line->text, '}');
	line->text->truncated = line->is_cut;
}

void line_json(struct text *text, const struct ledger_event *event,
	       const struct line_source *source)
{
	struct line line = {.text = text, .source = source};
	size_t start = text->length;

	text_char(text, '{');
	append_head(text, event);
	line.kept = text_keep(text, RESERVE);
	if (!text->truncated && line.kept == RESERVE) {
		append_sites(&line, event);
		return;
	}
	text_release(text, line.kept);
	text_rewind(text, start);
	text->truncated = true;
}
