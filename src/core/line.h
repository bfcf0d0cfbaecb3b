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
 * object, and says so.
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

/* "sendfin[PID]: fin stale fd=4 local=... peer=... acted=yes: sentence; let go at ...; ..." */
void line_text(struct text *text, const struct ledger_event *event,
	       const struct line_source *source);

/* {"event":"let_go","pid":...,...} */
void line_json(struct text *text, const struct ledger_event *event,
	       const struct line_source *source);

/* "serve+0x1f (leaky_echo+0x13a4)", with file:line where it is known. */
void line_frame_text(struct text *text, const struct line_frame *frame);

/* The stable token of a kind: "let_go", "never_closed", "stale_copy", "dead"; never NULL. */
const char *line_kind_token(uint32_t kind);

#endif
