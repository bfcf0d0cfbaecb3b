/* SPDX-License-Identifier: MIT */
/*
 * The accept loop that would have come by does not, when a FIN has been deferred.
 */
#include "talk.h"

#include <stdlib.h>
#include <string.h>

static pid_t up_to_accept(struct stage *s, struct client *c)
{
	pid_t brother;

	client_open(s, c);
	brother = atoi(stage_hear_value(s, "brother "));
	client_pour(s, c, 1000);
	client_drain(s, c, 1000);
	return brother;
}

static void end_kid(struct stage *s, struct client *c)
{
	client_half(s, c);
	stage_hear(s, "closed");
	stage_hear(s, "kid is dead");
	client_held(s, c);
}

/* The brother was all that it waited for; the loop is the last that looks. */
static void play_killed_brother(struct stage *s)
{
	struct client c;
	pid_t brother = up_to_accept(s, &c);

	stage_blocked(s, atoi(stage_hear_value(s, "helper ")), "read");
	stage_blocked(s, s->server, "accept");
	end_kid(s, &c);
	kernel_kill(brother);
	stage_blocked(s, s->server, "accept");
	client_held(s, &c);
	stage_goodbye(s);
	stage_hear(s, "left");
	client_heal(s, &c);
	client_close(s, &c);
}

static void want_keepalive(struct stage *s, const struct client *c)
{
	for (int ms = 0; s->shimmed && !kernel_keeps_alive(c->server_port, c->port); ms++) {
		if (ms == WAIT_MS / 10) {
			fail(s, "no keepalive");
		}
		kernel_nap();
	}
	if (kernel_keeps_alive(c->server_port, c->port) != s->shimmed) {
		fail(s, "keepalive in the bare run");
	}
}

static void leave(struct stage *s)
{
	stage_goodbye(s);
	stage_hear(s, "left");
}

/* It leaves when the mark is there already. */
static void play_mark_first(struct stage *s)
{
	struct client c;

	up_to_accept(s, &c);
	stage_blocked(s, s->server, "accept");
	end_kid(s, &c);
	leave(s);
	want_keepalive(s, &c);
	client_held(s, &c);
	client_close(s, &c);
}

static void play_leaves_first(struct stage *s)
{
	struct client c;

	up_to_accept(s, &c);
	stage_blocked(s, s->server, "accept");
	leave(s);
	end_kid(s, &c);
	want_keepalive(s, &c);
	client_close(s, &c);
}

static void play_killed_loop(struct stage *s)
{
	struct client c;

	up_to_accept(s, &c);
	stage_blocked(s, s->server, "accept");
	kernel_kill(s->server);
	client_half(s, &c);
	stage_hear(s, "closed");
	client_held(s, &c);
	want_keepalive(s, &c);
	client_close(s, &c);
}

/* It has no copy, and has closed so many since that nobody remembers. */
static void play_careful(struct stage *s)
{
	enum { POKES = 12 };
	struct client c, poke;

	up_to_accept(s, &c);
	for (int i = 0; i < POKES; i++) {
		stage_tell(s, "go");
		client_open(s, &poke);
		stage_hear(s, "poked");
		client_close(s, &poke);
	}
	end_kid(s, &c);
	want_keepalive(s, &c);
	client_close(s, &c);
}

const struct talk leaving_talks[] = {
	{.name = "killed_brother_accept_loop_exits",
	 .play = play_killed_brother,
	 .args = {"leaving", "exit"}},
	{.name = "probe_when_the_accept_loop_drains_later",
	 .play = play_mark_first,
	 .args = {"leaving", "drain"}},
	{.name = "probe_when_the_accept_loop_closes_later",
	 .play = play_mark_first,
	 .args = {"leaving", "close"}},
	{.name = "probe_when_the_accept_loop_execs_later",
	 .play = play_mark_first,
	 .args = {"leaving", "exec"}},
	{.name = "probe_when_the_accept_loop_drains",
	 .play = play_leaves_first,
	 .args = {"leaving", "drain"}},
	{.name = "probe_when_the_accept_loop_is_killed",
	 .play = play_killed_loop,
	 .args = {"leaving", "drain"}},
	{.name = "probe_when_the_accept_loop_is_careful",
	 .play = play_careful,
	 .args = {"leaving", "careful"}},
	{.name = NULL},
};
