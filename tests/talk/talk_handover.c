/* SPDX-License-Identifier: MIT */
/*
 * The connection changes hands after the request has been read to the end, and whoever gives it
 * away must not take the FIN along: by fork, by exec, by SCM_RIGHTS, down a chain of writers.
 */
#include "talk.h"

#include <string.h>

enum { REQUEST = 3000, ANSWER = 200000 };

static bool leaky(const struct stage *s)
{
	return strcmp(s->talk->args[1], "leaky") == 0;
}

static void ask(struct stage *s, struct client *c)
{
	client_open(s, c);
	client_pour(s, c, REQUEST);
	client_half(s, c);
}

/* A correct server's FIN comes in both runs, a leaky one's only under the shim. */
static void want_end(struct stage *s, struct client *c)
{
	if (leaky(s)) {
		client_heal(s, c);
	} else {
		client_eof(s, c);
	}
	client_close(s, c);
}

static void play_fork(struct stage *s)
{
	struct client c;

	ask(s, &c);
	stage_hear(s, "child gone");
	stage_blocked(s, s->server, "accept");
	client_held(s, &c);
	stage_tell_kid(s, "go");
	client_drain(s, &c, ANSWER);
	stage_reap_orphan(s);
	want_end(s, &c);
}

static void play_exec(struct stage *s)
{
	struct client c;

	ask(s, &c);
	stage_hear(s, "half said");
	client_want(s, &c, "first ");
	client_held(s, &c);
	stage_tell_kid(s, "go");
	client_drain(s, &c, ANSWER);
	stage_hear(s, "child gone");
	stage_blocked(s, s->server, "accept");
	want_end(s, &c);
}

static void play_late(struct stage *s)
{
	struct client c;

	client_open(s, &c);
	stage_hear(s, "half said");
	client_want(s, &c, "first ");
	client_pour(s, &c, REQUEST);
	client_half(s, &c);
	stage_tell_kid(s, "one of the two goes");
	stage_tell_kid(s, "and the other");
	stage_hear(s, "child gone");
	client_drain(s, &c, ANSWER);
	stage_reap_orphan(s);
	want_end(s, &c);
}

static void play_scm(struct stage *s)
{
	struct client c;

	ask(s, &c);
	stage_hear(s, "child gone");
	stage_blocked(s, s->server, "accept");
	client_held(s, &c); /* it is in nobody's hands but the kernel's */
	stage_tell_kid(s, "receive");
	stage_hear(s, "received");
	client_held(s, &c);
	stage_tell_kid(s, "go");
	client_drain(s, &c, ANSWER);
	want_end(s, &c);
}

static void play_back(struct stage *s)
{
	struct client c;

	ask(s, &c);
	stage_hear(s, "waiting");
	stage_hear(s, "handed on");
	stage_tell_kid(s, "reader goes");
	client_want(s, &c, "first ");
	stage_hear(s, "child gone");
	client_held(s, &c);
	stage_tell_kid(s, "writer goes");
	client_drain(s, &c, ANSWER);
	stage_tell(s, "end");
	client_eof(s, &c);
	client_close(s, &c);
}

/* The first client is there for its descriptor's number. */
static void play_astray(struct stage *s)
{
	bool is_second = strcmp(s->talk->args[1], "moved") == 0 ||
			 strcmp(s->talk->args[1], "own") == 0 ||
			 strcmp(s->talk->args[1], "crossed") == 0 ||
			 strcmp(s->talk->args[1], "sent") == 0;
	struct client before, c;

	if (is_second) {
		client_open(s, &before);
	}
	ask(s, &c);
	stage_hear(s, "waiting");
	stage_hear(s, "handed on");
	stage_tell_kid(s, "reader goes");
	if (strcmp(s->talk->args[1], "own") != 0 && strcmp(s->talk->args[1], "crossed") != 0) {
		client_want(s, &c, "first ");
	}
	stage_hear(s, "child gone");
	stage_hear(s, "reader gone");
	client_held(s, &c);
	stage_tell_kid(s, "writer goes");
	client_drain(s, &c, ANSWER);
	stage_tell(s, "end");
	client_eof(s, &c);
	client_close(s, &c);
	if (is_second) {
		client_close(s, &before);
	}
}

static void play_chain(struct stage *s)
{
	struct client c;

	ask(s, &c);
	client_want(s, &c, "writer 1\nwriter 2\nwriter 3\n");
	stage_hear(s, "child gone");
	stage_reap_orphan(s);
	stage_reap_orphan(s);
	stage_blocked(s, s->server, "accept");
	want_end(s, &c);
}

#define ROW(title, fn, who, how)                                                                   \
	{                                                                                          \
		.name = title, .play = fn, .args = { "handover", who, how }                        \
	}

#define ASTRAY(title, how)                                                                         \
	{                                                                                          \
		.name = title, .play = play_astray, .args = { "astray", how }                      \
	}

const struct talk handover_talks[] = {
	ROW("handover_by_fork", play_fork, "correct", "fork"),
	ROW("handover_by_fork_then_fin", play_fork, "leaky", "fork"),
	ROW("handover_by_exec_with_number", play_exec, "correct", "exec"),
	ROW("handover_by_exec_with_number_then_fin", play_exec, "leaky", "exec"),
	ROW("handover_by_exec_then_reader_goes", play_late, "correct", "late"),
	ROW("handover_by_exec_then_reader_goes_then_fin", play_late, "leaky", "late"),
	ROW("handover_by_scm_rights", play_scm, "correct", "scm"),
	ROW("handover_by_scm_rights_then_fin", play_scm, "leaky", "scm"),
	ROW("handover_by_scm_rights_from_the_acceptor", play_scm, "correct", "direct"),
	ROW("handover_there_and_back", play_back, "correct", "back"),
	ASTRAY("number_of_a_connection_that_was_moved", "moved"),
	ASTRAY("number_of_a_connection_that_was_moved_by_the_writer", "own"),
	{
		.name = "number_of_a_connection_that_came_in_a_message",
		.play = play_astray,
		.args = {"astray", "crossed", "1"},
	},
	{
		.name = "writer_without_a_place_in_the_ledger",
		.play = play_astray,
		.args = {"astray", "crowded"},
		.env = "TALK_CROWD=2045", /* the slots, but for the server and two more */
	},
	ASTRAY("copy_under_a_high_number_in_a_new_program", "high"),
	ASTRAY("number_of_a_connection_that_was_sent_away", "sent"),
	ASTRAY("handover_by_pidfd_getfd_and_fork", "taken"),
	ASTRAY("handover_by_pidfd_getfd_of_libc", "called"),
	ASTRAY("handover_by_vfork_and_a_late_exec", "vforked"),
	ASTRAY("fork_beside_an_exec", "execed"),
	ROW("chain_of_three_writers", play_chain, "correct", "chain"),
	ROW("chain_of_three_writers_then_fin", play_chain, "leaky", "chain"),
	ROW("chain_of_three_writers_in_a_rush", play_chain, "correct", "rush"),
	ROW("chain_of_three_writers_in_a_rush_then_fin", play_chain, "leaky", "rush"),
	{.name = NULL},
};
