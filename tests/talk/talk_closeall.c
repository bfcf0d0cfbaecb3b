/* SPDX-License-Identifier: MIT */
/*
 * A child closes every descriptor it finds while its parent is sending 10 MB to a client that has
 * half-closed: the parent has seen EOF, the kernel says CLOSE_WAIT, and nothing may be cut.
 */
#include "talk.h"

enum { REQUEST = 2000, ALL = 10 * 1000 * 1000, BEFORE = 1000 * 1000 };

static void play(struct stage *s)
{
	struct client c;

	client_open(s, &c);
	client_pour(s, &c, REQUEST);
	client_half(s, &c);
	client_drain(s, &c, BEFORE);
	stage_hear(s, "child gone");
	stage_blocked(s, s->server, "read");
	client_held(s, &c);
	stage_tell(s, "go");
	client_drain(s, &c, ALL - BEFORE);
	client_eof(s, &c);
	client_close(s, &c);
}

#define ROW(how)                                                                                   \
	{                                                                                          \
		.name = "close_all_in_" how, .play = play, .args = { "closeall", how }             \
	}

const struct talk closeall_talks[] = {
	ROW("fork"),   ROW("exec"),  ROW("vfork"),   ROW("spawn"),   ROW("popen"),
	ROW("system"), ROW("range"), ROW("actions"), {.name = NULL},
};
