/* SPDX-License-Identifier: MIT */
/*
 * The mark of a connection that is due: made, renewed, taken by exactly one, dropped;
 * the count of marks; the slot that stays for as long as it is marked.
 *
 * The idea: every value that a mark ever had is kept and tried again: a stale look
 * must never act. Never here: who should act.
 */
#include "ledger/conns.h"

#include "bucket.h"
#include "unit.h"

enum { COOKIE = 77, TAKER = 5 };

static uint32_t due_count(void)
{
	return bucket_ledger->header.due_count;
}

static uint64_t state_of(uint64_t mark)
{
	return mark & LEDGER_MARK_STATE;
}

static struct ledger_connection *marked(uint64_t bytes)
{
	struct ledger_connection *slot = conns_find(bucket_ledger, COOKIE, true);

	assert_non_null(slot);
	assert_true(conns_mark(bucket_ledger, slot, COOKIE, bytes));
	return slot;
}

static void fresh_connection_has_no_mark(void **state)
{
	const struct ledger_connection *slot = bucket_engage(COOKIE, bucket_ref(0));

	(void)state;
	assert_int_equal(state_of(conns_mark_of(slot)), LEDGER_MARK_NONE);
	assert_int_equal(due_count(), 0);
}

static void mark_is_due_and_carries_the_bytes(void **state)
{
	const struct ledger_connection *slot = marked(0x123456789);

	(void)state;
	assert_int_equal(state_of(conns_mark_of(slot)), LEDGER_MARK_DUE);
	assert_int_equal(conns_mark_of(slot) >> LEDGER_MARK_REST_SHIFT, 0x23456789);
	assert_int_equal(due_count(), 1);
}

static void renewal_does_not_go_back(void **state)
{
	const struct ledger_connection *slot = marked(UINT32_MAX - 1);

	(void)state;
	marked(UINT32_MAX - 5);
	assert_int_equal(conns_mark_of(slot) >> LEDGER_MARK_REST_SHIFT, UINT32_MAX - 1);
	marked((uint64_t)UINT32_MAX + 3);
	assert_int_equal(conns_mark_of(slot) >> LEDGER_MARK_REST_SHIFT, 2);
	marked(UINT32_MAX);
	assert_int_equal(conns_mark_of(slot) >> LEDGER_MARK_REST_SHIFT, 2);
}

static void renewal_has_new_bytes_and_is_counted_once(void **state)
{
	struct ledger_connection *slot = marked(1);
	uint64_t before = conns_mark_of(slot);

	(void)state;
	assert_true(conns_mark(bucket_ledger, slot, COOKIE, 2));
	assert_int_equal(state_of(conns_mark_of(slot)), LEDGER_MARK_DUE);
	assert_int_equal(conns_mark_of(slot) >> LEDGER_MARK_REST_SHIFT, 2);
	assert_int_not_equal(conns_mark_of(slot), before);
	assert_int_equal(due_count(), 1);
}

/* Also with the same bytes: the old reason to drop it is gone. */
static void drop_of_what_was_renewed_fails(void **state)
{
	struct ledger_connection *slot = marked(1);
	uint64_t before = conns_mark_of(slot);

	(void)state;
	assert_true(conns_mark(bucket_ledger, slot, COOKIE, 1));
	assert_false(conns_drop(bucket_ledger, slot, before));
	assert_false(conns_take(bucket_ledger, slot, before, TAKER));
	assert_int_equal(state_of(conns_mark_of(slot)), LEDGER_MARK_DUE);
	assert_int_equal(due_count(), 1);
}

static void exactly_one_takes_it(void **state)
{
	struct ledger_connection *slot = marked(1);
	uint64_t seen = conns_mark_of(slot);

	(void)state;
	assert_true(conns_take(bucket_ledger, slot, seen, TAKER));
	assert_false(conns_take(bucket_ledger, slot, seen, TAKER + 1));
	assert_false(conns_take(bucket_ledger, slot, conns_mark_of(slot), TAKER + 1));
	assert_int_equal(state_of(conns_mark_of(slot)), LEDGER_MARK_TAKEN);
	assert_int_equal(conns_mark_of(slot) >> LEDGER_MARK_REST_SHIFT, TAKER);
	assert_int_equal(due_count(), 0);
}

static void taken_is_not_marked_again_until_it_is_done(void **state)
{
	struct ledger_connection *slot = marked(1);

	(void)state;
	assert_true(conns_take(bucket_ledger, slot, conns_mark_of(slot), TAKER));
	assert_false(conns_mark(bucket_ledger, slot, COOKIE, 2));
	assert_int_equal(due_count(), 0);
	assert_true(conns_drop(bucket_ledger, slot, conns_mark_of(slot)));
	assert_true(conns_mark(bucket_ledger, slot, COOKIE, 2));
	assert_int_equal(due_count(), 1);
}

static void drop_of_nothing_fails(void **state)
{
	struct ledger_connection *slot = conns_find(bucket_ledger, COOKIE, true);

	(void)state;
	assert_false(conns_drop(bucket_ledger, slot, conns_mark_of(slot)));
	assert_false(conns_take(bucket_ledger, slot, conns_mark_of(slot), TAKER));
	assert_int_equal(due_count(), 0);
}

static void drop_of_a_due_mark_is_counted(void **state)
{
	struct ledger_connection *slot = marked(1);
	uint64_t seen = conns_mark_of(slot);

	(void)state;
	assert_true(conns_drop(bucket_ledger, slot, seen));
	assert_false(conns_drop(bucket_ledger, slot, seen));
	assert_false(conns_take(bucket_ledger, slot, seen, TAKER));
	assert_int_equal(state_of(conns_mark_of(slot)), LEDGER_MARK_NONE);
	assert_int_equal(due_count(), 0);
}

/* Whoever sleeps between its look and its act, however long, must fail. */
static void no_value_of_a_mark_comes_back(void **state)
{
	enum { ROUNDS = 200 };
	uint64_t seen[3 * ROUNDS];
	struct ledger_connection *slot = conns_find(bucket_ledger, COOKIE, true);
	unsigned count = 0;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		assert_true(conns_mark(bucket_ledger, slot, COOKIE, 1));
		seen[count++] = conns_mark_of(slot);
		if (i % 2 == 0) {
			assert_true(conns_take(bucket_ledger, slot, seen[count - 1], TAKER));
			seen[count++] = conns_mark_of(slot);
		}
		assert_true(conns_drop(bucket_ledger, slot, conns_mark_of(slot)));
		seen[count++] = conns_mark_of(slot);
	}
	for (unsigned i = 0; i < count; i++) {
		for (unsigned j = 0; j < i; j++) {
			assert_int_not_equal(seen[i], seen[j]);
		}
	}
}

static void count_of_a_mark_goes_round_without_touching_the_rest(void **state)
{
	struct ledger_connection *slot = conns_find(bucket_ledger, COOKIE, true);

	(void)state;
	slot->mark = LEDGER_MARK_COUNT;
	assert_true(conns_mark(bucket_ledger, slot, COOKIE, UINT64_MAX));
	assert_int_equal(conns_mark_of(slot),
			 LEDGER_MARK_DUE | (uint64_t)UINT32_MAX << LEDGER_MARK_REST_SHIFT);
}

static void marked_slot_outlives_its_users(void **state)
{
	struct ledger_connection *slot = bucket_engage(COOKIE, bucket_ref(0));

	(void)state;
	assert_true(conns_mark(bucket_ledger, slot, COOKIE, 1));
	conns_disengage(bucket_ledger, COOKIE, bucket_ref(0));
	assert_ptr_equal(conns_find(bucket_ledger, COOKIE, false), slot);
	assert_int_equal(bucket_slots_walked(), 1);
	conns_tidy(bucket_ledger, slot);
	assert_ptr_equal(conns_find(bucket_ledger, COOKIE, false), slot);
	assert_true(conns_take(bucket_ledger, slot, conns_mark_of(slot), TAKER));
	conns_tidy(bucket_ledger, slot);
	assert_ptr_equal(conns_find(bucket_ledger, COOKIE, false), slot);
	assert_true(conns_drop(bucket_ledger, slot, conns_mark_of(slot)));
	conns_tidy(bucket_ledger, slot);
	assert_null(conns_find(bucket_ledger, COOKIE, false));
	assert_int_equal(bucket_slots_used(), 0);
	assert_int_equal(bucket_slots_walked(), 0);
}

static void marked_slots_are_not_taken_from_a_full_bucket(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LEDGER_BUCKET; i++) {
		struct ledger_connection *slot;

		slot = conns_find(bucket_ledger, bucket_cookie(i), true);
		assert_true(conns_mark(bucket_ledger, slot, bucket_cookie(i), 1));
	}
	assert_null(conns_find(bucket_ledger, bucket_cookie(8), true));
	assert_int_equal(due_count(), LEDGER_BUCKET);
	for (unsigned i = 0; i < LEDGER_BUCKET; i++) {
		assert_non_null(conns_find(bucket_ledger, bucket_cookie(i), false));
	}
}

static void used_slot_is_not_tidied_away(void **state)
{
	struct ledger_connection *slot = bucket_engage(COOKIE, bucket_ref(0));

	(void)state;
	conns_tidy(bucket_ledger, slot);
	assert_int_equal(bucket_users(COOKIE, bucket_ref(0)), 1);
	assert_int_equal(bucket_slots_walked(), 1);
}

static void tidying_a_free_slot_changes_nothing(void **state)
{
	(void)state;
	conns_tidy(bucket_ledger, &bucket_ledger->connections[3]);
	assert_int_equal(bucket_slots_used(), 0);
}

/* The slot is another connection's by now. */
static void make_due_makes_a_slot_and_renews_a_mark(void **state)
{
	struct ledger_connection *slot = conns_make_due(bucket_ledger, COOKIE, 5);

	(void)state;
	assert_non_null(slot);
	assert_int_equal(state_of(conns_mark_of(slot)), LEDGER_MARK_DUE);
	assert_ptr_equal(conns_make_due(bucket_ledger, COOKIE, 6), slot);
	assert_int_equal(conns_mark_of(slot) >> LEDGER_MARK_REST_SHIFT, 6);
	assert_int_equal(due_count(), 1);
}

static void make_due_leaves_alone_what_is_taken(void **state)
{
	struct ledger_connection *slot = marked(1);

	(void)state;
	assert_true(conns_take(bucket_ledger, slot, conns_mark_of(slot), TAKER));
	assert_null(conns_make_due(bucket_ledger, COOKIE, 2));
	assert_int_equal(state_of(conns_mark_of(slot)), LEDGER_MARK_TAKEN);
}

/* The first slot is being given back by somebody who lives: the mark goes into another. */
static void due_mark_is_found_behind_a_slot_of_the_same_name(void **state)
{
	struct ledger_connection *dying = bucket_engage(bucket_cookie(0), bucket_ref(0));
	struct ledger_connection *slot;

	(void)state;
	dying->cookie |= LEDGER_COOKIE_DYING;
	slot = conns_make_due(bucket_ledger, bucket_cookie(0), 1);
	assert_non_null(slot);
	assert_ptr_not_equal(slot, dying);
	dying->cookie &= ~LEDGER_COOKIE_DYING;
	assert_ptr_equal(conns_find(bucket_ledger, bucket_cookie(0), false), dying);
	assert_ptr_equal(conns_find_due(bucket_ledger, bucket_cookie(0)), slot);
	assert_null(conns_find_due(bucket_ledger, bucket_cookie(1)));
}

static void mark_for_another_cookie_fails_and_leaves_none(void **state)
{
	struct ledger_connection *slot = bucket_engage(COOKIE, bucket_ref(0));

	(void)state;
	assert_false(conns_mark(bucket_ledger, slot, COOKIE + 1, 1));
	assert_int_equal(state_of(conns_mark_of(slot)), LEDGER_MARK_NONE);
	assert_int_equal(due_count(), 0);
}

static void another_connections_mark_is_not_renewed(void **state)
{
	struct ledger_connection *slot = marked(1);
	uint64_t before = conns_mark_of(slot);

	(void)state;
	assert_false(conns_mark(bucket_ledger, slot, COOKIE + 1, 9));
	assert_int_equal(conns_mark_of(slot), before);
	assert_int_equal(due_count(), 1);
}

static void count_is_the_number_of_due_marks(void **state)
{
	enum { COUNT = 40 };
	struct ledger_connection *slots[COUNT];

	(void)state;
	for (uint64_t i = 0; i < COUNT; i++) {
		slots[i] = conns_find(bucket_ledger, i + 1, true);
		assert_true(conns_mark(bucket_ledger, slots[i], i + 1, i));
		assert_int_equal(due_count(), i + 1);
	}
	for (uint32_t i = 0; i < COUNT; i++) {
		uint64_t seen = conns_mark_of(slots[i]);

		assert_true(i % 2 ? conns_drop(bucket_ledger, slots[i], seen)
				  : conns_take(bucket_ledger, slots[i], seen, i));
		assert_int_equal(due_count(), COUNT - 1 - i);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bucket_begin, bucket_end)

static const struct CMUnitTest tests[] = {
	TEST(fresh_connection_has_no_mark),
	TEST(mark_is_due_and_carries_the_bytes),
	TEST(renewal_does_not_go_back),
	TEST(renewal_has_new_bytes_and_is_counted_once),
	TEST(drop_of_what_was_renewed_fails),
	TEST(exactly_one_takes_it),
	TEST(taken_is_not_marked_again_until_it_is_done),
	TEST(drop_of_nothing_fails),
	TEST(drop_of_a_due_mark_is_counted),
	TEST(no_value_of_a_mark_comes_back),
	TEST(count_of_a_mark_goes_round_without_touching_the_rest),
	TEST(marked_slot_outlives_its_users),
	TEST(marked_slots_are_not_taken_from_a_full_bucket),
	TEST(used_slot_is_not_tidied_away),
	TEST(tidying_a_free_slot_changes_nothing),
	TEST(make_due_makes_a_slot_and_renews_a_mark),
	TEST(make_due_leaves_alone_what_is_taken),
	TEST(due_mark_is_found_behind_a_slot_of_the_same_name),
	TEST(mark_for_another_cookie_fails_and_leaves_none),
	TEST(another_connections_mark_is_not_renewed),
	TEST(count_is_the_number_of_due_marks),
};

UNIT_MAIN(tests)
