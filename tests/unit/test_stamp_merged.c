/* SPDX-License-Identifier: MIT */
/*
 * Two descriptors of one connection: what they know together.
 *
 * The idea: all pairs of stamps with the flags that matter, in all orders of three
 * epochs; merging must be a union of what counts, from either side.
 * Never here: the use of a stamp; that is test_stamp.c's.
 */
#include "core/stamp.h"

#include <stdbool.h>

#include "unit.h"

enum { EPOCHS = 3, FLAG_SETS = 64 };

struct pair {
	uint64_t a;
	uint64_t b;
	uint64_t came_to_share;
};

static const uint64_t chosen[] = {STAMP_UNUSED, STAMP_UNREAD, STAMP_UNWRITTEN,
				  STAMP_EOF,    STAMP_SHARED, STAMP_ENGAGED};

static uint64_t nth_stamp(unsigned n)
{
	uint64_t stamp = (uint64_t)(n / FLAG_SETS + 1) * STAMP_EPOCH_ONE;

	for (size_t i = 0; i < UNIT_COUNT(chosen); i++) {
		stamp |= (n >> i & 1) != 0 ? chosen[i] : 0;
	}
	return stamp;
}

static bool counts(uint64_t stamp, const struct pair *p)
{
	return stamp_epoch(stamp) >= p->came_to_share;
}

typedef bool property(const struct pair *p, uint64_t merged);

static void every_pair(property *holds, const char *claim)
{
	struct pair p;

	for (unsigned a = 0; a < EPOCHS * FLAG_SETS; a++) {
		for (unsigned b = 0; b < EPOCHS * FLAG_SETS; b++) {
			for (unsigned epoch = 1; epoch <= EPOCHS + 1; epoch++) {
				p.a = nth_stamp(a);
				p.b = nth_stamp(b);
				p.came_to_share = (uint64_t)epoch * STAMP_EPOCH_ONE;
				if (!holds(&p, stamp_merged(p.a, p.b, p.came_to_share))) {
					fail_msg("%s: %#llx and %#llx, came to share %u", claim,
						 (unsigned long long)p.a, (unsigned long long)p.b,
						 epoch);
				}
			}
		}
	}
}

static bool is_symmetric(const struct pair *p, uint64_t merged)
{
	return stamp_merged(p->b, p->a, p->came_to_share) == merged;
}

static void order_does_not_matter(void **state)
{
	(void)state;
	every_pair(is_symmetric, "not the same the other way round");
}

static bool has_newer_epoch(const struct pair *p, uint64_t merged)
{
	uint64_t a = stamp_epoch(p->a);
	uint64_t b = stamp_epoch(p->b);

	return stamp_epoch(merged) == (a > b ? a : b);
}

static void newer_epoch_wins(void **state)
{
	(void)state;
	every_pair(has_newer_epoch, "epoch");
}

static bool notes_what_either_did(const struct pair *p, uint64_t merged)
{
	uint64_t done = 0;

	done |= counts(p->a, p) ? ~p->a & STAMP_USE_ALL : 0;
	done |= counts(p->b, p) ? ~p->b & STAMP_USE_ALL : 0;
	return (~merged & STAMP_USE_ALL) == done;
}

static void activity_is_what_either_did_since_it_came_to_share(void **state)
{
	(void)state;
	every_pair(notes_what_either_did, "activity");
}

static bool saw_what_either_saw(const struct pair *p, uint64_t merged)
{
	bool seen = (counts(p->a, p) && (p->a & STAMP_EOF) != 0) ||
		    (counts(p->b, p) && (p->b & STAMP_EOF) != 0);

	return ((merged & STAMP_EOF) != 0) == seen;
}

static void eof_is_what_either_saw_since_it_came_to_share(void **state)
{
	(void)state;
	every_pair(saw_what_either_saw, "EOF");
}

static bool unites_sticky_flags(const struct pair *p, uint64_t merged)
{
	return (merged & STAMP_STICKY) == ((p->a | p->b) & STAMP_STICKY);
}

static void sticky_flags_of_both_stay(void **state)
{
	(void)state;
	every_pair(unites_sticky_flags, "sticky");
}

static void each_sticky_flag_passes_from_either_side(void **state)
{
	uint64_t epoch = STAMP_EPOCH_ONE;

	(void)state;
	for (uint64_t flag = 1; flag <= STAMP_FLAGS; flag <<= 1) {
		uint64_t with = stamp_acquired(epoch, 0) | flag;
		uint64_t without = stamp_acquired(epoch, 0) & ~flag;
		bool expected = (flag & (STAMP_STICKY | STAMP_EOF)) != 0;

		assert_int_equal((stamp_merged(with, without, epoch) & flag) != 0, expected);
		assert_int_equal((stamp_merged(without, with, epoch) & flag) != 0, expected);
	}
}

static bool stays_shared(const struct pair *p, uint64_t merged)
{
	uint64_t now = EPOCHS * STAMP_EPOCH_ONE;
	bool said = ((p->a | p->b) & STAMP_SHARED) != 0;

	/* The newer of two stamps of one connection says SHARED once an epoch has passed. */
	if (!said && stamp_epoch(p->a) != stamp_epoch(p->b)) {
		return true;
	}
	return stamp_is_shared(merged, now) ==
	       (stamp_is_shared(p->a, now) || stamp_is_shared(p->b, now));
}

static void shared_is_what_either_was(void **state)
{
	(void)state;
	every_pair(stays_shared, "sharing");
}

static bool is_itself(const struct pair *p, uint64_t merged)
{
	uint64_t alone = stamp_merged(p->a, p->a, p->came_to_share);

	(void)merged;
	return !counts(p->a, p) || alone == p->a;
}

static void with_itself_nothing_changes(void **state)
{
	(void)state;
	every_pair(is_itself, "not idempotent");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(order_does_not_matter),
	cmocka_unit_test(newer_epoch_wins),
	cmocka_unit_test(activity_is_what_either_did_since_it_came_to_share),
	cmocka_unit_test(eof_is_what_either_saw_since_it_came_to_share),
	cmocka_unit_test(sticky_flags_of_both_stay),
	cmocka_unit_test(each_sticky_flag_passes_from_either_side),
	cmocka_unit_test(shared_is_what_either_was),
	cmocka_unit_test(with_itself_nothing_changes),
};

UNIT_MAIN(tests)
