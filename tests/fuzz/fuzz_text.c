/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes bounded text: the first byte is the size of the buffer, the rest a
 * series of appends. Each append is also made into a large buffer, and read back
 * where libc can read it.
 *
 * The idea: the small text is always the beginning of the large one, and
 * truncated tells whether it is all of it.
 * Never here: a buffer with room to spare behind it.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

enum {
	/* No append writes more than its input, but for these: 20 digits or 47 of an endpoint. */
	APPEND_MAX = 64,
	STRING_MAX = 32,
};

/* What is left of the input. */
struct input {
	const uint8_t *data;
	size_t size;
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

static void check_endpoint(const struct text_endpoint *endpoint, const char *printed)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	char address[APPEND_MAX];
	uint8_t parsed[16];
	unsigned port;

	if (!endpoint->is_known) {
		require(strcmp(printed, "?") == 0);
	} else if (!endpoint->is_ipv6 || memcmp(endpoint->address, mapped, 12) == 0) {
		const uint8_t *expected = endpoint->address + (endpoint->is_ipv6 ? 12 : 0);

		require(sscanf(printed, "%63[0-9.]:%u", address, &port) == 2);
		require(inet_pton(AF_INET, address, parsed) == 1);
		require(memcmp(parsed, expected, 4) == 0 && port == endpoint->port);
	} else {
		require(sscanf(printed, "[%63[0-9a-f:]]:%u", address, &port) == 2);
		require(inet_pton(AF_INET6, address, parsed) == 1);
		require(memcmp(parsed, endpoint->address, 16) == 0 && port == endpoint->port);
	}
}

static void check_untrusted(const char *printed)
{
	for (; *printed; printed++) {
		require(*printed >= 0x20 && *printed <= 0x7e);
		require(*printed != '"' && *printed != '\\');
	}
}

/* Makes one append to text; with check, what it printed (from `printed` on) is read back. */
static void append(struct text *text, struct input input, const char *printed, bool check)
{
	struct text_endpoint endpoint;
	char string[STRING_MAX];
	uint8_t kind, flags;
	uint64_t number;

	take(&input, &kind, sizeof(kind));
	take(&input, &number, sizeof(number));
	switch (kind % 8) {
	case 0:
		take(&input, string, sizeof(string) - 1);
		string[sizeof(string) - 1] = '\0';
		text_string(text, string);
		require(!check || strcmp(printed, string) == 0);
		break;
	case 1:
		take(&input, string, sizeof(string));
		text_untrusted(text, string, number % (sizeof(string) + 1));
		if (check) {
			check_untrusted(printed);
		}
		break;
	case 2:
		text_char(text, number & 0xff ? (char)number : ' ');
		break;
	case 3:
		text_unsigned(text, number);
		require(!check || strtoull(printed, NULL, 10) == number);
		break;
	case 4:
		text_signed(text, (int64_t)number);
		require(!check || strtoll(printed, NULL, 10) == (int64_t)number);
		break;
	case 5:
		text_hex(text, number);
		require(!check || strtoull(printed, NULL, 16) == number);
		break;
	case 6:
		take(&input, endpoint.address, sizeof(endpoint.address));
		endpoint.is_ipv6 = number & 1;
		endpoint.is_known = number & 6;
		text_address(text, &endpoint);
		require(!check || strchr(printed, '[') == NULL);
		break;
	default:
		take(&input, endpoint.address, sizeof(endpoint.address));
		take(&input, &flags, sizeof(flags));
		endpoint.port = (uint16_t)number;
		endpoint.is_ipv6 = flags & 1;
		endpoint.is_known = flags & 6;
		text_endpoint(text, &endpoint);
		if (check) {
			check_endpoint(&endpoint, printed);
		}
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { STEP = 16 };
	size_t large_size = (size / STEP + 1) * APPEND_MAX + 1;
	struct input input = {data, size};
	struct text small, large;
	uint8_t small_size;
	char *buffers[2];

	take(&input, &small_size, sizeof(small_size));
	small_size += small_size == 0;
	buffers[0] = malloc(small_size);
	buffers[1] = malloc(large_size);
	require(buffers[0] != NULL && buffers[1] != NULL);
	text_begin(&small, buffers[0], small_size);
	text_begin(&large, buffers[1], large_size);
	while (input.size > 0) {
		uint8_t skipped[STEP];

		append(&large, input, buffers[1] + large.length, true);
		append(&small, input, NULL, false);
		require(!large.truncated && large.length == strlen(buffers[1]));
		require(small.length < small.size && small.length == strlen(buffers[0]));
		require(memcmp(buffers[0], buffers[1], small.length) == 0);
		require(small.truncated == (small.length < large.length));
		/* The appends' inputs overlap: more cases from fewer bytes. */
		take(&input, skipped, sizeof(skipped));
	}
	free(buffers[0]);
	free(buffers[1]);
	return 0;
}
