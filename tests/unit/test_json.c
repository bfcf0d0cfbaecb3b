/* SPDX-License-Identifier: MIT */
/*
 * JSON values: commas, numbers, and strings of any bytes.
 *
 * Never here: a JSON reader; tests/lines compares with one that is not ours.
 */
#include "core/json.h"

#include <string.h>

#include "unit.h"

static char buffer[512];
static struct text text;

static int begin(void **state)
{
	(void)state;
	text_begin(&text, buffer, sizeof(buffer));
	return 0;
}

static void assert_string(const char *string, const char *expected)
{
	text_begin(&text, buffer, sizeof(buffer));
	json_string(&text, string);
	assert_string_equal(buffer, expected);
	assert_false(text.truncated);
}

static void commas_stand_between_and_not_before(void **state)
{
	(void)state;
	text_char(&text, '{');
	json_key(&text, "a");
	json_null(&text);
	json_key(&text, "b");
	text_char(&text, '[');
	json_next(&text);
	json_string(&text, "[");
	json_next(&text);
	json_string(&text, "{");
	json_next(&text);
	json_bool(&text, true);
	text_char(&text, ']');
	json_key(&text, "c");
	json_bool(&text, false);
	text_char(&text, '}');
	assert_string_equal(buffer, "{\"a\":null,\"b\":[\"[\",\"{\",true],\"c\":false}");
}

static void a_key_may_be_the_first_thing(void **state)
{
	(void)state;
	json_key(&text, "a");
	assert_string_equal(buffer, "\"a\":");
}

static void numbers_that_are_not_known_are_null(void **state)
{
	(void)state;
	json_known(&text, 0);
	text_char(&text, ' ');
	json_known(&text, UINT64_MAX);
	assert_string_equal(buffer, "null 18446744073709551615");
}

static void hex_is_a_string(void **state)
{
	(void)state;
	json_hex(&text, 0x13a4);
	json_hex(&text, 0);
	json_bytes(&text, (const uint8_t *)"\x00\x0f\xa5\xff", 4);
	json_bytes(&text, NULL, 0);
	assert_string_equal(buffer, "\"0x13a4\"\"0x0\"\"000fa5ff\"null");
}

static void printable_ascii_stays(void **state)
{
	(void)state;
	assert_string(" !#[]^_`az{|}~/", "\" !#[]^_`az{|}~/\"");
	assert_string("", "\"\"");
	assert_string(NULL, "null");
}

static void quotes_and_backslashes_are_escaped(void **state)
{
	(void)state;
	assert_string("\"\\\"", "\"\\\"\\\\\\\"\"");
}

static void control_characters_are_escaped(void **state)
{
	(void)state;
	assert_string("\n\r\t\x1b\x01\x7f", "\"\\u000a\\u000d\\u0009\\u001b\\u0001\\u007f\"");
}

static void characters_of_every_length_are_escaped(void **state)
{
	(void)state;
	assert_string("\xc2\x80\xc3\xa9\xdf\xbf", "\"\\u0080\\u00e9\\u07ff\"");
	assert_string("\xe0\xa0\x80\xe2\x80\xae\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf",
		      "\"\\u0800\\u202e\\ud7ff\\ue000\\uffff\"");
	assert_string("\xf0\x90\x80\x80\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf",
		      "\"\\ud800\\udc00\\ud83d\\ude00\\udbff\\udfff\"");
}

/* Overlong, surrogates, too large, cut short, alone: one replacement per maximal part. */
static void what_is_not_utf8_is_replaced(void **state)
{
	(void)state;
	assert_string("a\x80z", "\"a\\ufffdz\"");
	assert_string("a\xffz", "\"a\\ufffdz\"");
	assert_string("\xc0\xaf", "\"\\ufffd\\ufffd\"");
	assert_string("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"");
	assert_string("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
	assert_string("\xe2\x82", "\"\\ufffd\"");
	assert_string("\xf0\x9f\x98", "\"\\ufffd\"");
	assert_string("\xe2\x82(", "\"\\ufffd(\"");
	assert_string("\xe2\xe2\x82\xac", "\"\\ufffd\\u20ac\"");
}

/* A quote or a backslash is never swallowed as the rest of a character. */
static void a_cut_character_hides_no_quote(void **state)
{
	(void)state;
	assert_string("\xc3\"", "\"\\ufffd\\\"\"");
	assert_string("\xe2\x82\\", "\"\\ufffd\\\\\"");
}

static void a_full_text_is_truncated(void **state)
{
	(void)state;
	text_begin(&text, buffer, 4);
	json_string(&text, "abc");
	assert_true(text.truncated);
	text_begin(&text, buffer, 6);
	json_string(&text, "abc");
	assert_false(text.truncated);
	assert_string_equal(buffer, "\"abc\"");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(commas_stand_between_and_not_before, begin),
	cmocka_unit_test_setup(a_key_may_be_the_first_thing, begin),
	cmocka_unit_test_setup(numbers_that_are_not_known_are_null, begin),
	cmocka_unit_test_setup(hex_is_a_string, begin),
	cmocka_unit_test_setup(printable_ascii_stays, begin),
	cmocka_unit_test_setup(quotes_and_backslashes_are_escaped, begin),
	cmocka_unit_test_setup(control_characters_are_escaped, begin),
	cmocka_unit_test_setup(characters_of_every_length_are_escaped, begin),
	cmocka_unit_test_setup(what_is_not_utf8_is_replaced, begin),
	cmocka_unit_test_setup(a_cut_character_hides_no_quote, begin),
	cmocka_unit_test_setup(a_full_text_is_truncated, begin),
};

UNIT_MAIN(tests)
