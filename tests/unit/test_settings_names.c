/* SPDX-License-Identifier: MIT */
/*
 * Which strings of an environment are ours, what is said of a mistyped name,
 * and that an error is one harmless line in a buffer of any size.
 *
 * The idea: operators mistype names as often as values, and a silent typo is a
 * shim that seems not to work.
 * Never here: the values of known variables; they are test_settings.c's.
 */
#include "core/settings.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sendfin/env.h"
#include "unit.h"

static const char *const names[] = {
#define VARIABLE(enumerator, name, accepted, meaning) name,
	SENDFIN_ENV_LIST(VARIABLE)
#undef VARIABLE
};

static void expect_ignored(const char *assignment)
{
	char error[SETTINGS_ERROR_MAX] = "old";
	struct settings s;
	struct settings before;

	settings_default(&s);
	memcpy(&before, &s, sizeof(before));
	if (!settings_set(&s, assignment, error, sizeof(error))) {
		fail_msg("%s: %s", assignment, error);
	}
	assert_string_equal(error, "");
	assert_memory_equal(&before, &s, sizeof(s));
}

static void expect_unknown(const char *name, const char *hint)
{
	char error[SETTINGS_ERROR_MAX];
	char assignment[512];
	char expected[SETTINGS_ERROR_MAX];
	struct settings s;
	struct settings before;

	settings_default(&s);
	memcpy(&before, &s, sizeof(before));
	snprintf(assignment, sizeof(assignment), "%s=1", name);
	snprintf(expected, sizeof(expected), "sendfin: %s: unknown variable; %s", name, hint);
	assert_false(settings_set(&s, assignment, error, sizeof(error)));
	assert_string_equal(error, expected);
	assert_memory_equal(&before, &s, sizeof(s));
}

static void ignores_what_is_not_ours(void **state)
{
	static const char *const others[] = {
		"",
		"=",
		"=x",
		"PATH=/bin",
		"SENDFIN=1",
		"SENDFIN",
		"SENDFIN-MODE=off",
		"sendfin_mode=off",
		"XSENDFIN_MODE=off",
		"SENDFIN_MODE",
		"SENDFIN_",
		"SENDFIN_NO_SUCH",
		" SENDFIN_MODE=off",
		"=SENDFIN_MODE=off",
		"LD_PRELOAD=SENDFIN_MODE=off",
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(others); i++) {
		expect_ignored(others[i]);
	}
}

/* Ours, but written by the shim: whatever it holds, people cannot have mistyped it. */
static void ignores_the_internal_variable(void **state)
{
	(void)state;
	expect_ignored("SENDFIN_LEDGER=");
	expect_ignored("SENDFIN_LEDGER=12:3:4");
	expect_ignored("SENDFIN_LEDGER=\n'garbage");
}

static void suggests_the_similar_name(void **state)
{
	(void)state;
	expect_unknown("SENDFIN_MOD", "did you mean SENDFIN_MODE?");
	expect_unknown("SENDFIN_MODES", "did you mean SENDFIN_MODE?");
	expect_unknown("SENDFIN_MDOE", "did you mean SENDFIN_MODE?");
	expect_unknown("SENDFIN_mode", "did you mean SENDFIN_MODE?");
	expect_unknown("SENDFIN_Policy", "did you mean SENDFIN_POLICY?");
	expect_unknown("SENDFIN_POLCY", "did you mean SENDFIN_POLICY?");
	expect_unknown("SENDFIN_TRIGER", "did you mean SENDFIN_TRIGGER?");
	expect_unknown("SENDFIN_CLOSEXEC", "did you mean SENDFIN_CLOEXEC?");
	expect_unknown("SENDFIN_LOGS", "did you mean SENDFIN_LOG?");
	expect_unknown("SENDFIN_LOGFORMAT", "did you mean SENDFIN_LOG_FORMAT?");
	expect_unknown("SENDFIN_EXIT_CODE", "did you mean SENDFIN_EXITCODE?");
	expect_unknown("SENDFIN_EXIT-CODE", "did you mean SENDFIN_EXITCODE?");
}

static void suggests_nothing_when_nothing_is_similar(void **state)
{
	(void)state;
	expect_unknown("SENDFIN_", "ignored");
	expect_unknown("SENDFIN_X", "ignored");
	expect_unknown("SENDFIN_DO", "ignored"); /* two slips are too many for LOG */
	expect_unknown("SENDFIN_TIMEOUT", "ignored");
	expect_unknown("SENDFIN_LOGROTATE", "ignored");
	expect_unknown("SENDFIN_LEDGERS", "ignored");
	expect_unknown("SENDFIN_MODE_MODE_MODE_MODE_MODE_MODE_MODE", "ignored");
}

/* Around every limit of the comparison and of the line; a sanitizer watches. */
static void takes_names_of_any_length(void **state)
{
	char error[SETTINGS_ERROR_MAX];
	char expected[SETTINGS_ERROR_MAX];
	char assignment[300];
	struct settings s;

	(void)state;
	settings_default(&s);
	for (int length = 16; length < (int)sizeof(assignment) - 1; length++) {
		memset(assignment, 'q', sizeof(assignment));
		memcpy(assignment, "SENDFIN_", 8);
		assignment[length] = '=';
		assignment[length + 1] = '\0';
		snprintf(expected, sizeof(expected), "sendfin: %.*s%s: unknown variable; ignored",
			 length < 64 ? length : 64, assignment, length > 64 ? "..." : "");
		assert_false(settings_set(&s, assignment, error, sizeof(error)));
		assert_string_equal(error, expected);
	}
}

/* One slip of each kind at each place of each name. */
static void finds_every_name_again_after_one_slip(void **state)
{
	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(names); i++) {
		size_t length = strlen(names[i]);
		char hint[64];
		char typed[64];

		snprintf(hint, sizeof(hint), "did you mean %s?", names[i]);
		for (size_t at = strlen("SENDFIN_"); at < length; at++) {
			snprintf(typed, sizeof(typed), "%.*s%s", (int)at, names[i],
				 names[i] + at + 1);
			expect_unknown(typed, hint);
			snprintf(typed, sizeof(typed), "%.*sJ%s", (int)at, names[i], names[i] + at);
			expect_unknown(typed, hint);
			snprintf(typed, sizeof(typed), "%.*sJ%s", (int)at, names[i],
				 names[i] + at + 1);
			expect_unknown(typed, hint);
		}
	}
}

/* Errors. */

static const char *const hostile[] = {
	"SENDFIN_MODE=off\nsendfin: all is well",
	"SENDFIN_MODE=\x1b[2J\x1b]0;title\x07",
	"SENDFIN_MODE=\x01\x02\x7f\x80\xff\"\\",
	"SENDFIN_LOG=\r\n",
	"SENDFIN_\n=1",
	"SENDFIN_\x1b[31m\"\\=1",
	"SENDFIN_MOD\t=1",
	"SENDFIN_EXITCODE=1%s%n",
};

static void expect_harmless(const char *line)
{
	for (const char *c = line; *c; c++) {
		assert_in_range(*c, 0x20, 0x7e);
		assert_int_not_equal(*c, '"');
		assert_int_not_equal(*c, '\\');
	}
}

static void shows_no_control_characters(void **state)
{
	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(hostile); i++) {
		char error[SETTINGS_ERROR_MAX];
		struct settings s;

		settings_default(&s);
		assert_false(settings_set(&s, hostile[i], error, sizeof(error)));
		expect_harmless(error);
		assert_int_equal(strncmp(error, "sendfin: SENDFIN_", 17), 0);
	}
}

/* Every byte in a name and in a value. */
static void shows_each_foreign_byte_as_it_is_or_as_a_question_mark(void **state)
{
	(void)state;
	for (int c = 1; c <= 0xff; c++) {
		char error[SETTINGS_ERROR_MAX];
		char expected[32];
		char assignment[32];
		char shown = c < 0x20 || c > 0x7e || c == '"' || c == '\\' ? '?' : (char)c;
		struct settings s;

		settings_default(&s);
		snprintf(assignment, sizeof(assignment), "SENDFIN_MODE=a%cb", c);
		snprintf(expected, sizeof(expected), " bad value 'a%cb' at column 1: ", shown);
		assert_false(settings_set(&s, assignment, error, sizeof(error)));
		assert_non_null(strstr(error, expected));
		expect_harmless(error);
		if (c == '=') {
			continue;
		}
		snprintf(assignment, sizeof(assignment), "SENDFIN_Q%cQ=", c);
		snprintf(expected, sizeof(expected), "sendfin: SENDFIN_Q%cQ: ", shown);
		assert_false(settings_set(&s, assignment, error, sizeof(error)));
		assert_int_equal(strncmp(error, expected, strlen(expected)), 0);
		expect_harmless(error);
	}
}

/* The longest of everything: name, value, and the path that stays in force. */
static void never_needs_more_than_the_promised_size(void **state)
{
	enum { LONG = 100000 };
	char *assignment = malloc(LONG + 1);
	char error[SETTINGS_ERROR_MAX * 2];

	(void)state;
	assert_non_null(assignment);
	for (size_t i = 0; i <= UNIT_COUNT(names); i++) {
		const char *name = i < UNIT_COUNT(names) ? names[i] : "SENDFIN_";
		struct settings s;

		settings_default(&s);
		memset(assignment, 'x', LONG);
		memcpy(assignment, "SENDFIN_LOG=/", 13);
		assignment[1000] = '\0';
		assert_true(settings_set(&s, assignment, error, sizeof(error)));
		memset(assignment, '\n', LONG);
		memcpy(assignment, name, strlen(name));
		assignment[i < UNIT_COUNT(names) ? strlen(name) : LONG - 1] = '=';
		assignment[LONG] = '\0';
		assert_false(settings_set(&s, assignment, error, sizeof(error)));
		assert_in_range(strlen(error), 1, SETTINGS_ERROR_MAX - 1);
		assert_non_null(strstr(error, "..."));
		expect_harmless(error);
	}
	free(assignment);
}

static void cuts_an_error_to_any_size(void **state)
{
	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(hostile); i++) {
		char whole[SETTINGS_ERROR_MAX];
		struct settings s;

		settings_default(&s);
		assert_false(settings_set(&s, hostile[i], whole, sizeof(whole)));
		for (size_t size = 1; size <= sizeof(whole); size++) {
			char *error = malloc(size); /* of its own, for the sanitizer */

			assert_non_null(error);
			assert_false(settings_set(&s, hostile[i], error, size));
			assert_int_equal(strlen(error),
					 strlen(whole) < size ? strlen(whole) : size - 1);
			assert_int_equal(strncmp(error, whole, strlen(error)), 0);
			free(error);
		}
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(ignores_what_is_not_ours),
	cmocka_unit_test(ignores_the_internal_variable),
	cmocka_unit_test(suggests_the_similar_name),
	cmocka_unit_test(suggests_nothing_when_nothing_is_similar),
	cmocka_unit_test(takes_names_of_any_length),
	cmocka_unit_test(finds_every_name_again_after_one_slip),
	cmocka_unit_test(shows_no_control_characters),
	cmocka_unit_test(shows_each_foreign_byte_as_it_is_or_as_a_question_mark),
	cmocka_unit_test(never_needs_more_than_the_promised_size),
	cmocka_unit_test(cuts_an_error_to_any_size),
};

UNIT_MAIN(tests)
