/* SPDX-License-Identifier: MIT */
#include "cli/remedy.h"

#include "core/text.h"
#include "core/verdict.h"

#include <stdbool.h>

bool remedy_is_leak(const struct ledger_event *event)
{
	return event->kind == LEDGER_KIND_NEVER_CLOSED || event->kind == LEDGER_KIND_STALE_COPY ||
	       event->kind == LEDGER_KIND_DEAD ||
	       (event->kind == LEDGER_KIND_LET_GO && event->verdict == VERDICT_FIN &&
		event->reason == VERDICT_REASON_STALE);
}

static void say_place(struct text *text, struct resolve *resolve, const char *before, uint32_t site)
{
	char name[RESOLVE_SHORT];

	if (site != 0) {
		resolve_short(resolve, site, name);
		text_string(text, before);
		text_string(text, name);
	}
}

/* Who forked holds a copy, and has no use for it: so it looks, or so it is. */
static void say_stale(struct text *text, struct resolve *resolve, const struct ledger_event *event)
{
	if (!remedy_is_leak(event)) {
		text_string(text, "unless it still needs the connection, or closes it soon: ");
	}
	if (event->forked == 0) {
		text_string(text, "the process that accepted it");
		say_place(text, resolve, " at ", event->accepted);
		text_string(text, " keeps a copy for ever: close() it there once another process "
				  "serves it, or accept with SOCK_CLOEXEC if that is an exec'd "
				  "helper");
		return;
	}
	text_string(text, "close() the copy in the process that forks");
	say_place(text, resolve, " at ", event->forked);
	text_string(text, ", right after the fork");
	say_place(text, resolve, "; it was accepted at ", event->accepted);
}

static void say_never_closed(struct text *text, struct resolve *resolve,
			     const struct ledger_event *event)
{
	if (event->ended != 0) {
		say_place(text, resolve, "the read at ", event->ended);
		text_string(text, " returned 0, the peer's end: close() the descriptor there");
	} else {
		text_string(text, "the peer has closed: read on until 0 is returned, then close() "
				  "the descriptor");
	}
	say_place(text, resolve, "; it was accepted at ", event->accepted);
}

void remedy_for(struct resolve *resolve, const struct ledger_event *event,
		char sentence[REMEDY_BYTES])
{
	struct text text;

	text_begin(&text, sentence, REMEDY_BYTES);
	switch (event->kind) {
	case LEDGER_KIND_LET_GO:
		if (event->verdict == VERDICT_FIN || event->verdict == VERDICT_DEFER) {
			say_stale(&text, resolve, event);
		}
		break;
	case LEDGER_KIND_STALE_COPY:
		say_stale(&text, resolve, event);
		break;
	case LEDGER_KIND_NEVER_CLOSED:
		say_never_closed(&text, resolve, event);
		break;
	case LEDGER_KIND_DEAD:
		/* What became of a copy that was never used, once its FIN was sent. */
		if (event->ended == 0 && event->forked != 0) {
			say_stale(&text, resolve, event);
			break;
		}
		text_string(&text, "the connection is over on both sides: close() the descriptor");
		say_place(&text, resolve, "; it was accepted at ", event->accepted);
		break;
	default:
		break;
	}
}
