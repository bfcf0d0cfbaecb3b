/* SPDX-License-Identifier: MIT */
/*
 * One event as one line, for people or for programs.
 *
 * The idea: the same two functions serve the shim, which knows modules and offsets, and
 * the command, which knows files and lines; how a site's frames are found is the caller's
 * business. Text is one line without control characters; JSON is one object whose keys
 * are stable: sendfin(7) lists them.
 * Invariant: whatever bytes a path or a function name holds, nobody forges a line or
 * breaks the JSON; a text that was too short is cut at a frame, never inside a string or
 * object, says so ("[cut]", "cut":true), and is truncated.
 * Never here: a system call, an allocation, a newline at the end.
 */
#ifndef CORE_LINE_H
#define CORE_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/text.h"
#include "sendfin/ledger.h"

enum {
	/* Room for a JSON line with four full backtraces of long names. */
	LINE_BYTES = 32 * 1024,
	/* Enough for a line without a single frame, text or JSON. */
	LINE_HEAD_BYTES = 1024,
};

/* A frame of a backtrace, as far as it is known. Strings live until the next question. */
struct line_frame {
	const char *module; /* path, or NULL: then offset is an address */
	uint64_t offset;    /* of the call, in the module's file as it is linked */
	const uint8_t *build_id;
	uint32_t build_id_length; /* 0 = none */
	const char *function;     /* NULL = not known */
	uint64_t into;            /* offset of the call in the function */
	const char *file;         /* NULL = not known */
	uint32_t line;            /* 0 = not known */
};

/* Frame `index` of a site (1 + index, as in the ledger), innermost first; false behind the last. */
typedef bool line_frame_of(const void *context, uint32_t site, uint32_t index,
			   struct line_frame *frame);

/* Where the frames come from; frame_of NULL: nothing is known of any site. */
struct line_source {
	line_frame_of *frame_of;
	const void *context;
};

/* Asks the source; false, and all of it unknown, where nothing is known. */
bool line_find_frame(const struct line_source *source, uint32_t site, uint32_t index,
		     struct line_frame *frame);

/*
 * "sendfin[PID]: fin stale fd=4 local=... peer=... acted=yes: sentence; let go at ...; ...", or
 * "sendfin[PID]: never_closed fd=4 local=... peer=...: sentence; close it ...; accepted at ...".
 * Sites have all their frames, but only the innermost when it was seen before (count > 1).
 */
void line_text(struct text *text, const struct ledger_event *event,
	       const struct line_source *source);

/*
 * {"event":"let_go","pid":...,...}: all keys, always; what is not known is null. Nothing at
 * all when not even the keys before the sites fit: LINE_HEAD_BYTES are enough for them.
 */
void line_json(struct text *text, const struct ledger_event *event,
	       const struct line_source *source);

/*
 * "serve+0x1f (leaky_echo+0x13a4)"; with a file, "serve+0x1f in echo.c:88 (leaky_echo+0x13a4)".
 * Where neither is known "leaky_echo+0x13a4", or "0x7f0012345678" in no known module.
 */
void line_frame_text(struct text *text, const struct line_frame *frame);

/* The stable token of a kind: "let_go", "never_closed", "stale_copy", "dead"; never NULL. */
const char *line_kind_token(uint32_t kind);

/* What a kind means, and what to change; "" of LET_GO and of strangers, never NULL. */
const char *line_kind_sentence(uint32_t kind);
const char *line_kind_remedy(uint32_t kind);

#endif
