/* SPDX-License-Identifier: MIT */
/*
 * One process of the stressed tree: random operations, each with a check of what must
 * be true before and after it.
 */
#include "stress.h"

#include <string.h>

/* What a worker knows of itself; gone when it is killed. */
struct worker {
	uint32_t self;
	uint32_t token;
	uint64_t ref;
	uint64_t random;
	struct ledger_connection *slots[COOKIES]; /* where it engaged, or NULL */
	uint64_t children[CHILDREN];
};

static uint32_t pick(struct worker *w, uint32_t below)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return (uint32_t)(w->random >> 20) % below;
}

static bool is_user(uint64_t cookie, uint64_t ref)
{
	uint32_t place = 0;
	uint64_t user;

	do {
		user = conns_next_user(&stress->ledger, cookie, &place);
	} while (user != LEDGER_NOBODY && user != ref);
	return user == ref;
}

static uint32_t index_of(const struct ledger_connection *slot)
{
	return (uint32_t)(slot - stress->ledger.connections);
}

/* While engaged: found by everybody, met by every walk, and with its own origin. */
static void check_engaged(const struct worker *w, uint32_t c)
{
	struct conns_origin expected = stress_origin(stress->cookies[c]);
	struct conns_origin known = conns_origin(w->slots[c], stress->cookies[c]);
	uint32_t index = index_of(w->slots[c]);

	if (!is_user(stress->cookies[c], w->ref)) {
		stress_fault(FAULT_HIDDEN_SELF);
	}
	if (conns_next(&stress->ledger, index) != index) {
		stress_fault(FAULT_HIDDEN_SLOT);
	}
	if (known.acquirer == LEDGER_NOBODY || known.acquired == 0) {
		__atomic_add_fetch(&stress->origins_lost, 1, __ATOMIC_RELAXED);
	} else if (known.acquirer != expected.acquirer || known.acquired != expected.acquired) {
		stress_fault(FAULT_WRONG_ORIGIN);
	}
}

static void believe(struct worker *w, uint32_t c, struct ledger_connection *slot)
{
	w->slots[c] = slot;
	__atomic_add_fetch(&stress->engaged[w->self][c], 1, __ATOMIC_SEQ_CST);
	check_engaged(w, c);
}

/* From here on nobody may count on finding it. */
static void doubt(struct worker *w, uint32_t c)
{
	check_engaged(w, c);
	__atomic_add_fetch(&stress->engaged[w->self][c], 1, __ATOMIC_SEQ_CST);
	w->slots[c] = NULL;
}

static void engage(struct worker *w, uint32_t c)
{
	uint64_t cookie = stress->cookies[c];
	struct conns_origin origin = stress_origin(cookie);
	struct ledger_connection *slot;

	if (w->slots[c] != NULL) {
		return;
	}
	slot = conns_engage(&stress->ledger, cookie, w->ref, &origin);
	if (slot != NULL) {
		believe(w, c, slot);
	} else {
		__atomic_add_fetch(&stress->no_room, 1, __ATOMIC_RELAXED);
	}
}

static void disengage(struct worker *w, uint32_t c)
{
	if (w->slots[c] != NULL) {
		doubt(w, c);
		conns_disengage(&stress->ledger, stress->cookies[c], w->ref);
	}
}

static void disengage_all(struct worker *w)
{
	for (uint32_t c = 0; c < COOKIES; c++) {
		if (w->slots[c] != NULL) {
			doubt(w, c);
		}
	}
	conns_disengage_all(&stress->ledger, w->ref);
}

/* The other worker said before and after our look that it was engaged all the time. */
static void look_at_other(struct worker *w, uint32_t c)
{
	uint32_t other = pick(w, WORKERS);
	uint64_t before = stress_load(&stress->engaged[other][c]);
	uint64_t ref = stress_load(&stress->refs[other]);
	bool found = is_user(stress->cookies[c], ref);

	if (before % 2 == 1 && !found && stress_load(&stress->engaged[other][c]) == before) {
		stress_fault(FAULT_HIDDEN_OTHER);
	}
}

static void send_away(uint32_t c)
{
	uint64_t cookie = stress->cookies[c];
	struct conns_origin origin = stress_origin(cookie);

	if (__atomic_load_n(&stress->phantoms[c], __ATOMIC_SEQ_CST) == 0 &&
	    conns_engage(&stress->ledger, cookie, LEDGER_PHANTOM, &origin) != NULL) {
		__atomic_add_fetch(&stress->phantoms[c], 1, __ATOMIC_SEQ_CST);
	}
}

/* Who was told of a phantom must find one. */
static void receive(struct worker *w, uint32_t c)
{
	uint32_t count = __atomic_load_n(&stress->phantoms[c], __ATOMIC_SEQ_CST);

	if (w->slots[c] != NULL || count == 0 ||
	    !__atomic_compare_exchange_n(&stress->phantoms[c], &count, count - 1, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		return;
	}
	if (!conns_replace_phantom(&stress->ledger, stress->cookies[c], w->ref)) {
		stress_fault(FAULT_HIDDEN_OTHER);
		return;
	}
	engage(w, c); /* finds itself there, or is at worst in two places */
	if (w->slots[c] == NULL) {
		conns_disengage(&stress->ledger, stress->cookies[c], w->ref);
	}
}

static bool is_due(uint64_t mark)
{
	return (mark & LEDGER_MARK_STATE) == LEDGER_MARK_DUE;
}

static void mark(struct worker *w, uint32_t c)
{
	uint64_t cookie = stress->cookies[c];
	struct conns_origin origin = stress_origin(cookie);
	struct ledger_connection *slot = conns_find(&stress->ledger, cookie, true);

	if (slot != NULL) {
		if (conns_mark(&stress->ledger, slot, cookie, w->random)) {
			conns_note_origin(slot, cookie, &origin);
		}
		conns_tidy(&stress->ledger, slot);
	}
}

/* The bucket's number, and the slot's place in it. */
static uint32_t bucket_of(const struct ledger_connection *slot, uint32_t *place)
{
	uint32_t b = index_of(slot) / LEDGER_BUCKET == stress->first_slot[0] / LEDGER_BUCKET ? 0
											     : 1;

	*place = index_of(slot) % LEDGER_BUCKET;
	return b;
}

static void act(struct worker *w, struct ledger_connection *slot, uint64_t seen)
{
	uint64_t count = (seen & LEDGER_MARK_COUNT) / LEDGER_MARK_ONE % MARK_BITS;
	uint64_t bit = (uint64_t)1 << count % 64;
	uint32_t place;
	uint32_t b = bucket_of(slot, &place);
	uint32_t *taker = &stress->taker[b][place];

	if ((__atomic_fetch_or(&stress->taken[b][place][count / 64], bit, __ATOMIC_SEQ_CST) &
	     bit) != 0 ||
	    __atomic_exchange_n(taker, w->self + 1, __ATOMIC_SEQ_CST) != 0) {
		stress_fault(FAULT_TWO_TAKERS);
	}
	__atomic_store_n(taker, 0, __ATOMIC_SEQ_CST);
	if (!conns_drop(&stress->ledger, slot, conns_mark_of(slot))) {
		stress_fault(FAULT_TAKEN_LOST);
	}
	conns_tidy(&stress->ledger, slot);
}

static void take(struct worker *w, uint32_t c)
{
	struct ledger_connection *slot = conns_find(&stress->ledger, stress->cookies[c], false);
	uint64_t seen = slot != NULL ? conns_mark_of(slot) : 0;
	uint32_t own = (uint32_t)(w->ref & 0xffff) - 1;

	if (is_due(seen) && conns_take(&stress->ledger, slot, seen, own)) {
		act(w, slot, seen);
	}
}

static void drop(uint32_t c)
{
	struct ledger_connection *slot = conns_find(&stress->ledger, stress->cookies[c], false);
	uint64_t seen = slot != NULL ? conns_mark_of(slot) : 0;

	if (is_due(seen)) {
		conns_drop(&stress->ledger, slot, seen);
		conns_tidy(&stress->ledger, slot);
	}
}

/* Does a walk meet this process? */
static bool is_met(uint64_t ref)
{
	uint32_t index = (uint32_t)(ref & 0xffff) - 1;

	return procs_next(&stress->ledger, index) == index &&
	       procs_at(&stress->ledger, index) == ref;
}

/* A child's slot is ours, and says what we wrote there. */
static void check_child(const struct worker *w, uint64_t ref)
{
	const struct ledger_process *child = procs_get(&stress->ledger, ref);

	if (child == NULL || !is_met(ref)) {
		stress_fault(FAULT_SLOT_STOLEN);
		return;
	}
	if (stress_load(&child->born) != ref) {
		stress_fault(FAULT_SLOT_TWICE);
	}
	if (procs_kin(&stress->ledger, child, w->ref) != PROCS_DESCENDS) {
		stress_fault(FAULT_FAMILY);
	}
}

static void fork_child(struct worker *w, uint64_t *place)
{
	uint64_t ref = procs_claim(&stress->ledger, &w->ref, true, stress_is_dead);
	struct ledger_process *child = procs_get(&stress->ledger, ref);

	if (ref == LEDGER_NOBODY) {
		return;
	}
	if (child == NULL || stress_load(&child->born) != 0) {
		stress_fault(FAULT_SLOT_TWICE);
		return;
	}
	__atomic_store_n(&child->pid, w->token, __ATOMIC_SEQ_CST);
	stress_store(&child->born, ref);
	*place = ref;
	check_child(w, ref);
}

/* By good-bye, or silently: then somebody will find it dead. */
static void end_child(struct worker *w, uint64_t *place)
{
	struct ledger_process *child = procs_get(&stress->ledger, *place);

	check_child(w, *place);
	if (pick(w, 2) == 0 && child != NULL) {
		__atomic_store_n(&child->pid, TOKEN_DEAD, __ATOMIC_SEQ_CST);
	} else {
		procs_end(&stress->ledger, *place);
	}
	*place = LEDGER_NOBODY;
}

static void family(struct worker *w)
{
	uint64_t *place = &w->children[pick(w, CHILDREN)];
	uint32_t stranger = LEDGER_PROCESSES - 1 - pick(w, ROOM);

	if (*place == LEDGER_NOBODY) {
		fork_child(w, place);
	} else {
		end_child(w, place);
	}
	procs_kin(&stress->ledger, &stress->ledger.processes[stranger], w->ref);
	if (procs_get(&stress->ledger, w->ref) == NULL || !is_met(w->ref)) {
		stress_fault(FAULT_SLOT_STOLEN);
	}
}

static void step(struct worker *w)
{
	uint32_t c = pick(w, COOKIES);
	uint32_t what = pick(w, 64);

	if (what < 16) {
		engage(w, c);
	} else if (what < 30) {
		disengage(w, c);
	} else if (what < 38) {
		look_at_other(w, c);
	} else if (what < 44) {
		mark(w, c);
	} else if (what < 49) {
		take(w, c);
	} else if (what < 51) {
		drop(c);
	} else if (what < 53) {
		send_away(c);
	} else if (what < 55) {
		receive(w, c);
	} else if (what < 61) {
		family(w);
	} else if (what < 63) {
		stress_bury(w->ref);
	} else {
		disengage_all(w);
	}
}

void stress_work(uint32_t self, uint32_t token, uint64_t operations)
{
	struct worker w = {
		.self = self,
		.token = token,
		.ref = stress_load(&stress->refs[self]),
		.random = 0x2545f4914f6cdd1dU * (token + 1),
	};

	for (uint64_t i = 0; operations == 0 || i < operations; i++) {
		if (__atomic_load_n(&stress->is_stopped, __ATOMIC_RELAXED) != 0) {
			break;
		}
		step(&w);
	}
	for (uint32_t c = 0; c < COOKIES; c++) {
		disengage(&w, c);
	}
	for (uint32_t i = 0; i < CHILDREN; i++) {
		if (w.children[i] != LEDGER_NOBODY) {
			end_child(&w, &w.children[i]);
		}
	}
}
