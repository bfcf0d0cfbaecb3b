/* SPDX-License-Identifier: MIT */
/*
 * Bounded text, one character at a time: every append goes through text_char(),
 * the only place that knows where the buffer ends.
 */
#include "core/text.h"

#include <string.h>

enum {
	DECIMAL_DIGITS_MAX = 20, /* of 2^64 - 1 */
	HEX_DIGITS_MAX = 16,
	IPV6_GROUPS = 8,
	/* RFC 5952 section 4.2.2: "::" must not stand for just one group. */
	IPV6_RUN_MIN = 2,
};

/* A run of groups that are all zero. */
struct zero_run {
	int start;
	int length; /* 0: none */
};

static bool is_harmless(char c)
{
	return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\';
}

/* Groups of two bytes in network order. */
static unsigned ipv6_group(const uint8_t address[16], int index)
{
	return (unsigned)address[2 * index] << 8 | address[2 * index + 1];
}

/* The run that "::" stands for: the longest, of equals the first (RFC 5952 section 4.2.3). */
static struct zero_run longest_zero_run(const uint8_t address[16])
{
	struct zero_run best = {0, 0};
	struct zero_run run = {0, 0};

	for (int i = 0; i < IPV6_GROUPS; i++) {
		if (ipv6_group(address, i) != 0) {
			run.length = 0;
			continue;
		}
		if (run.length == 0) {
			run.start = i;
		}
		run.length++;
		if (run.length > best.length) {
			best = run;
		}
	}
	if (best.length < IPV6_RUN_MIN) {
		best.length = 0;
	}
	return best;
}

/* RFC 4291 section 2.5.5.2: ::ffff:a.b.c.d, an IPv4 peer of an IPv6 socket. */
static bool is_ipv4_mapped(const uint8_t address[16])
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(address, prefix, sizeof(prefix)) == 0;
}

static void append_ipv4(struct text *text, const uint8_t address[4])
{
	for (int i = 0; i < 4; i++) {
		if (i > 0) {
			text_char(text, '.');
		}
		text_unsigned(text, address[i]);
	}
}

static void append_ipv6(struct text *text, const uint8_t address[16])
{
	struct zero_run run = longest_zero_run(address);
	int i = 0;

	while (i < IPV6_GROUPS) {
		if (run.length > 0 && i == run.start) {
			text_string(text, "::");
			i += run.length;
			continue;
		}
		/* After "::" the colon is already there. */
		if (i > 0 && (run.length == 0 || i != run.start + run.length)) {
			text_char(text, ':');
		}
		text_hex(text, ipv6_group(address, i));
		i++;
	}
}

void text_begin(struct text *text, char *buffer, size_t size)
{
	*text = (struct text){.buffer = buffer, .size = size};
	buffer[0] = '\0';
}

void text_string(struct text *text, const char *string)
{
	for (; *string; string++) {
		text_char(text, *string);
	}
}

void text_untrusted(struct text *text, const char *string, size_t max)
{
	for (size_t i = 0; i < max && string[i]; i++) {
		text_char(text, is_harmless(string[i]) ? string[i] : '?');
	}
}

void text_rewind(struct text *text, size_t length)
{
	text->length = length;
	text->buffer[length] = '\0';
	text->truncated = false;
}

size_t text_keep(struct text *text, size_t bytes)
{
	size_t room = text->size - 1 - text->length;
	size_t kept = bytes < room ? bytes : room;

	text->size -= kept;
	return kept;
}

void text_release(struct text *text, size_t kept)
{
	text->size += kept;
}

void text_char(struct text *text, char c)
{
	if (text->length + 1 >= text->size) {
		text->truncated = true;
		return;
	}
	text->buffer[text->length++] = c;
	text->buffer[text->length] = '\0';
}

void text_unsigned(struct text *text, uint64_t value)
{
	char digits[DECIMAL_DIGITS_MAX];
	int count = 0;

	do {
		digits[count++] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	while (count > 0) {
		text_char(text, digits[--count]);
	}
}

void text_signed(struct text *text, int64_t value)
{
	if (value >= 0) {
		text_unsigned(text, (uint64_t)value);
		return;
	}
	text_char(text, '-');
	/* In unsigned arithmetic, because -INT64_MIN does not exist. */
	text_unsigned(text, 0 - (uint64_t)value);
}

void text_hex(struct text *text, uint64_t value)
{
	char digits[HEX_DIGITS_MAX];
	int count = 0;

	do {
		digits[count++] = "0123456789abcdef"[value & 0xf];
		value >>= 4;
	} while (value > 0);
	while (count > 0) {
		text_char(text, digits[--count]);
	}
}

static bool is_shown_as_ipv6(const struct text_endpoint *endpoint)
{
	return endpoint->is_ipv6 && !is_ipv4_mapped(endpoint->address);
}

void text_endpoint(struct text *text, const struct text_endpoint *endpoint)
{
	bool has_brackets = endpoint->is_known && is_shown_as_ipv6(endpoint);

	if (has_brackets) {
		text_char(text, '[');
	}
	text_address(text, endpoint);
	if (has_brackets) {
		text_char(text, ']');
	}
	if (endpoint->is_known) {
		text_char(text, ':');
		text_unsigned(text, endpoint->port);
	}
}

void text_address(struct text *text, const struct text_endpoint *endpoint)
{
	if (!endpoint->is_known) {
		text_char(text, '?');
	} else if (is_shown_as_ipv6(endpoint)) {
		append_ipv6(text, endpoint->address);
	} else {
		append_ipv4(text, endpoint->address + (endpoint->is_ipv6 ? 12 : 0));
	}
}
