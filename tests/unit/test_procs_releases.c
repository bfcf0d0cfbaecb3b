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

static void kept_is_what_was_not_released_while_all_is_remembered(void **state)
{
	struct ledger_process *process = process_of(*state);

	assert_true(procs_has_kept(process, STAMP_EPOCH_ONE, 7));
	assert_false(procs_has_kept(process, STAMP_EPOCH_ONE, -1));
	for (int n = 1; n <= LEDGER_RELEASES; n++) {
		procs_release(process, (uint64_t)(n + 1) * STAMP_EPOCH_ONE, n);
		assert_false(procs_has_kept(process, (uint64_t)(n + 1) * STAMP_EPOCH_ONE, n));
		assert_true(procs_has_kept(process, STAMP_EPOCH_ONE, 7));
	}
	procs_release(process, 2 * STAMP_EPOCH_ONE, 8);
	assert_false(procs_has_kept(process, STAMP_EPOCH_ONE, 7));
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

/* A child of `parent`, born then. */
static uint64_t child_of(struct ledger *ledger, uint64_t parent, uint64_t born)
{
	uint64_t ref = procs_claim(ledger, &parent, true, NULL);
	struct ledger_process *child = procs_get(ledger, ref);

	assert_non_null(child);
	procs_set_born(ledger, child, born * STAMP_EPOCH_ONE);
	return ref;
}

static uint64_t first_of(struct ledger *ledger)
{
	const uint64_t nobody = LEDGER_NOBODY;

	return procs_claim(ledger, &nobody, false, NULL);
}

/* Lets go of what it acquired in epoch 2 as descriptor 7, and closes it at `bound`. */
static void let_go(struct ledger *ledger, uint64_t ref, uint64_t bound)
{
	struct ledger_process *process = procs_get(ledger, ref);

	procs_closed(process, procs_release(process, 2 * STAMP_EPOCH_ONE, 7),
		     bound * STAMP_EPOCH_ONE);
}

static bool is_without(const struct ledger *ledger, uint64_t child, uint64_t acquirer)
{
	return procs_born_without(ledger, procs_recall(ledger, child), acquirer,
				  2 * STAMP_EPOCH_ONE, 7);
}

static void who_is_born_after_the_close_is_born_without(void **state)
{
	struct ledger *ledger = *state;
	uint64_t parent = first_of(ledger);
	uint64_t before = child_of(ledger, parent, 4);
	uint64_t at = child_of(ledger, parent, 5);
	uint64_t after = child_of(ledger, parent, 6);

	assert_false(is_without(ledger, after, parent));
	let_go(ledger, parent, 5);
	assert_false(is_without(ledger, before, parent));
	assert_false(is_without(ledger, at, parent));
	assert_true(is_without(ledger, after, parent));
	assert_false(procs_born_without(ledger, procs_recall(ledger, after), parent,
					3 * STAMP_EPOCH_ONE, 7));
	assert_false(procs_born_without(ledger, procs_recall(ledger, after), parent,
					2 * STAMP_EPOCH_ONE, 8));
}

static void what_is_let_go_and_not_yet_closed_may_be_inherited(void **state)
{
	struct ledger *ledger = *state;
	uint64_t parent = first_of(ledger);
	uint64_t child = child_of(ledger, parent, 6);

	procs_release(procs_get(ledger, parent), 2 * STAMP_EPOCH_ONE, 7);
	assert_false(is_without(ledger, child, parent));
}

/* Nothing is concluded of those whose births are not the acquirer's own forks. */
static void grandchildren_may_have_it_all_the_same(void **state)
{
	struct ledger *ledger = *state;
	uint64_t acquirer = first_of(ledger);
	uint64_t late = child_of(ledger, acquirer, 8);
	uint64_t of_late = child_of(ledger, late, 10);

	let_go(ledger, acquirer, 5);
	assert_true(is_without(ledger, late, acquirer));
	assert_false(is_without(ledger, of_late, acquirer));
	let_go(ledger, late, 9);
	assert_false(is_without(ledger, of_late, acquirer));
}

/* It may have come some other way, to either. */
static void who_received_or_cannot_be_seen_may_have_it_all_the_same(void **state)
{
	struct ledger *ledger = *state;
	uint64_t acquirer = first_of(ledger);
	uint64_t late = child_of(ledger, acquirer, 8);
	struct ledger_process *both[] = {procs_get(ledger, late), procs_get(ledger, acquirer)};

	let_go(ledger, acquirer, 5);
	for (int i = 0; i < 2; i++) {
		assert_true(is_without(ledger, late, acquirer));
		both[i]->flags = LEDGER_PROCESS_RECEIVED;
		assert_false(is_without(ledger, late, acquirer));
		both[i]->flags = LEDGER_PROCESS_RETIRED;
		assert_false(is_without(ledger, late, acquirer));
		both[i]->flags = LEDGER_PROCESS_SIGHTED;
		both[i]->execed = STAMP_EPOCH_ONE;
		assert_false(is_without(ledger, late, acquirer));
		both[i]->execed = 0;
	}
	assert_true(is_without(ledger, late, acquirer));
}

static void an_acquirer_who_is_forgotten_proves_nothing(void **state)
{
	struct ledger *ledger = *state;
	uint64_t acquirer = first_of(ledger);
	uint64_t late = child_of(ledger, acquirer, 8);

	let_go(ledger, acquirer, 5);
	procs_end(ledger, acquirer);
	assert_true(is_without(ledger, late, acquirer)); /* its slot still tells */
	for (int i = 0; i < LEDGER_PROCESSES - 2; i++) {
		procs_end(ledger, first_of(ledger));
	}
	first_of(ledger);
	assert_null(procs_recall(ledger, acquirer));
	assert_false(is_without(ledger, late, acquirer));
}

static void a_close_is_forgotten_after_eight_more(void **state)
{
	struct ledger *ledger = *state;
	uint64_t parent = first_of(ledger);
	uint64_t child = child_of(ledger, parent, 6);

	let_go(ledger, parent, 5);
	for (int i = 1; i <= LEDGER_RELEASES; i++) {
		assert_true(is_without(ledger, child, parent));
		procs_closed(procs_get(ledger, parent), 9 * STAMP_EPOCH_ONE + (uint64_t)i,
			     5 * STAMP_EPOCH_ONE);
	}
	assert_false(is_without(ledger, child, parent));
}

/* A copy of the writer, made by fork in the middle of it, goes on when the entry is another's. */
static void half_of_a_close_says_nothing(void **state)
{
	struct ledger *ledger = *state;
	uint64_t parent = first_of(ledger);
	uint64_t child = child_of(ledger, parent, 6);
	struct ledger_process *process = procs_get(ledger, parent);

	let_go(ledger, parent, 9);
	assert_false(is_without(ledger, child, parent));
	process->closed[0].bound = 5 * STAMP_EPOCH_ONE;
	assert_false(is_without(ledger, child, parent));
	let_go(ledger, parent, 5);
	assert_true(is_without(ledger, child, parent));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_ledger, free_ledger)

static const struct CMUnitTest tests[] = {
	TEST(remembers_the_last_eight_releases),
	TEST(kept_is_what_was_not_released_while_all_is_remembered),
	TEST(release_is_of_one_epoch_and_one_descriptor),
	TEST(release_of_descriptor_zero_is_remembered),
	TEST(release_without_a_number_is_not_remembered),
	TEST(who_is_born_after_the_close_is_born_without),
	TEST(what_is_let_go_and_not_yet_closed_may_be_inherited),
	TEST(grandchildren_may_have_it_all_the_same),
	TEST(who_received_or_cannot_be_seen_may_have_it_all_the_same),
	TEST(an_acquirer_who_is_forgotten_proves_nothing),
	TEST(a_close_is_forgotten_after_eight_more),
	TEST(half_of_a_close_says_nothing),
};

UNIT_MAIN(tests)
