/* SPDX-License-Identifier: MIT */
/*
 * CGI: the child reads the whole request, the parent answers. The oldest way to lose an answer.
 */
#include "talk.h"

#include <string.h>
#include <unistd.h>

enum { REQUEST = 5000, ANSWER = 100000 };

static void ask(struct stage *s, struct client *c)
{
	client_open(s, c);
	client_pour(s, c, REQUEST);
	client_half(s, c);
}

static void want_answer_with(struct stage *s, struct client *c, const char *text)
{
	client_want(s, c, text);
	client_drain(s, c, ANSWER);
	client_eof(s, c);
	client_close(s, c);
}

static void want_answer(struct stage *s, struct client *c)
{
	want_answer_with(s, c, "5000 bytes");
}

static void play_waited(struct stage *s)
{
	struct client c;

	ask(s, &c);
	stage_hear(s, "reaped");
	want_answer(s, &c);
}

/* The first was served and forgotten; of the second the parent has not even left fork. */
static void play_held(struct stage *s)
{
	for (int i = 0; i < 2; i++) {
		struct client c;

		ask(s, &c);
		stage_hear(s, "reaped");
		want_answer(s, &c);
	}
}

static void play_program(struct stage *s)
{
	for (int i = 0; i < 2; i++) {
		struct client c;

		ask(s, &c);
		stage_hear(s, "reaped");
		want_answer_with(s, &c, "5000\n");
	}
}

static void play_pipe(struct stage *s)
{
	struct client c;

	ask(s, &c);
	want_answer(s, &c);
}

/* The child has closed and lives; then it is dead; and neither is the end. */
static void play_early(struct stage *s)
{
	struct client c;

	ask(s, &c);
	stage_hear(s, "child closed");
	stage_blocked(s, s->server, "wait");
	client_held(s, &c);
	stage_tell_kid(s, "go");
	stage_hear(s, "reaped");
	want_answer(s, &c);
}

static void play_pause(struct stage *s)
{
	struct client c;

	ask(s, &c);
	stage_hear(s, "reaped");
	stage_blocked(s, s->server, "read");
	client_held(s, &c);
	stage_tell(s, "go");
	want_answer(s, &c);
}

static void play_upstream(struct stage *s)
{
	const char *const args[] = {"cgi", "upstream", stage_listen(s), NULL};
	struct client c, up;

	stage_start(s, args);
	ask(s, &c);
	stage_hear(s, "reaped");
	client_accept(s, &up);
	client_want(s, &up, "5000 bytes");
	client_held(s, &c);
	client_say(s, &up, "5000 bytes");
	client_half(s, &up);
	want_answer(s, &c);
	client_close(s, &up);
}

/* The first process has forgotten its copy: when the worker is done, the FIN must come. */
static void play_worker(struct stage *s)
{
	struct client c, d;

	client_open(s, &c);
	stage_blocked(s, s->server, "accept");
	client_pour(s, &c, REQUEST);
	client_half(s, &c);
	stage_hear(s, "reaped");
	client_want(s, &c, "5000 bytes");
	client_drain(s, &c, ANSWER);
	client_heal(s, &c);
	client_open(s, &d);
	stage_hear(s, "second client");
	client_close(s, &c);
	client_close(s, &d);
}

const struct talk cgi_talks[] = {
	{.name = "cgi_answer_after_waitpid", .play = play_waited, .args = {"cgi", "wait"}},
	{.name = "cgi_answer_after_child_read_by_stdio",
	 .play = play_waited,
	 .args = {"cgi", "stdio"}},
	{.name = "cgi_answer_after_child_closed_and_lingered",
	 .play = play_early,
	 .args = {"cgi", "early"}},
	{.name = "cgi_answer_after_pipe", .play = play_pipe, .args = {"cgi", "pipe"}},
	{.name = "cgi_answer_after_pause", .play = play_pause, .args = {"cgi", "pause"}},
	{.name = "cgi_answer_after_pause_strict",
	 .play = play_pause,
	 .args = {"cgi", "pause"},
	 .env = "SENDFIN_POLICY=strict"},
	{.name = "cgi_answer_after_pause_trigger_close",
	 .play = play_pause,
	 .args = {"cgi", "pause"},
	 .env = "SENDFIN_TRIGGER=close"},
	{.name = "cgi_answer_after_asking_upstream", .play = play_upstream},
	{.name = "cgi_answer_of_a_parent_still_in_fork",
	 .play = play_held,
	 .args = {"cgi", "held"}},
	{.name = "cgi_answer_after_a_spawned_program",
	 .play = play_program,
	 .args = {"cgi", "spawn"}},
	{.name = "cgi_answer_after_a_vforked_program",
	 .play = play_program,
	 .args = {"cgi", "vfork"}},
	{.name = "cgi_in_a_worker_then_fin", .play = play_worker, .args = {"cgi", "worker"}},
	{.name = NULL},
};
