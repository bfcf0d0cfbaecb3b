/* SPDX-License-Identifier: MIT */
/*
 * A look into the ledger of a server's tree, from outside: attached by its System V id, read-only,
 * and let go at once, for the segment must vanish with the tree.
 */
#include "sendfin/ledger.h"

#include <stdio.h>
#include <sys/shm.h>

#include "talk.h"

static const struct ledger *attach_if_of(int id, pid_t server)
{
	const struct ledger *ledger = shmat(id, NULL, SHM_RDONLY);

	if ((intptr_t)ledger == -1) {
		return NULL;
	}
	if (ledger->header.magic != LEDGER_MAGIC || ledger->processes[0].pid != (uint32_t)server) {
		shmdt(ledger);
		return NULL;
	}
	return ledger;
}

static const struct ledger *attach(pid_t server)
{
	const struct ledger *ledger = NULL;
	FILE *f = fopen("/proc/sysvipc/shm", "re");
	char line[512];

	while (f && !ledger && fgets(line, sizeof(line), f)) {
		unsigned long size;
		int id;

		if (sscanf(line, "%*d %d %*o %lu", &id, &size) == 2 &&
		    size == sizeof(struct ledger)) {
			ledger = attach_if_of(id, server);
		}
	}
	if (f) {
		fclose(f);
	}
	return ledger;
}

int ledger_unseen(const struct stage *s)
{
	const struct ledger *ledger = attach(s->server);
	int count = 0;

	if (!ledger) {
		return -1;
	}
	count += ledger->header.unseen != 0;
	for (int i = 0; i < LEDGER_PROCESSES; i++) {
		count += ledger->processes[i].blind != 0;
	}
	shmdt(ledger);
	return count;
}
