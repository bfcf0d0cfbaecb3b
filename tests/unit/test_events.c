/* SPDX-License-Identifier: MIT */
/*
 * The ring of events: what is written is read, what is lost is counted, and a place that
 * somebody was killed over, or was overtaken in, gives no torn event.
 *
 * The idea: one ledger in ordinary memory, one thread. A writer that is slow, or was
 * killed, is written into the ring as events.h says it looks. Never here: races;
 * tests/stress has them.
 */
#include "ledger/events.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define WRITING LEDGER_SEQUENCE_WRITING

static struct ledger *ledger;
static struct events_reader reader;
static struct ledger_event event;

static int make_ledger(void **state)
{
	(void)state;
	ledger = calloc(1, sizeof(*ledger));
	memset(&reader, 0, sizeof(reader));
	return ledger == NULL ? -1 : 0;
}

static int free_ledger(void **state)
{
	(void)state;
	free(ledger);
	return 0;
}

/* An event whose every field tells which one it is. */
static struct ledger_event numbered(uint32_t n)
{
	struct ledger_event made = {
		.when_ns = 1000 + n,
		.process = (uint64_t)n << 16 | 1,
		.cookie = 5000 + n,
		.count = n + 1,
		.pid = n + 2,
		.descriptor = (int32_t)n + 3,
		.kind = LEDGER_KIND_LET_GO,
		.verdict = 1,
		.reason = 2,
		.acted = 1,
		.let_go = n + 4,
		.accepted = n + 5,
		.forked = n + 6,
		.ended = n + 7,
		.holder_pid = n + 8,
		.others = n + 9,
		.ends = {.local_port = (uint16_t)n, .peer_port = 443, .is_known = 1},
	};

	memset(made.ends.local, (int)n, sizeof(made.ends.local));
	memset(made.ends.peer, (int)n + 1, sizeof(made.ends.peer));
	return made;
}

static void append(uint32_t n)
{
	struct ledger_event made = numbered(n);

	events_append(ledger, &made);
}

/* The next event is the one that was appended as `n`, under the number `number`. */
static void assert_next(uint32_t n, uint64_t number)
{
	struct ledger_event expected = numbered(n);

	assert_true(events_read(ledger, &reader, &event));
	expected.sequence = number + 1;
	assert_memory_equal(&event, &expected, sizeof(event));
}

static void assert_no_next(void)
{
	memset(&event, 0x5a, sizeof(event));
	assert_false(events_read(ledger, &reader, &event));
}

static void an_empty_ring_has_no_event(void **state)
{
	(void)state;
	assert_no_next();
	assert_int_equal(reader.lost, 0);
}

static void events_are_read_as_they_were_written(void **state)
{
	(void)state;
	append(7);
	append(8);
	assert_next(7, 0);
	assert_next(8, 1);
	assert_no_next();
	append(9);
	assert_next(9, 2);
	assert_no_next();
	assert_int_equal(reader.lost, 0);
}

static void a_sequence_of_the_writers_own_is_not_kept(void **state)
{
	struct ledger_event made = numbered(7);

	(void)state;
	made.sequence = 12345;
	events_append(ledger, &made);
	assert_next(7, 0);
}

static void the_ring_holds_its_length(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < LEDGER_EVENTS; n++) {
		append(n);
	}
	for (uint32_t n = 0; n < LEDGER_EVENTS; n++) {
		assert_next(n, n);
	}
	assert_no_next();
	assert_int_equal(reader.lost, 0);
}

static void what_was_overwritten_is_counted(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < 3 * LEDGER_EVENTS + 5; n++) {
		append(n);
	}
	for (uint32_t n = 2 * LEDGER_EVENTS + 5; n < 3 * LEDGER_EVENTS + 5; n++) {
		assert_next(n, n);
	}
	assert_no_next();
	assert_int_equal(reader.lost, 2 * LEDGER_EVENTS + 5);
}

static void a_reader_may_come_late_and_stay(void **state)
{
	uint32_t written = 0;

	(void)state;
	for (uint32_t lap = 0; lap < 5; lap++) {
		for (uint32_t i = 0; i < 100; i++) {
			append(written++);
		}
		for (uint32_t i = 0; i < 100; i++) {
			assert_next(written - 100 + i, written - 100 + i);
		}
		assert_no_next();
	}
	assert_int_equal(reader.lost, 0);
}

/* The writer of number 1 has its number, and has not begun; or has begun, and is slow. */
static void an_event_being_written_is_waited_for(void **state)
{
	(void)state;
	append(0);
	ledger->header.event_count++;
	assert_next(0, 0);
	assert_no_next();
	ledger->events[1].sequence = 2 | WRITING;
	assert_no_next();
	ledger->events[1] = numbered(1);
	ledger->events[1].sequence = 2;
	assert_next(1, 1);
	assert_int_equal(reader.lost, 0);
}

static void an_event_never_finished_is_lost_when_a_later_one_is_there(void **state)
{
	(void)state;
	append(0);
	ledger->header.event_count += 2; /* one never begun, one killed in the middle */
	ledger->events[2].sequence = 3 | WRITING;
	assert_next(0, 0);
	assert_no_next();
	append(3);
	assert_next(3, 3);
	assert_no_next();
	assert_int_equal(reader.lost, 2);
}

/* A lap later its place is still claimed: the writer takes the next number, not the place. */
static void a_place_of_the_killed_is_passed_over_for_ever(void **state)
{
	uint64_t number = 4;

	(void)state;
	ledger->header.event_count = 4;
	ledger->events[3].sequence = 4 | WRITING;
	reader.next = 4;
	for (uint32_t n = 0; n < 3 * LEDGER_EVENTS; n++) {
		append(n);
		number += number % LEDGER_EVENTS == 3;
		assert_next(n, number);
		number++;
	}
	assert_no_next();
	assert_int_equal(ledger->events[3].sequence, 4 | WRITING);
	/* Given up for another number: nothing was lost. */
	assert_int_equal(reader.lost, 0);
}

/* Stopped after it took its number, and overtaken by the ring's length before it claims. */
static void an_overtaken_writer_takes_a_new_number(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < LEDGER_EVENTS + 3; n++) {
		append(n);
	}
	reader.next = LEDGER_EVENTS + 3;
	ledger->header.event_count = 2; /* as it was when the slow one took number 2 */
	append(77);
	/* Numbers 2 to 9 were tried: all places tell of later ones, or of themselves. */
	assert_int_equal(ledger->events[2].sequence, LEDGER_EVENTS + 3);
	ledger->header.event_count = LEDGER_EVENTS + 3;
	append(78);
	assert_next(78, LEDGER_EVENTS + 3);
	reader.next = 4;
	for (uint32_t n = 4; n < LEDGER_EVENTS + 3; n++) {
		assert_next(n, n);
	}
}

/* Claimed and slow: who laps it goes on to another place, so it tears nobody's event. */
static void a_claimed_place_is_not_taken_by_who_laps_it(void **state)
{
	struct ledger_event slow = numbered(5);

	(void)state;
	append(0);
	ledger->header.event_count++;
	ledger->events[1].sequence = 2 | WRITING;
	for (uint32_t n = 2; n < LEDGER_EVENTS + 1; n++) {
		append(n);
	}
	append(1000); /* its number would be in the slow one's place */
	slow.sequence = 2;
	ledger->events[1] = slow;
	reader.next = LEDGER_EVENTS;
	assert_next(LEDGER_EVENTS, LEDGER_EVENTS);
	assert_next(1000, LEDGER_EVENTS + 2);
	assert_no_next();
}

static void a_reader_of_the_future_reads_nothing(void **state)
{
	(void)state;
	append(0);
	reader.next = 1000;
	assert_no_next();
	assert_int_equal(reader.next, 1000);
	assert_int_equal(reader.lost, 0);
}

static void a_header_written_over_does_not_hang_a_reader(void **state)
{
	(void)state;
	append(0);
	ledger->header.event_count = UINT64_MAX;
	assert_no_next();
	assert_no_next();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_ledger, free_ledger)

static const struct CMUnitTest tests[] = {
	TEST(an_empty_ring_has_no_event),
	TEST(events_are_read_as_they_were_written),
	TEST(a_sequence_of_the_writers_own_is_not_kept),
	TEST(the_ring_holds_its_length),
	TEST(what_was_overwritten_is_counted),
	TEST(a_reader_may_come_late_and_stay),
	TEST(an_event_being_written_is_waited_for),
	TEST(an_event_never_finished_is_lost_when_a_later_one_is_there),
	TEST(a_place_of_the_killed_is_passed_over_for_ever),
	TEST(an_overtaken_writer_takes_a_new_number),
	TEST(a_claimed_place_is_not_taken_by_who_laps_it),
	TEST(a_reader_of_the_future_reads_nothing),
	TEST(a_header_written_over_does_not_hang_a_reader),
};

UNIT_MAIN(tests)
