/* SPDX-License-Identifier: MIT */
/*
 * What the opt-in variables change: SENDFIN_TRIGGER=close, SENDFIN_CLOEXEC, SENDFIN_PROBE.
 */
#include "talk.h"

#include <string.h>

/* The server says its word and closes first; the client has not finished. */
static void greet(struct stage *s, struct client *c, const char *parent_in)
{
	client_open(s, c);
	stage_hear_value(s, "kid ");
	client_want(s, c, "greeting\n");
	stage_hear(s, "eof");
	stage_blocked(s, s->server, parent_in);
	client_live(s, c);
	stage_tell_kid(s, "close");
	stage_hear(s, "closed");
}

static void play_close_first(struct stage *s)
{
	struct client c;

	greet(s, &c, "accept");
	if (s->shimmed && s->talk->env) {
		client_must_end(s, &c);
	} else {
		client_must_wait(s, &c, "ESTABLISHED");
	}
	stage_tell_kid(s, "exit");
	client_close(s, &c);
}

/* The parent has not gone back to its listener, and it is not for us to say that it will. */
static void play_close_first_in_waitpid(struct stage *s)
{
	struct client c;

	greet(s, &c, "wait");
	client_live(s, &c);
	stage_tell_kid(s, "exit");
	stage_hear(s, "reaped");
	client_live(s, &c);
	stage_tell(s, "write");
	stage_hear(s, "obeyed");
	client_want(s, &c, "parent reply\n");
	stage_tell(s, "close");
	stage_hear(s, "obeyed");
	client_eof(s, &c);
	stage_tell(s, "go");
	client_close(s, &c);
}

/* ... and no mark was left: the way back to accept sends no FIN either. */
static void play_close_first_no_mark(struct stage *s)
{
	struct client c;

	greet(s, &c, "wait");
	stage_tell_kid(s, "exit");
	stage_hear(s, "reaped");
	stage_tell(s, "go");
	stage_blocked(s, s->server, "accept");
	client_live(s, &c);
	client_close(s, &c);
}

static void want_flags(struct stage *s, const char *want_shimmed)
{
	const char *const args[] = {"options", stage_listen(s), NULL};
	const char *want = s->shimmed ? want_shimmed : "0 0 0 0 0 0", *is;
	struct client c, d, up;

	stage_start(s, args);
	client_open(s, &c);
	client_accept(s, &up);
	client_open(s, &d);
	is = stage_hear_value(s, "flags ");
	if (strcmp(is, want) != 0) {
		fail(s, "accept accept4 connect dup2-to-0 dup listen: %s instead of %s", is, want);
	}
	client_close(s, &c);
	client_close(s, &d);
	client_close(s, &up);
}

static void play_cloexec(struct stage *s)
{
	want_flags(s, "1 1 1 0 0 0");
}

static void play_no_cloexec(struct stage *s)
{
	want_flags(s, "0 0 0 0 0 0");
}

/* A deferred connection, and a parent that has not moved: what has the kernel been told? */
static void probe(struct stage *s, bool own, const char *want_shimmed)
{
	const char *want = s->shimmed ? want_shimmed : own ? "1 99" : "0 0", *is;
	struct client c;

	client_open(s, &c);
	stage_hear_value(s, "kid ");
	client_pour(s, &c, 1000);
	client_half(s, &c);
	stage_hear(s, "eof");
	stage_tell_kid(s, "close");
	stage_hear(s, "closed");
	stage_tell_kid(s, "exit");
	stage_hear(s, "reaped");
	stage_tell(s, "keepalive");
	is = stage_hear_value(s, "keepalive ");
	if (strcmp(is, want) != 0) {
		fail(s, "keepalive %s instead of %s", is, want);
	}
	stage_hear(s, "obeyed");
	client_held(s, &c);
	stage_tell(s, "go");
	client_heal(s, &c);
	client_close(s, &c);
}

static void play_probe(struct stage *s)
{
	probe(s, false, "1 30");
}

static void play_probe_7(struct stage *s)
{
	probe(s, false, "1 7");
}

static void play_probe_off(struct stage *s)
{
	probe(s, false, "0 0");
}

static void play_probe_own(struct stage *s)
{
	probe(s, true, "1 99");
}

/*
 * The parent is an accept loop, and it is a brother of the child's that is undecided: when it has
 * been so for a while, the parent's next turns must arm the keepalive.
 */
static void play_probe_by_the_loop(struct stage *s)
{
	struct client c, poke;

	client_open(s, &c);
	stage_hear_value(s, "kid ");
	stage_blocked(s, s->server, "accept");
	client_pour(s, &c, 1000);
	client_drain(s, &c, 1000);
	client_half(s, &c);
	stage_hear(s, "kid is dead");
	client_held(s, &c);
	for (int i = 0; i < WAIT_MS / 20 && !kernel_keeps_alive(c.server_port, c.port); i++) {
		client_open(s, &poke);
		stage_hear_value(s, "poked");
		client_close(s, &poke);
		if (!s->shimmed) {
			break;
		}
		for (int nap = 0; nap < 20; nap++) {
			kernel_nap();
		}
	}
	if (kernel_keeps_alive(c.server_port, c.port) != s->shimmed) {
		fail(s, "no keepalive, or one in the bare run");
	}
	client_held(s, &c);
	stage_tell_kid(s, "exit");
	stage_hear(s, "kid is dead");
	client_heal(s, &c);
	client_close(s, &c);
	stage_tell(s, "enough");
}

const struct talk trigger_talks[] = {
	{.name = "server_closes_first_trigger_close",
	 .play = play_close_first,
	 .args = {"forking", "accept", "greet"},
	 .env = "SENDFIN_TRIGGER=close"},
	{.name = "server_closes_first_without_trigger",
	 .play = play_close_first,
	 .args = {"forking", "accept", "greet"}},
	{.name = "server_closes_first_parent_in_waitpid_writes",
	 .env = "SENDFIN_TRIGGER=close",
	 .play = play_close_first_in_waitpid,
	 .args = {"forking", "wait", "greet"}},
	{.name = "server_closes_first_parent_in_waitpid_no_mark",
	 .env = "SENDFIN_TRIGGER=close",
	 .play = play_close_first_no_mark,
	 .args = {"forking", "wait", "greet"}},
	{.name = "server_closes_first_parent_in_waitpid_eager",
	 .env = "SENDFIN_TRIGGER=close SENDFIN_POLICY=eager",
	 .play = play_close_first_in_waitpid,
	 .args = {"forking", "wait", "greet"}},
	{.name = NULL},
};

const struct talk option_talks[] = {
	{.name = "cloexec_on_sets_the_flag", .play = play_cloexec, .env = "SENDFIN_CLOEXEC=on"},
	{.name = "cloexec_off_leaves_the_flag", .play = play_no_cloexec},
	{.name = "probe_default_is_30", .play = play_probe, .args = {"forking", "wait", "discard"}},
	{.name = "probe_7",
	 .play = play_probe_7,
	 .args = {"forking", "wait", "discard"},
	 .env = "SENDFIN_PROBE=7"},
	{.name = "probe_0_is_off",
	 .play = play_probe_off,
	 .args = {"forking", "wait", "discard"},
	 .env = "SENDFIN_PROBE=0"},
	{.name = "probe_leaves_the_program_s_own",
	 .play = play_probe_own,
	 .args = {"forking", "own", "discard"}},
	{.name = "probe_is_armed_by_the_accept_loop_later",
	 .play = play_probe_by_the_loop,
	 .args = {"looping", "brother"}},
	{.name = NULL},
};
