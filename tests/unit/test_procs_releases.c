/* SPDX-License-Identifier: MIT */
/*
 * The copies that a process let go unused, as its slot remembers them.
 *
 * The idea: one process in a ledger in ordinary memory.
 */
#include "ledger/procs.h"

#include <stdlib.h>

#include "core/stamp.h"
#include "unit.h"

static int make_ledger(void **state)
{
	*state = calloc(1, sizeof(struct ledger));
	return *state == NULL ? -1 : 0;
}

static int free_ledger(void **state)
{
	free(*state);
	return 0;
}

static struct ledger_process *process_of(struct ledger *ledger)
{
	const uint64_t nobody = LEDGER_NOBODY;
	uint64_t ref = procs_claim(ledger, &nobody, false, NULL);
	struct ledger_process *process = procs_get(ledger, ref);

	assert_non_null(process);
	return process;
}

static void remembers_the_last_eight_releases(void **state)
{
	enum { COUNT = 3 * LEDGER_RELEASES };
	struct ledger_process *process = process_of(*state);

	for (int n = 1; n <= COUNT; n++) {
		procs_release(process, (uint64_t)n * STAMP_EPOCH_ONE, n);
		for (int i = 1; i <= COUNT; i++) {
			assert_int_equal(
				procs_has_released(process, (uint64_t)i * STAMP_EPOCH_ONE, i),
				i <= n && i > n - LEDGER_RELEASES);
		}
	}
}

static void release_is_of_one_epoch_and_one_descriptor(void **state)
{
	struct ledger_process *process = process_of(*state);

	procs_release(process, 5 * STAMP_EPOCH_ONE, 7);
	assert_true(procs_has_released(process, 5 * STAMP_EPOCH_ONE, 7));
	assert_false(procs_has_released(process, 5 * STAMP_EPOCH_ONE, 6));
	assert_false(procs_has_released(process, 5 * STAMP_EPOCH_ONE, 8));
	assert_false(procs_has_released(process, 4 * STAMP_EPOCH_ONE, 7));
	assert_false(procs_has_released(process, 6 * STAMP_EPOCH_ONE, 7));
}

static void release_of_descriptor_zero_is_remembered(void **state)
{
	struct ledger_process *process = process_of(*state);

	assert_false(procs_has_released(process, STAMP_EPOCH_ONE, 0));
	procs_release(process, STAMP_EPOCH_ONE, 0);
	assert_true(procs_has_released(process, STAMP_EPOCH_ONE, 0));
	assert_false(procs_has_released(process, STAMP_EPOCH_ONE, -1));
}

/* What cannot be remembered leaves the process a holder, and pushes nothing out. */
static void release_without_a_number_is_not_remembered(void **state)
{
	struct ledger_process *process = process_of(*state);

	procs_release(process, STAMP_EPOCH_ONE, 7);
	for (int i = 0; i < LEDGER_RELEASES; i++) {
		procs_release(process, STAMP_EPOCH_ONE, -1);
		procs_release(process, STAMP_EPOCH_ONE, 0xffff + i);
	}
	assert_false(procs_has_released(process, STAMP_EPOCH_ONE, -1));
	assert_false(procs_has_released(process, STAMP_EPOCH_ONE, 0xffff));
	assert_true(procs_has_released(process, STAMP_EPOCH_ONE, 7));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_ledger, free_ledger)

static const struct CMUnitTest tests[] = {
	TEST(remembers_the_last_eight_releases),
	TEST(release_is_of_one_epoch_and_one_descriptor),
	TEST(release_of_descriptor_zero_is_remembered),
	TEST(release_without_a_number_is_not_remembered),
};

UNIT_MAIN(tests)
