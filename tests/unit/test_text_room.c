/* SPDX-License-Identifier: MIT */
/*
 * The room of a text: taken back, kept for an ending, given back.
 *
 * Never here: what an append writes; that is test_text.c.
 */
#include "core/text.h"

#include "unit.h"

static void goes_back_to_where_it_was(void **state)
{
	char buffer[8];
	struct text text;

	(void)state;
	text_begin(&text, buffer, sizeof(buffer));
	text_string(&text, "abc");
	text_string(&text, "much too long");
	assert_true(text.truncated);
	text_rewind(&text, 3);
	assert_string_equal(buffer, "abc");
	assert_int_equal(text.length, 3);
	assert_false(text.truncated);
}

static void keeps_room_for_an_ending(void **state)
{
	char buffer[8];
	struct text text;
	size_t kept;

	(void)state;
	text_begin(&text, buffer, sizeof(buffer));
	kept = text_keep(&text, 3);
	assert_int_equal(kept, 3);
	text_string(&text, "abcdef");
	assert_string_equal(buffer, "abcd");
	assert_int_equal(text_keep(&text, 3), 0);
	text_rewind(&text, 4);
	text_release(&text, kept);
	text_string(&text, "xyz");
	assert_string_equal(buffer, "abcdxyz");
	assert_false(text.truncated);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(goes_back_to_where_it_was),
	cmocka_unit_test(keeps_room_for_an_ending),
};

UNIT_MAIN(tests)
