/* SPDX-License-Identifier: MIT */
/*
 * The rule's questions: facts that cost a system call are asked for only when
 * they matter, once each, and asking late never changes the verdict.
 *
 * The idea: in every situation, with every set of facts known beforehand, play
 * the caller who answers; what was not asked for is filled with nonsense.
 * Never here: the verdicts themselves; they are test_verdict.c's.
 */
#include "core/verdict.h"

#include <stdbool.h>

#include "situation.h"
#include "unit.h"

enum { KNOWS_STATE = 1, KNOWS_HOLDERS = 2, KNOWS_EOF = 4, KNOWS_ALL = 7 };

/* What the caller knows so far. What it was not told is filled with nonsense. */
static struct situation partly(const struct situation *truth, unsigned known)
{
	struct situation s = *truth;

	if (!(known & KNOWS_STATE)) {
		s.facts.state = VERDICT_STATE_UNASKED;
	}
	if (!(known & KNOWS_HOLDERS)) {
		s.facts.holders = (struct verdict_holders){
			.engaged = 2 - truth->facts.holders.engaged,
			.elsewhere = 2 - truth->facts.holders.elsewhere,
			.pending = 2 - truth->facts.holders.pending,
			.pending_accept = 2 - truth->facts.holders.pending_accept,
		};
	}
	if (!(known & KNOWS_EOF)) {
		s.facts.eof = VERDICT_EOF_UNASKED;
	}
	return s;
}

static bool is_question(enum verdict verdict)
{
	return verdict >= VERDICT_ASK_STATE;
}

static unsigned fact_of(enum verdict question)
{
	switch (question) {
	case VERDICT_ASK_STATE:
		return KNOWS_STATE;
	case VERDICT_ASK_HOLDERS:
		return KNOWS_HOLDERS;
	case VERDICT_ASK_EOF:
		return KNOWS_EOF;
	default:
		return 0;
	}
}

/* Answers questions until there is a verdict; none may be asked twice. */
static struct verdict_result converse(const struct situation *truth, unsigned known)
{
	for (;;) {
		struct situation s = partly(truth, known);
		struct verdict_result result = situation_rule(&s);

		if (!is_question(result.verdict)) {
			return result;
		}
		if (!fact_of(result.verdict) || known & fact_of(result.verdict)) {
			situation_fail(&s, "asked what it had been told, or nothing at all");
		}
		known |= fact_of(result.verdict);
	}
}

static void comes_to_the_same_verdict_whatever_is_asked_late(void **state)
{
	struct situation s;

	(void)state;
	for (unsigned n = 0; situation_nth(n, &s); n++) {
		for (unsigned known = 0; known <= KNOWS_ALL; known++) {
			if (!situation_is_same(converse(&s, known), situation_model(&s))) {
				situation_fail(&s, "asking late changed the verdict");
			}
		}
	}
}

/* Each question costs a system call or a look around, so it must be able to matter. */
static void asks_for_eof_only_when_it_decides(void **state)
{
	struct situation s;

	(void)state;
	for (unsigned n = 0; situation_nth(n, &s); n++) {
		struct situation seen = s;
		struct situation not_seen = s;
		struct situation unasked = partly(&s, KNOWS_ALL & ~KNOWS_EOF);
		bool decides;

		seen.facts.eof = VERDICT_EOF_SEEN;
		not_seen.facts.eof = VERDICT_EOF_NOT_SEEN;
		decides = !situation_is_same(situation_model(&seen), situation_model(&not_seen));
		if (decides != (situation_rule(&unasked).verdict == VERDICT_ASK_EOF)) {
			situation_fail(&s, decides ? "EOF not asked" : "EOF asked in vain");
		}
	}
}

static void asks_nothing_when_the_first_rows_decide(void **state)
{
	struct situation s;

	(void)state;
	for (unsigned n = 0; situation_nth(n, &s); n++) {
		struct situation ignorant = partly(&s, 0);
		bool early = s.facts.retired || !s.facts.shared || !s.facts.active;

		if (is_question(situation_rule(&ignorant).verdict) == early) {
			situation_fail(&s, "asked too early or too late");
		}
	}
}

/* A look at other processes is dearer than one question to the kernel; the EOF may need both. */
static void asks_for_state_then_holders_then_eof(void **state)
{
	struct situation s = {
		.facts = {.shared = true, .active = true, .has_written = true},
	};

	(void)state;
	assert_int_equal(situation_rule(&s).verdict, VERDICT_ASK_STATE);
	s.facts.state = VERDICT_STATE_CLOSE_WAIT;
	assert_int_equal(situation_rule(&s).verdict, VERDICT_ASK_HOLDERS);
	s.facts.holders = (struct verdict_holders){
		.asked = true, .pending = 1, .pending_accept = 1};
	assert_int_equal(situation_rule(&s).verdict, VERDICT_ASK_EOF);
	s.facts.eof = VERDICT_EOF_SEEN;
	assert_int_equal(situation_rule(&s).verdict, VERDICT_FIN);
}

static void leaves_when_nothing_is_known(void **state)
{
	struct situation s = {.settings = {.policy = SETTINGS_POLICY_EAGER}};

	(void)state;
	assert_int_equal(situation_rule(&s).verdict, VERDICT_LEAVE);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(comes_to_the_same_verdict_whatever_is_asked_late),
	cmocka_unit_test(asks_for_eof_only_when_it_decides),
	cmocka_unit_test(asks_nothing_when_the_first_rows_decide),
	cmocka_unit_test(asks_for_state_then_holders_then_eof),
	cmocka_unit_test(leaves_when_nothing_is_known),
};

UNIT_MAIN(tests)
