/* SPDX-License-Identifier: MIT */
/*
 * The rule: each row with its stories, then every situation against the table,
 * then what must never happen whatever the table says.
 *
 * The idea: stories are what a person can check by eye; situation.h brings all
 * the rest.
 * Never here: which facts are asked for; that is test_verdict_questions.c's.
 */
#include "core/verdict.h"

#include <stdbool.h>
#include <string.h>

#include "situation.h"
#include "unit.h"

/* A child that served a client to its EOF and lets go: the start of most stories. */
#define SERVED_CHILD                                                                               \
	.shared = true, .active = true, .has_written = true, .state = VERDICT_STATE_CLOSE_WAIT,    \
	.eof = VERDICT_EOF_SEEN

/* The same child, when the client has not finished. */
#define EARLY_CHILD                                                                                \
	.shared = true, .active = true, .has_written = true, .state = VERDICT_STATE_ESTABLISHED,   \
	.eof = VERDICT_EOF_NOT_SEEN

#define HOLDERS(...)  .holders = {.asked = true, __VA_ARGS__}
#define POLICY(name)  .settings.policy = SETTINGS_POLICY_##name
#define TRIGGER_CLOSE .settings.trigger = SETTINGS_TRIGGER_CLOSE
#define RESULT(verdict, reason)                                                                    \
	{                                                                                          \
		VERDICT_##verdict, VERDICT_REASON_##reason                                         \
	}

static const struct {
	const char *story;
	struct situation situation;
	struct verdict_result expected;
} stories[] = {
	{"mode is off, everything else speaks for a FIN",
	 {.facts = {.retired = true, SERVED_CHILD, HOLDERS(.elsewhere = 1)}},
	 RESULT(LEAVE, RETIRED)},
	{"a server that never forks closes after its client",
	 {.facts = {.active = true,
		    .has_written = true,
		    .state = VERDICT_STATE_CLOSE_WAIT,
		    .eof = VERDICT_EOF_SEEN,
		    HOLDERS(.elsewhere = 1)}},
	 RESULT(LEAVE, PRIVATE)},
	{"the parent of a correct server closes its copy right after fork",
	 {.facts = {.shared = true, .state = VERDICT_STATE_CLOSE_WAIT, HOLDERS(.elsewhere = 1)}},
	 RESULT(LEAVE, BYSTANDER)},
	{"the child closes first, and the trigger is eof",
	 {.facts = {EARLY_CHILD, HOLDERS(.elsewhere = 1)}},
	 RESULT(LEAVE, NOT_CLOSE_WAIT)},
	{"the child closes first without having written, and the trigger is close",
	 {.facts = {.shared = true,
		    .active = true,
		    .state = VERDICT_STATE_ESTABLISHED,
		    .eof = VERDICT_EOF_NOT_SEEN,
		    HOLDERS(.elsewhere = 1)},
	  TRIGGER_CLOSE},
	 RESULT(LEAVE, NOT_CLOSE_WAIT)},
	{"the FIN is out already, by a shutdown of the program's own",
	 {.facts = {.shared = true,
		    .active = true,
		    .has_written = true,
		    .state = VERDICT_STATE_OTHER,
		    .eof = VERDICT_EOF_SEEN,
		    HOLDERS(.elsewhere = 1)},
	  TRIGGER_CLOSE},
	 RESULT(LEAVE, NOT_CLOSE_WAIT)},
	{"the parent has closed its copy long ago",
	 {.facts = {SERVED_CHILD, HOLDERS(0)}, POLICY(EAGER)},
	 RESULT(LEAVE, LAST_HOLDER)},
	{"a child slurps the request, the parent is writing the answer",
	 {.facts = {SERVED_CHILD, HOLDERS(.engaged = 1)}, POLICY(EAGER)},
	 RESULT(LEAVE, ENGAGED)},
	{"one holder still talks, the others forgot",
	 {.facts = {SERVED_CHILD, HOLDERS(.engaged = 1, .elsewhere = 2)}},
	 RESULT(LEAVE, ENGAGED)},
	{"the leaky echo server: the parent is back in accept",
	 {.facts = {SERVED_CHILD, HOLDERS(.elsewhere = 1)}},
	 RESULT(FIN, STALE)},
	{"stale needs neither a write nor an EOF that was read",
	 {.facts = {.shared = true,
		    .active = true,
		    .state = VERDICT_STATE_CLOSE_WAIT,
		    .eof = VERDICT_EOF_NOT_SEEN,
		    HOLDERS(.elsewhere = 2)},
	  POLICY(STRICT)},
	 RESULT(FIN, STALE)},
	{"the child closes first, the parent is back in accept, and the trigger is close",
	 {.facts = {EARLY_CHILD, HOLDERS(.elsewhere = 1)}, TRIGGER_CLOSE},
	 RESULT(FIN, STALE)},
	{"the parent accepted it and has not come back to accept yet",
	 {.facts = {SERVED_CHILD, HOLDERS(.pending = 1, .pending_accept = 1)}},
	 RESULT(FIN, SERVED)},
	{"the same, but the operator wants proof of everything",
	 {.facts = {SERVED_CHILD, HOLDERS(.pending = 1, .pending_accept = 1)}, POLICY(STRICT)},
	 RESULT(DEFER, PENDING)},
	{"one of two pending holders is no accept loop",
	 {.facts = {SERVED_CHILD, HOLDERS(.pending = 2, .pending_accept = 1)}},
	 RESULT(DEFER, PENDING)},
	{"the child only read: the accept loop may be about to answer",
	 {.facts = {.shared = true,
		    .active = true,
		    .state = VERDICT_STATE_CLOSE_WAIT,
		    .eof = VERDICT_EOF_SEEN,
		    HOLDERS(.pending = 1, .pending_accept = 1)}},
	 RESULT(DEFER, PENDING)},
	{"the child answered but did not read to EOF",
	 {.facts = {.shared = true,
		    .active = true,
		    .has_written = true,
		    .state = VERDICT_STATE_CLOSE_WAIT,
		    .eof = VERDICT_EOF_NOT_SEEN,
		    HOLDERS(.pending = 1, .pending_accept = 1)},
	  POLICY(EAGER)},
	 RESULT(DEFER, PENDING)},
	{"wc -c; echo done: the shell in waitpid is about to write",
	 {.facts = {SERVED_CHILD, HOLDERS(.pending = 1)}},
	 RESULT(DEFER, PENDING)},
	{"the textbook rule: idle holders count as stale",
	 {.facts = {SERVED_CHILD, HOLDERS(.pending = 1)}, POLICY(EAGER)},
	 RESULT(FIN, EAGER)},
	{"the textbook rule does not need an answer",
	 {.facts = {.shared = true,
		    .active = true,
		    .state = VERDICT_STATE_CLOSE_WAIT,
		    .eof = VERDICT_EOF_SEEN,
		    HOLDERS(.pending = 2, .elsewhere = 1)},
	  POLICY(EAGER)},
	 RESULT(FIN, EAGER)},
	{"nothing is deferred when the child closes first",
	 {.facts = {EARLY_CHILD, HOLDERS(.pending = 1, .pending_accept = 1)}, TRIGGER_CLOSE},
	 RESULT(LEAVE, PENDING)},
};

static void tells_each_story_right(void **state)
{
	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(stories); i++) {
		const struct situation *s = &stories[i].situation;

		if (!situation_is_same(situation_rule(s), stories[i].expected)) {
			situation_fail(s, stories[i].story);
		}
	}
}

static void has_a_story_for_each_row(void **state)
{
	unsigned told[SITUATION_ROWS] = {0};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(stories); i++) {
		told[situation_row(&stories[i].situation)]++;
	}
	for (unsigned row = 0; row < SITUATION_ROWS; row++) {
		assert_int_not_equal(told[row], 0);
	}
}

static void agrees_with_the_table_in_every_situation(void **state)
{
	struct situation s;
	unsigned n;

	(void)state;
	for (n = 0; situation_nth(n, &s); n++) {
		if (!situation_is_same(situation_rule(&s), situation_model(&s))) {
			situation_fail(&s, "disagreement");
		}
	}
	assert_int_equal(n, SITUATION_COUNT);
}

/* What must never happen, and how settings compare. */

static bool sends_fin(const struct situation *s)
{
	return situation_rule(s).verdict == VERDICT_FIN;
}

static void never_sends_fin_against_a_veto(void **state)
{
	struct situation s;

	(void)state;
	for (unsigned n = 0; situation_nth(n, &s); n++) {
		bool veto = s.facts.retired || !s.facts.shared || !s.facts.active ||
			    s.facts.holders.engaged > 0 ||
			    s.facts.holders.elsewhere + s.facts.holders.pending == 0 ||
			    s.facts.state == VERDICT_STATE_OTHER;

		if (veto && sends_fin(&s)) {
			situation_fail(&s, "FIN against a veto");
		}
	}
}

static void never_overrides_a_pending_holder_without_eof(void **state)
{
	struct situation s;

	(void)state;
	for (unsigned n = 0; situation_nth(n, &s); n++) {
		if (s.facts.eof != VERDICT_EOF_SEEN && s.facts.holders.pending > 0 &&
		    sends_fin(&s)) {
			situation_fail(&s, "FIN over a pending holder, without EOF");
		}
	}
}

static void finishes_before_the_peer_only_when_asked_to_and_stale(void **state)
{
	struct situation s;

	(void)state;
	for (unsigned n = 0; situation_nth(n, &s); n++) {
		bool early = s.facts.state != VERDICT_STATE_CLOSE_WAIT;

		if (early && situation_rule(&s).verdict == VERDICT_DEFER) {
			situation_fail(&s, "deferred before the peer's FIN");
		}
		if (early && sends_fin(&s) &&
		    !(s.settings.trigger == SETTINGS_TRIGGER_CLOSE && s.facts.has_written &&
		      situation_rule(&s).reason == VERDICT_REASON_STALE)) {
			situation_fail(&s, "FIN before the peer's");
		}
	}
}

static void strict_sends_least_and_eager_most(void **state)
{
	struct situation s;

	(void)state;
	for (unsigned n = 0; situation_nth(n, &s); n++) {
		struct situation strict = s;
		struct situation proof = s;
		struct situation eager = s;

		strict.settings.policy = SETTINGS_POLICY_STRICT;
		proof.settings.policy = SETTINGS_POLICY_PROOF;
		eager.settings.policy = SETTINGS_POLICY_EAGER;
		if (sends_fin(&strict) > sends_fin(&proof) ||
		    sends_fin(&proof) > sends_fin(&eager)) {
			situation_fail(&s, "a stricter policy sent more");
		}
	}
}

static void trigger_close_changes_nothing_after_the_peer_has_finished(void **state)
{
	struct situation s;

	(void)state;
	for (unsigned n = 0; situation_nth(n, &s); n++) {
		struct situation other = s;

		other.settings.trigger = !s.settings.trigger;
		if (s.facts.state == VERDICT_STATE_CLOSE_WAIT &&
		    !situation_is_same(situation_rule(&s), situation_rule(&other))) {
			situation_fail(&s, "the trigger mattered in CLOSE_WAIT");
		}
	}
}

/* Mode off arrives as the fact retired, and observe is a matter of who acts. */
static void looks_at_policy_and_trigger_only(void **state)
{
	struct situation s;

	(void)state;
	for (unsigned n = 0; situation_nth(n, &s); n++) {
		for (unsigned mode = 0; mode <= SETTINGS_MODE_OFF; mode++) {
			struct situation other = s;

			memset(&other.settings, 1, sizeof(other.settings));
			other.settings.mode = mode;
			other.settings.policy = s.settings.policy;
			other.settings.trigger = s.settings.trigger;
			if (!situation_is_same(situation_rule(&s), situation_rule(&other))) {
				situation_fail(&s, "another setting mattered");
			}
		}
	}
}

static void leaves_its_arguments_alone(void **state)
{
	struct situation s;

	(void)state;
	for (unsigned n = 0; situation_nth(n, &s); n++) {
		struct situation before;

		memcpy(&before, &s, sizeof(s));
		situation_rule(&s);
		assert_memory_equal(&before, &s, sizeof(s));
	}
}

/* Scripts match the tokens, so this second list is on purpose: it may only grow. */
static void keeps_its_tokens(void **state)
{
	static const char *const reasons[] = {
		"retired", "private", "bystander", "not_close_wait", "last_holder",
		"engaged", "stale",   "served",    "eager",          "pending",
	};

	(void)state;
	assert_string_equal(verdict_token(VERDICT_LEAVE), "leave");
	assert_string_equal(verdict_token(VERDICT_FIN), "fin");
	assert_string_equal(verdict_token(VERDICT_DEFER), "defer");
	assert_int_equal(VERDICT_REASON_COUNT, UNIT_COUNT(reasons));
	for (size_t i = 0; i < UNIT_COUNT(reasons); i++) {
		assert_string_equal(verdict_reason_token((enum verdict_reason)i), reasons[i]);
	}
}

static void explains_every_reason_in_one_line(void **state)
{
	(void)state;
	for (int i = 0; i < VERDICT_REASON_COUNT; i++) {
		const char *sentence = verdict_reason_sentence((enum verdict_reason)i);

		assert_in_range(strlen(sentence), 10, 90);
		assert_null(strpbrk(sentence, "\n\"\\"));
	}
}

static void has_words_for_what_is_no_verdict(void **state)
{
	(void)state;
	assert_string_equal(verdict_token(VERDICT_ASK_STATE), "ask");
	assert_string_equal(verdict_token(VERDICT_ASK_EOF), "ask");
	assert_string_equal(verdict_token((enum verdict)1000), "ask");
	assert_string_equal(verdict_reason_token(VERDICT_REASON_COUNT), "none");
	assert_string_equal(verdict_reason_sentence(VERDICT_REASON_COUNT), "");
	assert_string_equal(verdict_reason_token((enum verdict_reason) - 1), "none");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(tells_each_story_right),
	cmocka_unit_test(has_a_story_for_each_row),
	cmocka_unit_test(agrees_with_the_table_in_every_situation),
	cmocka_unit_test(never_sends_fin_against_a_veto),
	cmocka_unit_test(never_overrides_a_pending_holder_without_eof),
	cmocka_unit_test(finishes_before_the_peer_only_when_asked_to_and_stale),
	cmocka_unit_test(strict_sends_least_and_eager_most),
	cmocka_unit_test(trigger_close_changes_nothing_after_the_peer_has_finished),
	cmocka_unit_test(looks_at_policy_and_trigger_only),
	cmocka_unit_test(leaves_its_arguments_alone),
	cmocka_unit_test(keeps_its_tokens),
	cmocka_unit_test(explains_every_reason_in_one_line),
	cmocka_unit_test(has_words_for_what_is_no_verdict),
};

UNIT_MAIN(tests)
