/* SPDX-License-Identifier: MIT */
/* See conns.h for the protocol; every order here is sequentially consistent. */
#include "ledger/conns.h"

#include <stddef.h>
#include <string.h>

static uint64_t load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static void store(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

static bool swap(uint64_t *word, uint64_t from, uint64_t to)
{
	return __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

/* Cookies are counted by the kernel, per CPU in steps: mix before taking some bits. */
static struct ledger_connection *bucket_of(struct ledger *ledger, uint64_t cookie)
{
	uint64_t mixed = cookie * 0x9e3779b97f4a7c15U;
	uint64_t buckets = LEDGER_CONNECTIONS / LEDGER_BUCKET;

	return &ledger->connections[(mixed >> 32) % buckets * LEDGER_BUCKET];
}

static void set_live(struct ledger *ledger, const struct ledger_connection *slot, bool value)
{
	uint64_t index = (uint64_t)(slot - ledger->connections);
	uint64_t bit = (uint64_t)1 << (index % 64);

	if (value) {
		__atomic_fetch_or(&ledger->header.live[index / 64], bit, __ATOMIC_SEQ_CST);
	} else {
		__atomic_fetch_and(&ledger->header.live[index / 64], ~bit, __ATOMIC_SEQ_CST);
	}
}

uint32_t conns_next(const struct ledger *ledger, uint32_t index)
{
	while (index < LEDGER_CONNECTIONS) {
		uint64_t rest = load(&ledger->header.live[index / 64]) >> (index % 64);

		if (rest != 0) {
			return index + (uint32_t)__builtin_ctzll(rest);
		}
		index = (index / 64 + 1) * 64;
	}
	return LEDGER_CONNECTIONS;
}

static bool has_user(const struct ledger_connection *slot)
{
	for (int i = 0; i < LEDGER_ENGAGED; i++) {
		if (load(&slot->engaged[i]) != LEDGER_NOBODY) {
			return true;
		}
	}
	return false;
}

static bool is_marked(const struct ledger_connection *slot)
{
	return (load(&slot->mark) & LEDGER_MARK_STATE) != LEDGER_MARK_NONE;
}

/* A fresh slot says nothing of the last connection that was in it. */
static void wipe(struct ledger_connection *slot)
{
	store(&slot->acquirer, LEDGER_NOBODY);
	store(&slot->acquired, 0);
	__atomic_store_n(&slot->descriptor, -1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&slot->was_engaged, 0, __ATOMIC_SEQ_CST);
}

/*
 * Gives the slot back if nobody uses it and no mark is on it. See the first invariant
 * in conns.h: DYING first, then the look. Another may be giving back the same slot;
 * both mean the same, and the second compare-and-swap of one of them fails.
 */
static void give_back(struct ledger *ledger, struct ledger_connection *slot, uint64_t cookie)
{
	if (has_user(slot) || is_marked(slot) ||
	    !swap(&slot->cookie, cookie, LEDGER_COOKIE_DYING)) {
		return;
	}
	if (has_user(slot) || is_marked(slot)) {
		swap(&slot->cookie, LEDGER_COOKIE_DYING, cookie);
		return;
	}
	set_live(ledger, slot, false);
	wipe(slot);
	swap(&slot->cookie, LEDGER_COOKIE_DYING, 0);
}

static struct ledger_connection *find_in(struct ledger_connection *bucket, uint64_t cookie)
{
	for (int i = 0; i < LEDGER_BUCKET; i++) {
		if (load(&bucket[i].cookie) == cookie) {
			return &bucket[i];
		}
	}
	return NULL;
}

/* A free slot, or one that a process killed in give_back() has left dying. */
static struct ledger_connection *claim_in(struct ledger *ledger, struct ledger_connection *bucket,
					  uint64_t cookie)
{
	for (int i = 0; i < LEDGER_BUCKET; i++) {
		struct ledger_connection *slot = &bucket[i];

		if (swap(&slot->cookie, 0, cookie) ||
		    (load(&slot->cookie) == LEDGER_COOKIE_DYING && !has_user(slot) &&
		     !is_marked(slot) && swap(&slot->cookie, LEDGER_COOKIE_DYING, cookie))) {
			set_live(ledger, slot, true);
			return slot;
		}
		if (load(&slot->cookie) == cookie) {
			return slot;
		}
	}
	return NULL;
}

struct ledger_connection *conns_find(struct ledger *ledger, uint64_t cookie, bool make)
{
	struct ledger_connection *bucket = bucket_of(ledger, cookie);
	struct ledger_connection *slot = find_in(bucket, cookie);

	if (slot == NULL && make) {
		slot = claim_in(ledger, bucket, cookie);
	}
	return slot;
}

static bool add_user(struct ledger_connection *slot, uint64_t ref)
{
	for (int i = 0; i < LEDGER_ENGAGED; i++) {
		if (ref != LEDGER_PHANTOM && load(&slot->engaged[i]) == ref) {
			return true;
		}
	}
	for (int i = 0; i < LEDGER_ENGAGED; i++) {
		if (swap(&slot->engaged[i], LEDGER_NOBODY, ref)) {
			return true;
		}
	}
	return false;
}

static bool remove_user(struct ledger_connection *slot, uint64_t ref)
{
	for (int i = 0; i < LEDGER_ENGAGED; i++) {
		if (swap(&slot->engaged[i], ref, LEDGER_NOBODY)) {
			return true;
		}
	}
	return false;
}

/* The descriptor is a hint and goes along. */
void conns_note_origin(struct ledger_connection *slot, const struct conns_origin *origin)
{
	if (origin->acquirer != LEDGER_NOBODY &&
	    swap(&slot->acquirer, LEDGER_NOBODY, origin->acquirer)) {
		store(&slot->acquired, origin->acquired);
		__atomic_store_n(&slot->descriptor, origin->descriptor, __ATOMIC_SEQ_CST);
	}
}

struct ledger_connection *conns_engage(struct ledger *ledger, uint64_t cookie, uint64_t ref,
				       const struct conns_origin *origin)
{
	enum { TRIES = 8 };

	for (int i = 0; i < TRIES; i++) {
		struct ledger_connection *slot = conns_find(ledger, cookie, true);

		if (slot == NULL || !add_user(slot, ref)) {
			return NULL;
		}
		if (load(&slot->cookie) == cookie) {
			conns_note_origin(slot, origin);
			__atomic_store_n(&slot->was_engaged, 1, __ATOMIC_SEQ_CST);
			return slot;
		}
		/* It was given back under us: nobody can have counted on our reference. */
		remove_user(slot, ref);
	}
	return NULL;
}

void conns_disengage(struct ledger *ledger, uint64_t cookie, uint64_t ref)
{
	struct ledger_connection *bucket = bucket_of(ledger, cookie);

	for (int i = 0; i < LEDGER_BUCKET; i++) {
		if (load(&bucket[i].cookie) == cookie && remove_user(&bucket[i], ref)) {
			give_back(ledger, &bucket[i], cookie);
		}
	}
}

void conns_abandon(struct ledger *ledger, uint64_t ref, conns_is_held *is_held, const void *context)
{
	for (uint32_t i = conns_next(ledger, 0); i < LEDGER_CONNECTIONS;
	     i = conns_next(ledger, i + 1)) {
		struct ledger_connection *slot = &ledger->connections[i];

		if (!is_held(load(&slot->cookie), context)) {
			remove_user(slot, ref);
		}
	}
}

void conns_disengage_all(struct ledger *ledger, uint64_t ref)
{
	for (uint32_t i = conns_next(ledger, 0); i < LEDGER_CONNECTIONS;
	     i = conns_next(ledger, i + 1)) {
		struct ledger_connection *slot = &ledger->connections[i];
		uint64_t cookie = load(&slot->cookie);

		if (remove_user(slot, ref)) {
			give_back(ledger, slot, cookie);
		}
	}
}

bool conns_replace_phantom(struct ledger *ledger, uint64_t cookie, uint64_t ref)
{
	struct ledger_connection *bucket = bucket_of(ledger, cookie);

	for (int i = 0; i < LEDGER_BUCKET; i++) {
		for (int j = 0; load(&bucket[i].cookie) == cookie && j < LEDGER_ENGAGED; j++) {
			if (swap(&bucket[i].engaged[j], LEDGER_PHANTOM, ref)) {
				return true;
			}
		}
	}
	return false;
}

void conns_users(struct ledger *ledger, uint64_t cookie, struct conns_users *users)
{
	const struct ledger_connection *bucket = bucket_of(ledger, cookie);
	uint32_t room = sizeof(users->refs) / sizeof(users->refs[0]);

	users->count = 0;
	for (int i = 0; i < LEDGER_BUCKET; i++) {
		uint64_t found = load(&bucket[i].cookie);

		/* A dying slot may be ours, its giver not having looked for users yet. */
		if (found != cookie && found != LEDGER_COOKIE_DYING) {
			continue;
		}
		for (int j = 0; j < LEDGER_ENGAGED && users->count < room; j++) {
			uint64_t ref = load(&bucket[i].engaged[j]);

			if (ref != LEDGER_NOBODY) {
				users->refs[users->count++] = ref;
			}
		}
	}
}

struct conns_origin conns_origin(const struct ledger_connection *connection)
{
	return (struct conns_origin){
		.acquirer = load(&connection->acquirer),
		.acquired = load(&connection->acquired),
		.descriptor = __atomic_load_n(&connection->descriptor, __ATOMIC_SEQ_CST),
	};
}

void conns_forget_dead(struct ledger *ledger, struct ledger_connection *connection, uint64_t cookie)
{
	for (int i = 0; i < LEDGER_ENGAGED; i++) {
		store(&connection->engaged[i], LEDGER_NOBODY);
	}
	give_back(ledger, connection, cookie);
}

uint64_t conns_mark_of(const struct ledger_connection *connection)
{
	return load(&connection->mark);
}

/* The next value of a mark: one more on the count, the new state, and the other half. */
static uint64_t mark_next(uint64_t mark, uint64_t state, uint64_t rest)
{
	return (((mark & LEDGER_MARK_COUNT) + LEDGER_MARK_ONE) & LEDGER_MARK_COUNT) | state |
	       rest << LEDGER_MARK_REST_SHIFT;
}

static uint64_t state_of(uint64_t mark)
{
	return mark & LEDGER_MARK_STATE;
}

static void one_due_less(struct ledger *ledger)
{
	__atomic_fetch_sub(&ledger->header.due_count, 1, __ATOMIC_SEQ_CST);
}

/*
 * The count goes up before the mark is there and down after it is gone, so who sees
 * zero has missed none. The slot may be given back under us: the mark first, then the
 * look at the cookie, the other way round than give_back().
 */
bool conns_mark(struct ledger *ledger, struct ledger_connection *connection, uint64_t cookie,
		uint64_t bytes)
{
	uint64_t mark = load(&connection->mark);
	uint64_t due = mark_next(mark, LEDGER_MARK_DUE, bytes & UINT32_MAX);

	if (state_of(mark) == LEDGER_MARK_DUE) {
		return swap(&connection->mark, mark, due);
	}
	if (state_of(mark) != LEDGER_MARK_NONE) {
		return false;
	}
	__atomic_fetch_add(&ledger->header.due_count, 1, __ATOMIC_SEQ_CST);
	set_live(ledger, connection, true);
	if (!swap(&connection->mark, mark, due)) {
		one_due_less(ledger);
		return false;
	}
	if (load(&connection->cookie) != cookie) {
		conns_drop(ledger, connection, due);
		return false;
	}
	return true;
}

bool conns_take(struct ledger *ledger, struct ledger_connection *connection, uint64_t seen,
		uint32_t taker)
{
	if (state_of(seen) != LEDGER_MARK_DUE ||
	    !swap(&connection->mark, seen, mark_next(seen, LEDGER_MARK_TAKEN, taker))) {
		return false;
	}
	one_due_less(ledger);
	return true;
}

bool conns_drop(struct ledger *ledger, struct ledger_connection *connection, uint64_t seen)
{
	if (state_of(seen) == LEDGER_MARK_NONE ||
	    !swap(&connection->mark, seen, mark_next(seen, LEDGER_MARK_NONE, 0))) {
		return false;
	}
	if (state_of(seen) == LEDGER_MARK_DUE) {
		one_due_less(ledger);
	}
	return true;
}

void conns_tidy(struct ledger *ledger, struct ledger_connection *connection)
{
	uint64_t cookie = load(&connection->cookie);

	if (cookie != 0 && cookie != LEDGER_COOKIE_DYING) {
		give_back(ledger, connection, cookie);
	}
}
