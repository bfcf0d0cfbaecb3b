/* SPDX-License-Identifier: MIT */
/*
 * The mark of a connection that is due: see conns.h. It is one word that changes as a whole;
 * the count in it keeps an old look from acting on a new mark.
 */
#include "ledger/conns.h"
#include "ledger/conns_parts.h"
#include "ledger/words.h"

#include <stddef.h>

uint64_t conns_mark_of(const struct ledger_connection *connection)
{
	return word_load(&connection->mark);
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
 * Of two counts of the same bytes, of which the mark has the lower half, the later one. Who
 * renews a mark may have been told before the other wrote.
 */
static uint64_t later_of(uint64_t one, uint64_t other)
{
	return (int32_t)(uint32_t)(one - other) > 0 ? one : other;
}

/* A slot that is due is not given back, but it may have been before: then all is put right. */
static bool renew(struct ledger_connection *connection, uint64_t cookie, uint64_t mark,
		  uint64_t due)
{
	if (word_load(&connection->cookie) != cookie || !word_swap(&connection->mark, mark, due)) {
		return false;
	}
	if (word_load(&connection->cookie) != cookie) {
		word_swap(&connection->mark, due,
			  mark_next(due, LEDGER_MARK_DUE, mark >> LEDGER_MARK_REST_SHIFT));
		return false;
	}
	return true;
}

/*
 * The count goes up before the mark is there and down after it is gone, so who sees
 * zero has missed none. The slot may be given back under us: the mark first, then the
 * look at the cookie, the other way round than give_back().
 */
bool conns_mark(struct ledger *ledger, struct ledger_connection *connection, uint64_t cookie,
		uint64_t bytes)
{
	uint64_t mark = word_load(&connection->mark);
	uint64_t due;

	if (state_of(mark) == LEDGER_MARK_DUE) {
		bytes = later_of(bytes, mark >> LEDGER_MARK_REST_SHIFT);
		return renew(connection, cookie, mark,
			     mark_next(mark, LEDGER_MARK_DUE, bytes & UINT32_MAX));
	}
	due = mark_next(mark, LEDGER_MARK_DUE, bytes & UINT32_MAX);
	if (state_of(mark) != LEDGER_MARK_NONE) {
		return false;
	}
	__atomic_fetch_add(&ledger->header.due_count, 1, __ATOMIC_SEQ_CST);
	conns_set_live(ledger, connection, true);
	if (!word_swap(&connection->mark, mark, due)) {
		one_due_less(ledger);
		return false;
	}
	if (word_load(&connection->cookie) != cookie) {
		conns_drop(ledger, connection, due);
		return false;
	}
	return true;
}

struct ledger_connection *conns_make_due(struct ledger *ledger, uint64_t cookie, uint64_t bytes)
{
	enum { TRIES = 64 };

	for (int i = 0; i < TRIES; i++) {
		struct ledger_connection *slot = conns_find(ledger, cookie, true);

		if (slot == NULL || conns_mark(ledger, slot, cookie, bytes)) {
			return slot;
		}
		if (state_of(word_load(&slot->mark)) == LEDGER_MARK_TAKEN &&
		    word_load(&slot->cookie) == cookie) {
			return NULL;
		}
	}
	return NULL;
}

struct ledger_connection *conns_find_due(struct ledger *ledger, uint64_t cookie)
{
	struct ledger_connection *bucket = conns_bucket_of(ledger, cookie);

	for (int i = 0; i < LEDGER_BUCKET; i++) {
		if (word_load(&bucket[i].cookie) == cookie &&
		    state_of(word_load(&bucket[i].mark)) == LEDGER_MARK_DUE) {
			return &bucket[i];
		}
	}
	return NULL;
}

bool conns_take(struct ledger *ledger, struct ledger_connection *connection, uint64_t seen,
		uint32_t taker)
{
	if (state_of(seen) != LEDGER_MARK_DUE ||
	    !word_swap(&connection->mark, seen, mark_next(seen, LEDGER_MARK_TAKEN, taker))) {
		return false;
	}
	one_due_less(ledger);
	return true;
}

bool conns_drop(struct ledger *ledger, struct ledger_connection *connection, uint64_t seen)
{
	if (state_of(seen) == LEDGER_MARK_NONE ||
	    !word_swap(&connection->mark, seen, mark_next(seen, LEDGER_MARK_NONE, 0))) {
		return false;
	}
	if (state_of(seen) == LEDGER_MARK_DUE) {
		one_due_less(ledger);
	}
	return true;
}
