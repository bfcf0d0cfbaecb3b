/* SPDX-License-Identifier: MIT */
/*
 * Bounded text without allocation, locale or stdio: for log lines inside a host
 * process, in signal handlers too.
 *
 * The idea: append-only; a text that is full drops what follows and remembers
 * it. The buffer is NUL-terminated after every call.
 * Invariant: length < size, and buffer[length] == 0.
 * Never here: a static buffer, or a pointer kept beyond the caller's buffer.
 */
#ifndef CORE_TEXT_H
#define CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *buffer;   /* the caller's; size bytes */
	size_t size;    /* at least 1 */
	size_t length;  /* bytes in use, without the NUL */
	bool truncated; /* something did not fit */
};

/* An IP address and port as log lines show them. All in host order but the address bytes. */
struct text_endpoint {
	uint8_t address[16]; /* network order; IPv4 uses the first 4 */
	uint16_t port;
	bool is_ipv6;
	bool is_known; /* false prints "?" */
};

/* Starts an empty text in buffer; size must be at least 1. */
void text_begin(struct text *text, char *buffer, size_t size);

/* Appends a NUL-terminated string as it is. */
void text_string(struct text *text, const char *string);

/*
 * Appends at most max bytes of foreign text: control characters, bytes above
 * 0x7e and '"' and '\\' become '?', so that nobody forges a line or a quote.
 */
void text_untrusted(struct text *text, const char *string, size_t max);

/*
 * For what must fit as a whole, or not at all: back to a length that the text had before,
 * and no longer truncated.
 */
void text_rewind(struct text *text, size_t length);

/*
 * Keeps up to `bytes` free for an ending, as if the buffer were shorter; returns how many.
 * text_release() gives them back.
 */
size_t text_keep(struct text *text, size_t bytes);
void text_release(struct text *text, size_t kept);

void text_char(struct text *text, char c);
void text_unsigned(struct text *text, uint64_t value);
void text_signed(struct text *text, int64_t value);
void text_hex(struct text *text, uint64_t value); /* lower case, no prefix */

/*
 * 127.0.0.1:80, [::1]:80, "?" when unknown. IPv6 as RFC 5952 wants it (longest
 * run of zeros compressed); IPv4-mapped addresses as plain IPv4.
 */
void text_endpoint(struct text *text, const struct text_endpoint *endpoint);

/* The address alone: 127.0.0.1, ::1; "?" when unknown. */
void text_address(struct text *text, const struct text_endpoint *endpoint);

#endif
