/* SPDX-License-Identifier: MIT */
/*
 * Somebody has inherited the connection who never knew of it: a helper, a brother.
 */
#include "talk.h"

/* The owner closes, the helper lives: FIN at once. */
static void play_owner(struct stage *s)
{
	struct client c;

	client_open(s, &c);
	client_say(s, &c, "hello");
	client_want(s, &c, "hello");
	stage_hear(s, "helper");
	client_say(s, &c, "still there?");
	client_want(s, &c, "still there?");
	client_half(s, &c);
	stage_hear(s, "closed");
	client_heal(s, &c);
	stage_blocked(s, s->server, "poll");
	client_close(s, &c);
}

static void chat_with(struct stage *s, struct client *c, size_t n)
{
	client_pour(s, c, n);
	client_drain(s, c, n);
}

static void play_second_child(struct stage *s)
{
	struct client c, d;

	client_open(s, &c);
	chat_with(s, &c, 1000);
	client_open(s, &d);
	chat_with(s, &d, 1000);
	stage_blocked(s, s->server, "accept");
	client_half(s, &c);
	stage_hear(s, "closed");
	client_heal(s, &c);
	client_live(s, &d);
	chat_with(s, &d, 5000);
	client_half(s, &d);
	stage_hear(s, "closed");
	client_heal(s, &d);
	client_close(s, &c);
	client_close(s, &d);
}

static void play_brother_answers(struct stage *s)
{
	struct client c;

	client_open(s, &c);
	client_pour(s, &c, 1000);
	stage_blocked(s, s->server, "accept");
	client_half(s, &c);
	stage_hear(s, "closed");
	client_must_wait(s, &c, "CLOSE_WAIT");
	stage_tell_kid(s, "go");
	client_want(s, &c, "answered");
	stage_hear(s, "answered");
	client_heal(s, &c);
	client_close(s, &c);
}

/* The younger ends first: the older, whose connection it has inherited, goes on. */
static void play_second_child_first(struct stage *s)
{
	struct client c, d;

	client_open(s, &c);
	chat_with(s, &c, 1000);
	client_open(s, &d);
	chat_with(s, &d, 1000);
	stage_blocked(s, s->server, "accept");
	client_half(s, &d);
	stage_hear(s, "closed");
	client_heal(s, &d);
	stage_tell_kid(s, "exit");
	chat_with(s, &c, 5000);
	client_live(s, &c);
	client_half(s, &c);
	stage_hear(s, "closed");
	client_heal(s, &c);
	client_close(s, &c);
	client_close(s, &d);
}

static void play_respawn(struct stage *s)
{
	struct client c, d;

	client_open(s, &c);
	chat_with(s, &c, 1000);
	client_open(s, &d);
	chat_with(s, &d, 1000);
	client_half(s, &c);
	stage_hear(s, "closed");
	client_heal(s, &c);
	chat_with(s, &d, 5000);
	client_half(s, &d);
	stage_hear(s, "closed");
	client_eof(s, &d);
	client_close(s, &c);
	client_close(s, &d);
	stage_tell(s, "go");
}

#define OWNER(how)                                                                                 \
	{                                                                                          \
		.name = "owner_closes_while_helper_lives_" how, .play = play_owner, .args = {      \
			"owner",                                                                   \
			how                                                                        \
		}                                                                                  \
	}

/* A threaded server: the main thread's accept says nothing of the handler, which will answer. */
static void play_lender(struct stage *s)
{
	struct client c;

	client_open(s, &c);
	client_pour(s, &c, 1000);
	stage_hear(s, "lent");
	stage_blocked(s, s->server, "accept");
	client_half(s, &c);
	client_want(s, &c, "counted 1000");
	client_must_end(s, &c);
	stage_hear(s, "answered");
	client_close(s, &c);
}

static void play_lending_loop(struct stage *s)
{
	struct client c;

	client_open(s, &c);
	client_pour(s, &c, 1000);
	stage_hear(s, "lent");
	stage_blocked(s, s->server, "select");
	client_half(s, &c);
	client_want(s, &c, "counted 1000");
	client_must_end(s, &c);
	stage_hear(s, "answered");
	client_close(s, &c);
}

static void play_two_lenders(struct stage *s)
{
	struct client c, d;

	client_open(s, &c);
	client_pour(s, &c, 1000);
	stage_hear(s, "lent");
	client_open(s, &d);
	client_pour(s, &d, 500);
	stage_hear(s, "lent");
	stage_blocked(s, s->server, "accept");
	client_half(s, &d);
	client_want(s, &d, "counted 500");
	client_half(s, &c);
	client_want(s, &c, "counted 1000");
	stage_hear(s, "answered");
	stage_hear(s, "answered");
	client_close(s, &c);
	client_close(s, &d);
}

const struct talk owner_talks[] = {
	OWNER("exec"),
	OWNER("spawn"),
	OWNER("popen"),
	OWNER("system"),
	OWNER("thread"),
	{.name = "owner_thread_lends_to_a_fork", .play = play_lender, .args = {"lender", "fork"}},
	{.name = "owner_thread_lends_to_a_fork_in_a_crowd",
	 .play = play_lender,
	 .env = "TALK_CROWD=70",
	 .args = {"lender", "fork"}},
	{.name = "owner_thread_lends_to_an_exec", .play = play_lender, .args = {"lender", "exec"}},
	{.name = "owner_loop_lends_and_selects",
	 .play = play_lending_loop,
	 .args = {"lender", "loop"}},
	{.name = "owner_threads_lend_at_once",
	 .play = play_two_lenders,
	 .args = {"lender", "later"}},
	{.name = NULL},
};

const struct talk sibling_talks[] = {
	{.name = "sibling_born_later_holds_a_copy",
	 .play = play_second_child,
	 .args = {"siblings", "leak"}},
	{.name = "sibling_born_later_holds_a_copy_in_a_crowd",
	 .play = play_second_child,
	 .env = "TALK_CROWD=70",
	 .args = {"siblings", "leak"}},
	{.name = "sibling_born_later_ends_first",
	 .play = play_second_child_first,
	 .args = {"siblings", "leak"}},
	{.name = "sibling_answers", .play = play_brother_answers, .args = {"siblings", "answer"}},
	{.name = "sibling_answers_in_a_crowd",
	 .play = play_brother_answers,
	 .env = "TALK_CROWD=70",
	 .args = {"siblings", "answer"}},
	{.name = "sibling_forked_as_replacement",
	 .play = play_respawn,
	 .args = {"siblings", "respawn"}},
	{.name = NULL},
};
