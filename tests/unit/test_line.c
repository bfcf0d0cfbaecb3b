/* SPDX-License-Identifier: MIT */
/*
 * Events as lines for people.
 *
 * The idea: a table of frames stands for the ledger's sites; every line is compared as a
 * whole. Never here: JSON, but where both must agree; that is test_line_json.c.
 */
#include "core/line.h"

#include <stdio.h>
#include <string.h>

#include "core/verdict.h"
#include "frames.h"
#include "unit.h"

#define HEAD_FIN                                                                                   \
	"sendfin[4242]: fin stale fd=4 local=127.0.0.1:8080 peer=127.0.0.1:51234 acted=yes: "      \
	"all other holders went on with other work, and forgot it"

static char buffer[LINE_BYTES];
static struct text text;
static struct ledger_event event;

static int begin(void **state)
{
	(void)state;
	event = frames_event();
	return 0;
}

static void assert_text(const char *expected)
{
	text_begin(&text, buffer, sizeof(buffer));
	line_text(&text, &event, &frames_source);
	assert_string_equal(buffer, expected);
	assert_false(text.truncated);
}

static void a_verdict_of_which_nothing_is_known_is_one_sentence(void **state)
{
	(void)state;
	assert_text(HEAD_FIN);
	event.acted = 0;
	event.verdict = VERDICT_LEAVE;
	event.reason = VERDICT_REASON_PRIVATE;
	event.ends.is_known = 0;
	assert_text("sendfin[4242]: leave private fd=4 local=? peer=? acted=no: "
		    "no fork or exec ever shared this connection");
}

static void one_end_may_be_known_alone(void **state)
{
	(void)state;
	event.acted = 0;
	event.verdict = VERDICT_LEAVE;
	event.reason = VERDICT_REASON_PRIVATE;
	event.ends.is_known = LEDGER_ENDS_LOCAL;
	assert_text("sendfin[4242]: leave private fd=4 local=127.0.0.1:8080 peer=? acted=no: "
		    "no fork or exec ever shared this connection");
}

static void a_verdict_tells_where_and_who(void **state)
{
	(void)state;
	event = frames_full_event();
	assert_text(HEAD_FIN "; let go at serve+0x1f (echo+0x13a4) < echo+0x1200"
			     "; accepted at echo+0x1300"
			     "; forked at echo+0x1400 < 0x7fffdead"
			     ", and pid 4241 never closed its copy"
			     "; EOF was read at echo+0x1500");
}

static void a_verdict_seen_before_counts_and_is_short(void **state)
{
	(void)state;
	event.let_go = SITE_LET_GO;
	event.count = 100;
	assert_text(HEAD_FIN "; let go at serve+0x1f (echo+0x13a4) (seen 100 times)");
}

static void a_holder_is_told_without_a_fork(void **state)
{
	(void)state;
	event.holder_pid = 7;
	event.others = 3;
	assert_text(HEAD_FIN "; pid 7 never closed its copy; 3 other processes hold it");
}

static void others_are_counted_without_a_name(void **state)
{
	(void)state;
	event.others = 1;
	assert_text(HEAD_FIN "; 1 other process holds it");
	event.others = 2;
	assert_text(HEAD_FIN "; 2 other processes hold it");
}

static void a_holder_that_may_want_it_is_not_blamed(void **state)
{
	(void)state;
	event.verdict = VERDICT_LEAVE;
	event.reason = VERDICT_REASON_ENGAGED;
	event.acted = 0;
	event.forked = SITE_ACCEPTED;
	event.holder_pid = 7;
	assert_text("sendfin[4242]: leave engaged fd=4 local=127.0.0.1:8080 peer=127.0.0.1:51234 "
		    "acted=no: another process is using the connection"
		    "; forked at echo+0x1300, and pid 7 holds a copy, too");
}

static void ipv6_ends_are_told(void **state)
{
	(void)state;
	event.ends.is_ipv6 = 1;
	memset(event.ends.local, 0, 16);
	event.ends.local[15] = 1;
	memset(event.ends.peer, 0, 16);
	memcpy(event.ends.peer + 10, "\xff\xff\x0a\x00\x00\x01", 6);
	assert_text("sendfin[4242]: fin stale fd=4 local=[::1]:8080 peer=10.0.0.1:51234 acted=yes: "
		    "all other holders went on with other work, and forgot it");
	text_begin(&text, buffer, sizeof(buffer));
	line_json(&text, &event, &frames_source);
	assert_non_null(strstr(buffer, ",\"local\":{\"address\":\"::1\",\"port\":8080},"
				       "\"peer\":{\"address\":\"10.0.0.1\",\"port\":51234},"));
}

static void who_never_closes_is_told_where_to(void **state)
{
	const char *head = "sendfin[4242]: never_closed fd=4 local=127.0.0.1:8080 "
			   "peer=127.0.0.1:51234: the peer has closed, and this process, which "
			   "served it, still holds the connection; close it ";
	char expected[512];

	(void)state;
	event.kind = LEDGER_KIND_NEVER_CLOSED;
	snprintf(expected, sizeof(expected), "%swhen read() returns 0", head);
	assert_text(expected);
	event = frames_full_event();
	event.kind = LEDGER_KIND_NEVER_CLOSED;
	snprintf(expected, sizeof(expected),
		 "%safter read() returned 0 at echo+0x1500; accepted at echo+0x1300", head);
	assert_text(expected);
}

static void who_keeps_a_copy_is_told_at_which_fork(void **state)
{
	const char *head = "sendfin[4242]: stale_copy fd=4 local=127.0.0.1:8080 "
			   "peer=127.0.0.1:51234: the peer has closed, and this process still "
			   "holds a copy that it never used; close it ";
	char expected[512];

	(void)state;
	event.kind = LEDGER_KIND_STALE_COPY;
	snprintf(expected, sizeof(expected), "%sin every process that is not meant to use it",
		 head);
	assert_text(expected);
	event = frames_full_event();
	event.kind = LEDGER_KIND_STALE_COPY;
	snprintf(expected, sizeof(expected),
		 "%safter the fork at echo+0x1400 < 0x7fffdead; accepted at echo+0x1300", head);
	assert_text(expected);
}

static void a_dead_descriptor_is_told_by_what_is_known(void **state)
{
	const char *head = "sendfin[4242]: dead fd=4 local=127.0.0.1:8080 peer=127.0.0.1:51234: "
			   "the connection is over in both directions, and this process still "
			   "holds it; close it ";
	char expected[512];

	(void)state;
	event.kind = LEDGER_KIND_DEAD;
	snprintf(expected, sizeof(expected), "%swhen it is done with", head);
	assert_text(expected);
	event.forked = SITE_ACCEPTED;
	snprintf(expected, sizeof(expected), "%safter the fork at echo+0x1300", head);
	assert_text(expected);
	event.ended = SITE_ENDED;
	snprintf(expected, sizeof(expected), "%safter read() returned 0 at echo+0x1500", head);
	assert_text(expected);
}

static void frames_are_told_as_far_as_they_are_known(void **state)
{
	(void)state;
	event.let_go = SITE_NAMED;
	assert_text(HEAD_FIN "; let go at serve+0x1f in src/echo.c:88 (echo+0x13a4)"
			     " < src/echo.c (echo+0x1200)");
}

static void hostile_names_forge_nothing_in_text(void **state)
{
	(void)state;
	event.let_go = SITE_STRANGE;
	assert_text(HEAD_FIN "; let go at ?[2J??+0x0 in ?? (a?b?sendfin[1]: fin+0x1)");
}

static void sites_without_a_source_are_not_known(void **state)
{
	(void)state;
	event = frames_full_event();
	event.holder_pid = 0;
	event.others = 0;
	text_begin(&text, buffer, sizeof(buffer));
	line_text(&text, &event, &frames_of_nothing);
	assert_string_equal(buffer, HEAD_FIN);
	text_begin(&text, buffer, sizeof(buffer));
	line_json(&text, &event, &frames_of_nothing);
	assert_non_null(strstr(buffer, ",\"let_go\":null,\"accepted\":null,\"forked\":null,"
				       "\"ended\":null,\"cut\":false}"));
}

static void an_event_of_the_future_is_told_all_the_same(void **state)
{
	(void)state;
	event.kind = 999;
	assert_text("sendfin[4242]: unknown fd=4 local=127.0.0.1:8080 peer=127.0.0.1:51234: ");
	event.kind = LEDGER_KIND_LET_GO;
	event.verdict = 999;
	event.reason = 999;
	text_begin(&text, buffer, sizeof(buffer));
	line_json(&text, &event, &frames_source);
	assert_non_null(strstr(buffer, "\"verdict\":\"ask\",\"reason\":\"none\""));
}

static void kinds_have_tokens_and_words(void **state)
{
	(void)state;
	assert_string_equal(line_kind_token(LEDGER_KIND_LET_GO), "let_go");
	assert_string_equal(line_kind_token(LEDGER_KIND_NEVER_CLOSED), "never_closed");
	assert_string_equal(line_kind_token(LEDGER_KIND_STALE_COPY), "stale_copy");
	assert_string_equal(line_kind_token(LEDGER_KIND_DEAD), "dead");
	assert_string_equal(line_kind_token(0), "unknown");
	assert_string_equal(line_kind_token(UINT32_MAX), "unknown");
	for (uint32_t kind = LEDGER_KIND_NEVER_CLOSED; kind <= LEDGER_KIND_DEAD; kind++) {
		assert_int_not_equal(line_kind_sentence(kind)[0], '\0');
		assert_int_not_equal(line_kind_remedy(kind)[0], '\0');
	}
	assert_string_equal(line_kind_sentence(UINT32_MAX), "");
	assert_string_equal(line_kind_remedy(LEDGER_KIND_LET_GO), "");
}

/* Of every size: a beginning of the whole line that ends with a part, and says so. */
static void a_short_text_is_cut_between_parts(void **state)
{
	static char whole[LINE_BYTES];
	static const char ending[] = " [cut] (seen 18446744073709551615 times)";
	size_t length;

	(void)state;
	event = frames_full_event();
	text_begin(&text, whole, sizeof(whole));
	line_text(&text, &event, &frames_source);
	length = text.length;
	for (size_t size = sizeof(HEAD_FIN) + sizeof(ending); size <= length + 1; size++) {
		char *cut;

		text_begin(&text, buffer, size);
		line_text(&text, &event, &frames_source);
		cut = strstr(buffer, " [cut]");
		assert_true(text.truncated);
		assert_non_null(cut);
		assert_string_equal(cut, " [cut]");
		assert_memory_equal(buffer, whole, (size_t)(cut - buffer));
		assert_non_null(strchr(";, ", whole[cut - buffer]));
	}
	text_begin(&text, buffer, length + sizeof(ending));
	line_text(&text, &event, &frames_source);
	assert_false(text.truncated);
	assert_string_equal(buffer, whole);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

static const struct CMUnitTest tests[] = {
	TEST(a_verdict_of_which_nothing_is_known_is_one_sentence),
	TEST(one_end_may_be_known_alone),
	TEST(a_verdict_tells_where_and_who),
	TEST(a_verdict_seen_before_counts_and_is_short),
	TEST(a_holder_is_told_without_a_fork),
	TEST(others_are_counted_without_a_name),
	TEST(a_holder_that_may_want_it_is_not_blamed),
	TEST(ipv6_ends_are_told),
	TEST(who_never_closes_is_told_where_to),
	TEST(who_keeps_a_copy_is_told_at_which_fork),
	TEST(a_dead_descriptor_is_told_by_what_is_known),
	TEST(frames_are_told_as_far_as_they_are_known),
	TEST(hostile_names_forge_nothing_in_text),
	TEST(sites_without_a_source_are_not_known),
	TEST(an_event_of_the_future_is_told_all_the_same),
	TEST(kinds_have_tokens_and_words),
	TEST(a_short_text_is_cut_between_parts),
};

UNIT_MAIN(tests)
