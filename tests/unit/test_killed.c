/* SPDX-License-Identifier: MIT */
/*
 * What the killed leave half done in the ledger: slots in the middle of a claim, slots that
 * are being given back, origins half written, slots for children that perhaps never came.
 *
 * The idea: a kill is a word as the killed one left it, written by hand; who is dead is a
 * list that the test keeps. Never here: real kills; tests/stress has them.
 */
#include "bucket.h"
#include "ledger/conns.h"
#include "ledger/procs.h"
#include "unit.h"

enum { SLOT_BITS = 16, SLOT_MASK = 0xffff };

static const uint64_t nobody = LEDGER_NOBODY;

/* Every process whose pid is below this is dead. */
static uint32_t dead_below;

static bool is_dead(const struct ledger_process *process)
{
	return process->pid != 0 && process->pid < dead_below;
}

/* A process with this pid. */
static uint64_t claim(uint64_t parent, uint32_t pid)
{
	uint64_t ref = procs_claim(bucket_ledger, &parent, true, is_dead);

	assert_int_not_equal(ref, LEDGER_NOBODY);
	procs_get(bucket_ledger, ref)->pid = pid;
	return ref;
}

static void fill_up(void)
{
	while (procs_claim(bucket_ledger, &nobody, false, NULL) != LEDGER_NOBODY) {
	}
}

/* The slot of `child` as `claimer` leaves it when it is killed while it fills it. */
static struct ledger_process *half_claimed(uint64_t child, uint64_t claimer)
{
	struct ledger_process *process = procs_get(bucket_ledger, child);

	process->ref = (child & ~(uint64_t)SLOT_MASK) | LEDGER_REF_CLAIMING | (claimer & SLOT_MASK);
	return process;
}

static void slot_half_claimed_by_the_living_is_nobodys(void **state)
{
	uint64_t claimer = claim(LEDGER_NOBODY, 10);
	uint64_t child = claim(claimer, 0);

	(void)state;
	fill_up();
	half_claimed(child, claimer);
	assert_int_equal(procs_claim(bucket_ledger, &claimer, true, is_dead), LEDGER_NOBODY);
}

static void slot_half_claimed_by_the_dead_is_taken(void **state)
{
	uint64_t claimer = claim(LEDGER_NOBODY, 10);
	uint64_t other = claim(LEDGER_NOBODY, 20);
	uint64_t child = claim(claimer, 0);
	uint64_t taken;

	(void)state;
	fill_up();
	half_claimed(child, claimer);
	dead_below = 11;
	taken = procs_claim(bucket_ledger, &other, true,
			    is_dead); /* the claimer's own, or the child's */
	assert_int_not_equal(taken, LEDGER_NOBODY);
	assert_int_not_equal(procs_claim(bucket_ledger, &other, true, is_dead), LEDGER_NOBODY);
	assert_int_equal(procs_claim(bucket_ledger, &other, true, is_dead), LEDGER_NOBODY);
}

/* The slot of `ended` as `by` leaves it when it is killed while it gives it back. */
static struct ledger_process *half_buried(uint64_t ended, uint64_t by)
{
	struct ledger_process *process = procs_get(bucket_ledger, ended);
	uint64_t generation = ++bucket_ledger->header.generation;

	process->ref = generation << 16 | LEDGER_REF_ENDED | LEDGER_REF_CLAIMING | (by & SLOT_MASK);
	return process;
}

static void slot_half_buried_by_the_living_is_nobodys(void **state)
{
	uint64_t by = claim(LEDGER_NOBODY, 20);
	uint64_t ended = claim(by, 10);

	(void)state;
	fill_up();
	half_buried(ended, by);
	dead_below = 11;
	assert_null(procs_recall(bucket_ledger, ended));
	assert_int_equal(procs_claim(bucket_ledger, &by, true, is_dead), LEDGER_NOBODY);
}

static void slot_half_buried_by_the_dead_is_taken(void **state)
{
	uint64_t living = claim(LEDGER_NOBODY, 20);
	uint64_t ended = claim(living, 10);
	struct ledger_process *process;
	uint64_t taken;

	(void)state;
	fill_up();
	process = half_buried(ended, ended);
	dead_below = 11;
	taken = procs_claim(bucket_ledger, &living, true, is_dead);
	assert_ptr_equal(procs_get(bucket_ledger, taken), process);
	assert_int_equal(procs_next(bucket_ledger, procs_index(taken)), procs_index(taken));
}

static void slot_half_claimed_by_one_whose_place_is_taken_is_taken(void **state)
{
	uint64_t claimer = claim(LEDGER_NOBODY, 10);
	uint64_t child = claim(claimer, 0);
	uint64_t later;

	(void)state;
	fill_up();
	half_claimed(child, claimer);
	procs_end(bucket_ledger, claimer);
	later = claim(LEDGER_NOBODY, 30);
	assert_int_equal(later & SLOT_MASK, claimer & SLOT_MASK);
	assert_int_not_equal(procs_claim(bucket_ledger, &later, true, is_dead), LEDGER_NOBODY);
}

static void slot_half_claimed_by_one_without_a_slot_is_nobodys(void **state)
{
	uint64_t parent = claim(LEDGER_NOBODY, 10);
	uint64_t child = claim(parent, 0);

	(void)state;
	fill_up();
	half_claimed(child, 0);
	procs_end(bucket_ledger, parent);
	assert_int_not_equal(procs_claim(bucket_ledger, &nobody, false, is_dead), LEDGER_NOBODY);
	assert_int_equal(procs_claim(bucket_ledger, &nobody, false, is_dead), LEDGER_NOBODY);
}

static void slot_of_the_unborn_stays_while_its_forker_lives(void **state)
{
	uint64_t forker = claim(LEDGER_NOBODY, 10);

	(void)state;
	claim(forker, 0);
	fill_up();
	assert_int_equal(procs_claim(bucket_ledger, &forker, true, is_dead), LEDGER_NOBODY);
}

/* Nobody knows whether it was born, so the ledger says that there may be one unseen. */
static void slot_of_the_unborn_is_the_last_to_be_taken(void **state)
{
	uint64_t forker = claim(LEDGER_NOBODY, 10);
	uint64_t child = claim(forker, 0);
	uint64_t first;
	uint64_t second;

	(void)state;
	procs_get(bucket_ledger, child)->born = 7 << SLOT_BITS;
	fill_up();
	dead_below = 11;
	first = procs_claim(bucket_ledger, &nobody, false, is_dead);
	assert_int_equal(first & SLOT_MASK, forker & SLOT_MASK);
	assert_int_equal(bucket_ledger->header.unseen, 0);
	second = procs_claim(bucket_ledger, &nobody, false, is_dead);
	assert_int_equal(second & SLOT_MASK, child & SLOT_MASK);
	assert_int_equal(bucket_ledger->header.unseen, 7 << SLOT_BITS);
}

static uint64_t sign_of(uint64_t ref)
{
	return LEDGER_COOKIE_DYING | (ref & SLOT_MASK) << LEDGER_COOKIE_GIVER_SHIFT |
	       (ref >> SLOT_BITS) << LEDGER_COOKIE_AGE_SHIFT;
}

/* A bucket full of users, but for one slot that `giver` was about to give back. */
static struct ledger_connection *half_given_back(uint64_t user, uint64_t giver)
{
	struct ledger_connection *slot = NULL;

	for (unsigned i = 0; i < LEDGER_BUCKET; i++) {
		struct ledger_connection *made = conns_engage(bucket_ledger, bucket_cookie(i), user,
							      &bucket_unknown);

		assert_non_null(made);
		slot = i == 3 ? made : slot;
	}
	slot->engaged[0] = LEDGER_NOBODY;
	slot->cookie |= sign_of(giver);
	return slot;
}

static void slot_half_given_back_by_the_living_makes_no_room(void **state)
{
	uint64_t user = claim(LEDGER_NOBODY, 20);

	(void)state;
	conns_introduce(&user, is_dead);
	half_given_back(user, claim(LEDGER_NOBODY, 10));
	assert_null(
		conns_engage(bucket_ledger, bucket_cookie(LEDGER_BUCKET), user, &bucket_unknown));
}

static void slot_half_given_back_by_the_dead_makes_room(void **state)
{
	uint64_t user = claim(LEDGER_NOBODY, 20);
	struct ledger_connection *slot;

	(void)state;
	conns_introduce(&user, is_dead);
	slot = half_given_back(user, claim(LEDGER_NOBODY, 10));
	dead_below = 11;
	assert_ptr_equal(
		conns_engage(bucket_ledger, bucket_cookie(LEDGER_BUCKET), user, &bucket_unknown),
		slot);
	assert_int_equal(slot->cookie, bucket_cookie(LEDGER_BUCKET));
}

static void slot_half_given_back_by_one_whose_place_is_taken_makes_room(void **state)
{
	uint64_t user = claim(LEDGER_NOBODY, 20);
	uint64_t giver = claim(LEDGER_NOBODY, 10);
	struct ledger_connection *slot = half_given_back(user, giver);

	(void)state;
	conns_introduce(&user, is_dead);
	fill_up();
	bucket_ledger->header.generation++; /* of a multiple of 128 later nobody could tell */
	procs_end(bucket_ledger, giver);
	assert_int_equal(claim(LEDGER_NOBODY, 30) & SLOT_MASK, giver & SLOT_MASK);
	assert_ptr_equal(
		conns_engage(bucket_ledger, bucket_cookie(LEDGER_BUCKET), user, &bucket_unknown),
		slot);
}

/* Its giver had not yet looked again: somebody had come. */
static void slot_half_given_back_with_a_user_lives_on(void **state)
{
	uint64_t user = claim(LEDGER_NOBODY, 20);
	struct ledger_connection *slot;

	(void)state;
	conns_introduce(&user, is_dead);
	slot = half_given_back(user, claim(LEDGER_NOBODY, 10));
	slot->engaged[2] = user;
	dead_below = 11;
	assert_null(
		conns_engage(bucket_ledger, bucket_cookie(LEDGER_BUCKET), user, &bucket_unknown));
	assert_int_equal(slot->cookie, bucket_cookie(3));
}

/* Else no connection in this slot would ever have an origin again. */
static void origin_half_written_by_the_dead_is_forgotten(void **state)
{
	uint64_t user = claim(LEDGER_NOBODY, 20);
	const struct conns_origin known = {.acquirer = user, .acquired = 9, .descriptor = 5};
	uint64_t writer = claim(LEDGER_NOBODY, 10);
	struct ledger_connection *slot = conns_engage(bucket_ledger, 1, user, &bucket_unknown);

	(void)state;
	conns_introduce(&user, is_dead);
	slot->origin_of = 1 | sign_of(writer);
	dead_below = 11;
	conns_disengage(bucket_ledger, 1, user);
	assert_ptr_equal(conns_engage(bucket_ledger, 1, user, &known), slot);
	assert_int_equal(conns_origin(slot, 1).acquirer, user);
}

/* The kernel gives such names only when an interrupt comes in between; we cannot keep them. */
static void cookie_too_large_to_keep_finds_no_room(void **state)
{
	uint64_t user = claim(LEDGER_NOBODY, 20);

	(void)state;
	assert_null(conns_engage(bucket_ledger, ~(uint64_t)5, user, &bucket_unknown));
	assert_null(conns_engage(bucket_ledger, LEDGER_COOKIE_NAME + 1, user, &bucket_unknown));
	assert_non_null(conns_engage(bucket_ledger, LEDGER_COOKIE_NAME, user, &bucket_unknown));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bucket_begin, bucket_end)

static const struct CMUnitTest tests[] = {
	TEST(slot_half_claimed_by_the_living_is_nobodys),
	TEST(slot_half_claimed_by_the_dead_is_taken),
	TEST(slot_half_claimed_by_one_whose_place_is_taken_is_taken),
	TEST(slot_half_claimed_by_one_without_a_slot_is_nobodys),
	TEST(slot_of_the_unborn_stays_while_its_forker_lives),
	TEST(slot_of_the_unborn_is_the_last_to_be_taken),
	TEST(slot_half_buried_by_the_living_is_nobodys),
	TEST(slot_half_buried_by_the_dead_is_taken),
	TEST(slot_half_given_back_by_the_living_makes_no_room),
	TEST(slot_half_given_back_by_the_dead_makes_room),
	TEST(slot_half_given_back_by_one_whose_place_is_taken_makes_room),
	TEST(slot_half_given_back_with_a_user_lives_on),
	TEST(origin_half_written_by_the_dead_is_forgotten),
	TEST(cookie_too_large_to_keep_finds_no_room),
};

UNIT_MAIN(tests)
