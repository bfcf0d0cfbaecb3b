/* SPDX-License-Identifier: MIT */
/*
 * 32 descriptors and thousands of clients: those that are dead must come back, and those that live
 * must never be touched.
 */
#include "talk.h"

#include <stdlib.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
	LIMIT = 32,
	FEW = 2500, /* more than a ledger has slots */
	MANY = 10000,
	IDLE = 20,
	CROWD = 40,
};

/* Thousands of clients are for one of the runs; the others are shorter. */
static int how_many(const struct stage *s)
{
	return s->run != 1 ? LIMIT * 4 : s->runs < 100 ? FEW : MANY;
}

static void start(struct stage *s, const char *how, int count, int idle)
{
	char text[16], idle_text[16];
	const char *const args[] = {"tight", how, text, idle_text, NULL};

	snprintf(text, sizeof(text), "%d", count);
	snprintf(idle_text, sizeof(idle_text), "%d", idle);
	stage_start(s, args);
}

/* False: the server ran out of descriptors; this client was reset, or not even let in. */
static bool served(struct stage *s, struct client *c)
{
	static const char word[] = "0123456789";
	char got[16];
	size_t n;

	if (!client_try_open(s, c) || send(c->fd, word, 10, MSG_NOSIGNAL) != 10 ||
	    shutdown(c->fd, SHUT_WR) < 0) {
		return false;
	}
	n = client_take(c, got, 10);
	if (n > 0 && (n != 10 || memcmp(got, word, 10) != 0)) {
		fail(s, "a wrong echo");
	}
	return n > 0;
}

static int serve_row(struct stage *s, int count, bool eof)
{
	struct client c;

	for (int i = 0; i < count; i++) {
		bool ok = served(s, &c);

		if (ok && eof) {
			client_must_end(s, &c);
		}
		client_close(s, &c);
		if (!ok) {
			return i;
		}
	}
	return count;
}

static void check_served(struct stage *s, int is, int count, bool shimmed_runs_out)
{
	bool runs_out = !s->shimmed || shimmed_runs_out;

	if (runs_out) {
		stage_hear_value(s, "no descriptor");
	}
	if (runs_out ? is >= LIMIT : is != count) {
		fail(s, "%d clients of %d were served", is, count);
	}
	if (kernel_descriptors(s->server) > LIMIT) {
		fail(s, "%d descriptors", kernel_descriptors(s->server));
	}
	if (!runs_out) {
		stage_goodbye(s);
	}
	stage_hear(s, "done");
	stage_tell(s, "close all again");
	stage_hear(s, "0 closes failed");
}

static void play_leaky(struct stage *s)
{
	int count = how_many(s);

	start(s, "leaky", count, 0);
	check_served(s, serve_row(s, count, s->shimmed), count, false);
}

static void play_leaky_off(struct stage *s)
{
	start(s, "leaky", 100, 0);
	check_served(s, serve_row(s, 100, s->shimmed), 100, true);
}

static void talk_with_idle(struct stage *s, struct client *idle, int n)
{
	char got[4];

	for (int i = 0; i < n; i++) {
		client_say(s, &idle[i], "on!");
		if (client_take(&idle[i], got, 3) != 3 || memcmp(got, "on!", 3) != 0) {
			fail(s, "the idle client %d was cut off", i);
		}
	}
}

static void play_leaky_idle(struct stage *s)
{
	int count = how_many(s), is;
	struct client idle[IDLE];

	start(s, "leaky", count + IDLE, IDLE);
	for (int i = 0; i < IDLE; i++) {
		client_open(s, &idle[i]);
	}
	talk_with_idle(s, idle, IDLE);
	is = serve_row(s, count, s->shimmed);
	talk_with_idle(s, idle, IDLE);
	for (int i = 0; i < IDLE; i++) {
		client_must_wait(s, &idle[i], "ESTABLISHED");
	}
	check_served(s, is, count, false);
	for (int i = 0; i < IDLE; i++) {
		client_close(s, &idle[i]);
	}
}

/* More at once than the server has descriptors, in waves, and nobody may notice. */
static void play_late(struct stage *s)
{
	struct client idle[IDLE], crowd[CROWD];
	int waves = s->run < 2 ? 5 : 2;
	char got[4];

	start(s, "late", IDLE + waves * CROWD + 100, IDLE);
	for (int i = 0; i < IDLE; i++) {
		client_open(s, &idle[i]);
	}
	talk_with_idle(s, idle, IDLE);
	for (int wave = 0; wave < waves; wave++) {
		for (int i = 0; i < CROWD; i++) {
			client_open(s, &crowd[i]);
			client_say(s, &crowd[i], "one");
		}
		for (int i = 0; i < CROWD; i++) {
			client_half(s, &crowd[i]);
			if (client_take(&crowd[i], got, 3) != 3) {
				fail(s, "client %d of wave %d was cut off", i, wave);
			}
			client_must_end(s, &crowd[i]);
			client_close(s, &crowd[i]);
		}
	}
	if (serve_row(s, 100, true) != 100) {
		fail(s, "not all were served");
	}
	talk_with_idle(s, idle, IDLE);
	stage_goodbye(s);
	stage_hear(s, "done");
	for (int i = 0; i < IDLE; i++) {
		client_half(s, &idle[i]);
		client_must_end(s, &idle[i]);
		client_close(s, &idle[i]);
	}
	stage_tell(s, "end");
	stage_hear(s, "0 closes failed");
}

/*
 * Children that have closed but live on: their connections are dead, and will be closed by the
 * handler of their deaths. Who gave the descriptors back before would have the new client closed.
 */
static void play_linger(struct stage *s)
{
	struct client old[LIMIT], late;
	char got[4];
	int room;

	start(s, "linger", 0, 0);
	room = atoi(stage_hear_value(s, "room "));
	for (int i = 0; i < room; i++) {
		client_open(s, &old[i]);
		client_say(s, &old[i], "one");
		if (client_take(&old[i], got, 3) != 3) {
			fail(s, "client %d was cut off", i);
		}
		client_half(s, &old[i]);
		stage_hear(s, "closed");
		client_close(s, &old[i]);
	}
	client_open(s, &late);
	client_say(s, &late, "one");
	for (int nap = 0; nap < 20; nap++) {
		kernel_nap(); /* time for accept to find no descriptor: no claim rests on it */
	}
	for (int i = 0; i < room; i++) {
		stage_tell_kid(s, "go");
	}
	stage_hear(s, "all are dead");
	stage_tell(s, "serve");
	if (client_take(&late, got, 3) != 3) {
		fail(s, "the late client was cut off");
	}
	client_half(s, &late);
	stage_hear(s, "closed");
	stage_tell_kid(s, "go");
	client_must_end(s, &late);
	client_close(s, &late);
	stage_goodbye(s);
	stage_hear(s, "done");
	stage_tell(s, "end");
	stage_hear(s, "0 closes failed");
}

const struct talk tight_talks[] = {
	{.name = "tight_correct_server_with_lingering_children", .play = play_linger},
	{.name = "tight_leaky_server_serves_all", .play = play_leaky},
	{.name = "tight_leaky_server_strict_serves_all",
	 .play = play_leaky,
	 .env = "SENDFIN_POLICY=strict"},
	{.name = "tight_leaky_server_reclaim_off_runs_out",
	 .play = play_leaky_off,
	 .env = "SENDFIN_RECLAIM=off"},
	{.name = "tight_leaky_server_leaves_idle_clients", .play = play_leaky_idle},
	{.name = "tight_correct_server_with_late_closes", .play = play_late},
	{.name = NULL},
};
