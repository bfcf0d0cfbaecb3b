/* SPDX-License-Identifier: MIT */
/* See conns.h for the protocol; every order here is sequentially consistent. */
#include "ledger/conns.h"
#include "ledger/conns_parts.h"
#include "ledger/words.h"

#include <stddef.h>
#include <string.h>

/* Where to find who we are; and how to ask for others. */
static const uint64_t *own_ref;
static procs_is_dead *ask_for_the_dead;

/* A forked child knows it already, and would only get a page of its own by saying it. */
void conns_introduce(const uint64_t *self, procs_is_dead *is_dead)
{
	if (__atomic_load_n(&own_ref, __ATOMIC_RELAXED) != self) {
		__atomic_store_n(&own_ref, self, __ATOMIC_RELAXED);
	}
	if (__atomic_load_n(&ask_for_the_dead, __ATOMIC_RELAXED) != is_dead) {
		__atomic_store_n(&ask_for_the_dead, is_dead, __ATOMIC_RELAXED);
	}
}

/* Who we are, in the place of a cookie's upper bits. */
static uint64_t own_sign(void)
{
	const uint64_t *ref = __atomic_load_n(&own_ref, __ATOMIC_RELAXED);
	uint64_t self = ref != NULL ? word_load(ref) : LEDGER_NOBODY;
	uint64_t giver = self & LEDGER_COOKIE_GIVER;
	uint64_t age = procs_generation(self) & LEDGER_COOKIE_AGE;

	return LEDGER_COOKIE_DYING | giver << LEDGER_COOKIE_GIVER_SHIFT |
	       age << LEDGER_COOKIE_AGE_SHIFT;
}

/* The word while we are at it: to give the slot back, or to write its origin. */
static uint64_t in_work(uint64_t cookie)
{
	return cookie | own_sign();
}

/* Somebody was at it, and has been killed; perhaps its place is another's by now. */
static bool is_left(const struct ledger *ledger, uint64_t word)
{
	uint64_t giver = word >> LEDGER_COOKIE_GIVER_SHIFT & LEDGER_COOKIE_GIVER;
	uint64_t age = word >> LEDGER_COOKIE_AGE_SHIFT & LEDGER_COOKIE_AGE;
	procs_is_dead *is_dead = __atomic_load_n(&ask_for_the_dead, __ATOMIC_RELAXED);
	const struct ledger_process *process;

	if ((word & LEDGER_COOKIE_DYING) == 0 || giver == 0 || giver > LEDGER_PROCESSES ||
	    is_dead == NULL) {
		return false;
	}
	process = &ledger->processes[giver - 1];
	return (procs_generation(word_load(&process->ref)) & LEDGER_COOKIE_AGE) != age ||
	       is_dead(process);
}

/*
 * The kernel counts cookies, on each CPU in steps of one; so neighbours are connections of the
 * same time, and whoever walks over those in use, or asks for one, comes to few pages when
 * neighbours share one. As many as a page has buckets do, each in a bucket of its own. Which of
 * them begins is mixed, too: where others take cookies between ours, perhaps every second or
 * fourth is all that we see, and those must come to all buckets of a page.
 */
enum {
	BUCKET_BYTES = LEDGER_BUCKET * sizeof(struct ledger_connection),
	TOGETHER = 4096 / BUCKET_BYTES,
	BUCKETS_SHIFT = 9,
	BUCKETS = 1 << BUCKETS_SHIFT,
	/* The first bucket that begins a page of the segment. */
	FIRST = (4096 - offsetof(struct ledger, connections) % 4096) / BUCKET_BYTES % TOGETHER,
};

_Static_assert(BUCKETS == LEDGER_CONNECTIONS / LEDGER_BUCKET, "a power of two");

struct ledger_connection *conns_bucket_of(struct ledger *ledger, uint64_t cookie)
{
	/* The upper bits are the even ones: multiples of the golden ratio. */
	uint64_t begin = cookie / TOGETHER * 0x9e3779b97f4a7c15U >> (64 - BUCKETS_SHIFT);
	uint64_t page = begin - begin % TOGETHER;
	uint64_t bucket = (FIRST + page + (begin + cookie) % TOGETHER) % BUCKETS;

	return &ledger->connections[bucket * LEDGER_BUCKET];
}

void conns_set_live(struct ledger *ledger, const struct ledger_connection *slot, bool value)
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
		uint64_t rest = word_load(&ledger->header.live[index / 64]) >> (index % 64);

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
		if (word_load(&slot->engaged[i]) != LEDGER_NOBODY) {
			return true;
		}
	}
	return false;
}

static bool is_marked(const struct ledger_connection *slot)
{
	return (word_load(&slot->mark) & LEDGER_MARK_STATE) != LEDGER_MARK_NONE;
}

/*
 * A fresh slot says nothing of the last connection that was in it: what it tells of an
 * origin counts only under its name. A name that is just being written stays, for its
 * writer, if it lives, will go on to store; until it is done the slot has no origin.
 */
static void wipe(const struct ledger *ledger, struct ledger_connection *slot)
{
	uint64_t told = word_load(&slot->origin_of);

	if ((told & LEDGER_COOKIE_DYING) == 0 || is_left(ledger, told)) {
		word_swap(&slot->origin_of, told, 0);
	}
	__atomic_store_n(&slot->was_engaged, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&slot->is_lent, 0, __ATOMIC_SEQ_CST);
}

/* The slot is dying by our hand: free it, or let it live. False when it lives. */
static bool bury(struct ledger *ledger, struct ledger_connection *slot, uint64_t cookie)
{
	if (has_user(slot) || is_marked(slot)) {
		word_swap(&slot->cookie, in_work(cookie), cookie);
		return false;
	}
	conns_set_live(ledger, slot, false);
	wipe(ledger, slot);
	word_swap(&slot->cookie, in_work(cookie), 0);
	return true;
}

/*
 * Gives the slot back if nobody uses it and no mark is on it. See the first invariant
 * in conns.h: DYING first, then the look. A user that came and went in between has
 * found the cookie dying and gave nothing back itself, so after restoring: once more.
 * A process killed in here leaves a dying slot, for take_over().
 */
static void give_back(struct ledger *ledger, struct ledger_connection *slot, uint64_t cookie)
{
	enum { TRIES = 8 };

	for (int i = 0; i < TRIES; i++) {
		if (has_user(slot) || is_marked(slot) ||
		    !word_swap(&slot->cookie, cookie, in_work(cookie)) ||
		    bury(ledger, slot, cookie)) {
			return;
		}
	}
}

/* What somebody was killed over is finished in our own name. */
static void take_over(struct ledger *ledger, struct ledger_connection *slot)
{
	uint64_t word = word_load(&slot->cookie);
	uint64_t cookie = word & LEDGER_COOKIE_NAME;

	if (is_left(ledger, word) && word_swap(&slot->cookie, word, in_work(cookie)) &&
	    !bury(ledger, slot, cookie)) {
		give_back(ledger, slot, cookie);
	}
}

/* The cookie in a slot, dying or not. */
static uint64_t name_of(const struct ledger_connection *slot)
{
	return word_load(&slot->cookie) & LEDGER_COOKIE_NAME;
}

static struct ledger_connection *find_in(struct ledger_connection *bucket, uint64_t cookie)
{
	for (int i = 0; i < LEDGER_BUCKET; i++) {
		if (word_load(&bucket[i].cookie) == cookie) {
			return &bucket[i];
		}
	}
	return NULL;
}

static struct ledger_connection *claim_free(struct ledger *ledger, struct ledger_connection *bucket,
					    uint64_t cookie)
{
	for (int i = 0; i < LEDGER_BUCKET; i++) {
		struct ledger_connection *slot = &bucket[i];

		if (word_swap(&slot->cookie, 0, cookie)) {
			conns_set_live(ledger, slot, true);
			return slot;
		}
		if (word_load(&slot->cookie) == cookie) {
			return slot;
		}
	}
	return NULL;
}

/* What the killed have left without users and marks makes room when there is none. */
static struct ledger_connection *claim_in(struct ledger *ledger, struct ledger_connection *bucket,
					  uint64_t cookie)
{
	struct ledger_connection *slot = claim_free(ledger, bucket, cookie);

	if (slot != NULL) {
		return slot;
	}
	for (int i = 0; i < LEDGER_BUCKET; i++) {
		take_over(ledger, &bucket[i]);
		give_back(ledger, &bucket[i], name_of(&bucket[i]));
	}
	return claim_free(ledger, bucket, cookie);
}

struct ledger_connection *conns_find(struct ledger *ledger, uint64_t cookie, bool make)
{
	struct ledger_connection *bucket = conns_bucket_of(ledger, cookie);
	struct ledger_connection *slot = find_in(bucket, cookie);

	if (slot == NULL && make && cookie <= LEDGER_COOKIE_NAME) {
		slot = claim_in(ledger, bucket, cookie);
	}
	return slot;
}

enum added {
	ADDED_NO_ROOM,
	ADDED_BEFORE, /* the reference was there already */
	ADDED_NOW,
};

static enum added add_user(struct ledger_connection *slot, uint64_t ref)
{
	for (int i = 0; i < LEDGER_ENGAGED; i++) {
		if (ref != LEDGER_PHANTOM && word_load(&slot->engaged[i]) == ref) {
			return ADDED_BEFORE;
		}
	}
	for (int i = 0; i < LEDGER_ENGAGED; i++) {
		if (word_swap(&slot->engaged[i], LEDGER_NOBODY, ref)) {
			return ADDED_NOW;
		}
	}
	return ADDED_NO_ROOM;
}

/* Two threads may both have added it, so all that are equal go; phantoms one by one. */
static bool remove_user(struct ledger_connection *slot, uint64_t ref)
{
	bool is_removed = false;

	for (int i = 0; i < LEDGER_ENGAGED; i++) {
		if (word_swap(&slot->engaged[i], ref, LEDGER_NOBODY)) {
			is_removed = true;
			if (ref == LEDGER_PHANTOM) {
				break;
			}
		}
	}
	return is_removed;
}

/* The descriptor is a hint and goes along. */
void conns_note_origin(struct ledger_connection *slot, uint64_t cookie,
		       const struct conns_origin *origin)
{
	if (origin->is_lent && word_load(&slot->cookie) == cookie) {
		__atomic_store_n(&slot->is_lent, 1, __ATOMIC_SEQ_CST);
	}
	/* DYING is no name: while it is set nobody reads what is being written. */
	if (origin->acquirer == LEDGER_NOBODY || word_load(&slot->cookie) != cookie ||
	    !word_swap(&slot->origin_of, 0, in_work(cookie))) {
		return;
	}
	word_store(&slot->acquirer, origin->acquirer);
	word_store(&slot->acquired, origin->acquired);
	word_store(&slot->shared, origin->shared);
	__atomic_store_n(&slot->descriptor, origin->descriptor, __ATOMIC_SEQ_CST);
	__atomic_store_n(&slot->accepted, origin->accepted, __ATOMIC_SEQ_CST);
	__atomic_store_n(&slot->forked, origin->forked, __ATOMIC_SEQ_CST);
	word_swap(&slot->origin_of, in_work(cookie), cookie);
}

struct ledger_connection *conns_engage(struct ledger *ledger, uint64_t cookie, uint64_t ref,
				       const struct conns_origin *origin)
{
	enum { TRIES = 64 };

	for (int i = 0; i < TRIES; i++) {
		struct ledger_connection *slot = conns_find(ledger, cookie, true);
		enum added added = slot != NULL ? add_user(slot, ref) : ADDED_NO_ROOM;

		if (added == ADDED_NO_ROOM) {
			return NULL;
		}
		if (word_load(&slot->cookie) == cookie) {
			conns_note_origin(slot, cookie, origin);
			__atomic_store_n(&slot->was_engaged, 1, __ATOMIC_SEQ_CST);
			conns_set_live(ledger, slot, true);
			return slot;
		}
		/* It is being given back under us. What was there before us is another's. */
		if (added == ADDED_NOW) {
			remove_user(slot, ref);
		}
	}
	return NULL;
}

bool conns_disengage(struct ledger *ledger, uint64_t cookie, uint64_t ref)
{
	struct ledger_connection *bucket = conns_bucket_of(ledger, cookie);
	bool was_user = false;

	for (int i = 0; i < LEDGER_BUCKET; i++) {
		if (name_of(&bucket[i]) == cookie && remove_user(&bucket[i], ref)) {
			give_back(ledger, &bucket[i], cookie);
			was_user = true;
		}
	}
	return was_user;
}

void conns_take_out(struct ledger *ledger, uint64_t cookie, uint64_t ref)
{
	struct ledger_connection *bucket = conns_bucket_of(ledger, cookie);

	for (int i = 0; i < LEDGER_BUCKET; i++) {
		if (name_of(&bucket[i]) == cookie) {
			remove_user(&bucket[i], ref);
		}
	}
}

void conns_abandon(struct ledger *ledger, uint64_t ref, conns_is_held *is_held, const void *context)
{
	for (uint32_t i = conns_next(ledger, 0); i < LEDGER_CONNECTIONS;
	     i = conns_next(ledger, i + 1)) {
		struct ledger_connection *slot = &ledger->connections[i];

		if (!is_held(name_of(slot), context)) {
			remove_user(slot, ref);
		}
	}
}

void conns_disengage_all(struct ledger *ledger, uint64_t ref)
{
	for (uint32_t i = conns_next(ledger, 0); i < LEDGER_CONNECTIONS;
	     i = conns_next(ledger, i + 1)) {
		struct ledger_connection *slot = &ledger->connections[i];
		uint64_t cookie = name_of(slot);

		if (remove_user(slot, ref) && cookie != 0) {
			give_back(ledger, slot, cookie);
		}
	}
}

bool conns_replace_phantom(struct ledger *ledger, uint64_t cookie, uint64_t ref)
{
	struct ledger_connection *bucket = conns_bucket_of(ledger, cookie);

	for (int i = 0; i < LEDGER_BUCKET; i++) {
		for (int j = 0; name_of(&bucket[i]) == cookie && j < LEDGER_ENGAGED; j++) {
			if (word_swap(&bucket[i].engaged[j], LEDGER_PHANTOM, ref)) {
				return true;
			}
		}
	}
	return false;
}

uint64_t conns_next_user(struct ledger *ledger, uint64_t cookie, uint32_t *place)
{
	const struct ledger_connection *bucket = conns_bucket_of(ledger, cookie);

	while (*place < LEDGER_BUCKET * LEDGER_ENGAGED) {
		const struct ledger_connection *slot = &bucket[*place / LEDGER_ENGAGED];
		uint64_t ref = LEDGER_NOBODY;

		if (name_of(slot) == cookie) {
			ref = word_load(&slot->engaged[*place % LEDGER_ENGAGED]);
			++*place;
		} else {
			*place += LEDGER_ENGAGED - *place % LEDGER_ENGAGED;
		}
		if (ref != LEDGER_NOBODY) {
			return ref;
		}
	}
	return LEDGER_NOBODY;
}

struct conns_origin conns_origin(const struct ledger_connection *connection, uint64_t cookie)
{
	const struct conns_origin unknown = {.acquirer = LEDGER_NOBODY, .descriptor = -1};
	bool is_told = word_load(&connection->origin_of) == cookie;
	struct conns_origin origin = {
		.acquirer = word_load(&connection->acquirer),
		.acquired = word_load(&connection->acquired),
		.shared = word_load(&connection->shared),
		.is_lent = __atomic_load_n(&connection->is_lent, __ATOMIC_SEQ_CST) != 0,
		.descriptor = __atomic_load_n(&connection->descriptor, __ATOMIC_SEQ_CST),
		.accepted = __atomic_load_n(&connection->accepted, __ATOMIC_SEQ_CST),
		.forked = __atomic_load_n(&connection->forked, __ATOMIC_SEQ_CST),
		.let_go = __atomic_load_n(&connection->let_go, __ATOMIC_SEQ_CST),
	};

	/* Told before and after: what was read in between belongs to this connection. */
	return is_told && word_load(&connection->origin_of) == cookie ? origin : unknown;
}

void conns_tidy(struct ledger *ledger, struct ledger_connection *connection)
{
	uint64_t cookie = name_of(connection);

	if (cookie != 0) {
		give_back(ledger, connection, cookie);
	}
}
