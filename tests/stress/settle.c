/* SPDX-License-Identifier: MIT */
/*
 * After the last worker: what is left in the ledger, and whether it can all be used again.
 *
 * A process that is killed while it gives a slot back, or claims one, leaves it half done:
 * whoever needs the room must be able to finish that.
 */
#include "stress.h"

#include <stdio.h>

/* Marks as they are after the last worker; `slack`: how much too high the count may be. */
static void settle_marks(uint32_t slack)
{
	struct ledger *ledger = &stress->ledger;
	uint32_t counted = __atomic_load_n(&ledger->header.due_count, __ATOMIC_SEQ_CST);
	uint32_t due = 0;

	for (uint32_t i = 0; i < LEDGER_CONNECTIONS; i++) {
		struct ledger_connection *slot = &ledger->connections[i];
		uint64_t state = conns_mark_of(slot) & LEDGER_MARK_STATE;

		due += state == LEDGER_MARK_DUE;
		if (state == LEDGER_MARK_TAKEN && slack == 0) {
			stress_fault(FAULT_TAKEN_LOST);
		}
		if (state != LEDGER_MARK_NONE) {
			conns_drop(ledger, slot, conns_mark_of(slot));
			conns_tidy(ledger, slot);
		}
	}
	if (counted < due || counted > due + slack) {
		printf("# %u marks are due, counted: %u\n", due, counted);
		stress_fault(FAULT_DUE_COUNT);
	}
}

static void settle_users(void)
{
	for (uint32_t c = 0; c < COOKIES; c++) {
		uint64_t cookie = stress->cookies[c];
		uint32_t place = 0;
		uint64_t ref;

		while (conns_replace_phantom(&stress->ledger, cookie, stress->refs[0])) {
			conns_disengage(&stress->ledger, cookie, stress->refs[0]);
		}
		while ((ref = conns_next_user(&stress->ledger, cookie, &place)) != LEDGER_NOBODY) {
			if (procs_get(&stress->ledger, ref) != NULL) {
				stress_fault(FAULT_USER_LEFT);
			}
		}
	}
	for (uint32_t self = 0; self < WORKERS; self++) {
		conns_disengage_all(&stress->ledger, stress->refs[self]);
	}
}

/* How many slots of the bucket can be used; its others are in use by cookies of its own. */
static uint32_t refill(uint32_t b)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < PER_BUCKET; i++) {
		uint64_t cookie = stress->cookies[b * PER_BUCKET + i];
		struct conns_origin origin = stress_origin(cookie);

		count += conns_engage(&stress->ledger, cookie, stress->refs[0], &origin) != NULL;
	}
	return count;
}

static void settle_connections(uint32_t kills)
{
	for (uint32_t i = 0; i < LEDGER_CONNECTIONS && kills == 0; i++) {
		if (stress_load(&stress->ledger.connections[i].cookie) != 0) {
			stress_fault(FAULT_LEAKED_CONNECTION);
		}
	}
	for (uint32_t b = 0; b < BUCKETS; b++) {
		if (refill(b) != LEDGER_BUCKET) {
			stress_fault(FAULT_LOST_CONNECTION);
		}
	}
}

static void settle_processes(uint32_t kills)
{
	uint32_t room = 0;

	for (uint32_t self = 0; self < WORKERS; self++) {
		procs_end(&stress->ledger, stress->refs[self]);
	}
	while (procs_claim(&stress->ledger, &stress_nobody, false, stress_is_dead) !=
	       LEDGER_NOBODY) {
		room++;
	}
	if (room != ROOM) {
		printf("# %u kills left %d process slots of %d\n", kills, (int)room, ROOM);
	}
	if (room != ROOM) {
		stress_fault(FAULT_LOST_PROCESS);
	}
}

void stress_settle(uint32_t kills)
{
	stress_bury(LEDGER_NOBODY);
	settle_marks(kills);
	settle_users();
	settle_connections(kills);
	settle_processes(kills);
}
