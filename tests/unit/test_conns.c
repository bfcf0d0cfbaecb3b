/* SPDX-License-Identifier: MIT */
/*
 * Who uses a connection: engaged, found, let go; buckets that are full; phantoms;
 * what the first publisher knows; walks.
 *
 * The idea: one thread; what must never happen is that a user is not found.
 * Never here: marks (test_conns_mark.c), races (tests/stress).
 */
#include "ledger/conns.h"

#include <string.h>

#include "bucket.h"
#include "unit.h"

enum { COOKIE = 77, OTHER = 78 };

static void nobody_uses_an_unknown_connection(void **state)
{
	(void)state;
	assert_int_equal(bucket_users(COOKIE, LEDGER_NOBODY), 0);
	assert_null(conns_find(bucket_ledger, COOKIE, false));
}

static void engaged_is_found_and_nobody_else(void **state)
{
	(void)state;
	bucket_engage(COOKIE, bucket_ref(0));
	assert_int_equal(bucket_users(COOKIE, bucket_ref(0)), 1);
	assert_int_equal(bucket_users(COOKIE, LEDGER_NOBODY), 1);
	assert_int_equal(bucket_users(OTHER, LEDGER_NOBODY), 0);
}

static void engaging_twice_is_once(void **state)
{
	struct ledger_connection *slot = bucket_engage(COOKIE, bucket_ref(0));

	(void)state;
	assert_ptr_equal(bucket_engage(COOKIE, bucket_ref(0)), slot);
	assert_int_equal(bucket_users(COOKIE, bucket_ref(0)), 1);
	conns_disengage(bucket_ledger, COOKIE, bucket_ref(0));
	assert_int_equal(bucket_users(COOKIE, LEDGER_NOBODY), 0);
}

static void all_users_share_one_slot(void **state)
{
	struct ledger_connection *slot = bucket_engage(COOKIE, bucket_ref(0));

	(void)state;
	for (unsigned i = 1; i < LEDGER_ENGAGED; i++) {
		assert_ptr_equal(bucket_engage(COOKIE, bucket_ref(i)), slot);
		assert_ptr_equal(conns_find(bucket_ledger, COOKIE, true), slot);
	}
	for (unsigned i = 0; i < LEDGER_ENGAGED; i++) {
		assert_int_equal(bucket_users(COOKIE, bucket_ref(i)), 1);
	}
	assert_int_equal(bucket_slots_used(), 1);
}

static void slot_goes_with_its_last_user(void **state)
{
	(void)state;
	bucket_engage(COOKIE, bucket_ref(0));
	bucket_engage(COOKIE, bucket_ref(1));
	conns_disengage(bucket_ledger, COOKIE, bucket_ref(0));
	assert_int_equal(bucket_slots_used(), 1);
	assert_int_equal(bucket_users(COOKIE, bucket_ref(1)), 1);
	conns_disengage(bucket_ledger, COOKIE, bucket_ref(1));
	assert_int_equal(bucket_slots_used(), 0);
	assert_int_equal(bucket_slots_walked(), 0);
}

static void disengaging_a_stranger_changes_nothing(void **state)
{
	(void)state;
	bucket_engage(COOKIE, bucket_ref(0));
	conns_disengage(bucket_ledger, COOKIE, bucket_ref(1));
	conns_disengage(bucket_ledger, OTHER, bucket_ref(0));
	assert_int_equal(bucket_users(COOKIE, bucket_ref(0)), 1);
}

static void more_users_than_places_is_no_room(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LEDGER_ENGAGED; i++) {
		bucket_engage(COOKIE, bucket_ref(i));
	}
	assert_null(conns_engage(bucket_ledger, COOKIE, bucket_ref(8), &bucket_unknown));
	assert_int_equal(bucket_users(COOKIE, LEDGER_NOBODY), LEDGER_ENGAGED);
	conns_disengage(bucket_ledger, COOKIE, bucket_ref(3));
	bucket_engage(COOKIE, bucket_ref(8));
	assert_int_equal(bucket_users(COOKIE, bucket_ref(8)), 1);
}

static void full_bucket_is_no_room_and_loses_nobody(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LEDGER_BUCKET; i++) {
		bucket_engage(bucket_cookie(i), bucket_ref(i));
	}
	assert_null(conns_engage(bucket_ledger, bucket_cookie(8), bucket_ref(8), &bucket_unknown));
	assert_null(conns_find(bucket_ledger, bucket_cookie(8), true));
	for (unsigned i = 0; i < LEDGER_BUCKET; i++) {
		assert_int_equal(bucket_users(bucket_cookie(i), bucket_ref(i)), 1);
		assert_int_equal(bucket_users(bucket_cookie(i), LEDGER_NOBODY), 1);
	}
	assert_int_equal(bucket_users(bucket_cookie(8), LEDGER_NOBODY), 0);
}

/* Others take cookies, too: whichever of them are ours, all buckets are used. */
static void cookies_in_strides_find_as_much_room(void **state)
{
	enum { MANY = 2000, SOME = 700, FARTHEST = 64 };

	(void)state;
	for (uint64_t stride = 1; stride <= FARTHEST; stride++) {
		bool is_power = (stride & (stride - 1)) == 0;

		memset(bucket_ledger, 0, sizeof(*bucket_ledger));
		for (uint64_t i = 0; i < (is_power ? MANY : SOME); i++) {
			bucket_engage(5001 + i * stride, bucket_ref(0));
		}
	}
}

static void room_in_a_full_bucket_comes_back(void **state)
{
	(void)state;
	for (unsigned round = 0; round < LEDGER_BUCKET; round++) {
		for (unsigned i = 0; i < LEDGER_BUCKET; i++) {
			bucket_engage(bucket_cookie(i + round), bucket_ref(i));
		}
		for (unsigned i = 0; i < LEDGER_BUCKET; i++) {
			conns_disengage(bucket_ledger, bucket_cookie(i + round), bucket_ref(i));
		}
		assert_int_equal(bucket_slots_used(), 0);
	}
}

/*
 * A process killed between claiming a slot and engaging, or between disengaging and giving
 * back, leaves one without user and mark. It may stay for as long as there is room.
 */
static void slots_left_without_user_are_taken_when_the_bucket_is_full(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LEDGER_BUCKET; i++) {
		assert_non_null(conns_find(bucket_ledger, bucket_cookie(i), true));
	}
	bucket_engage(bucket_cookie(3), bucket_ref(3));
	for (unsigned i = LEDGER_BUCKET; i < 2 * LEDGER_BUCKET - 1; i++) {
		bucket_engage(bucket_cookie(i), bucket_ref(i));
	}
	assert_int_equal(bucket_users(bucket_cookie(3), bucket_ref(3)), 1);
	assert_null(conns_engage(bucket_ledger, bucket_cookie(15), bucket_ref(0), &bucket_unknown));
}

/* A slot whose claimer was killed before it could be walked to. */
static void engaging_makes_the_slot_walkable(void **state)
{
	struct ledger_connection *slot = conns_find(bucket_ledger, COOKIE, true);

	(void)state;
	assert_non_null(slot);
	memset(bucket_ledger->header.live, 0, sizeof(bucket_ledger->header.live));
	bucket_engage(COOKIE, bucket_ref(0));
	assert_int_equal(bucket_slots_walked(), 1);
}

static void same_cookie_in_two_slots_hides_nobody(void **state)
{
	struct ledger_connection *one;
	struct ledger_connection *two;

	(void)state;
	one = bucket_engage(bucket_cookie(0), bucket_ref(0));
	two = bucket_engage(bucket_cookie(1), bucket_ref(1));
	/* As two who publish at once may leave it: the second slot has the first cookie. */
	two->cookie = one->cookie;
	assert_int_equal(bucket_users(bucket_cookie(0), bucket_ref(0)), 1);
	assert_int_equal(bucket_users(bucket_cookie(0), bucket_ref(1)), 1);
	conns_disengage(bucket_ledger, bucket_cookie(0), bucket_ref(1));
	assert_int_equal(bucket_users(bucket_cookie(0), LEDGER_NOBODY), 1);
	conns_disengage(bucket_ledger, bucket_cookie(0), bucket_ref(0));
	assert_int_equal(bucket_slots_used(), 0);
}

static void dead_user_is_taken_out_everywhere(void **state)
{
	(void)state;
	for (uint64_t cookie = 1; cookie <= 500; cookie++) {
		bucket_engage(cookie, bucket_ref(0));
	}
	bucket_engage(COOKIE, bucket_ref(1));
	conns_disengage_all(bucket_ledger, bucket_ref(0));
	assert_int_equal(bucket_slots_used(), 1);
	assert_int_equal(bucket_slots_walked(), 1);
	assert_int_equal(bucket_users(COOKIE, LEDGER_NOBODY), 1);
	assert_int_equal(bucket_users(COOKIE, bucket_ref(1)), 1);
}

static bool is_even(uint64_t cookie, const void *context)
{
	assert_int_equal(*(const int *)context, 5);
	return cookie % 2 == 0;
}

static void abandons_what_is_not_held_any_more_and_leaves_the_slots(void **state)
{
	int context = 5;

	(void)state;
	for (uint64_t cookie = 1; cookie <= 10; cookie++) {
		bucket_engage(cookie, bucket_ref(0));
		bucket_engage(cookie, bucket_ref(1));
	}
	conns_abandon(bucket_ledger, bucket_ref(0), is_even, &context);
	for (uint64_t cookie = 1; cookie <= 10; cookie++) {
		assert_int_equal(bucket_users(cookie, bucket_ref(0)), cookie % 2 == 0);
		assert_int_equal(bucket_users(cookie, bucket_ref(1)), 1);
	}
	conns_abandon(bucket_ledger, bucket_ref(1), is_even, &context);
	assert_int_equal(bucket_slots_used(), 10);
	assert_int_equal(bucket_slots_walked(), 10);
}

static void phantom_is_a_user_until_somebody_takes_its_place(void **state)
{
	(void)state;
	bucket_engage(COOKIE, LEDGER_PHANTOM);
	assert_int_equal(bucket_users(COOKIE, LEDGER_PHANTOM), 1);
	assert_true(conns_replace_phantom(bucket_ledger, COOKIE, bucket_ref(0)));
	assert_int_equal(bucket_users(COOKIE, LEDGER_PHANTOM), 0);
	assert_int_equal(bucket_users(COOKIE, bucket_ref(0)), 1);
	assert_false(conns_replace_phantom(bucket_ledger, COOKIE, bucket_ref(1)));
	assert_int_equal(bucket_users(COOKIE, LEDGER_NOBODY), 1);
}

/* Sent away twice: two will receive it. */
static void phantoms_are_counted_and_replaced_one_by_one(void **state)
{
	(void)state;
	bucket_engage(COOKIE, LEDGER_PHANTOM);
	bucket_engage(COOKIE, LEDGER_PHANTOM);
	assert_int_equal(bucket_users(COOKIE, LEDGER_PHANTOM), 2);
	assert_true(conns_replace_phantom(bucket_ledger, COOKIE, bucket_ref(0)));
	assert_int_equal(bucket_users(COOKIE, LEDGER_PHANTOM), 1);
	conns_disengage(bucket_ledger, COOKIE, LEDGER_PHANTOM);
	assert_int_equal(bucket_users(COOKIE, LEDGER_PHANTOM), 0);
	assert_int_equal(bucket_users(COOKIE, bucket_ref(0)), 1);
}

static void phantom_of_another_connection_is_left_alone(void **state)
{
	(void)state;
	bucket_engage(bucket_cookie(0), LEDGER_PHANTOM);
	assert_false(conns_replace_phantom(bucket_ledger, bucket_cookie(1), bucket_ref(0)));
	assert_int_equal(bucket_users(bucket_cookie(0), LEDGER_PHANTOM), 1);
}

/* It received what it had sent, or noted a use before it took the phantom's place. */
static void user_in_two_places_lets_go_of_both(void **state)
{
	(void)state;
	bucket_engage(COOKIE, bucket_ref(0));
	bucket_engage(COOKIE, LEDGER_PHANTOM);
	assert_true(conns_replace_phantom(bucket_ledger, COOKIE, bucket_ref(0)));
	assert_int_equal(bucket_users(COOKIE, LEDGER_PHANTOM), 0);
	conns_disengage(bucket_ledger, COOKIE, bucket_ref(0));
	assert_int_equal(bucket_users(COOKIE, LEDGER_NOBODY), 0);
	assert_int_equal(bucket_slots_used(), 0);
}

static void origin_is_what_the_first_who_knows_says(void **state)
{
	const struct conns_origin first = {
		.acquirer = bucket_ref(5), .acquired = 6 << 16, .descriptor = 7};
	const struct conns_origin second = {
		.acquirer = bucket_ref(8), .acquired = 9 << 16, .descriptor = 10};
	struct ledger_connection *slot;
	struct conns_origin known;

	(void)state;
	slot = conns_engage(bucket_ledger, COOKIE, bucket_ref(0), &bucket_unknown);
	assert_int_equal(conns_origin(slot, COOKIE).acquirer, LEDGER_NOBODY);
	assert_ptr_equal(conns_engage(bucket_ledger, COOKIE, bucket_ref(1), &first), slot);
	conns_note_origin(slot, COOKIE, &second);
	conns_note_origin(slot, COOKIE, &bucket_unknown);
	known = conns_origin(slot, COOKIE);
	assert_int_equal(known.acquirer, first.acquirer);
	assert_int_equal(known.acquired, first.acquired);
	assert_int_equal(known.descriptor, first.descriptor);
}

static void fresh_slot_says_nothing_of_the_last_connection(void **state)
{
	const struct conns_origin origin = {
		.acquirer = bucket_ref(5), .acquired = 6 << 16, .descriptor = 7};
	struct ledger_connection *slot;

	(void)state;
	slot = conns_engage(bucket_ledger, bucket_cookie(0), bucket_ref(0), &origin);
	assert_non_null(slot);
	assert_int_equal(slot->was_engaged, 1);
	conns_disengage(bucket_ledger, bucket_cookie(0), bucket_ref(0));
	assert_ptr_equal(conns_find(bucket_ledger, bucket_cookie(1), true), slot);
	assert_int_equal(conns_origin(slot, bucket_cookie(1)).acquirer, LEDGER_NOBODY);
	assert_int_equal(conns_origin(slot, bucket_cookie(1)).acquired, 0);
	assert_int_equal(slot->was_engaged, 0);
}

/* Somebody is giving it back in this moment, and has not looked for users yet. */
static void user_of_a_dying_slot_is_found_and_lets_go(void **state)
{
	struct ledger_connection *slot = bucket_engage(bucket_cookie(0), bucket_ref(0));

	(void)state;
	bucket_engage(bucket_cookie(0), LEDGER_PHANTOM);
	slot->cookie |= LEDGER_COOKIE_DYING;
	assert_int_equal(bucket_users(bucket_cookie(0), bucket_ref(0)), 1);
	assert_int_equal(bucket_users(bucket_cookie(1), LEDGER_NOBODY), 0);
	assert_true(conns_replace_phantom(bucket_ledger, bucket_cookie(0), bucket_ref(1)));
	conns_disengage(bucket_ledger, bucket_cookie(1), bucket_ref(0));
	assert_int_equal(bucket_users(bucket_cookie(0), bucket_ref(0)), 1);
	conns_disengage(bucket_ledger, bucket_cookie(0), bucket_ref(0));
	assert_int_equal(bucket_users(bucket_cookie(0), bucket_ref(0)), 0);
	assert_int_equal(bucket_users(bucket_cookie(0), bucket_ref(1)), 1);
}

/* Whether its giver lives is not known, so it is never taken, and a new slot serves. */
static void slot_that_its_giver_left_dying_is_nobodys(void **state)
{
	struct ledger_connection *slot = conns_find(bucket_ledger, bucket_cookie(0), true);

	(void)state;
	slot->cookie |= LEDGER_COOKIE_DYING;
	assert_null(conns_find(bucket_ledger, bucket_cookie(0), false));
	for (unsigned i = 0; i < LEDGER_BUCKET - 1; i++) {
		assert_ptr_not_equal(bucket_engage(bucket_cookie(i), bucket_ref(i)), slot);
	}
	assert_null(conns_engage(bucket_ledger, bucket_cookie(7), bucket_ref(7), &bucket_unknown));
	assert_int_equal(bucket_users(bucket_cookie(0), bucket_ref(0)), 1);
}

/* Nobody has let go of it: the sweep must be able to find it. */
static void dead_user_taken_out_leaves_the_slot(void **state)
{
	struct ledger_connection *slot = bucket_engage(COOKIE, bucket_ref(0));

	(void)state;
	bucket_engage(COOKIE, bucket_ref(1));
	conns_take_out(bucket_ledger, COOKIE, bucket_ref(0));
	assert_int_equal(bucket_users(COOKIE, bucket_ref(0)), 0);
	assert_int_equal(bucket_users(COOKIE, bucket_ref(1)), 1);
	conns_take_out(bucket_ledger, OTHER, bucket_ref(1));
	conns_take_out(bucket_ledger, COOKIE, bucket_ref(1));
	assert_int_equal(bucket_users(COOKIE, LEDGER_NOBODY), 0);
	assert_ptr_equal(conns_find(bucket_ledger, COOKIE, false), slot);
	assert_int_equal(bucket_slots_walked(), 1);
	conns_tidy(bucket_ledger, slot);
	assert_int_equal(bucket_slots_used(), 0);
}

static void walk_meets_every_slot_in_use_once(void **state)
{
	enum { COUNT = 300 };
	unsigned met[COUNT + 1] = {0};

	(void)state;
	for (uint64_t cookie = 1; cookie <= COUNT; cookie++) {
		bucket_engage(cookie, bucket_ref(0));
	}
	for (uint32_t i = conns_next(bucket_ledger, 0); i < LEDGER_CONNECTIONS;
	     i = conns_next(bucket_ledger, i + 1)) {
		uint64_t cookie = bucket_ledger->connections[i].cookie;

		assert_in_range(cookie, 1, COUNT);
		met[cookie]++;
	}
	for (uint64_t cookie = 1; cookie <= COUNT; cookie++) {
		assert_int_equal(met[cookie], 1);
	}
}

static void walk_ends_at_the_end(void **state)
{
	(void)state;
	assert_int_equal(conns_next(bucket_ledger, 0), LEDGER_CONNECTIONS);
	memset(bucket_ledger->header.live, 0xff, sizeof(bucket_ledger->header.live));
	assert_int_equal(bucket_slots_walked(), LEDGER_CONNECTIONS);
	assert_int_equal(conns_next(bucket_ledger, LEDGER_CONNECTIONS - 1), LEDGER_CONNECTIONS - 1);
	assert_int_equal(conns_next(bucket_ledger, LEDGER_CONNECTIONS), LEDGER_CONNECTIONS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bucket_begin, bucket_end)

static const struct CMUnitTest tests[] = {
	TEST(nobody_uses_an_unknown_connection),
	TEST(engaged_is_found_and_nobody_else),
	TEST(engaging_twice_is_once),
	TEST(all_users_share_one_slot),
	TEST(slot_goes_with_its_last_user),
	TEST(disengaging_a_stranger_changes_nothing),
	TEST(more_users_than_places_is_no_room),
	TEST(full_bucket_is_no_room_and_loses_nobody),
	TEST(cookies_in_strides_find_as_much_room),
	TEST(room_in_a_full_bucket_comes_back),
	TEST(slots_left_without_user_are_taken_when_the_bucket_is_full),
	TEST(engaging_makes_the_slot_walkable),
	TEST(same_cookie_in_two_slots_hides_nobody),
	TEST(dead_user_is_taken_out_everywhere),
	TEST(abandons_what_is_not_held_any_more_and_leaves_the_slots),
	TEST(phantom_is_a_user_until_somebody_takes_its_place),
	TEST(phantoms_are_counted_and_replaced_one_by_one),
	TEST(phantom_of_another_connection_is_left_alone),
	TEST(user_in_two_places_lets_go_of_both),
	TEST(origin_is_what_the_first_who_knows_says),
	TEST(fresh_slot_says_nothing_of_the_last_connection),
	TEST(dead_user_taken_out_leaves_the_slot),
	TEST(user_of_a_dying_slot_is_found_and_lets_go),
	TEST(slot_that_its_giver_left_dying_is_nobodys),
	TEST(walk_meets_every_slot_in_use_once),
	TEST(walk_ends_at_the_end),
};

UNIT_MAIN(tests)
