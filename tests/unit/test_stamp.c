/* SPDX-License-Identifier: MIT */
/*
 * Stamps: what one descriptor's word says after it was acquired and used.
 *
 * The idea: every flag and every order of three epochs is tried; what must hold
 * is written as a property, and not as the same arithmetic once more.
 * Never here: two stamps at once; they are test_stamp_merged.c's.
 */
#include "core/stamp.h"

#include <stdbool.h>

#include "unit.h"

enum { EPOCHS = 3 };

static const uint64_t uses[] = {STAMP_USE_POLL, STAMP_USE_READ, STAMP_USE_WRITE, STAMP_USE_ALL};

/* One call of stamp_used(): every stamp that there can be, used in every epoch from its own on. */
struct use_case {
	uint64_t stamp;
	uint64_t epoch;
	uint64_t came_to_share;
	uint64_t use;
};

static uint64_t nth_epoch(unsigned n)
{
	return (uint64_t)n * STAMP_EPOCH_ONE;
}

static void fail_use(const struct use_case *c, const char *what)
{
	fail_msg("%s: stamp %#llx epoch %#llx came to share %#llx use %#llx", what,
		 (unsigned long long)c->stamp, (unsigned long long)c->epoch,
		 (unsigned long long)c->came_to_share, (unsigned long long)c->use);
}

typedef bool property(const struct use_case *c, uint64_t result);

/* Claims a property of every use; came_to_share is never later than the epoch of now. */
static void every_use(property *holds, const char *claim)
{
	struct use_case c;

	for (unsigned was = 1; was <= EPOCHS; was++) {
		for (uint64_t flags = 0; flags <= STAMP_FLAGS; flags++) {
			c.stamp = nth_epoch(was) | flags;
			for (unsigned n = 0; n < EPOCHS * EPOCHS * UNIT_COUNT(uses); n++) {
				c.epoch = nth_epoch(n % EPOCHS + 1);
				c.came_to_share = nth_epoch(n / EPOCHS % EPOCHS + 1);
				c.use = uses[n / (EPOCHS * EPOCHS)];
				if (c.epoch < nth_epoch(was) || c.came_to_share > c.epoch) {
					continue;
				}
				if (!holds(&c,
					   stamp_used(c.stamp, c.epoch, c.came_to_share, c.use))) {
					fail_use(&c, claim);
				}
			}
		}
	}
}

static void knows_a_connection_by_its_epoch(void **state)
{
	(void)state;
	assert_false(stamp_is_connection(STAMP_NONE));
	for (uint64_t flags = 0; flags <= STAMP_FLAGS; flags++) {
		assert_false(stamp_is_connection(flags));
		assert_true(stamp_is_connection(STAMP_EPOCH_ONE | flags));
		assert_true(stamp_is_connection(STAMP_EPOCHS_MAX | flags));
	}
}

static void epoch_is_what_is_left_without_flags(void **state)
{
	(void)state;
	for (uint64_t flags = 0; flags <= STAMP_FLAGS; flags++) {
		assert_int_equal(stamp_epoch(flags), 0);
		assert_int_equal(stamp_epoch(nth_epoch(2) | flags), nth_epoch(2));
		assert_int_equal(stamp_epoch(STAMP_EPOCHS_MAX | flags), STAMP_EPOCHS_MAX);
	}
}

static void epochs_leave_room_for_a_few_more_forks(void **state)
{
	(void)state;
	assert_int_equal(STAMP_EPOCHS_MAX & STAMP_FLAGS, 0);
	assert_true(STAMP_EPOCHS_MAX + 2 * STAMP_EPOCH_ONE > STAMP_EPOCHS_MAX);
	assert_int_equal(STAMP_FLAGS + 1, STAMP_EPOCH_ONE);
}

static void flags_are_one_bit_each_below_the_epoch(void **state)
{
	static const uint64_t flags[] = {
		STAMP_UNUSED,    STAMP_UNREAD,  STAMP_UNWRITTEN, STAMP_SHARED,
		STAMP_EOF,       STAMP_SHUT_RD, STAMP_UPSTREAM,  STAMP_RECORD,
		STAMP_STDIO,     STAMP_ENGAGED, STAMP_SOCKET,    STAMP_LISTENS,
		STAMP_RECLAIMED, STAMP_POLLED,  STAMP_EPOLL,     STAMP_EXECED,
	};
	uint64_t all = 0;

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(flags); i++) {
		assert_int_equal(__builtin_popcountll(flags[i]), 1);
		assert_int_equal(all & flags[i], 0);
		all |= flags[i];
	}
	assert_int_equal(all, STAMP_FLAGS);
}

static void is_not_warm_when_just_acquired(void **state)
{
	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(uses); i++) {
		uint64_t stamp = stamp_acquired(nth_epoch(2), 0);

		assert_false(stamp_is_warm(stamp, nth_epoch(2), uses[i]));
		assert_false(stamp_is_warm(stamp, nth_epoch(3), uses[i]));
	}
}

static void is_acquired_private_unused_and_without_eof(void **state)
{
	uint64_t stamp = stamp_acquired(nth_epoch(2), 0);

	(void)state;
	assert_true(stamp_is_connection(stamp));
	assert_int_equal(stamp_epoch(stamp), nth_epoch(2));
	assert_false(stamp_is_shared(stamp, nth_epoch(2)));
	assert_true(stamp_is_shared(stamp, nth_epoch(3)));
	assert_int_equal(stamp & STAMP_FLAGS, STAMP_USE_ALL);
}

static void is_acquired_shared_or_upstream_when_asked(void **state)
{
	(void)state;
	assert_true(stamp_is_shared(stamp_acquired(nth_epoch(2), STAMP_SHARED), nth_epoch(2)));
	assert_true((stamp_acquired(nth_epoch(2), STAMP_UPSTREAM) & STAMP_UPSTREAM) != 0);
}

/* Nothing that is no connection may take the short road: its epoch is 0. */
static void is_never_warm_without_an_epoch(void **state)
{
	(void)state;
	for (uint64_t flags = 0; flags <= STAMP_FLAGS; flags++) {
		for (size_t i = 0; i < UNIT_COUNT(uses); i++) {
			assert_false(stamp_is_warm(flags, nth_epoch(1), uses[i]));
		}
	}
}

static void is_warm_iff_noted_in_this_epoch(void **state)
{
	(void)state;
	for (unsigned was = 1; was <= EPOCHS; was++) {
		for (uint64_t flags = 0; flags <= STAMP_FLAGS; flags++) {
			for (size_t i = 0; i < UNIT_COUNT(uses); i++) {
				uint64_t stamp = nth_epoch(was) | flags;
				bool noted = was == 2 && (flags & uses[i]) == 0;

				if (stamp_is_warm(stamp, nth_epoch(2), uses[i]) != noted) {
					fail_msg("stamp %#llx use %zu", (unsigned long long)stamp,
						 i);
				}
			}
		}
	}
}

static bool is_warm_afterwards(const struct use_case *c, uint64_t result)
{
	return stamp_is_warm(result, c->epoch, c->use) &&
	       stamp_is_warm(result, c->epoch, STAMP_USE_POLL) &&
	       !stamp_is_warm(result, c->epoch + STAMP_EPOCH_ONE, STAMP_USE_POLL);
}

static void is_warm_after_the_use(void **state)
{
	(void)state;
	every_use(is_warm_afterwards, "not warm, or warm in another epoch");
}

/* What is noted must have been done: by this use, or since the process came to share it. */
static bool invents_no_use(const struct use_case *c, uint64_t result)
{
	bool counts = stamp_epoch(c->stamp) >= c->came_to_share;
	uint64_t noted = ~result & STAMP_USE_ALL & ~c->use;

	return counts ? (noted & c->stamp) == 0 : noted == 0;
}

static void activity_from_before_it_came_to_share_is_forgotten(void **state)
{
	(void)state;
	every_use(invents_no_use, "a use out of nowhere");
}

static bool forgets_no_use(const struct use_case *c, uint64_t result)
{
	bool counts = stamp_epoch(c->stamp) >= c->came_to_share;

	return !counts || (result & STAMP_USE_ALL & ~c->stamp) == 0;
}

static void activity_since_it_came_to_share_is_kept(void **state)
{
	(void)state;
	every_use(forgets_no_use, "a use was forgotten");
}

static bool has_eof_iff_it_counts(const struct use_case *c, uint64_t result)
{
	bool counts = stamp_epoch(c->stamp) >= c->came_to_share;
	bool expected = counts && (c->stamp & STAMP_EOF) != 0;

	return ((result & STAMP_EOF) != 0) == expected;
}

static void eof_is_never_invented_and_never_older_than_the_sharing(void **state)
{
	(void)state;
	every_use(has_eof_iff_it_counts, "EOF");
}

static bool keeps_what_is_sticky(const struct use_case *c, uint64_t result)
{
	uint64_t before = c->stamp & STAMP_STICKY & ~STAMP_SHARED;

	return (result & STAMP_STICKY & ~STAMP_SHARED) == before;
}

static void sticky_flags_stay_and_none_is_added(void **state)
{
	(void)state;
	every_use(keeps_what_is_sticky, "sticky flags changed");
}

static bool is_shared_as_before(const struct use_case *c, uint64_t result)
{
	return stamp_is_shared(result, c->epoch) == stamp_is_shared(c->stamp, c->epoch);
}

static void sharing_is_not_forgotten_by_the_new_epoch(void **state)
{
	(void)state;
	every_use(is_shared_as_before, "shared before, private after, or the reverse");
}

static bool keeps_only_what_is_known(const struct use_case *c, uint64_t result)
{
	uint64_t known = STAMP_STICKY | STAMP_USE_ALL | STAMP_EOF;

	return stamp_epoch(result) == c->epoch && (result & STAMP_FLAGS & ~known) == 0;
}

static void flags_of_what_is_no_connection_do_not_pass(void **state)
{
	(void)state;
	every_use(keeps_only_what_is_known, "a socket's flag on a connection, or a wrong epoch");
}

static bool twice_is_once(const struct use_case *c, uint64_t result)
{
	return stamp_used(result, c->epoch, c->came_to_share, c->use) == result;
}

static void the_same_use_again_changes_nothing(void **state)
{
	(void)state;
	every_use(twice_is_once, "not the same after the second use");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(knows_a_connection_by_its_epoch),
	cmocka_unit_test(epoch_is_what_is_left_without_flags),
	cmocka_unit_test(epochs_leave_room_for_a_few_more_forks),
	cmocka_unit_test(flags_are_one_bit_each_below_the_epoch),
	cmocka_unit_test(is_not_warm_when_just_acquired),
	cmocka_unit_test(is_acquired_private_unused_and_without_eof),
	cmocka_unit_test(is_acquired_shared_or_upstream_when_asked),
	cmocka_unit_test(is_never_warm_without_an_epoch),
	cmocka_unit_test(is_warm_iff_noted_in_this_epoch),
	cmocka_unit_test(is_warm_after_the_use),
	cmocka_unit_test(activity_from_before_it_came_to_share_is_forgotten),
	cmocka_unit_test(activity_since_it_came_to_share_is_kept),
	cmocka_unit_test(eof_is_never_invented_and_never_older_than_the_sharing),
	cmocka_unit_test(sticky_flags_stay_and_none_is_added),
	cmocka_unit_test(sharing_is_not_forgotten_by_the_new_epoch),
	cmocka_unit_test(flags_of_what_is_no_connection_do_not_pass),
	cmocka_unit_test(the_same_use_again_changes_nothing),
};

UNIT_MAIN(tests)
