/* SPDX-License-Identifier: MIT */
/*
 * The standing of another holder: each row by an example, and then every small
 * situation against the rule written as a list of predicates, in the manual's order.
 *
 * The idea: epochs 0 to 3 are enough, for the rule only compares them.
 * Never here: how the facts come out of the ledger.
 */
#include "core/standing.h"

#include "unit.h"

enum { EPOCHS = 4 };

static bool is_engaged(const struct standing_facts *f)
{
	return f->is_engaged;
}

static bool is_retired(const struct standing_facts *f)
{
	return f->is_retired;
}

static bool is_leaving(const struct standing_facts *f)
{
	return f->is_leaving;
}

static bool runs_unseen(const struct standing_facts *f)
{
	return f->execed > 0 && !f->is_sighted;
}

static bool went_to_its_clients(const struct standing_facts *f)
{
	return f->away > 0 && !(f->away < f->came_to_share);
}

static bool is_without_origin(const struct standing_facts *f)
{
	return f->acquired == 0;
}

static bool execed_with_it(const struct standing_facts *f)
{
	return f->acquired < f->execed;
}

static bool serves_a_later_client(const struct standing_facts *f)
{
	return f->newest_is_related && f->shared > 0 && f->newest >= f->shared;
}

static bool always(const struct standing_facts *f)
{
	(void)f;
	return true;
}

static const struct {
	bool (*applies)(const struct standing_facts *f);
	enum standing standing;
} rows[] = {
	{is_engaged, STANDING_ENGAGED},
	{is_leaving, STANDING_ELSEWHERE},
	{is_retired, STANDING_PENDING},
	{runs_unseen, STANDING_PENDING},
	{went_to_its_clients, STANDING_ELSEWHERE},
	{is_without_origin, STANDING_PENDING},
	{execed_with_it, STANDING_ELSEWHERE},
	{serves_a_later_client, STANDING_ELSEWHERE},
	{always, STANDING_PENDING},
};

static unsigned take(unsigned *number, unsigned base)
{
	unsigned digit = *number % base;

	*number /= base;
	return digit;
}

/* The n-th situation; false behind the last. */
static bool nth(unsigned n, struct standing_facts *f)
{
	f->is_engaged = take(&n, 2);
	f->is_retired = take(&n, 2);
	f->is_leaving = take(&n, 2);
	f->is_sighted = take(&n, 2);
	f->newest_is_related = take(&n, 2);
	f->acquired = take(&n, EPOCHS);
	f->shared = take(&n, 3);
	f->came_to_share = take(&n, EPOCHS);
	f->away = take(&n, EPOCHS);
	f->execed = take(&n, EPOCHS);
	f->newest = take(&n, EPOCHS);
	return n == 0;
}

static size_t row_of(const struct standing_facts *f)
{
	size_t row = 0;

	while (!rows[row].applies(f)) {
		row++;
	}
	return row;
}

static void fail_at(const struct standing_facts *f, const char *what)
{
	fail_msg("%s: engaged %d retired %d related %d acquired %d share %d away %d exec %d "
		 "newest %d",
		 what, f->is_engaged, f->is_retired, f->newest_is_related, (int)f->acquired,
		 (int)f->came_to_share, (int)f->away, (int)f->execed, (int)f->newest);
}

static void agrees_with_the_model_everywhere(void **state)
{
	bool reached[UNIT_COUNT(rows)] = {false};
	struct standing_facts f;

	(void)state;
	for (unsigned n = 0; nth(n, &f); n++) {
		size_t row = row_of(&f);

		reached[row] = true;
		if (standing_of(&f) != rows[row].standing) {
			fail_at(&f, "not as the model says");
		}
	}
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		assert_true(reached[i]);
	}
}

/* A holder of which nothing is known. */
static struct standing_facts nothing(void)
{
	return (struct standing_facts){.is_sighted = true, .acquired = 2, .came_to_share = 3};
}

static void is_pending_when_it_did_nothing(void **state)
{
	struct standing_facts f = nothing();

	(void)state;
	assert_int_equal(standing_of(&f), STANDING_PENDING);
}

static void is_engaged_whatever_else_it_did(void **state)
{
	struct standing_facts f;

	(void)state;
	for (unsigned n = 0; nth(n, &f); n++) {
		f.is_engaged = true;
		if (standing_of(&f) != STANDING_ENGAGED) {
			fail_at(&f, "not engaged");
		}
	}
}

static void is_pending_once_retired(void **state)
{
	struct standing_facts f = nothing();

	(void)state;
	f.is_retired = true;
	f.away = 3;
	f.execed = 3;
	assert_int_equal(standing_of(&f), STANDING_PENDING);
}

static void is_elsewhere_after_accept_in_the_epoch_of_its_birth(void **state)
{
	struct standing_facts f = nothing();

	(void)state;
	f.away = 3;
	assert_int_equal(standing_of(&f), STANDING_ELSEWHERE);
}

static void is_pending_when_it_accepted_before_its_own_fork(void **state)
{
	struct standing_facts f = nothing();

	(void)state;
	f.away = 2;
	assert_int_equal(standing_of(&f), STANDING_PENDING);
}

static void is_elsewhere_after_accept_though_the_origin_is_unknown(void **state)
{
	struct standing_facts f = nothing();

	(void)state;
	f.acquired = 0;
	f.away = 3;
	assert_int_equal(standing_of(&f), STANDING_ELSEWHERE);
}

static void is_pending_after_exec_when_the_origin_is_unknown(void **state)
{
	struct standing_facts f = nothing();

	(void)state;
	f.acquired = 0;
	f.execed = 3;
	f.newest = 3;
	f.newest_is_related = true;
	assert_int_equal(standing_of(&f), STANDING_PENDING);
}

static void is_elsewhere_after_exec_with_it(void **state)
{
	struct standing_facts f = nothing();

	(void)state;
	f.execed = 3;
	assert_int_equal(standing_of(&f), STANDING_ELSEWHERE);
	f.execed = 2;
	assert_int_equal(standing_of(&f), STANDING_PENDING);
}

static void is_elsewhere_when_it_serves_a_later_client(void **state)
{
	struct standing_facts f = nothing();

	(void)state;
	f.newest = 3;
	f.shared = 3;
	assert_int_equal(standing_of(&f), STANDING_PENDING);
	f.newest_is_related = true;
	assert_int_equal(standing_of(&f), STANDING_ELSEWHERE);
	f.shared = 0;
	assert_int_equal(standing_of(&f), STANDING_PENDING);
}

/* A relay's other half serves one that was accepted before the first user was forked. */
static void is_pending_when_its_client_stood_beside(void **state)
{
	struct standing_facts f = nothing();

	(void)state;
	f.newest_is_related = true;
	f.shared = 3;
	f.newest = 2;
	assert_int_equal(standing_of(&f), STANDING_PENDING);
	f.newest = 1;
	assert_int_equal(standing_of(&f), STANDING_PENDING);
}

/* Without one of the three proofs nobody is elsewhere. */
static void is_never_elsewhere_without_proof(void **state)
{
	struct standing_facts f;

	(void)state;
	for (unsigned n = 0; nth(n, &f); n++) {
		f.is_leaving = false;
		f.away = 0;
		f.execed = 0;
		f.newest = 0;
		if (standing_of(&f) == STANDING_ELSEWHERE) {
			fail_at(&f, "elsewhere without proof");
		}
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(agrees_with_the_model_everywhere),
	cmocka_unit_test(is_pending_when_it_did_nothing),
	cmocka_unit_test(is_engaged_whatever_else_it_did),
	cmocka_unit_test(is_pending_once_retired),
	cmocka_unit_test(is_elsewhere_after_accept_in_the_epoch_of_its_birth),
	cmocka_unit_test(is_pending_when_it_accepted_before_its_own_fork),
	cmocka_unit_test(is_elsewhere_after_accept_though_the_origin_is_unknown),
	cmocka_unit_test(is_pending_after_exec_when_the_origin_is_unknown),
	cmocka_unit_test(is_elsewhere_after_exec_with_it),
	cmocka_unit_test(is_elsewhere_when_it_serves_a_later_client),
	cmocka_unit_test(is_pending_when_its_client_stood_beside),
	cmocka_unit_test(is_never_elsewhere_without_proof),
};

UNIT_MAIN(tests)
