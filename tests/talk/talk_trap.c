/* SPDX-License-Identifier: MIT */
/*
 * Correct servers that look leaky for a moment: each of these was cut, or crashed, once.
 */
#include "talk.h"

static void ask(struct stage *s, struct client *c)
{
	client_open(s, c);
	client_say(s, c, "GET it\n");
}

static void end(struct stage *s, struct client *c)
{
	client_must_end(s, c);
	client_close(s, c);
	stage_tell(s, "end");
}

static void play_oneshot(struct stage *s)
{
	struct client c;

	ask(s, &c);
	client_half(s, &c);
	client_want(s, &c, "ack answer");
	stage_hear(s, "answered");
	end(s, &c);
}

static void play_dead(struct stage *s)
{
	struct client c;

	ask(s, &c);
	stage_hear(s, "ready");
	client_half(s, &c);
	client_want(s, &c, "zero ");
	stage_tell_kid(s, "go");
	client_want(s, &c, "one two");
	end(s, &c);
}

static void play_killed(struct stage *s)
{
	struct client c;

	ask(s, &c);
	client_half(s, &c);
	client_want(s, &c, "500 sorry");
	stage_hear(s, "answered");
	end(s, &c);
}

static void play_chain(struct stage *s)
{
	struct client c;

	ask(s, &c);
	client_half(s, &c);
	stage_tell(s, "close");
	stage_hear(s, "ready");
	stage_tell_kid(s, "go");
	client_want(s, &c, "GET it\ndone\n");
	stage_hear(s, "answered");
	end(s, &c);
}

static void play_streams(struct stage *s)
{
	struct client c;

	ask(s, &c);
	client_half(s, &c);
	client_want(s, &c, "GET it\n");
	stage_hear(s, "child 0");
	stage_hear(s, "answered");
	end(s, &c);
}

const struct talk trap_talks[] = {
	{.name = "trap_no_listener_is_no_accept_loop",
	 .play = play_oneshot,
	 .args = {"trap", "oneshot"}},
	{.name = "trap_ended_main_thread_is_not_dead", .play = play_dead, .args = {"trap", "dead"}},
	{.name = "trap_killed_child_then_an_apology",
	 .play = play_killed,
	 .args = {"trap", "killed"}},
	{.name = "trap_helper_through_a_third_number",
	 .play = play_chain,
	 .args = {"trap", "chain"}},
	{.name = "trap_two_streams_then_exit", .play = play_streams, .args = {"trap", "streams"}},
	{.name = NULL},
};
