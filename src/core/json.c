/* SPDX-License-Identifier: MIT */
/* See json.h. All escapes are \uXXXX but the two that every reader expects short. */
#include "core/json.h"

enum {
	REPLACEMENT = 0xfffd,
	BEYOND_BMP = 0x10000,
	HIGH_SURROGATE = 0xd800,
	LOW_SURROGATE = 0xdc00,
	SURROGATE_BITS = 10,
};

/* What a first byte promises (RFC 3629 section 4); the second one's range shuts out the rest. */
struct lead {
	uint8_t from; /* first byte */
	uint8_t to;
	uint8_t more; /* bytes that follow */
	uint8_t low;  /* second byte */
	uint8_t high;
};

static const struct lead leads[] = {
	{0x00, 0x7f, 0, 0x00, 0x00}, {0xc2, 0xdf, 1, 0x80, 0xbf}, {0xe0, 0xe0, 2, 0xa0, 0xbf},
	{0xe1, 0xec, 2, 0x80, 0xbf}, {0xed, 0xed, 2, 0x80, 0x9f}, {0xee, 0xef, 2, 0x80, 0xbf},
	{0xf0, 0xf0, 3, 0x90, 0xbf}, {0xf1, 0xf3, 3, 0x80, 0xbf}, {0xf4, 0xf4, 3, 0x80, 0x8f},
};

static const struct lead *find_lead(uint8_t byte)
{
	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
		if (byte >= leads[i].from && byte <= leads[i].to) {
			return &leads[i];
		}
	}
	return NULL;
}

/* The next character of a NUL-terminated string that has one; moves on by at least a byte. */
static uint32_t next_character(const char **string)
{
	const uint8_t *bytes = (const uint8_t *)*string;
	const struct lead *lead = find_lead(bytes[0]);
	uint32_t character;

	if (lead == NULL) {
		*string += 1;
		return REPLACEMENT;
	}
	character = bytes[0] & (0x7fU >> (lead->more + (lead->more > 0)));
	for (uint8_t i = 1; i <= lead->more; i++) {
		uint8_t low = i == 1 ? lead->low : 0x80;
		uint8_t high = i == 1 ? lead->high : 0xbf;

		/* The NUL at the end is below every range. */
		if (bytes[i] < low || bytes[i] > high) {
			*string += i;
			return REPLACEMENT;
		}
		character = character << 6 | (bytes[i] & 0x3fU);
	}
	*string += lead->more + 1;
	return character;
}

static void append_unit(struct text *text, uint32_t unit)
{
	text_string(text, "\\u");
	for (int shift = 12; shift >= 0; shift -= 4) {
		text_char(text, "0123456789abcdef"[unit >> shift & 0xf]);
	}
}

static void append_character(struct text *text, uint32_t character)
{
	if (character == '"' || character == '\\') {
		text_char(text, '\\');
		text_char(text, (char)character);
	} else if (character >= 0x20 && character <= 0x7e) {
		text_char(text, (char)character);
	} else if (character < BEYOND_BMP) {
		append_unit(text, character);
	} else {
		character -= BEYOND_BMP;
		append_unit(text, HIGH_SURROGATE | character >> SURROGATE_BITS);
		append_unit(text, LOW_SURROGATE | (character & ((1U << SURROGATE_BITS) - 1)));
	}
}

/* A string ends with a quote: a bracket as the last character was opened by us. */
void json_next(struct text *text)
{
	char last = text->length > 0 ? text->buffer[text->length - 1] : '{';

	if (last != '{' && last != '[') {
		text_char(text, ',');
	}
}

void json_key(struct text *text, const char *key)
{
	json_next(text);
	text_char(text, '"');
	text_string(text, key);
	text_string(text, "\":");
}

void json_string(struct text *text, const char *string)
{
	if (string == NULL) {
		json_null(text);
		return;
	}
	text_char(text, '"');
	while (*string != '\0' && !text->truncated) {
		append_character(text, next_character(&string));
	}
	text_char(text, '"');
}

void json_hex(struct text *text, uint64_t value)
{
	text_string(text, "\"0x");
	text_hex(text, value);
	text_char(text, '"');
}

void json_bytes(struct text *text, const uint8_t *bytes, size_t count)
{
	if (count == 0) {
		json_null(text);
		return;
	}
	text_char(text, '"');
	for (size_t i = 0; i < count; i++) {
		text_hex(text, bytes[i] >> 4);
		text_hex(text, bytes[i] & 0xf);
	}
	text_char(text, '"');
}

void json_bool(struct text *text, bool value)
{
	text_string(text, value ? "true" : "false");
}

void json_null(struct text *text)
{
	text_string(text, "null");
}

void json_known(struct text *text, uint64_t value)
{
	if (value == 0) {
		json_null(text);
	} else {
		text_unsigned(text, value);
	}
}
