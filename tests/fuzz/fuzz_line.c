/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the lines of events: the input is an event, the size of the buffer, and the bytes
 * of every module, function and file.
 *
 * The idea: whatever a name is and wherever a line is cut, text is one printable line, and
 * JSON is nothing at all or one object by the grammar of RFC 8259.
 * Never here: expectations of single values; they are the unit tests'. A reader of JSON
 * that is not ours: tests/lines has one.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/line.h"

enum {
	SITES = 5,
	FRAMES_MAX = 5,
	STRING_MAX = 48,
};

/* What is left of the input. */
struct input {
	const uint8_t *data;
	size_t size;
};

/* The frames of all sites are the same; strings as they came. */
struct names {
	struct line_frame frames[FRAMES_MAX];
	uint32_t count;
	char module[STRING_MAX];
	char function[STRING_MAX];
	char file[STRING_MAX];
	uint8_t build_id[LEDGER_BUILD_ID];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition) {
		abort();
	}
}

/* The next bytes; zeros behind the end. */
static void take(struct input *input, void *bytes, size_t count)
{
	size_t there = count < input->size ? count : input->size;

	memset(bytes, 0, count);
	memcpy(bytes, input->data, there);
	input->data += there;
	input->size -= there;
}

static uint8_t take_byte(struct input *input)
{
	uint8_t byte;

	take(input, &byte, sizeof(byte));
	return byte;
}

/* A string of its own length, ended by the first NUL or by the field. */
static const char *take_string(struct input *input, char *string)
{
	uint8_t length = take_byte(input);

	take(input, string, length % STRING_MAX);
	string[length % STRING_MAX] = '\0';
	return length >= 128 ? NULL : string;
}

static void take_names(struct input *input, struct names *names)
{
	struct line_frame frame = {.build_id = names->build_id};

	frame.module = take_string(input, names->module);
	frame.function = take_string(input, names->function);
	frame.file = take_string(input, names->file);
	frame.build_id_length = take_byte(input) % (LEDGER_BUILD_ID + 1);
	take(input, names->build_id, sizeof(names->build_id));
	names->count = take_byte(input) % (FRAMES_MAX + 1);
	for (uint32_t i = 0; i < FRAMES_MAX; i++) {
		take(input, &frame.offset, sizeof(frame.offset));
		frame.into = frame.offset >> (i * 8);
		frame.line = take_byte(input);
		names->frames[i] = frame;
	}
}

static bool frame_of(const void *context, uint32_t site, uint32_t index, struct line_frame *frame)
{
	const struct names *names = context;

	if (site % SITES == 0 || index >= names->count) {
		return false;
	}
	*frame = names->frames[index];
	return true;
}

static bool accept(const char **json, const char *token)
{
	size_t length = strlen(token);

	if (strncmp(*json, token, length) != 0) {
		return false;
	}
	*json += length;
	return true;
}

static void check_string(const char **json)
{
	require(accept(json, "\""));
	while (**json != '"') {
		require(**json >= 0x20 && **json <= 0x7e);
		if (!accept(json, "\\")) {
			*json += 1;
		} else if (accept(json, "u")) {
			require(strspn(*json, "0123456789abcdef") >= 4);
			*json += 4;
		} else {
			require(accept(json, "\"") || accept(json, "\\"));
		}
	}
	*json += 1;
}

static void check_number(const char **json)
{
	size_t digits = strspn(*json, "0123456789");

	require(digits == 1 || (digits > 1 && **json != '0'));
	*json += digits;
}

/* One value; `depth` is what is left. */
static void check_value(const char **json, int depth)
{
	bool is_object = **json == '{';

	require(depth > 0);
	if (**json == '"') {
		check_string(json);
	} else if (is_object || **json == '[') {
		const char *closing = is_object ? "}" : "]";

		*json += 1;
		for (bool is_first = true; !accept(json, closing); is_first = false) {
			require(is_first || accept(json, ","));
			if (is_object) {
				check_string(json);
				require(accept(json, ":"));
			}
			check_value(json, depth - 1);
		}
	} else if (!accept(json, "null") && !accept(json, "true") && !accept(json, "false")) {
		check_number(json);
	}
}

static void check_printable(const struct text *text)
{
	require(text->length == strlen(text->buffer) && text->length < text->size);
	for (size_t i = 0; i < text->length; i++) {
		require(text->buffer[i] >= 0x20 && text->buffer[i] <= 0x7e);
	}
}

static void check_text(const struct text *text)
{
	check_printable(text);
	require(text->truncated || strncmp(text->buffer, "sendfin[", 8) == 0);
	require(strchr(text->buffer, '"') == NULL && strchr(text->buffer, '\\') == NULL);
}

static void check_json(const struct text *text)
{
	const char *json = text->buffer;

	check_printable(text);
	if (text->length == 0) {
		require(text->truncated && text->size <= LINE_HEAD_BYTES);
		return;
	}
	require(*json == '{');
	check_value(&json, 4);
	require(*json == '\0');
	require((strstr(text->buffer, "],\"cut\":true}") != NULL ||
		 strstr(text->buffer, "null,\"cut\":true}") != NULL) == text->truncated);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct names names = {.count = 0};
	struct line_source source = {.frame_of = frame_of, .context = &names};
	struct ledger_event event;
	struct text text;
	size_t room;
	char *buffer;

	room = 1 + (size_t)take_byte(&input) * 16 + take_byte(&input) % 16;
	take(&input, &event, sizeof(event));
	event.kind %= 6;
	take_names(&input, &names);
	/* Of its own, so that a write past its end is seen. */
	buffer = malloc(room);
	require(buffer != NULL);
	text_begin(&text, buffer, room);
	line_text(&text, &event, &source);
	check_text(&text);
	text_begin(&text, buffer, room);
	line_json(&text, &event, &source);
	check_json(&text);
	free(buffer);
	return 0;
}
