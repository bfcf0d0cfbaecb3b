/* SPDX-License-Identifier: MIT */
/* The event and the frames; see frames.h. */
#include "frames.h"

#include <string.h>

#include "core/verdict.h"

static const uint8_t build_id[] = {0x0a, 0xb1, 0xff};

static const struct line_frame sites[SITES][3] = {
	[SITE_LET_GO] = {{.module = "/srv/echo",
			  .offset = 0x13a4,
			  .function = "serve",
			  .into = 0x1f,
			  .build_id = build_id,
			  .build_id_length = 3},
			 {.module = "/srv/echo", .offset = 0x1200}},
	[SITE_ACCEPTED] = {{.module = "/srv/echo", .offset = 0x1300}},
	[SITE_FORKED] = {{.module = "/srv/echo", .offset = 0x1400}, {.offset = 0x7fffdead}},
	[SITE_ENDED] = {{.module = "/srv/echo", .offset = 0x1500}},
	[SITE_STRANGE] = {{.module = "/x\n/a\"b\nsendfin[1]: fin",
			   .offset = 1,
			   .function = "\x1b[2J\r\n",
			   .file = "\xff\\"}},
	[SITE_NAMED] = {{.module = "/srv/echo",
			 .offset = 0x13a4,
			 .function = "serve",
			 .into = 0x1f,
			 .file = "src/echo.c",
			 .line = 88},
			{.module = "/srv/echo", .offset = 0x1200, .file = "src/echo.c"}},
};

static bool frame_of(const void *context, uint32_t site, uint32_t index, struct line_frame *frame)
{
	if (context != sites || site >= SITES || index >= 3 || sites[site][index].offset == 0) {
		return false;
	}
	*frame = sites[site][index];
	return true;
}

const struct line_source frames_source = {.frame_of = frame_of, .context = sites};
const struct line_source frames_of_nothing = {.frame_of = NULL};

struct ledger_event frames_event(void)
{
	static const uint8_t loopback[4] = {127, 0, 0, 1};
	struct ledger_event event = {
		.when_ns = 77,
		.cookie = 9,
		.count = 1,
		.pid = 4242,
		.descriptor = 4,
		.kind = LEDGER_KIND_LET_GO,
		.verdict = VERDICT_FIN,
		.reason = VERDICT_REASON_STALE,
		.acted = 1,
		.ends = {.local_port = 8080,
			 .peer_port = 51234,
			 .is_known = LEDGER_ENDS_LOCAL | LEDGER_ENDS_PEER},
	};

	memcpy(event.ends.local, loopback, sizeof(loopback));
	memcpy(event.ends.peer, loopback, sizeof(loopback));
	return event;
}

struct ledger_event frames_full_event(void)
{
	struct ledger_event event = frames_event();

	event.let_go = SITE_LET_GO;
	event.accepted = SITE_ACCEPTED;
	event.forked = SITE_FORKED;
	event.ended = SITE_ENDED;
	event.holder_pid = 4241;
	event.others = 1;
	return event;
}
