/* SPDX-License-Identifier: MIT */
/*
 * The chat server: one process has all the connections in its poll set, and its children, who hold
 * copies of all of them, come and go. A guest who has half-closed still wants every line.
 */
#include "talk.h"

#include <string.h>

enum { GUESTS = 3 };

static void all_hear(struct stage *s, struct client *guest, const char *line)
{
	for (int i = 0; i < GUESTS; i++) {
		client_want(s, &guest[i], line);
	}
}

static void play(struct stage *s)
{
	struct client guest[GUESTS];

	for (int i = 0; i < GUESTS; i++) {
		client_open(s, &guest[i]);
	}
	client_say(s, &guest[1], "good evening\n");
	stage_hear(s, "log 1 good evening");
	all_hear(s, guest, "good evening\n");
	client_say(s, &guest[0], "i only listen\n");
	stage_hear(s, "log 0 i only listen");
	all_hear(s, guest, "i only listen\n");
	client_half(s, &guest[0]);
	stage_hear(s, "guest 0 listens on");
	for (int i = 0; i < 5; i++) {
		client_say(s, &guest[1 + i % 2], "so be it\n");
		stage_hear(s, i % 2 ? "log 2 so be it" : "log 1 so be it");
		all_hear(s, guest, "so be it\n");
	}
	client_say(s, &guest[2], "who\n");
	stage_hear(s, "log 2 who");
	client_want(s, &guest[2], "you and me\n");
	stage_blocked(s, s->server, "poll");
	client_held(s, &guest[0]);
	client_live(s, &guest[2]);
	client_half(s, &guest[1]);
	stage_hear(s, "guest 1 listens on");
	client_say(s, &guest[2], "last words\n");
	stage_hear(s, "log 2 last words");
	all_hear(s, guest, "last words\n");
	client_say(s, &guest[2], "quit\n");
	stage_hear(s, "log 2 quit");
	for (int i = 0; i < GUESTS; i++) {
		client_eof(s, &guest[i]);
		client_close(s, &guest[i]);
	}
}

const struct talk chat_talks[] = {
	{.name = "chat_guest_half_closed_kept_in_poll_set", .play = play, .args = {"chat", "keep"}},
	{.name = "chat_guest_half_closed_taken_out_of_poll_set",
	 .play = play,
	 .args = {"chat", "drop"}},
	{.name = NULL},
};
