/* SPDX-License-Identifier: MIT */
/*
 * The leaky parent and the child that reads to EOF: when does the FIN come?
 *
 * While the parent is back at its listener: at once. While it waits for something else: not before
 * it is back, unless the child was the server (`served`), or the policy is eager. And when the
 * parent writes instead of going back, the connection is its own again.
 */
#include "talk.h"

#include <stdlib.h>
#include <string.h>

/* A child that has been served, has read EOF, and is about to close. */
static void up_to_close(struct stage *s, struct client *c, const char *parent_in)
{
	bool echo = strcmp(s->talk->args[2], "echo") == 0;

	client_open(s, c);
	stage_hear_value(s, "kid ");
	client_pour(s, c, 1000);
	if (echo) {
		client_drain(s, c, 1000);
	}
	client_half(s, c);
	stage_hear(s, "eof");
	stage_blocked(s, s->server, parent_in);
	client_held(s, c);
	stage_tell_kid(s, "close");
	stage_hear(s, "closed");
}

/* The parent does not move from its place. */
static void play_at_once(struct stage *s)
{
	const char *in = s->talk->args[1];
	struct client c;

	up_to_close(s, &c, in);
	client_heal(s, &c);
	stage_blocked(s, s->server, in);
	stage_tell_kid(s, "exit");
	client_close(s, &c);
}

/* The parent in waitpid, and still the FIN at the child's close: served, or eager. */
static void play_in_waitpid_at_once(struct stage *s)
{
	struct client c;

	up_to_close(s, &c, "wait");
	client_heal(s, &c);
	stage_blocked(s, s->server, "wait");
	stage_tell_kid(s, "exit");
	stage_hear(s, "reaped");
	stage_tell(s, "go");
	client_close(s, &c);
}

static void up_to_reaped(struct stage *s, struct client *c)
{
	up_to_close(s, c, "wait");
	stage_blocked(s, s->server, "wait");
	client_held(s, c);
	stage_tell_kid(s, "exit");
	stage_hear(s, "reaped");
	stage_blocked(s, s->server, "read");
	client_held(s, c);
}

static void play_deferred(struct stage *s)
{
	struct client c;

	up_to_reaped(s, &c);
	stage_tell(s, "go");
	stage_blocked(s, s->server, "accept");
	client_heal(s, &c);
	client_close(s, &c);
}

/* The client is gone before the parent moves: nobody to send to, nothing may stay. */
static void play_deferred_and_client_gone(struct stage *s)
{
	struct client c;
	int left;

	up_to_reaped(s, &c);
	client_close(s, &c);
	stage_tell(s, "go");
	stage_blocked(s, s->server, "accept");
	left = kernel_count_close_wait(s->port);
	if (left != (s->shimmed ? 0 : 1)) {
		fail(s, "%d in CLOSE_WAIT", left);
	}
}

static void play_parent_writes(struct stage *s)
{
	struct client c;

	up_to_reaped(s, &c);
	stage_tell(s, "write");
	stage_hear(s, "obeyed");
	client_want(s, &c, "parent reply\n");
	client_held(s, &c);
	stage_tell(s, "write");
	stage_hear(s, "obeyed");
	client_want(s, &c, "parent reply\n");
	stage_tell(s, "close");
	stage_hear(s, "obeyed");
	client_eof(s, &c);
	stage_tell(s, "go");
	client_close(s, &c);
}

/* It writes, and forgets it then: the connection is its own, and nobody sends the FIN for it. */
static void play_parent_writes_and_leaks(struct stage *s)
{
	struct client c;

	up_to_reaped(s, &c);
	stage_tell(s, "write");
	stage_hear(s, "obeyed");
	client_want(s, &c, "parent reply\n");
	stage_tell(s, "go");
	stage_blocked(s, s->server, "accept");
	client_held(s, &c);
	client_close(s, &c);
}

/* A child killed while it serves never lets go: the parent's next turns must find it. */
static void play_sweep(struct stage *s)
{
	struct client c, poke;

	client_open(s, &c);
	client_pour(s, &c, 1000);
	client_drain(s, &c, 1000);
	client_half(s, &c);
	kernel_kill(atoi(stage_hear_value(s, "kid ")));
	stage_hear(s, "kid is dead");
	if (!s->shimmed) {
		/* A parent that was long in its wait may sweep as soon as the signal wakes it. */
		client_must_wait(s, &c, "CLOSE_WAIT");
	}
	for (int i = 0; i < (s->shimmed ? WAIT_MS / 20 : 5) && !client_readable(&c); i++) {
		client_open(s, &poke);
		stage_hear_value(s, "poked");
		client_close(s, &poke);
		for (int nap = 0; nap < 20; nap++) {
			kernel_nap();
		}
	}
	client_heal(s, &c);
	client_close(s, &c);
	stage_tell(s, "enough");
}

/* The child is killed before anybody used the connection: whose it is nobody can say. */
static void play_no_sweep(struct stage *s)
{
	struct client c, poke;

	client_open(s, &c);
	kernel_kill(atoi(stage_hear_value(s, "kid ")));
	stage_hear(s, "kid is dead");
	client_half(s, &c);
	for (int i = 0; i < 5; i++) {
		client_open(s, &poke);
		stage_hear_value(s, "poked");
		client_close(s, &poke);
	}
	client_held(s, &c);
	client_close(s, &c);
	stage_tell(s, "enough");
}

#define ROW(title, fn, wait, kid, ...)                                                             \
	{                                                                                          \
		.name = title, .play = fn, .args = {"forking", wait, kid}, __VA_ARGS__             \
	}

const struct talk discard_talks[] = {
	ROW("discard_parent_in_accept_fin_at_once", play_at_once, "accept", "discard"),
	ROW("discard_parent_in_poll_fin_at_once", play_at_once, "poll", "discard"),
	ROW("discard_parent_in_select_fin_at_once", play_at_once, "select", "discard"),
	ROW("discard_parent_in_epoll_fin_at_once", play_at_once, "epoll", "discard"),
	ROW("discard_strict_parent_in_accept_fin_at_once", play_at_once, "accept", "discard",
	    .env = "SENDFIN_POLICY=strict"),
	ROW("echo_parent_in_accept_fin_at_once", play_at_once, "accept", "echo"),
	ROW("echo_parent_in_poll_fin_at_once", play_at_once, "poll", "echo"),
	ROW("discard_parent_in_waitpid_fin_when_back", play_deferred, "wait", "discard"),
	ROW("discard_parent_in_waitpid_client_gone", play_deferred_and_client_gone, "wait",
	    "discard"),
	ROW("discard_parent_writes_instead", play_parent_writes, "wait", "discard"),
	ROW("discard_parent_writes_and_owns_it", play_parent_writes_and_leaks, "wait", "discard"),
	ROW("discard_eager_parent_in_waitpid_fin_at_once", play_in_waitpid_at_once, "wait",
	    "discard", .env = "SENDFIN_POLICY=eager"),
	ROW("echo_served_parent_in_waitpid_fin_at_once", play_in_waitpid_at_once, "wait", "echo"),
	ROW("echo_strict_parent_in_waitpid_fin_when_back", play_deferred, "wait", "echo",
	    .env = "SENDFIN_POLICY=strict"),
	ROW("echo_strict_parent_writes_instead", play_parent_writes, "wait", "echo",
	    .env = "SENDFIN_POLICY=strict"),
	{.name = "sweep_killed_child_parent_in_accept",
	 .play = play_sweep,
	 .args = {"looping", "accept"}},
	{.name = "sweep_killed_child_parent_in_poll",
	 .play = play_sweep,
	 .args = {"looping", "poll"}},
	{.name = "sweep_leaves_what_was_never_used",
	 .play = play_no_sweep,
	 .args = {"looping", "accept"}},
	{.name = NULL},
};
