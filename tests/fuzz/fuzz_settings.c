/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the parser of SENDFIN_*: the input is an environment, its strings
 * separated by NUL, after one byte that chooses the size of the error buffer.
 *
 * The idea: whatever the strings are, the settings stay within their ranges, and
 * an error is one harmless line, there exactly when something was refused.
 * Never here: expectations of single values; they are the unit tests'.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition) {
		abort();
	}
}

static void check_settings(const struct settings *s)
{
	require(s->mode <= SETTINGS_MODE_OFF);
	require(s->policy <= SETTINGS_POLICY_EAGER);
	require(s->trigger <= SETTINGS_TRIGGER_CLOSE);
	require(s->reclaim <= SETTINGS_RECLAIM_OFF);
	require(s->format <= SETTINGS_FORMAT_JSON);
	require(s->log <= SETTINGS_LOG_FILE);
	require(s->exitcode >= 0 && s->exitcode <= 255);
	require(memchr(s->log_path, '\0', sizeof(s->log_path)) != NULL);
	require((s->log == SETTINGS_LOG_FILE) == (s->log_path[0] == '/'));
	require(s->log == SETTINGS_LOG_FILE || s->log_path[0] == '\0');
}

static void check_error(const char *error, size_t size, bool is_good)
{
	size_t length = strnlen(error, size);

	require(length < size);
	require(!is_good || length == 0);
	require(is_good || length > 0 || size == 1);
	/* Never cut when the buffer is as large as promised. */
	require(size < SETTINGS_ERROR_MAX || length < SETTINGS_ERROR_MAX - 1);
	for (size_t i = 0; i < length; i++) {
		require(error[i] >= 0x20 && error[i] <= 0x7e);
		require(error[i] != '"' && error[i] != '\\');
	}
}

static void set_one(struct settings *settings, const char *assignment, size_t size)
{
	struct settings before;
	char *error = malloc(size); /* of its own, so that a write past its end is seen */
	bool is_good;

	require(error != NULL);
	memset(error, 0x5a, size);
	memcpy(&before, settings, sizeof(before));
	is_good = settings_set(settings, assignment, error, size);
	check_settings(settings);
	check_error(error, size, is_good);
	require(is_good || memcmp(&before, settings, sizeof(before)) == 0);
	free(error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settings settings;
	size_t error_size;

	if (size == 0) {
		return 0;
	}
	error_size = data[0] == 0 ? SETTINGS_ERROR_MAX : data[0];
	data++;
	size--;
	settings_default(&settings);
	check_settings(&settings);
	while (size > 0) {
		size_t length = strnlen((const char *)data, size);
		char *assignment = strndup((const char *)data, length);

		require(assignment != NULL);
		set_one(&settings, assignment, error_size);
		free(assignment);
		data += length;
		size -= length;
		if (size > 0) {
			data++;
			size--;
		}
	}
	return 0;
}
