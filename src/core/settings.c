/* SPDX-License-Identifier: MIT */
/*
 * The parser of SENDFIN_*, driven by the list in sendfin/env.h: a word's place
 * in its '|' list is its enumerator, so the words stand nowhere else.
 */
#include "core/settings.h"

#include <string.h>

#include "core/text.h"
#include "sendfin/env.h"

enum variable {
#define VARIABLE(enumerator, name, accepted, meaning) VARIABLE_##enumerator,
	SENDFIN_ENV_LIST(VARIABLE) VARIABLE_COUNT,
#undef VARIABLE
};

enum {
	EXITCODE_MAX = 255,
	/* Of a foreign text in an error; two of them and the rest fit SETTINGS_ERROR_MAX. */
	SHOWN_MAX = 64,
	/* A longer name resembles none of ours. */
	NAME_MAX_COMPARED = 32,
};

static const struct {
	const char *name;
	const char *accepted;
} variables[] = {
#define VARIABLE(enumerator, variable_name, words, meaning)                                        \
	[VARIABLE_##enumerator] = {variable_name, words},
	SENDFIN_ENV_LIST(VARIABLE)
#undef VARIABLE
};

static const char prefix[] = "SENDFIN_";
static const size_t prefix_length = sizeof(prefix) - 1;

/* Written by the shim itself for the next program; not for people, so not in the list. */
static const char internal_name[] = "SENDFIN_LEDGER";

static bool is_name(const char *assignment, size_t length, const char *name)
{
	return strncmp(assignment, name, length) == 0 && name[length] == '\0';
}

static enum variable find_variable(const char *assignment, size_t length)
{
	int variable = 0;

	while (variable < VARIABLE_COUNT &&
	       !is_name(assignment, length, variables[variable].name)) {
		variable++;
	}
	return (enum variable)variable;
}

/*
 * The place of value in a '|' list, or -1. *fits becomes the number of leading
 * characters that some word of the list has too.
 */
static int find_word(const char *list, const char *value, size_t *fits)
{
	*fits = 0;
	for (int index = 0;; index++) {
		size_t length = strcspn(list, "|");
		size_t shared = 0;

		while (shared < length && list[shared] == value[shared]) {
			shared++;
		}
		if (shared == length && value[shared] == '\0') {
			return index;
		}
		*fits = shared > *fits ? shared : *fits;
		if (list[length] == '\0') {
			return -1;
		}
		list += length + 1;
	}
}

/* A decimal number from 1 to max without sign or leading zero; *fits as above. */
static bool parse_number(const char *value, unsigned max, unsigned *number, size_t *fits)
{
	unsigned sum = 0;

	for (*fits = 0; value[*fits]; (*fits)++) {
		unsigned digit = (unsigned)(unsigned char)value[*fits] - '0';

		if (digit > 9 || sum > (max - digit) / 10 || sum + digit == 0) {
			return false;
		}
		sum = sum * 10 + digit;
	}
	*number = sum;
	return sum > 0;
}

static void store_word(struct settings *settings, enum variable variable, int word)
{
	switch (variable) {
	case VARIABLE_MODE:
		settings->mode = (enum settings_mode)word;
		break;
	case VARIABLE_POLICY:
		settings->policy = (enum settings_policy)word;
		break;
	case VARIABLE_TRIGGER:
		settings->trigger = (enum settings_trigger)word;
		break;
	case VARIABLE_RECLAIM:
		settings->reclaim = (enum settings_reclaim)word;
		break;
	case VARIABLE_CLOEXEC:
		settings->cloexec = word == 1;
		break;
	case VARIABLE_DEBUG:
		settings->debug = word == 1;
		break;
	case VARIABLE_REPORT:
		settings->report = word == 1;
		break;
	case VARIABLE_LOG_FORMAT:
		settings->format = (enum settings_format)word;
		break;
	case VARIABLE_LOG:
		settings->log = (enum settings_log)(SETTINGS_LOG_STDERR + word);
		settings->log_path[0] = '\0';
		break;
	case VARIABLE_EXITCODE: /* not words */
	case VARIABLE_PROBE:
	case VARIABLE_COUNT:
		break;
	}
}

/* The other direction of store_word(); -1 when no word is in force. */
static int word_in_force(const struct settings *settings, enum variable variable)
{
	switch (variable) {
	case VARIABLE_MODE:
		return (int)settings->mode;
	case VARIABLE_POLICY:
		return (int)settings->policy;
	case VARIABLE_TRIGGER:
		return (int)settings->trigger;
	case VARIABLE_RECLAIM:
		return (int)settings->reclaim;
	case VARIABLE_CLOEXEC:
		return settings->cloexec;
	case VARIABLE_DEBUG:
		return settings->debug;
	case VARIABLE_REPORT:
		return settings->report;
	case VARIABLE_LOG_FORMAT:
		return (int)settings->format;
	case VARIABLE_LOG:
		return (int)settings->log - SETTINGS_LOG_STDERR;
	case VARIABLE_EXITCODE:
	case VARIABLE_PROBE:
	case VARIABLE_COUNT:
		break;
	}
	return -1;
}

static bool accept_path(struct settings *settings, const char *path, size_t *fits)
{
	size_t length = strnlen(path, SETTINGS_PATH_MAX);

	if (length == SETTINGS_PATH_MAX) {
		*fits = length - 1;
		return false;
	}
	settings->log = SETTINGS_LOG_FILE;
	memcpy(settings->log_path, path, length + 1);
	return true;
}

static bool accept_exitcode(struct settings *settings, const char *value, size_t *fits)
{
	unsigned number;

	if (!parse_number(value, EXITCODE_MAX, &number, fits)) {
		return false;
	}
	settings->exitcode = (int)number;
	return true;
}

static bool accept_probe(struct settings *settings, const char *value, size_t *fits)
{
	unsigned number = 0;

	*fits = 1;
	if (strcmp(value, "0") != 0 && !parse_number(value, SETTINGS_PROBE_MAX, &number, fits)) {
		return false;
	}
	settings->probe_s = (int)number;
	return true;
}

/* Sets the variable, or tells how many characters of value are still good. */
static bool accept_value(struct settings *settings, enum variable variable, const char *value,
			 size_t *fits)
{
	int word;

	if (variable == VARIABLE_EXITCODE) {
		return accept_exitcode(settings, value, fits);
	}
	if (variable == VARIABLE_PROBE) {
		return accept_probe(settings, value, fits);
	}
	if (variable == VARIABLE_LOG && value[0] == '/') {
		return accept_path(settings, value, fits);
	}
	word = find_word(variables[variable].accepted, value, fits);
	if (word < 0) {
		return false;
	}
	store_word(settings, variable, word);
	return true;
}

static void append_shortened(struct text *text, const char *foreign, size_t length)
{
	text_untrusted(text, foreign, length < SHOWN_MAX ? length : SHOWN_MAX);
	if (length > SHOWN_MAX) {
		text_string(text, "...");
	}
}

/* "enforce, observe or off" of "enforce|observe|off". */
static void append_accepted(struct text *text, enum variable variable)
{
	const char *list = variables[variable].accepted;
	size_t length = strcspn(list, "|");

	text_untrusted(text, list, length);
	while (list[length] != '\0') {
		list += length + 1;
		length = strcspn(list, "|");
		text_string(text, list[length] == '\0' ? " or " : ", ");
		text_untrusted(text, list, length);
	}
	if (variable == VARIABLE_LOG) {
		text_string(text, " (absolute, at most ");
		text_unsigned(text, SETTINGS_PATH_MAX - 1);
		text_string(text, " bytes)");
	}
}

static void append_word(struct text *text, const char *list, int word)
{
	for (; word > 0; word--) {
		list += strcspn(list, "|") + 1;
	}
	text_untrusted(text, list, strcspn(list, "|"));
}

static void append_in_force(struct text *text, const struct settings *settings,
			    enum variable variable)
{
	int word = word_in_force(settings, variable);

	if (variable == VARIABLE_LOG && settings->log == SETTINGS_LOG_FILE) {
		text_string(text, "; using ");
		append_shortened(text, settings->log_path, strlen(settings->log_path));
	} else if (variable == VARIABLE_EXITCODE && settings->exitcode > 0) {
		text_string(text, "; using ");
		text_signed(text, settings->exitcode);
	} else if (variable == VARIABLE_PROBE) {
		text_string(text, "; using ");
		text_signed(text, settings->probe_s);
	} else if (word >= 0) {
		text_string(text, "; using ");
		append_word(text, variables[variable].accepted, word);
	} else {
		text_string(text, "; ignored");
	}
}

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* Levenshtein's distance, letter case aside; length is at most NAME_MAX_COMPARED. */
static size_t edit_distance(const char *typed, size_t length, const char *name)
{
	size_t row[NAME_MAX_COMPARED + 1];

	for (size_t i = 0; i <= length; i++) {
		row[i] = i;
	}
	for (size_t j = 0; name[j]; j++) {
		size_t diagonal = row[0];

		row[0] = j + 1;
		for (size_t i = 1; i <= length; i++) {
			size_t best = diagonal + (upper(typed[i - 1]) != name[j]);

			diagonal = row[i];
			best = row[i] + 1 < best ? row[i] + 1 : best;
			best = row[i - 1] + 1 < best ? row[i - 1] + 1 : best;
			row[i] = best;
		}
	}
	return row[length];
}

/* The name that was probably meant, or NULL: at most two slips, and half of a short word. */
static const char *similar_name(const char *typed, size_t length)
{
	const char *similar = NULL;
	size_t least = 3;

	if (length > NAME_MAX_COMPARED) {
		return NULL;
	}
	for (int i = 0; i < VARIABLE_COUNT; i++) {
		const char *name = variables[i].name;
		size_t distance = edit_distance(typed, length, name);

		if (distance < least && distance * 2 <= strlen(name + prefix_length)) {
			similar = name;
			least = distance;
		}
	}
	return similar;
}

static void complain_of_name(struct text *text, const char *name, size_t length)
{
	const char *similar = similar_name(name, length);

	append_shortened(text, name, length);
	text_string(text, ": unknown variable; ");
	if (similar) {
		text_string(text, "did you mean ");
		text_string(text, similar);
		text_char(text, '?');
	} else {
		text_string(text, "ignored");
	}
}

static void complain_of_value(struct text *text, const struct settings *settings,
			      enum variable variable, const char *value, size_t fits)
{
	text_string(text, variables[variable].name);
	text_string(text, ": bad value '");
	append_shortened(text, value, strlen(value));
	text_string(text, "' at column ");
	text_unsigned(text, fits + 1);
	text_string(text, ": expected ");
	append_accepted(text, variable);
	append_in_force(text, settings, variable);
}

void settings_default(struct settings *settings)
{
	/* The default is the first word of each list, so its enumerator is 0. */
	memset(settings, 0, sizeof(*settings));
	settings->probe_s = SETTINGS_PROBE_DEFAULT;
}

bool settings_set(struct settings *settings, const char *assignment, char *error, size_t size)
{
	const char *value;
	enum variable variable;
	struct text text;
	size_t length;
	size_t fits;

	text_begin(&text, error, size);
	if (strncmp(assignment, prefix, prefix_length) != 0) {
		return true;
	}
	length = strcspn(assignment, "=");
	value = assignment + length + 1;
	if (assignment[length] == '\0' || is_name(assignment, length, internal_name)) {
		return true;
	}
	variable = find_variable(assignment, length);
	if (variable == VARIABLE_COUNT) {
		text_string(&text, "sendfin: ");
		complain_of_name(&text, assignment, length);
		return false;
	}
	if (*value == '\0' || accept_value(settings, variable, value, &fits)) {
		return true;
	}
	text_string(&text, "sendfin: ");
	complain_of_value(&text, settings, variable, value, fits);
	return false;
}
