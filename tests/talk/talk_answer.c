/* SPDX-License-Identifier: MIT */
/*
 * The parent reads the request to its EOF, a child answers, and both close, in every order.
 */
#include "talk.h"

enum { REQUEST = 4000, ANSWER = 300000 };

static void ask(struct stage *s, struct client *c)
{
	client_open(s, c);
	client_pour(s, c, REQUEST);
	client_half(s, c);
}

static void want_answer(struct stage *s, struct client *c)
{
	client_drain(s, c, ANSWER);
	client_eof(s, c);
	client_close(s, c);
}

static void play_parent_first(struct stage *s)
{
	struct client c;

	ask(s, &c);
	stage_hear(s, "parent closed");
	stage_blocked(s, s->server, "wait");
	client_held(s, &c);
	stage_tell_kid(s, "go");
	want_answer(s, &c);
}

static void play_header(struct stage *s)
{
	struct client c;

	ask(s, &c);
	stage_hear(s, "parent closed");
	client_want(s, &c, "header ");
	client_held(s, &c);
	stage_tell_kid(s, "go");
	want_answer(s, &c);
}

static void play_child_first(struct stage *s)
{
	struct client c;

	ask(s, &c);
	client_drain(s, &c, ANSWER);
	stage_hear(s, "child closed");
	client_held(s, &c);
	stage_tell(s, "go");
	stage_hear(s, "parent closed");
	client_eof(s, &c);
	client_close(s, &c);
	stage_tell_kid(s, "go");
}

static void play_race(struct stage *s)
{
	struct client c;

	ask(s, &c);
	want_answer(s, &c);
}

const struct talk answer_talks[] = {
	{.name = "child_answers_parent_closes_at_once",
	 .play = play_parent_first,
	 .args = {"answer", "parent"}},
	{.name = "child_answers_parent_wrote_header_and_closed",
	 .play = play_header,
	 .args = {"answer", "header"}},
	{.name = "child_answers_and_closes_before_parent",
	 .play = play_child_first,
	 .args = {"answer", "child"}},
	{.name = "child_answers_both_close_in_a_race",
	 .play = play_race,
	 .args = {"answer", "race"}},
	{.name = NULL},
};
