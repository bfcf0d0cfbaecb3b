/* SPDX-License-Identifier: MIT */
/*
 * Everybody may be shot at any moment: children, helpers, clients, and the parent. Those that live
 * must go on as if nothing had happened, no conversation may be cut that somebody still serves, and
 * when the parent has been back in accept a few times, nothing is left in CLOSE_WAIT.
 */
#include "talk.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GUESTS = 20, CONNECTIONS = 10000, POKES = 1000, BATCH = 50 };

enum fate { LIVES, KID_SHOT, CLIENT_DIES };

struct guest {
	struct client c;
	enum fate fate;
	pid_t kid, helper;
	int kind; /* what its child does: server/chaos.c */
};

static void speak(struct stage *s, struct guest *g)
{
	char got[8];

	client_say(s, &g->c, "word");
	if (client_take(&g->c, got, 4) != 4 || memcmp(got, "word", 4) != 0) {
		fail(s, "the conversation of port %d (kind %d) was cut", g->c.port, g->kind);
	}
}

static pid_t pid_of(struct stage *s, const char *role, const struct guest *g)
{
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "%s %d ", role, g->c.port);
	return atoi(stage_hear_value(s, prefix));
}

static void arrive(struct stage *s, struct guest *g, int i)
{
	g->kind = i % 4;
	client_open(s, &g->c);
	speak(s, g);
	g->kid = pid_of(s, "kid", g);
	g->helper = g->kind == 2 ? pid_of(s, "helper", g) : 0;
	g->fate = LIVES;
}

static int roll(struct stage *s, int sides)
{
	return rand_r(&s->seed) % sides;
}

/* Something happens to this one, or nothing. */
static void befall(struct stage *s, struct guest *g)
{
	if (g->helper && roll(s, 2)) {
		kernel_kill(g->helper);
		g->helper = 0;
	}
	switch (roll(s, 4)) {
	case 0:
		client_say(s, &g->c, "will anybody hear this?");
		kill(g->kid, SIGKILL);
		g->fate = KID_SHOT;
		break;
	case 1:
		client_say(s, &g->c, "nor will i hear that");
		if (roll(s, 2)) {
			client_reset(s, &g->c);
		} else {
			client_close(s, &g->c);
		}
		g->fate = CLIENT_DIES;
		break;
	}
}

static void poke(struct stage *s)
{
	struct guest g = {.kind = -1};

	client_open(s, &g.c);
	pid_of(s, "kid", &g);
	client_close(s, &g.c);
	for (int nap = 0; nap < 20; nap++) {
		kernel_nap();
	}
}

/* Wait for the FIN; the parent, if it lives, is sent through accept again and again. */
static void await_fin(struct stage *s, struct guest *g, bool parent)
{
	for (int i = 0; parent && i < POKES && !client_readable(&g->c); i++) {
		poke(s);
	}
	client_must_end(s, &g->c);
}

static void await_no_close_wait(struct stage *s)
{
	for (int i = 0; kernel_count_close_wait(s->port) > 0; i++) {
		if (i == POKES) {
			fail(s, "%d left in CLOSE_WAIT", kernel_count_close_wait(s->port));
		}
		poke(s);
	}
}

/* Whatever the dead child has said before it was shot. */
static void swallow(struct guest *g)
{
	char got[256];

	while (client_readable(&g->c) && client_take(&g->c, got, 1) == 1) {
	}
}

static void leave(struct stage *s, struct guest *g, bool parent)
{
	char got[4];

	if (g->fate == CLIENT_DIES) {
		return;
	}
	client_half(s, &g->c);
	if (g->fate == LIVES && g->kind == 3 &&
	    (client_take(&g->c, got, 3) != 3 || memcmp(got, "bye", 3) != 0)) {
		fail(s, "the goodbye of port %d was cut", g->c.port);
	}
	if (g->fate == KID_SHOT) {
		kernel_kill(g->kid);
		swallow(g);
	} else if (parent && s->shimmed) {
		await_fin(s, g, parent);
	}
}

/* The FINs of the shot, or of all when the parent is dead and its last heir goes. */
static void last_ends(struct stage *s, struct guest *guest, bool parent)
{
	for (int i = 0; i < GUESTS; i++) {
		struct guest *g = &guest[i];

		if (g->fate == CLIENT_DIES) {
			continue;
		}
		if ((parent && s->shimmed && g->fate == KID_SHOT) ||
		    (!parent && g->fate == LIVES)) {
			await_fin(s, g, parent);
		}
		client_close(s, &g->c);
	}
	if (parent && s->shimmed) {
		await_no_close_wait(s);
	}
}

static void round_of_chaos(struct stage *s, bool shoot_parent)
{
	struct guest guest[GUESTS];

	for (int i = 0; i < GUESTS; i++) {
		arrive(s, &guest[i], i);
	}
	for (int i = 0; i < GUESTS; i++) {
		befall(s, &guest[i]);
		if (guest[i].fate == LIVES) {
			speak(s, &guest[i]);
		}
	}
	if (shoot_parent) {
		kernel_kill(s->server);
	}
	for (int i = 0; i < GUESTS; i++) {
		if (guest[i].fate == LIVES) {
			speak(s, &guest[i]);
			client_must_wait(s, &guest[i].c, "ESTABLISHED");
		}
		if (shoot_parent && guest[i].helper) {
			kernel_kill(guest[i].helper);
		}
	}
	for (int i = 0; i < GUESTS; i++) {
		leave(s, &guest[i], !shoot_parent);
	}
	last_ends(s, guest, !shoot_parent);
}

/* The pokes' children have said things that nobody asked for. */
static void end(struct stage *s)
{
	kill(s->server, SIGKILL);
	s->queued = 0;
}

static void play(struct stage *s, bool shoot_parent)
{
	int rounds = s->runs < 100 ? 2 : CONNECTIONS / 2 / GUESTS / s->runs + 1;
	static const char *const args[] = {"chaos", NULL};

	for (int i = 0; i < rounds; i++) {
		if (i > 0) {
			stage_end(s);
		}
		stage_start(s, args);
		round_of_chaos(s, shoot_parent);
		end(s);
	}
}

static void play_parent_lives(struct stage *s)
{
	play(s, false);
}

static void play_parent_shot(struct stage *s)
{
	play(s, true);
}

/* One server, every child shot: their places must be used again, and their descriptors. */
static void play_all_shot(struct stage *s)
{
	int batches = s->run != 1 ? 1 : s->runs < 100 ? 6 : CONNECTIONS / BATCH;
	static const char *const args[] = {"chaos", "128", NULL};

	stage_start(s, args);
	for (int i = 0; i < batches; i++) {
		for (int j = 0; j < BATCH; j++) {
			struct guest g;

			arrive(s, &g, 0);
			kernel_kill(g.kid);
			client_close(s, &g.c);
		}
		if (s->shimmed) {
			await_no_close_wait(s);
		} else if (kernel_count_close_wait(s->port) < BATCH) {
			fail(s, "the disease is not there");
		}
	}
	/* Many more have been born than it has places: those of the dead have been used again. */
	if (s->shimmed && ledger_unseen(s) != 0) {
		fail(s, "%d processes found no place in the ledger", ledger_unseen(s));
	}
	end(s);
}

const struct talk chaos_talks[] = {
	{.name = "chaos_children_helpers_clients", .play = play_parent_lives},
	{.name = "chaos_and_the_parent", .play = play_parent_shot},
	{.name = "chaos_every_child_shot", .play = play_all_shot},
	{.name = NULL},
};
