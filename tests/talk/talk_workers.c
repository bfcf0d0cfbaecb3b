/* SPDX-License-Identifier: MIT */
/*
 * Workers that accept and fork, and are shot while they do, from behind: whatever instruction of a
 * fork they are at. Their children go on with their conversations, the server puts new workers in
 * their place, and when all clients have gone nothing is left in CLOSE_WAIT.
 */
#include "talk.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORKERS = 3, CROWD = 30, ROUNDS = 3, CONNECTIONS = 10000, POKES = 3000 };

struct crowd {
	struct client c[CROWD];
	bool is_served[CROWD];
};

static bool speak(struct client *c)
{
	char got[4];

	return client_try_say(c) && client_take(c, got, 4) == 4 && memcmp(got, "word", 4) == 0;
}

/* The next worker that the server speaks of; -1 when it has spoken of none. */
static pid_t next_worker(struct stage *s)
{
	return atoi(stage_hear_value(s, "worker "));
}

/*
 * All come at once, and while they are let in somebody is shot. Who was accepted by that one and
 * had no child yet is cut off, as it would be anywhere.
 */
static void arrive(struct stage *s, struct crowd *crowd, pid_t *worker)
{
	int shot = rand_r(&s->seed) % WORKERS;

	for (int i = 0; i < CROWD; i++) {
		client_open(s, &crowd->c[i]);
		client_try_say(&crowd->c[i]);
	}
	for (int spin = rand_r(&s->seed) % 300000; spin > 0; spin--) {
		__asm__ volatile("");
	}
	kernel_kill(worker[shot]);
	worker[shot] = next_worker(s);
	for (int i = 0; i < CROWD; i++) {
		char got[4];

		crowd->is_served[i] = client_take(&crowd->c[i], got, 4) == 4;
	}
}

static void go(struct stage *s, struct crowd *crowd)
{
	for (int i = 0; i < CROWD; i++) {
		if (crowd->is_served[i] && !speak(&crowd->c[i])) {
			fail(s, "the conversation of port %d was cut", crowd->c[i].port);
		}
	}
	for (int i = 0; i < CROWD; i++) {
		client_close(s, &crowd->c[i]);
	}
}

static void await_no_close_wait(struct stage *s)
{
	for (int i = 0; kernel_count_close_wait(s->port) > 0; i++) {
		struct client poke;

		if (i == POKES) {
			fail(s, "%d left in CLOSE_WAIT", kernel_count_close_wait(s->port));
		}
		client_open(s, &poke);
		client_close(s, &poke);
		for (int nap = 0; nap < 20; nap++) {
			kernel_nap();
		}
	}
}

static void play_workers(struct stage *s)
{
	static const char *const args[] = {"chaos", "workers", "3", NULL};
	int rounds = s->runs < 100 ? ROUNDS : CONNECTIONS / CROWD / s->runs + 1;
	static struct crowd crowd;
	pid_t worker[WORKERS];

	stage_start(s, args);
	for (int i = 0; i < WORKERS; i++) {
		worker[i] = next_worker(s);
	}
	for (int round = 0; round < rounds; round++) {
		arrive(s, &crowd, worker);
		go(s, &crowd);
	}
	if (s->shimmed) {
		await_no_close_wait(s);
	}
	if (s->shimmed && ledger_unseen(s) != 0) {
		fail(s, "%d processes found no place in the ledger", ledger_unseen(s));
	}
	kernel_kill(s->server);
	for (int i = 0; i < WORKERS; i++) {
		kernel_kill(worker[i]);
	}
	s->queued = 0;
}

const struct talk workers_talks[] = {
	{.name = "chaos_workers_shot_while_they_fork", .play = play_workers},
	{.name = NULL},
};
