/* SPDX-License-Identifier: MIT */
/*
 * The slots of processes: claimed, found, ended, claimed again; the family.
 *
 * The idea: one ledger in ordinary memory, one thread; who is dead is a list that
 * the test keeps. Never here: races; tests/stress has them.
 */
#include "ledger/procs.h"

#include <stdlib.h>
#include <string.h>

#include "core/stamp.h"
#include "unit.h"

static struct ledger *ledger;

static const uint64_t nobody = LEDGER_NOBODY;

/* Every process whose pid is below this is dead. */
static uint32_t dead_below;

static int make_ledger(void **state)
{
	(void)state;
	ledger = calloc(1, sizeof(*ledger));
	dead_below = 0;
	return ledger == NULL ? -1 : 0;
}

static int free_ledger(void **state)
{
	(void)state;
	free(ledger);
	return 0;
}

static bool is_dead(const struct ledger_process *process)
{
	return process->pid != 0 && process->pid < dead_below;
}

static uint64_t claim(uint64_t parent)
{
	uint64_t ref = procs_claim(ledger, &parent, true, is_dead);

	assert_int_not_equal(ref, LEDGER_NOBODY);
	return ref;
}

static struct ledger_process *slot_of(uint64_t ref)
{
	struct ledger_process *process = procs_get(ledger, ref);

	assert_non_null(process);
	return process;
}

static uint32_t index_of(uint64_t ref)
{
	return (uint32_t)(slot_of(ref) - ledger->processes);
}

/* Claims every slot; pids count from 1. */
static void fill_table(uint64_t *refs)
{
	for (uint32_t i = 0; i < LEDGER_PROCESSES; i++) {
		refs[i] = claim(LEDGER_NOBODY);
		slot_of(refs[i])->pid = i + 1;
	}
}

static void claims_a_slot_that_answers_to_its_name(void **state)
{
	uint64_t ref = claim(LEDGER_NOBODY);

	(void)state;
	assert_int_not_equal(ref, LEDGER_PHANTOM);
	assert_int_equal(procs_at(ledger, index_of(ref)), ref);
}

static void nobody_and_strangers_have_no_slot(void **state)
{
	uint64_t ref = claim(LEDGER_NOBODY);

	(void)state;
	assert_null(procs_get(ledger, LEDGER_NOBODY));
	assert_null(procs_get(ledger, LEDGER_PHANTOM));
	assert_null(procs_get(ledger, ref + 1));
	assert_null(procs_get(ledger, ref + ((uint64_t)1 << 16)));
	assert_null(procs_get(ledger, ref & ~(uint64_t)0xffff));
	assert_null(procs_get(ledger, ref | 0xffff));
	assert_null(procs_get(ledger, (uint64_t)1 << 16 | (LEDGER_PROCESSES + 1)));
}

static void two_claims_give_two_slots(void **state)
{
	uint64_t a = claim(LEDGER_NOBODY);
	uint64_t b = claim(LEDGER_NOBODY);

	(void)state;
	assert_int_not_equal(a, b);
	assert_ptr_not_equal(slot_of(a), slot_of(b));
}

static void ended_does_not_answer_but_is_remembered(void **state)
{
	uint64_t parent = claim(LEDGER_NOBODY);
	uint64_t ref = claim(parent);
	const struct ledger_process *process = slot_of(ref);

	(void)state;
	assert_ptr_equal(procs_recall(ledger, ref), process);
	procs_end(ledger, ref);
	procs_end(ledger, ref);
	assert_null(procs_get(ledger, ref));
	assert_ptr_equal(procs_recall(ledger, ref), process);
	assert_int_equal(procs_kin(ledger, process, parent), PROCS_DESCENDS);
	assert_null(procs_recall(ledger, LEDGER_NOBODY));
	assert_null(procs_recall(ledger, LEDGER_PHANTOM));
	assert_null(procs_recall(ledger, ref + ((uint64_t)1 << 16)));
}

static void walk_sees_the_living_and_not_the_ended(void **state)
{
	uint64_t a = claim(LEDGER_NOBODY);
	uint64_t b = claim(LEDGER_NOBODY);
	uint32_t seen = 0;

	(void)state;
	procs_end(ledger, a);
	for (uint32_t i = 0; i < procs_high(ledger); i++) {
		uint64_t ref = procs_at(ledger, i);

		assert_int_not_equal(ref, a);
		seen += ref == b;
	}
	assert_int_equal(seen, 1);
}

/* So it costs what lives, not what ever lived. */
static void walk_by_the_bits_meets_the_living_alone(void **state)
{
	enum { COUNT = 100 };
	uint64_t refs[COUNT];
	uint32_t index = 0;

	(void)state;
	for (unsigned i = 0; i < COUNT; i++) {
		refs[i] = claim(LEDGER_NOBODY);
	}
	for (unsigned i = 0; i < COUNT; i++) {
		if (i % 7 != 0) {
			procs_end(ledger, refs[i]);
		}
	}
	for (unsigned i = 0; i < COUNT; i += 7) {
		index = procs_next(ledger, index);
		assert_int_equal(procs_at(ledger, index), refs[i]);
		index++;
	}
	assert_int_equal(procs_next(ledger, index), LEDGER_PROCESSES);
	assert_int_equal(procs_next(ledger, LEDGER_PROCESSES), LEDGER_PROCESSES);
}

/* By somebody who was late, or by two that found it dead. */
static void end_of_who_had_the_slot_before_hides_nobody(void **state)
{
	uint64_t refs[LEDGER_PROCESSES];
	uint64_t again;

	(void)state;
	fill_table(refs);
	procs_end(ledger, refs[65]);
	again = claim(LEDGER_NOBODY);
	procs_end(ledger, refs[65]);
	assert_int_equal(procs_next(ledger, 65), 65);
	assert_int_equal(procs_at(ledger, 65), again);
}

/* Killed half-way through its good-bye: lost to claimers, nobody's to walks, still kin. */
static void slot_being_given_back_is_nobodys(void **state)
{
	uint64_t refs[LEDGER_PROCESSES];

	(void)state;
	fill_table(refs);
	slot_of(refs[6])->ref = LEDGER_REF_ENDED | LEDGER_REF_CLAIMING |
				++ledger->header.generation << 16;
	assert_int_equal(procs_at(ledger, 6), LEDGER_NOBODY);
	assert_null(procs_get(ledger, refs[6]));
	assert_null(procs_recall(ledger, refs[6]));
	dead_below = UINT32_MAX;
	ledger->header.process_next = 6;
	assert_int_equal(index_of(claim(LEDGER_NOBODY)), 7);
}

static void birth_is_told_beside_the_slots_and_forgotten_with_them(void **state)
{
	uint64_t refs[LEDGER_PROCESSES];

	(void)state;
	fill_table(refs);
	procs_set_born(ledger, slot_of(refs[9]), 5 * STAMP_EPOCH_ONE);
	assert_int_equal(slot_of(refs[9])->born, 5 * STAMP_EPOCH_ONE);
	assert_int_equal(procs_born(ledger, procs_index(refs[9])), 5 * STAMP_EPOCH_ONE);
	procs_end(ledger, refs[9]);
	assert_int_equal(procs_born(ledger, procs_index(claim(LEDGER_NOBODY))), 0);
	assert_int_equal(procs_index(LEDGER_NOBODY), LEDGER_PROCESSES);
	assert_int_equal(procs_index(LEDGER_PHANTOM), LEDGER_PROCESSES);
}

static void crowd_is_of_the_living(void **state)
{
	uint64_t refs[80];

	(void)state;
	for (unsigned i = 0; i < 80; i++) {
		assert_int_equal(procs_is_crowd(ledger, 32), i > 32);
		refs[i] = claim(LEDGER_NOBODY);
	}
	for (unsigned i = 0; i < 48; i++) {
		assert_true(procs_is_crowd(ledger, 32));
		procs_end(ledger, refs[i]);
	}
	assert_false(procs_is_crowd(ledger, 32));
}

/* Its claimer may live, or may have been killed half-way: nobody can tell. */
static void slot_being_claimed_is_nobodys(void **state)
{
	uint64_t refs[LEDGER_PROCESSES];

	(void)state;
	fill_table(refs);
	/* Who claims it has no slot of its own. */
	slot_of(refs[6])->ref = (refs[6] & ~(uint64_t)0xffff) | LEDGER_REF_CLAIMING;
	dead_below = 8;
	assert_int_equal(procs_at(ledger, 6), LEDGER_NOBODY);
	assert_null(procs_get(ledger, refs[6]));
	procs_end(ledger, refs[6]);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_not_equal(index_of(claim(LEDGER_NOBODY)), 6);
	}
	assert_int_equal(procs_claim(ledger, &nobody, false, is_dead), LEDGER_NOBODY);
}

static void walk_of_an_empty_ledger_sees_nobody(void **state)
{
	(void)state;
	assert_int_equal(procs_high(ledger), 0);
	assert_int_equal(procs_at(ledger, 0), LEDGER_NOBODY);
	assert_int_equal(procs_at(ledger, LEDGER_PROCESSES - 1), LEDGER_NOBODY);
}

/* A header that something wrote over must not send a walk beyond the table. */
static void walk_never_leaves_the_table(void **state)
{
	(void)state;
	ledger->header.process_high = UINT32_MAX;
	assert_int_equal(procs_high(ledger), LEDGER_PROCESSES);
}

static void end_of_somebody_gone_harms_nobody(void **state)
{
	uint64_t refs[LEDGER_PROCESSES];
	uint64_t again;

	(void)state;
	fill_table(refs);
	procs_end(ledger, refs[7]);
	again = claim(LEDGER_NOBODY);
	procs_end(ledger, refs[7]);
	procs_end(ledger, LEDGER_NOBODY);
	procs_end(ledger, LEDGER_PHANTOM);
	assert_int_equal(procs_at(ledger, index_of(again)), again);
	assert_int_equal(procs_claim(ledger, &nobody, false, is_dead), LEDGER_NOBODY);
}

static void old_name_is_forgotten_when_the_slot_is_taken_again(void **state)
{
	uint64_t refs[LEDGER_PROCESSES];
	uint64_t again;

	(void)state;
	fill_table(refs);
	procs_end(ledger, refs[100]);
	again = claim(LEDGER_NOBODY);
	assert_int_equal(index_of(again), 100);
	assert_int_not_equal(again, refs[100]);
	assert_null(procs_get(ledger, refs[100]));
}

static int compare_refs(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void no_name_ever_comes_back(void **state)
{
	enum { COUNT = 5 * LEDGER_PROCESSES };
	uint64_t *refs = calloc(COUNT, sizeof(*refs));

	(void)state;
	assert_non_null(refs);
	for (uint32_t i = 0; i < COUNT; i++) {
		refs[i] = claim(LEDGER_NOBODY);
		procs_end(ledger, refs[i]);
	}
	qsort(refs, COUNT, sizeof(*refs), compare_refs);
	for (uint32_t i = 1; i < COUNT; i++) {
		assert_int_not_equal(refs[i - 1], refs[i]);
	}
	free(refs);
}

/* Slots are taken in turn: the family of who just died stays readable. */
static void ended_slot_is_not_the_first_to_be_taken(void **state)
{
	uint64_t ended = claim(LEDGER_NOBODY);
	uint64_t child;

	(void)state;
	procs_end(ledger, ended);
	for (uint32_t i = 0; i < LEDGER_PROCESSES - 1; i++) {
		child = claim(LEDGER_NOBODY);
		procs_end(ledger, child);
		assert_non_null(procs_recall(ledger, ended));
	}
	claim(LEDGER_NOBODY);
	assert_null(procs_recall(ledger, ended));
}

/* Also where many that live are passed over at the turn. */
static void slots_behind_the_living_are_taken_in_turn(void **state)
{
	enum { LIVING = 20, COUNT = 50 };
	uint64_t ended[COUNT];

	(void)state;
	for (int i = 0; i < LIVING; i++) {
		claim(LEDGER_NOBODY);
	}
	for (int i = LIVING; i < LEDGER_PROCESSES; i++) {
		procs_end(ledger, claim(LEDGER_NOBODY));
	}
	for (int i = 0; i < COUNT; i++) {
		ended[i] = claim(LEDGER_NOBODY);
		procs_end(ledger, ended[i]);
	}
	for (int i = 0; i < COUNT; i++) {
		assert_non_null(procs_recall(ledger, ended[i]));
	}
}

static void full_table_has_no_room(void **state)
{
	uint64_t refs[LEDGER_PROCESSES];

	(void)state;
	fill_table(refs);
	assert_int_equal(procs_high(ledger), LEDGER_PROCESSES);
	assert_int_equal(procs_claim(ledger, &refs[0], true, is_dead), LEDGER_NOBODY);
	assert_int_equal(procs_claim(ledger, &refs[0], true, NULL), LEDGER_NOBODY);
	for (uint32_t i = 0; i < LEDGER_PROCESSES; i++) {
		assert_int_equal(index_of(refs[i]), i);
	}
}

static void slots_of_the_dead_are_taken_when_there_are_no_others(void **state)
{
	uint64_t refs[LEDGER_PROCESSES];

	(void)state;
	fill_table(refs);
	dead_below = 11;
	assert_int_equal(procs_claim(ledger, &nobody, false, NULL), LEDGER_NOBODY);
	for (uint32_t i = 0; i < 10; i++) {
		assert_in_range(index_of(claim(refs[2000])), 0, 9);
	}
	assert_int_equal(procs_claim(ledger, &nobody, false, is_dead), LEDGER_NOBODY);
	for (uint32_t i = 0; i < LEDGER_PROCESSES; i++) {
		assert_int_equal(procs_get(ledger, refs[i]) != NULL, i >= 10);
	}
}

static void free_and_ended_slots_come_before_those_of_the_dead(void **state)
{
	uint64_t refs[LEDGER_PROCESSES];

	(void)state;
	fill_table(refs);
	dead_below = UINT32_MAX;
	procs_end(ledger, refs[1234]);
	assert_int_equal(index_of(claim(LEDGER_NOBODY)), 1234);
	assert_int_equal(procs_at(ledger, 0), refs[0]);
}

/* Nobody knows the pid of a child before the fork returns: it is not dead. */
static void slot_without_a_pid_is_not_taken(void **state)
{
	uint64_t refs[LEDGER_PROCESSES];

	(void)state;
	fill_table(refs);
	slot_of(refs[5])->pid = 0;
	dead_below = 7;
	for (uint32_t i = 0; i < 5; i++) {
		claim(LEDGER_NOBODY);
	}
	assert_int_equal(procs_at(ledger, 5), refs[5]);
}

static void fresh_slot_says_nothing_of_the_last_process(void **state)
{
	uint64_t refs[LEDGER_PROCESSES];
	struct ledger_process *process;
	struct ledger_process empty = {0};

	(void)state;
	fill_table(refs);
	process = slot_of(refs[3]);
	/* All but the name, which is the claim's. */
	memset((char *)process + sizeof(process->ref), 0xff,
	       offsetof(struct ledger_process, reserved) - sizeof(process->ref));
	process->flags = 0;
	procs_end(ledger, refs[3]);
	process = slot_of(claim(LEDGER_NOBODY));
	assert_ptr_equal(process, &ledger->processes[3]);
	assert_memory_equal((char *)process + sizeof(process->ref),
			    (char *)&empty + sizeof(empty.ref),
			    offsetof(struct ledger_process, reserved) - sizeof(empty.ref));
}

static void child_knows_its_family_nearest_first(void **state)
{
	uint64_t refs[LEDGER_ANCESTORS + 1] = {claim(LEDGER_NOBODY)};

	(void)state;
	for (uint32_t depth = 1; depth <= LEDGER_ANCESTORS; depth++) {
		const struct ledger_process *child;

		refs[depth] = claim(refs[depth - 1]);
		child = slot_of(refs[depth]);
		assert_int_equal(child->depth, depth);
		for (uint32_t i = 0; i < LEDGER_ANCESTORS; i++) {
			assert_int_equal(child->ancestors[i],
					 i < depth ? refs[depth - 1 - i] : LEDGER_NOBODY);
		}
	}
}

static void child_lives_in_its_parents_pid_space(void **state)
{
	uint64_t parent = claim(LEDGER_NOBODY);

	(void)state;
	assert_int_equal(slot_of(parent)->pid_space, 0);
	slot_of(parent)->pid_space = 3;
	assert_int_equal(slot_of(claim(parent))->pid_space, 3);
}

static void kin_is_known_for_eight_generations(void **state)
{
	enum { GENERATIONS = 2 * LEDGER_ANCESTORS };
	uint64_t stranger = claim(LEDGER_NOBODY);
	uint64_t refs[GENERATIONS] = {claim(LEDGER_NOBODY)};

	(void)state;
	for (uint32_t depth = 1; depth < GENERATIONS; depth++) {
		const struct ledger_process *process;

		refs[depth] = claim(refs[depth - 1]);
		process = slot_of(refs[depth]);
		for (uint32_t i = 0; i < depth; i++) {
			assert_int_equal(procs_kin(ledger, process, refs[i]),
					 depth - i <= LEDGER_ANCESTORS ? PROCS_DESCENDS
								       : PROCS_UNKNOWN);
		}
		/* Not its own ancestor, and no stranger's descendant, for as long as it knows. */
		assert_int_equal(procs_kin(ledger, process, refs[depth]), PROCS_NO_KIN);
		assert_int_equal(procs_kin(ledger, process, stranger),
				 depth <= LEDGER_ANCESTORS ? PROCS_NO_KIN : PROCS_UNKNOWN);
	}
}

static void kin_survives_the_ancestors_end(void **state)
{
	uint64_t first = claim(LEDGER_NOBODY);
	uint64_t second = claim(first);
	uint64_t third = claim(second);

	(void)state;
	procs_end(ledger, first);
	procs_end(ledger, second);
	assert_int_equal(procs_kin(ledger, slot_of(third), first), PROCS_DESCENDS);
	assert_int_equal(procs_kin(ledger, slot_of(third), second), PROCS_DESCENDS);
}

static void kin_is_not_mistaken_for_who_has_the_ancestors_slot_now(void **state)
{
	uint64_t refs[LEDGER_PROCESSES];
	uint64_t child;
	uint64_t other;

	(void)state;
	fill_table(refs);
	procs_end(ledger, refs[1]);
	child = claim(refs[0]);
	procs_end(ledger, refs[0]);
	other = claim(LEDGER_NOBODY);
	assert_int_equal(index_of(other), 0);
	assert_int_equal(procs_kin(ledger, slot_of(child), other), PROCS_NO_KIN);
	assert_int_equal(procs_kin(ledger, slot_of(child), refs[0]), PROCS_DESCENDS);
}

/*
 * The parent was buried and its slot taken before its child claimed one: nobody can say
 * whose descendant the child is, and "no kin" would make it invisible as a holder.
 */
static void kin_is_unknown_when_the_parent_is_gone(void **state)
{
	uint64_t refs[LEDGER_PROCESSES];
	uint64_t child;

	(void)state;
	fill_table(refs);
	procs_end(ledger, refs[0]);
	claim(LEDGER_NOBODY);
	procs_end(ledger, refs[1]);
	child = claim(refs[0]);
	assert_int_equal(procs_kin(ledger, slot_of(child), refs[9]), PROCS_UNKNOWN);
	procs_end(ledger, refs[2]);
	assert_int_equal(procs_kin(ledger, slot_of(claim(child)), refs[9]), PROCS_UNKNOWN);
}

static void nothing_is_released_at_birth(void **state)
{
	uint64_t refs[LEDGER_PROCESSES];
	uint64_t again;

	(void)state;
	fill_table(refs);
	procs_release(slot_of(refs[4]), STAMP_EPOCH_ONE, 3);
	procs_end(ledger, refs[4]);
	again = claim(LEDGER_NOBODY);
	assert_int_equal(index_of(again), 4);
	assert_false(procs_has_released(slot_of(again), STAMP_EPOCH_ONE, 3));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_ledger, free_ledger)

static const struct CMUnitTest tests[] = {
	TEST(claims_a_slot_that_answers_to_its_name),
	TEST(nobody_and_strangers_have_no_slot),
	TEST(two_claims_give_two_slots),
	TEST(ended_does_not_answer_but_is_remembered),
	TEST(slot_being_claimed_is_nobodys),
	TEST(walk_sees_the_living_and_not_the_ended),
	TEST(walk_by_the_bits_meets_the_living_alone),
	TEST(end_of_who_had_the_slot_before_hides_nobody),
	TEST(slot_being_given_back_is_nobodys),
	TEST(birth_is_told_beside_the_slots_and_forgotten_with_them),
	TEST(crowd_is_of_the_living),
	TEST(walk_of_an_empty_ledger_sees_nobody),
	TEST(walk_never_leaves_the_table),
	TEST(end_of_somebody_gone_harms_nobody),
	TEST(old_name_is_forgotten_when_the_slot_is_taken_again),
	TEST(no_name_ever_comes_back),
	TEST(ended_slot_is_not_the_first_to_be_taken),
	TEST(slots_behind_the_living_are_taken_in_turn),
	TEST(full_table_has_no_room),
	TEST(slots_of_the_dead_are_taken_when_there_are_no_others),
	TEST(free_and_ended_slots_come_before_those_of_the_dead),
	TEST(slot_without_a_pid_is_not_taken),
	TEST(fresh_slot_says_nothing_of_the_last_process),
	TEST(child_knows_its_family_nearest_first),
	TEST(child_lives_in_its_parents_pid_space),
	TEST(kin_is_known_for_eight_generations),
	TEST(kin_survives_the_ancestors_end),
	TEST(kin_is_not_mistaken_for_who_has_the_ancestors_slot_now),
	TEST(kin_is_unknown_when_the_parent_is_gone),
	TEST(nothing_is_released_at_birth),
};

UNIT_MAIN(tests)
