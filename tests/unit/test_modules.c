/* SPDX-License-Identifier: MIT */
/*
 * Modules: interned, found again, told apart; the frames that lie in them; and the ledger
 * as a source of frames for lines.
 *
 * The idea: one ledger in ordinary memory, one thread. Never here: races; tests/stress has
 * them.
 */
#include "ledger/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/sites.h"
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

/* What a path longer than the last one leaves is not taken for a part of it. */
static void a_path_is_not_a_beginning_of_another(void **state)
{
	char path[LEDGER_MODULE_PATH + 10];
	uint32_t longest;

	(void)state;
	memset(path, 'a', sizeof(path));
	path[LEDGER_MODULE_PATH - 1] = '\0';
	longest = intern_module(path, "");
	assert_int_equal(strlen(sites_module(ledger, longest)->path), LEDGER_MODULE_PATH - 1);
	path[LEDGER_MODULE_PATH - 2] = '\0';
	assert_int_not_equal(intern_module(path, ""), longest);
}

static void lines_get_module_offset_and_build_id(void **state)
{
	uint32_t index = intern_module("/srv/echod", "\x12\x34");
	const uint64_t frames[] = {
		sites_frame(index, 0x13a4), sites_frame(LEDGER_MODULES, 0x7fff0000),
		sites_frame((index + 1) % LEDGER_MODULES, 0x99), /* a module that nobody told */
	};
	uint32_t site = sites_intern(ledger, frames, 3, NULL);
	struct line_frame frame;

	(void)state;
	assert_true(source_frame_of(ledger, site, 0, &frame));
	assert_string_equal(frame.module, "/srv/echod");
	assert_int_equal(frame.offset, 0x13a4);
	assert_int_equal(frame.build_id_length, 2);
	assert_memory_equal(frame.build_id, "\x12\x34", 2);
	assert_null(frame.function);
	assert_null(frame.file);
	assert_true(source_frame_of(ledger, site, 1, &frame));
	assert_null(frame.module);
	assert_int_equal(frame.offset, 0x7fff0000);
	assert_true(source_frame_of(ledger, site, 2, &frame));
	assert_null(frame.module);
	assert_int_equal(frame.offset, 0x99);
	assert_false(source_frame_of(ledger, site, 3, &frame));
	assert_false(source_frame_of(ledger, 0, 0, &frame));
	assert_false(source_frame_of(ledger, site % LEDGER_SITES + 1, 0, &frame));
	assert_false(source_frame_of(ledger, UINT32_MAX, UINT32_MAX, &frame));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_ledger, free_ledger)

static const struct CMUnitTest tests[] = {
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
	TEST(a_path_is_not_a_beginning_of_another),
	TEST(lines_get_module_offset_and_build_id),
};

UNIT_MAIN(tests)
