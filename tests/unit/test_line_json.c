/* SPDX-License-Identifier: MIT */
/*
 * Events as lines for programs.
 *
 * The idea: a table of frames stands for the ledger's sites; every line is compared as a
 * whole. Never here: that JSON is valid for any bytes; tests/lines and the fuzzer ask that.
 */
#include "core/line.h"

#include <string.h>

#include "frames.h"
#include "unit.h"

static char buffer[LINE_BYTES];
static struct text text;
static struct ledger_event event;

static int begin(void **state)
{
	(void)state;
	event = frames_event();
	return 0;
}

static void assert_json(const char *expected)
{
	text_begin(&text, buffer, sizeof(buffer));
	line_json(&text, &event, &frames_source);
	assert_string_equal(buffer, expected);
	assert_false(text.truncated);
}

static void json_has_every_key_of_what_is_known(void **state)
{
	(void)state;
	event = frames_full_event();
	event.accepted = SITE_NAMED;
	event.ended = 0;
	assert_json("{\"event\":\"let_go\",\"when_ns\":77,\"pid\":4242,\"fd\":4,"
		    "\"local\":{\"address\":\"127.0.0.1\",\"port\":8080},"
		    "\"peer\":{\"address\":\"127.0.0.1\",\"port\":51234},"
		    "\"cookie\":9,\"count\":1,\"verdict\":\"fin\",\"reason\":\"stale\","
		    "\"acted\":true,\"holder_pid\":4241,\"others\":1,"
		    "\"message\":\"all other holders went on with other work, and forgot it\","
		    "\"let_go\":[{\"module\":\"/srv/echo\",\"offset\":\"0x13a4\","
		    "\"build_id\":\"0ab1ff\",\"function\":\"serve\",\"into\":\"0x1f\","
		    "\"file\":null,\"line\":null},"
		    "{\"module\":\"/srv/echo\",\"offset\":\"0x1200\",\"build_id\":null,"
		    "\"function\":null,\"into\":null,\"file\":null,\"line\":null}],"
		    "\"accepted\":[{\"module\":\"/srv/echo\",\"offset\":\"0x13a4\","
		    "\"build_id\":null,\"function\":\"serve\",\"into\":\"0x1f\","
		    "\"file\":\"src/echo.c\",\"line\":88},"
		    "{\"module\":\"/srv/echo\",\"offset\":\"0x1200\",\"build_id\":null,"
		    "\"function\":null,\"into\":null,\"file\":\"src/echo.c\",\"line\":null}],"
		    "\"forked\":[{\"module\":\"/srv/echo\",\"offset\":\"0x1400\","
		    "\"build_id\":null,\"function\":null,\"into\":null,\"file\":null,"
		    "\"line\":null},{\"module\":null,\"offset\":\"0x7fffdead\","
		    "\"build_id\":null,\"function\":null,\"into\":null,\"file\":null,"
		    "\"line\":null}],\"ended\":null,\"cut\":false}");
}

static void json_has_every_key_of_what_is_not(void **state)
{
	(void)state;
	event = (struct ledger_event){.kind = LEDGER_KIND_DEAD, .descriptor = -1};
	assert_json("{\"event\":\"dead\",\"when_ns\":null,\"pid\":null,\"fd\":null,"
		    "\"local\":null,\"peer\":null,\"cookie\":null,\"count\":null,"
		    "\"verdict\":null,\"reason\":null,\"acted\":false,\"holder_pid\":null,"
		    "\"others\":0,\"message\":\"the connection is over in both directions, and "
		    "this process still holds it; close it when it is done with\","
		    "\"let_go\":null,\"accepted\":null,\"forked\":null,\"ended\":null,"
		    "\"cut\":false}");
}

/* Whatever the size: nothing at all, or an object that is complete but for frames. */
static void a_short_json_is_cut_between_frames(void **state)
{
	static char whole[LINE_BYTES];
	size_t length;

	(void)state;
	event = frames_full_event();
	text_begin(&text, whole, sizeof(whole));
	line_json(&text, &event, &frames_source);
	length = text.length;
	for (size_t size = 1; size <= length; size++) {
		text_begin(&text, buffer, size);
		line_json(&text, &event, &frames_source);
		assert_true(text.truncated);
		assert_true(text.length == 0 ||
			    strcmp(buffer + text.length - 12, ",\"cut\":true}") == 0);
		assert_true(text.length > 0 || size <= LINE_HEAD_BYTES);
	}
	text_begin(&text, buffer, LINE_HEAD_BYTES);
	line_json(&text, &event, &frames_source);
	assert_non_null(strstr(buffer, "\"let_go\":[{\"module\""));
}

static void json_may_follow_something(void **state)
{
	(void)state;
	text_begin(&text, buffer, sizeof(buffer));
	text_string(&text, "<30>");
	line_json(&text, &event, &frames_source);
	assert_memory_equal(buffer, "<30>{\"event\":", 13);
	text_begin(&text, buffer, 40);
	text_string(&text, "<30>");
	line_json(&text, &event, &frames_source);
	assert_true(text.truncated);
	assert_string_equal(buffer, "<30>");
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

static const struct CMUnitTest tests[] = {
	TEST(json_has_every_key_of_what_is_known),
	TEST(json_has_every_key_of_what_is_not),
	TEST(a_short_json_is_cut_between_frames),
	TEST(json_may_follow_something),
};

UNIT_MAIN(tests)
