/* SPDX-License-Identifier: MIT */
/*
 * Findings: events that are the same, counted; what tells them apart; what somebody who was
 * killed in the middle leaves behind.
 *
 * The idea: one ledger in ordinary memory, one thread. Never here: races; tests/stress has
 * them.
 */
#include "ledger/events.h"

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

static struct ledger_event some_event(void)
{
	return (struct ledger_event){
		.when_ns = 1007,
		.process = 7 << 16 | 1,
		.cookie = 5007,
		.count = 8,
		.pid = 9,
		.descriptor = 10,
		.kind = LEDGER_KIND_LET_GO,
		.verdict = 1,
		.reason = 2,
		.acted = 1,
		.let_go = 11,
		.accepted = 12,
		.forked = 13,
		.ended = 14,
		.holder_pid = 15,
		.others = 16,
		.ends = {.local = {127}, .local_port = 8080, .is_known = 1},
	};
}

static const struct ledger_finding *only_finding(void)
{
	const struct ledger_finding *found = NULL;

	for (uint32_t i = 0; i < LEDGER_FINDINGS; i++) {
		if (events_finding(ledger, i) != NULL) {
			assert_null(found);
			found = events_finding(ledger, i);
		}
	}
	assert_non_null(found);
	return found;
}

static uint32_t count_findings(void)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < LEDGER_FINDINGS; i++) {
		count += events_finding(ledger, i) != NULL;
	}
	return count;
}

static void equal_events_are_one_finding(void **state)
{
	struct ledger_event made = some_event();
	struct ledger_event expected = made;
	const struct ledger_finding *finding;

	(void)state;
	made.sequence = 99;
	assert_int_equal(events_count(ledger, &made), 1);
	/* All else may differ. */
	made.when_ns = 9999;
	made.process++;
	made.cookie++;
	made.pid++;
	made.descriptor++;
	made.acted = 0;
	made.holder_pid++;
	made.others++;
	made.ends.peer_port++;
	assert_int_equal(events_count(ledger, &made), 2);
	assert_int_equal(events_count(ledger, &made), 3);
	finding = only_finding();
	expected.sequence = 0;
	expected.count = 0;
	assert_memory_equal(&finding->example, &expected, sizeof(expected));
	assert_int_equal(finding->count, 3);
	assert_int_equal(finding->acted, 1);
	assert_int_equal(finding->first_ns, expected.when_ns);
	assert_int_equal(finding->last_ns, 9999);
}

static void every_part_of_a_finding_tells_it_apart(void **state)
{
	struct ledger_event made[8];

	(void)state;
	for (uint32_t i = 0; i < 8; i++) {
		made[i] = some_event();
	}
	made[1].kind = LEDGER_KIND_DEAD;
	made[2].verdict++;
	made[3].reason++;
	made[4].let_go = LEDGER_SITES;
	made[5].accepted = LEDGER_SITES;
	made[6].forked = 0;
	made[7].ended = 1;
	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(events_count(ledger, &made[i]), 1);
	}
	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(events_count(ledger, &made[i]), 2);
	}
	assert_int_equal(count_findings(), 8);
}

static void there_is_no_finding_where_there_is_none(void **state)
{
	(void)state;
	assert_int_equal(count_findings(), 0);
	assert_null(events_finding(ledger, LEDGER_FINDINGS));
	assert_null(events_finding(ledger, UINT32_MAX));
}

static void who_is_killed_over_a_finding_loses_the_slot(void **state)
{
	struct ledger_event made = some_event();
	struct ledger_finding *killed;

	(void)state;
	events_count(ledger, &made);
	killed = &ledger->findings[only_finding() - ledger->findings];
	killed->is_told = 0;
	assert_int_equal(count_findings(), 0);
	assert_int_equal(events_count(ledger, &made), 1);
	assert_int_equal(events_count(ledger, &made), 2);
	assert_ptr_not_equal(only_finding(), killed);
}

static void findings_beyond_the_table_are_counted(void **state)
{
	struct ledger_event made = some_event();
	uint32_t first_lost = 0;

	(void)state;
	for (uint32_t i = 1; i <= LEDGER_SITES; i++) {
		made.let_go = i;
		assert_int_equal(events_count(ledger, &made), 1);
		if (first_lost == 0 && ledger->header.findings_lost != 0) {
			first_lost = i;
		}
	}
	assert_int_equal(count_findings(), LEDGER_FINDINGS);
	assert_int_equal(ledger->header.findings_lost, LEDGER_SITES - LEDGER_FINDINGS);
	assert_true(first_lost > LEDGER_FINDINGS / 10 * 9);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_ledger, free_ledger)

static const struct CMUnitTest tests[] = {
	TEST(equal_events_are_one_finding),
	TEST(every_part_of_a_finding_tells_it_apart),
	TEST(there_is_no_finding_where_there_is_none),
	TEST(who_is_killed_over_a_finding_loses_the_slot),
	TEST(findings_beyond_the_table_are_counted),
};

UNIT_MAIN(tests)
