/* SPDX-License-Identifier: MIT */
/*
 * Modules and sites: interned, found again, told apart, counted; and what somebody who was
 * killed in the middle leaves behind.
 *
 * The idea: one ledger in ordinary memory, one thread. A collision, or a killed writer, is
 * written into the slot where another ledger shows that a backtrace would go. Never here:
 * races; tests/stress has them.
 */
#include "ledger/sites.h"

#include <stdio.h>
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

static uint32_t intern_module(const char *path, const char *build_id)
{
	const struct sites_module module = {
		.path = path,
		.build_id = (const uint8_t *)build_id,
		.build_id_length = (uint32_t)strlen(build_id),
	};

	return sites_intern_module(ledger, &module);
}

static void a_module_has_one_index(void **state)
{
	uint32_t index = intern_module("/usr/sbin/server", "\x12\x34");
	const struct ledger_module *module = sites_module(ledger, index);

	(void)state;
	assert_non_null(module);
	assert_string_equal(module->path, "/usr/sbin/server");
	assert_int_equal(module->build_id_length, 2);
	assert_memory_equal(module->build_id, "\x12\x34", 2);
	assert_int_equal(intern_module("/usr/sbin/server", "\x12\x34"), index);
}

static void another_path_or_build_is_another_module(void **state)
{
	uint32_t index = intern_module("/usr/sbin/server", "\x12\x34");

	(void)state;
	assert_int_not_equal(intern_module("/usr/sbin/servers", "\x12\x34"), index);
	assert_int_not_equal(intern_module("/usr/sbin/server", "\x12\x35"), index);
	assert_int_not_equal(intern_module("/usr/sbin/server", "\x12"), index);
	assert_int_not_equal(intern_module("/usr/sbin/server", ""), index);
	assert_int_equal(sites_module(ledger, intern_module("/bin/a", ""))->build_id_length, 0);
}

static void a_long_path_keeps_its_end(void **state)
{
	char path[4096];
	uint32_t index;

	(void)state;
	memset(path, 'a', sizeof(path));
	memcpy(path + sizeof(path) - 10, "/the/last", 10);
	index = intern_module(path, "");
	assert_string_equal(sites_module(ledger, index)->path,
			    path + sizeof(path) - LEDGER_MODULE_PATH);
	assert_int_equal(intern_module(path, ""), index);
}

static void a_long_build_id_keeps_its_beginning(void **state)
{
	const char id[] = "0123456789abcdefghijKLMNOP";
	uint32_t index = intern_module("/bin/a", id);

	(void)state;
	assert_int_equal(sites_module(ledger, index)->build_id_length, LEDGER_BUILD_ID);
	assert_memory_equal(sites_module(ledger, index)->build_id, id, LEDGER_BUILD_ID);
}

static void a_module_without_anything_is_one_too(void **state)
{
	uint32_t index = intern_module("", "");

	(void)state;
	assert_string_equal(sites_module(ledger, index)->path, "");
	assert_int_equal(intern_module("", ""), index);
}

/* Its slot is lost, and the next who comes takes another: for ever, and only once. */
static void who_is_killed_over_a_module_loses_the_slot(void **state)
{
	uint32_t index = intern_module("/bin/a", "\x12");
	uint32_t again;

	(void)state;
	ledger->modules[index].is_told = 0;
	assert_null(sites_module(ledger, index));
	again = intern_module("/bin/a", "\x12");
	assert_in_range(again, 0, LEDGER_MODULES - 1);
	assert_int_not_equal(again, index);
	assert_int_equal(intern_module("/bin/a", "\x12"), again);
}

static void equal_keys_of_modules_are_told_apart(void **state)
{
	uint32_t index = intern_module("/bin/a", "\x12");
	uint32_t again;

	(void)state;
	ledger->modules[index].path[5] = 'b';
	again = intern_module("/bin/a", "\x12");
	assert_int_not_equal(again, index);
	assert_string_equal(sites_module(ledger, index)->path, "/bin/b");
	assert_string_equal(sites_module(ledger, again)->path, "/bin/a");
}

static void there_is_room_for_every_module(void **state)
{
	char path[16];
	uint32_t made = 0;

	(void)state;
	for (uint32_t i = 0; i < 2 * LEDGER_MODULES; i++) {
		snprintf(path, sizeof(path), "/lib/%u", i);
		made += intern_module(path, "") < LEDGER_MODULES;
	}
	assert_in_range(made, LEDGER_MODULES - 2, LEDGER_MODULES);
}

static void strange_indexes_and_contents_are_no_module(void **state)
{
	uint32_t index = intern_module("/bin/a", "");

	(void)state;
	assert_null(sites_module(ledger, LEDGER_MODULES));
	assert_null(sites_module(ledger, UINT32_MAX));
	assert_null(sites_module(ledger, (index + 1) % LEDGER_MODULES));
	ledger->modules[index].build_id_length = LEDGER_BUILD_ID + 1;
	assert_null(sites_module(ledger, index));
	ledger->modules[index].build_id_length = 0;
	memset(ledger->modules[index].path, 'a', LEDGER_MODULE_PATH);
	assert_null(sites_module(ledger, index));
}

static void frames_are_module_and_offset(void **state)
{
	const uint64_t offset = 0x123456789abcU;

	(void)state;
	for (uint32_t i = 0; i < LEDGER_MODULES; i++) {
		uint64_t frame = sites_frame(i, offset);

		assert_int_equal(frame, (uint64_t)(i + 1) << 48 | offset);
		assert_int_equal(sites_frame_module(frame), i);
		assert_int_equal(sites_frame_offset(frame), offset);
	}
}

static void frames_in_no_module_are_addresses(void **state)
{
	uint64_t frame = sites_frame(LEDGER_MODULES, 0x7fffdeadbeefU);

	(void)state;
	assert_int_equal(frame, 0x7fffdeadbeefU);
	assert_int_equal(sites_frame_module(frame), LEDGER_MODULES);
	assert_int_equal(sites_frame_offset(frame), 0x7fffdeadbeefU);
	/* The kernel's half, as a signal's frame may have it, keeps its low bits. */
	assert_int_equal(sites_frame(LEDGER_MODULES, ~(uint64_t)0), LEDGER_FRAME_OFFSET);
	assert_int_equal(sites_frame_module(~(uint64_t)0), LEDGER_MODULES);
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
	TEST(a_module_has_one_index),
	TEST(another_path_or_build_is_another_module),
	TEST(a_long_path_keeps_its_end),
	TEST(a_long_build_id_keeps_its_beginning),
	TEST(a_module_without_anything_is_one_too),
	TEST(who_is_killed_over_a_module_loses_the_slot),
	TEST(equal_keys_of_modules_are_told_apart),
	TEST(there_is_room_for_every_module),
	TEST(strange_indexes_and_contents_are_no_module),
	TEST(frames_are_module_and_offset),
	TEST(frames_in_no_module_are_addresses),
};

UNIT_MAIN(tests)
