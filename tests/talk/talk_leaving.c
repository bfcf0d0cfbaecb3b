/* SPDX-License-Identifier: MIT */
/*
 * The accept loop that would have come by does not, when a FIN has been deferred.
 */
#include "talk.h"

#include <stdlib.h>

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

const struct talk leaving_talks[] = {
	{.name = "killed_brother_accept_loop_exits",
	 .play = play_killed_brother,
	 .args = {"leaving", "exit"}},
	{.name = NULL},
};
