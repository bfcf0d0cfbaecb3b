/* SPDX-License-Identifier: MIT */
/*
 * Sites: interned, found again, told apart, counted; and what somebody who was killed in the
 * middle leaves behind.
 *
 * The idea: one ledger in ordinary memory, one thread. A collision, or a killed writer, is
 * written into the slot where another ledger shows that a backtrace would go. Never here:
 * races; tests/stress has them.
 */
#include "ledger/sites.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

static struct ledger *ledger;

static int make_ledger(void **state)
{
	(void)state;
	ledger = calloc(1, sizeof(*ledger));
	return ledger == NULL ? -1 : 0;
}

static int free_ledger(void **state)
{
	(void)state;
	free(ledger);
	return 0;
}

/* The only told site of a ledger of its own: what a backtrace becomes when it is the first. */
static struct ledger_site alone(const uint64_t *frames, uint32_t count, uint32_t *site)
{
	struct ledger *other = calloc(1, sizeof(*other));
	struct ledger_site copy;

	assert_non_null(other);
	*site = sites_intern(other, frames, count, NULL);
	assert_int_not_equal(*site, 0);
	copy = *sites_get(other, *site);
	free(other);
	return copy;
}

static uint32_t intern(const uint64_t *frames, uint32_t count)
{
	uint32_t site = sites_intern(ledger, frames, count, NULL);

	assert_in_range(site, 1, LEDGER_SITES);
	return site;
}

static void assert_frames(uint32_t site, const uint64_t *frames, uint32_t count)
{
	const struct ledger_site *slot = sites_get(ledger, site);

	assert_non_null(slot);
	assert_int_equal(slot->frame_count, count);
	assert_memory_equal(slot->frames, frames, count * sizeof(*frames));
}

static void a_backtrace_has_one_number(void **state)
{
	const uint64_t frames[] = {11, 22, 33};
	bool is_new = false;
	uint32_t site = sites_intern(ledger, frames, 3, &is_new);

	(void)state;
	assert_in_range(site, 1, LEDGER_SITES);
	assert_true(is_new);
	assert_int_equal(sites_intern(ledger, frames, 3, &is_new), site);
	assert_false(is_new);
	assert_int_equal(sites_intern(ledger, frames, 3, NULL), site);
	assert_frames(site, frames, 3);
	assert_int_equal(sites_get(ledger, site)->count, 3);
}

static void another_backtrace_has_another_number(void **state)
{
	const uint64_t frames[] = {11, 22, 33};
	const uint64_t other_end[] = {11, 22, 34};
	const uint64_t other_order[] = {22, 11, 33};
	uint32_t sites[4];

	(void)state;
	sites[0] = intern(frames, 3);
	sites[1] = intern(frames, 2);
	sites[2] = intern(other_end, 3);
	sites[3] = intern(other_order, 3);
	for (uint32_t i = 0; i < 4; i++) {
		for (uint32_t j = 0; j < i; j++) {
			assert_int_not_equal(sites[i], sites[j]);
		}
	}
	assert_frames(sites[1], frames, 2);
	assert_frames(sites[2], other_end, 3);
}

static void nothing_is_no_site(void **state)
{
	const uint64_t frames[] = {0, 22};
	bool is_new = true;

	(void)state;
	assert_int_equal(sites_intern(ledger, frames, 0, &is_new), 0);
	assert_false(is_new);
	assert_int_equal(sites_intern(ledger, frames, 2, NULL), 0);
	assert_int_equal(ledger->header.sites_lost, 0);
}

/* Unwinders end at a return address of 0, and so do we. */
static void a_frame_of_zero_ends_a_backtrace(void **state)
{
	const uint64_t frames[] = {11, 22, 0, 33};

	(void)state;
	assert_int_equal(intern(frames, 4), intern(frames, 2));
	assert_frames(intern(frames, 4), frames, 2);
}

static void a_long_backtrace_is_cut_and_says_so(void **state)
{
	uint64_t frames[LEDGER_FRAMES + 1];
	uint32_t site;

	(void)state;
	for (uint32_t i = 0; i <= LEDGER_FRAMES; i++) {
		frames[i] = i + 1;
	}
	site = intern(frames, LEDGER_FRAMES);
	assert_int_equal(sites_get(ledger, site)->is_cut, 0);
	assert_int_equal(intern(frames, LEDGER_FRAMES + 1), site);
	assert_int_equal(sites_get(ledger, site)->is_cut, 1);
	assert_frames(site, frames, LEDGER_FRAMES);
}

static void strange_numbers_are_no_site(void **state)
{
	const uint64_t frames[] = {11};
	uint32_t site = intern(frames, 1);

	(void)state;
	assert_null(sites_get(ledger, 0));
	assert_null(sites_get(ledger, LEDGER_SITES + 1));
	assert_null(sites_get(ledger, UINT32_MAX));
	assert_null(sites_get(ledger, site % LEDGER_SITES + 1));
	sites_count(ledger, 0);
	sites_count(ledger, UINT32_MAX);
	sites_count(ledger, site);
	assert_int_equal(sites_get(ledger, site)->count, 2);
}

static void a_count_beyond_the_frames_is_not_told(void **state)
{
	const uint64_t frames[] = {11};
	uint32_t site = intern(frames, 1);

	(void)state;
	ledger->sites[site - 1].frame_count = LEDGER_FRAMES + 1;
	assert_null(sites_get(ledger, site));
}

static void equal_keys_are_told_apart_by_frames(void **state)
{
	const uint64_t frames[] = {11, 22};
	const uint64_t squatter[] = {11, 23};
	uint32_t site, again;
	struct ledger_site slot = alone(frames, 2, &site);

	(void)state;
	slot.frames[1] = squatter[1];
	ledger->sites[site - 1] = slot;
	again = intern(frames, 2);
	assert_int_not_equal(again, site);
	assert_int_equal(intern(frames, 2), again);
	assert_frames(again, frames, 2);
	assert_frames(site, squatter, 2);
	assert_int_equal(sites_get(ledger, site)->count, 1);
}

static void equal_keys_are_told_apart_by_length(void **state)
{
	const uint64_t frames[] = {11, 22, 33};
	uint32_t site, again;
	struct ledger_site slot = alone(frames, 3, &site);

	(void)state;
	/* A shorter one won, after we, or another like us, had settled all of our frames. */
	slot.frame_count = 2;
	ledger->sites[site - 1] = slot;
	again = intern(frames, 3);
	assert_int_not_equal(again, site);
	assert_frames(site, frames, 2);
	assert_frames(again, frames, 3);
}

/* Killed after the claim, after each frame, and before the number of frames. */
static void who_is_killed_over_a_site_leaves_it_to_the_next(void **state)
{
	const uint64_t frames[] = {11, 22, 33};

	(void)state;
	for (uint32_t done = 0; done <= 3; done++) {
		uint32_t site;
		struct ledger_site slot = alone(frames, 3, &site);
		bool is_new = false;

		slot.frame_count = 0;
		slot.count = 0;
		memset(&slot.frames[done], 0, (LEDGER_FRAMES - done) * sizeof(slot.frames[0]));
		memset(ledger, 0, sizeof(*ledger));
		ledger->sites[site - 1] = slot;
		assert_null(sites_get(ledger, site));
		assert_int_equal(sites_intern(ledger, frames, 3, &is_new), site);
		assert_true(is_new);
		assert_frames(site, frames, 3);
		assert_int_equal(sites_get(ledger, site)->count, 1);
	}
}

/* What the killed one had begun is another backtrace: it keeps the slot, nobody waits. */
static void who_is_killed_over_another_site_is_passed_by(void **state)
{
	const uint64_t frames[] = {11, 22, 33};
	uint32_t site, again;
	struct ledger_site slot = alone(frames, 3, &site);

	(void)state;
	slot.frame_count = 0;
	slot.frames[2] = 34;
	ledger->sites[site - 1] = slot;
	again = intern(frames, 3);
	assert_int_not_equal(again, site);
	assert_frames(again, frames, 3);
	assert_null(sites_get(ledger, site));
}

static void a_full_table_loses_sites_and_counts_them(void **state)
{
	uint32_t made = 0;
	uint32_t first_lost = 0;

	(void)state;
	for (uint64_t i = 1; i <= 4 * LEDGER_SITES; i++) {
		if (sites_intern(ledger, &i, 1, NULL) != 0) {
			made++;
		} else if (first_lost == 0) {
			first_lost = (uint32_t)i;
		}
	}
	assert_int_equal(made, LEDGER_SITES);
	assert_int_equal(ledger->header.sites_lost, 3 * LEDGER_SITES);
	assert_true(first_lost > LEDGER_SITES / 10 * 9);
	for (uint64_t i = 1; i < first_lost; i++) {
		assert_frames(sites_intern(ledger, &i, 1, NULL), &i, 1);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_ledger, free_ledger)

static const struct CMUnitTest tests[] = {
	TEST(a_backtrace_has_one_number),
	TEST(another_backtrace_has_another_number),
	TEST(nothing_is_no_site),
	TEST(a_frame_of_zero_ends_a_backtrace),
	TEST(a_long_backtrace_is_cut_and_says_so),
	TEST(strange_numbers_are_no_site),
	TEST(a_count_beyond_the_frames_is_not_told),
	TEST(equal_keys_are_told_apart_by_frames),
	TEST(equal_keys_are_told_apart_by_length),
	TEST(who_is_killed_over_a_site_leaves_it_to_the_next),
	TEST(who_is_killed_over_another_site_is_passed_by),
	TEST(a_full_table_loses_sites_and_counts_them),
};

UNIT_MAIN(tests)
