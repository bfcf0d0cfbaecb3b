/* SPDX-License-Identifier: MIT */
/*
 * SENDFIN_*: every accepted value, and that a bad one changes nothing but tells
 * one line that helps and that nobody can forge.
 *
 * The idea: values are taken from the list that the parser has (sendfin/env.h),
 * so that a new variable without a test of its words fails here.
 * Never here: the real environment.
 */
#include "core/settings.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sendfin/env.h"
#include "unit.h"

/* Each word of the list, in the order of its enumerators, and the default first. */
static const struct {
	const char *name;
	const char *word;
	int expected;
} words[] = {
	{"SENDFIN_MODE", "enforce", SETTINGS_MODE_ENFORCE},
	{"SENDFIN_MODE", "observe", SETTINGS_MODE_OBSERVE},
	{"SENDFIN_MODE", "off", SETTINGS_MODE_OFF},
	{"SENDFIN_POLICY", "proof", SETTINGS_POLICY_PROOF},
	{"SENDFIN_POLICY", "strict", SETTINGS_POLICY_STRICT},
	{"SENDFIN_POLICY", "eager", SETTINGS_POLICY_EAGER},
	{"SENDFIN_TRIGGER", "eof", SETTINGS_TRIGGER_EOF},
	{"SENDFIN_TRIGGER", "close", SETTINGS_TRIGGER_CLOSE},
	{"SENDFIN_RECLAIM", "emfile", SETTINGS_RECLAIM_EMFILE},
	{"SENDFIN_RECLAIM", "off", SETTINGS_RECLAIM_OFF},
	{"SENDFIN_CLOEXEC", "off", false},
	{"SENDFIN_CLOEXEC", "on", true},
	{"SENDFIN_DEBUG", "0", false},
	{"SENDFIN_DEBUG", "1", true},
	{"SENDFIN_LOG", "stderr", SETTINGS_LOG_STDERR},
	{"SENDFIN_LOG", "syslog", SETTINGS_LOG_SYSLOG},
	{"SENDFIN_LOG", "none", SETTINGS_LOG_NONE},
	{"SENDFIN_LOG", "/path", SETTINGS_LOG_FILE},
	{"SENDFIN_LOG_FORMAT", "text", SETTINGS_FORMAT_TEXT},
	{"SENDFIN_LOG_FORMAT", "json", SETTINGS_FORMAT_JSON},
	{"SENDFIN_REPORT", "0", false},
	{"SENDFIN_REPORT", "1", true},
};

#define LOG_ACCEPTED "expected stderr, syslog, none or /path (absolute, at most 1023 bytes); "

static int field(const struct settings *s, const char *name)
{
	const struct {
		const char *name;
		int value;
	} fields[] = {
		{"SENDFIN_MODE", (int)s->mode},         {"SENDFIN_POLICY", (int)s->policy},
		{"SENDFIN_TRIGGER", (int)s->trigger},   {"SENDFIN_RECLAIM", (int)s->reclaim},
		{"SENDFIN_CLOEXEC", s->cloexec},        {"SENDFIN_DEBUG", s->debug},
		{"SENDFIN_LOG", (int)s->log},           {"SENDFIN_REPORT", s->report},
		{"SENDFIN_LOG_FORMAT", (int)s->format}, {"SENDFIN_EXITCODE", s->exitcode},
	};

	for (size_t i = 0; i < UNIT_COUNT(fields); i++) {
		if (strcmp(fields[i].name, name) == 0) {
			return fields[i].value;
		}
	}
	fail_msg("a new variable without a field here: %s", name);
	return -1;
}

/* settings_set() on a copy of exactly the right size, so that a sanitizer sees it overread. */
static bool set(struct settings *s, const char *name, const char *value, char *error, size_t size)
{
	char *assignment = NULL;
	bool is_good;

	assert_int_not_equal(asprintf(&assignment, "%s=%s", name, value), -1);
	is_good = settings_set(s, assignment, error, size);
	free(assignment);
	return is_good;
}

static void expect_good(struct settings *s, const char *name, const char *value)
{
	char error[SETTINGS_ERROR_MAX] = "old";

	if (!set(s, name, value, error, sizeof(error))) {
		fail_msg("%s=%s refused: %s", name, value, error);
	}
	assert_string_equal(error, "");
}

/* Also: nothing changes. */
static void expect_bad(struct settings *s, const char *name, const char *value, const char *message)
{
	char error[SETTINGS_ERROR_MAX];
	struct settings before;

	memcpy(&before, s, sizeof(before));
	if (set(s, name, value, error, sizeof(error))) {
		fail_msg("%s=%s accepted", name, value);
	}
	assert_string_equal(error, message);
	assert_memory_equal(&before, s, sizeof(before));
}

static void starts_with_the_first_word_of_each_list(void **state)
{
	struct settings s;

	(void)state;
	memset(&s, 0x7f, sizeof(s));
	settings_default(&s);
	assert_int_equal(s.mode, SETTINGS_MODE_ENFORCE);
	assert_int_equal(s.policy, SETTINGS_POLICY_PROOF);
	assert_int_equal(s.trigger, SETTINGS_TRIGGER_EOF);
	assert_int_equal(s.reclaim, SETTINGS_RECLAIM_EMFILE);
	assert_int_equal(s.format, SETTINGS_FORMAT_TEXT);
	assert_int_equal(s.log, SETTINGS_LOG_UNSET);
	assert_string_equal(s.log_path, "");
	assert_int_equal(s.exitcode, 0);
	assert_false(s.cloexec);
	assert_false(s.debug);
	assert_false(s.report);
}

static void takes_every_word(void **state)
{
	struct settings s;

	(void)state;
	settings_default(&s);
	/* Backwards too, so that each word replaces another one. */
	for (size_t i = 0; i < UNIT_COUNT(words); i++) {
		expect_good(&s, words[i].name, words[i].word);
		assert_int_equal(field(&s, words[i].name), words[i].expected);
	}
	for (size_t i = UNIT_COUNT(words); i-- > 0;) {
		expect_good(&s, words[i].name, words[i].word);
		assert_int_equal(field(&s, words[i].name), words[i].expected);
	}
}

/* The list in env.h, word by word, is the list above. */
static void knows_every_word_of_the_list(void **state)
{
	static const char *const listed[][2] = {
#define VARIABLE(enumerator, name, accepted, meaning) {name, accepted},
		SENDFIN_ENV_LIST(VARIABLE)
#undef VARIABLE
	};
	size_t next = 0;

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(listed); i++) {
		char *list = strdup(listed[i][1]);
		char *rest = list;
		const char *word;

		assert_non_null(list);
		if (strcmp(listed[i][0], "SENDFIN_EXITCODE") == 0 ||
		    strcmp(listed[i][0], "SENDFIN_PROBE") == 0) {
			free(list); /* numbers */
			continue;
		}
		while ((word = strsep(&rest, "|"))) {
			assert_in_range(next, 0, UNIT_COUNT(words) - 1);
			assert_string_equal(words[next].name, listed[i][0]);
			assert_string_equal(words[next].word, word);
			next++;
		}
		free(list);
	}
	assert_int_equal(next, UNIT_COUNT(words));
}

static void changes_one_variable_at_a_time(void **state)
{
	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(words); i++) {
		struct settings s;

		settings_default(&s);
		expect_good(&s, words[i].name, words[i].word);
		for (size_t j = 0; j < UNIT_COUNT(words); j++) {
			if (strcmp(words[i].name, words[j].name) != 0) {
				assert_int_equal(field(&s, words[j].name), 0);
			}
		}
		assert_int_equal(s.exitcode, 0);
	}
}

static void refuses_whatever_is_near_a_word(void **state)
{
	static const char *const changes[] = {"%s ", " %s", "%s|", "|%s", "%s=", "%s\n", "x%s"};
	struct settings s;
	char error[SETTINGS_ERROR_MAX];
	char value[64];

	(void)state;
	settings_default(&s);
	for (size_t i = 0; i < UNIT_COUNT(words); i++) {
		for (size_t j = 0; j < UNIT_COUNT(changes); j++) {
			snprintf(value, sizeof(value), changes[j], words[i].word);
			if (words[i].word[0] != '/' || value[0] != '/') {
				assert_false(set(&s, words[i].name, value, error, sizeof(error)));
			}
		}
		/* All shorter ones, but the empty one, and "/", "/p" ... which are paths. */
		for (size_t length = 1; length < strlen(words[i].word); length++) {
			snprintf(value, sizeof(value), "%.*s", (int)length, words[i].word);
			assert_int_equal(set(&s, words[i].name, value, error, sizeof(error)),
					 words[i].word[0] == '/');
		}
	}
}

static void names_the_value_the_column_and_what_is_used(void **state)
{
	struct settings s;

	(void)state;
	settings_default(&s);
	expect_bad(&s, "SENDFIN_MODE", "x",
		   "sendfin: SENDFIN_MODE: bad value 'x' at column 1: "
		   "expected enforce, observe or off; using enforce");
	expect_bad(&s, "SENDFIN_MODE", "observed",
		   "sendfin: SENDFIN_MODE: bad value 'observed' at column 8: "
		   "expected enforce, observe or off; using enforce");
	expect_bad(&s, "SENDFIN_MODE", "enf",
		   "sendfin: SENDFIN_MODE: bad value 'enf' at column 4: "
		   "expected enforce, observe or off; using enforce");
	expect_bad(&s, "SENDFIN_MODE", "enforce|observe",
		   "sendfin: SENDFIN_MODE: bad value 'enforce|observe' at column 8: "
		   "expected enforce, observe or off; using enforce");
	expect_bad(&s, "SENDFIN_MODE", "OFF",
		   "sendfin: SENDFIN_MODE: bad value 'OFF' at column 1: "
		   "expected enforce, observe or off; using enforce");
	expect_bad(&s, "SENDFIN_CLOEXEC", "one",
		   "sendfin: SENDFIN_CLOEXEC: bad value 'one' at column 3: "
		   "expected off or on; using off");
	expect_bad(&s, "SENDFIN_DEBUG", "2",
		   "sendfin: SENDFIN_DEBUG: bad value '2' at column 1: expected 0 or 1; using 0");
}

/* Not the default: the setting that an earlier, good value made. */
static void keeps_what_was_in_force(void **state)
{
	struct settings s;

	(void)state;
	settings_default(&s);
	expect_good(&s, "SENDFIN_POLICY", "strict");
	expect_bad(&s, "SENDFIN_POLICY", "lax",
		   "sendfin: SENDFIN_POLICY: bad value 'lax' at column 1: "
		   "expected proof, strict or eager; using strict");
	expect_good(&s, "SENDFIN_LOG", "/var/log/fin");
	expect_bad(&s, "SENDFIN_LOG", "sys",
		   "sendfin: SENDFIN_LOG: bad value 'sys' at column 4: " LOG_ACCEPTED
		   "using /var/log/fin");
	expect_good(&s, "SENDFIN_LOG", "syslog");
	expect_bad(&s, "SENDFIN_LOG", "var/log",
		   "sendfin: SENDFIN_LOG: bad value 'var/log' at column 1: " LOG_ACCEPTED
		   "using syslog");
	expect_good(&s, "SENDFIN_EXITCODE", "9");
	expect_bad(&s, "SENDFIN_EXITCODE", "nine",
		   "sendfin: SENDFIN_EXITCODE: bad value 'nine' at column 1: "
		   "expected 1-255; using 9");
}

static void takes_an_empty_value_as_unset(void **state)
{
	struct settings s;

	(void)state;
	settings_default(&s);
	expect_good(&s, "SENDFIN_MODE", "off");
	expect_good(&s, "SENDFIN_EXITCODE", "3");
	for (size_t i = 0; i < UNIT_COUNT(words); i++) {
		struct settings before;

		memcpy(&before, &s, sizeof(before));
		expect_good(&s, words[i].name, "");
		expect_good(&s, "SENDFIN_EXITCODE", "");
		assert_memory_equal(&before, &s, sizeof(before));
	}
}

static void takes_absolute_log_paths_up_to_the_limit(void **state)
{
	char path[SETTINGS_PATH_MAX + 1];
	struct settings s;

	(void)state;
	settings_default(&s);
	for (size_t length = 1; length < SETTINGS_PATH_MAX; length++) {
		memset(path, 'p', sizeof(path));
		path[0] = '/';
		path[length] = '\0';
		expect_good(&s, "SENDFIN_LOG", path);
		assert_int_equal(s.log, SETTINGS_LOG_FILE);
		assert_string_equal(s.log_path, path);
	}
	expect_good(&s, "SENDFIN_LOG", "/tmp/a=b \n\xff");
	assert_string_equal(s.log_path, "/tmp/a=b \n\xff");
}

static void refuses_a_log_path_that_does_not_fit(void **state)
{
	char path[SETTINGS_PATH_MAX * 3];
	char message[SETTINGS_ERROR_MAX];
	struct settings s;

	(void)state;
	settings_default(&s);
	memset(path, 'p', sizeof(path));
	path[0] = '/';
	snprintf(message, sizeof(message),
		 "sendfin: SENDFIN_LOG: bad value '%.64s...' at column 1024: " LOG_ACCEPTED
		 "ignored",
		 path);
	path[sizeof(path) - 1] = '\0';
	expect_bad(&s, "SENDFIN_LOG", path, message);
	path[SETTINGS_PATH_MAX] = '\0';
	expect_bad(&s, "SENDFIN_LOG", path, message);
}

static void forgets_the_path_when_a_word_replaces_it(void **state)
{
	struct settings s;

	(void)state;
	settings_default(&s);
	expect_good(&s, "SENDFIN_LOG", "/a");
	expect_good(&s, "SENDFIN_LOG", "stderr");
	assert_int_equal(s.log, SETTINGS_LOG_STDERR);
	assert_string_equal(s.log_path, "");
}

static void takes_exit_codes_from_1_to_255(void **state)
{
	struct settings s;
	char error[SETTINGS_ERROR_MAX];
	char value[16];

	(void)state;
	settings_default(&s);
	for (int code = -300; code <= 70000; code++) {
		snprintf(value, sizeof(value), "%d", code);
		if (code >= 1 && code <= 255) {
			expect_good(&s, "SENDFIN_EXITCODE", value);
			assert_int_equal(s.exitcode, code);
		} else {
			assert_false(set(&s, "SENDFIN_EXITCODE", value, error, sizeof(error)));
		}
	}
	assert_int_equal(s.exitcode, 255);
}

static void points_at_the_digit_that_is_too_much(void **state)
{
	static const struct {
		const char *value;
		int column;
	} cases[] = {
		{"0", 1},   {"00", 1},  {"01", 1},  {"-1", 1},         {"+1", 1},
		{" 1", 1},  {"1 ", 2},  {"1.0", 2}, {"1e2", 2},        {"0x10", 1},
		{"256", 3}, {"300", 3}, {"999", 3}, {"1000", 4},       {"2550", 4},
		{"12a", 3}, {"a", 1},   {"1\n", 2}, {"4294967297", 3}, {"18446744073709551617", 4},
	};
	struct settings s;

	(void)state;
	settings_default(&s);
	for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
		char error[SETTINGS_ERROR_MAX];
		char expected[32];

		assert_false(set(&s, "SENDFIN_EXITCODE", cases[i].value, error, sizeof(error)));
		snprintf(expected, sizeof(expected), "' at column %d: ", cases[i].column);
		assert_non_null(strstr(error, expected));
		assert_int_equal(s.exitcode, 0);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(starts_with_the_first_word_of_each_list),
	cmocka_unit_test(takes_every_word),
	cmocka_unit_test(knows_every_word_of_the_list),
	cmocka_unit_test(changes_one_variable_at_a_time),
	cmocka_unit_test(refuses_whatever_is_near_a_word),
	cmocka_unit_test(names_the_value_the_column_and_what_is_used),
	cmocka_unit_test(keeps_what_was_in_force),
	cmocka_unit_test(takes_an_empty_value_as_unset),
	cmocka_unit_test(takes_absolute_log_paths_up_to_the_limit),
	cmocka_unit_test(refuses_a_log_path_that_does_not_fit),
	cmocka_unit_test(forgets_the_path_when_a_word_replaces_it),
	cmocka_unit_test(takes_exit_codes_from_1_to_255),
	cmocka_unit_test(points_at_the_digit_that_is_too_much),
};

UNIT_MAIN(tests)
