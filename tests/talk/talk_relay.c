/* SPDX-License-Identifier: MIT */
/*
 * Two processes, two connections, one direction each: one direction ends while the other has not
 * begun. Both roles of the relay's connections (accepted, connected) and both orders of the ends.
 */
#include "talk.h"

#include <string.h>

enum { UP = 100000, DOWN = 200000 };

static void start(struct stage *s, const char *how, bool half, struct client *c, struct client *up)
{
	const char *const args[] = {"relay", how, stage_listen(s), half ? "half" : NULL, NULL};

	stage_start(s, args);
	client_open(s, c);
	client_accept(s, up);
}

/* The request ends; only then does upstream begin to answer. */
static void request_first(struct stage *s, const char *how)
{
	struct client c, up;

	start(s, how, true, &c, &up);
	client_pour(s, &c, UP);
	client_half(s, &c);
	client_drain(s, &up, UP);
	client_eof(s, &up);
	stage_hear(s, "request copied");
	client_held(s, &c);
	client_pour(s, &up, DOWN);
	client_close(s, &up);
	client_drain(s, &c, DOWN);
	client_eof(s, &c);
	stage_hear(s, "answer copied");
	client_close(s, &c);
}

/* Upstream speaks and ends first, and the client has yet to say something. */
static void answer_first(struct stage *s, const char *how)
{
	struct client c, up;

	start(s, how, true, &c, &up);
	client_pour(s, &up, DOWN);
	client_half(s, &up);
	client_drain(s, &c, DOWN);
	client_eof(s, &c);
	stage_hear(s, "answer copied");
	client_held(s, &up);
	client_pour(s, &c, UP);
	client_close(s, &c);
	client_drain(s, &up, UP);
	client_eof(s, &up);
	stage_hear(s, "request copied");
	client_close(s, &up);
}

/* The one that has read EOF says nothing about it and goes. */
static void no_shutdown(struct stage *s, const char *how, bool request)
{
	struct client c, up, *first, *second;

	start(s, how, false, &c, &up);
	first = request ? &c : &up;
	second = request ? &up : &c;
	client_pour(s, first, UP);
	client_half(s, first);
	client_drain(s, second, UP);
	stage_hear(s, request ? "request copied" : "answer copied");
	if (strcmp(how, "wait") == 0) {
		stage_blocked(s, s->server, "wait");
	}
	client_held(s, first);
	client_live(s, second);
	client_pour(s, second, DOWN);
	client_half(s, second);
	client_drain(s, first, DOWN);
	stage_hear(s, request ? "answer copied" : "request copied");
	client_eof(s, first);
	client_eof(s, second);
	client_close(s, first);
	client_close(s, second);
}

/* Without shutdown() and with a parent that leaks: bare, no FIN ever; with the shim, both. */
static void no_shutdown_leak(struct stage *s)
{
	struct client c, up;

	start(s, "leak", false, &c, &up);
	client_pour(s, &c, UP);
	client_half(s, &c);
	client_drain(s, &up, UP);
	stage_hear(s, "request copied");
	stage_blocked(s, s->server, "accept");
	client_live(s, &up);
	client_pour(s, &up, DOWN);
	client_half(s, &up);
	client_drain(s, &c, DOWN);
	stage_hear(s, "answer copied");
	client_heal(s, &c);
	client_heal(s, &up);
	client_close(s, &c);
	client_close(s, &up);
}

static void play_request_close(struct stage *s)
{
	request_first(s, "close");
}

static void play_request_wait(struct stage *s)
{
	request_first(s, "wait");
}

static void play_request_leak(struct stage *s)
{
	request_first(s, "leak");
}

static void play_answer_close(struct stage *s)
{
	answer_first(s, "close");
}

static void play_answer_wait(struct stage *s)
{
	answer_first(s, "wait");
}

static void play_answer_leak(struct stage *s)
{
	answer_first(s, "leak");
}

static void play_silent_request_close(struct stage *s)
{
	no_shutdown(s, "close", true);
}

static void play_silent_request_wait(struct stage *s)
{
	no_shutdown(s, "wait", true);
}

static void play_silent_answer_close(struct stage *s)
{
	no_shutdown(s, "close", false);
}

static void play_silent_answer_wait(struct stage *s)
{
	no_shutdown(s, "wait", false);
}

const struct talk relay_talks[] = {
	{.name = "relay_request_ends_first_parent_closes", .play = play_request_close},
	{.name = "relay_request_ends_first_parent_waits", .play = play_request_wait},
	{.name = "relay_request_ends_first_parent_leaks", .play = play_request_leak},
	{.name = "relay_answer_ends_first_parent_closes", .play = play_answer_close},
	{.name = "relay_answer_ends_first_parent_waits", .play = play_answer_wait},
	{.name = "relay_answer_ends_first_parent_leaks", .play = play_answer_leak},
	{.name = "relay_request_ends_silently_parent_closes", .play = play_silent_request_close},
	{.name = "relay_request_ends_silently_parent_waits", .play = play_silent_request_wait},
	{.name = "relay_answer_ends_silently_parent_closes", .play = play_silent_answer_close},
	{.name = "relay_answer_ends_silently_parent_waits", .play = play_silent_answer_wait},
	{.name = "relay_ends_silently_parent_leaks_then_fin", .play = no_shutdown_leak},
	{.name = NULL},
};
