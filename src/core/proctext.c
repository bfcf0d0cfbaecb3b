/* SPDX-License-Identifier: MIT */
/*
 * A cursor walks along the line; each step takes what it wants, or leaves the cursor at
 * NULL, where every further step fails, too.
 */
#include "core/proctext.h"

#include <stddef.h>
#include <string.h>

enum {
	HEX_OF_WORD = 8,
	WORDS_OF_IPV6 = 4,
};

static uint32_t digit_of(char c)
{
	if (c >= '0' && c <= '9') {
		return (uint32_t)(c - '0');
	}
	if (c >= 'a' && c <= 'f') {
		return (uint32_t)(c - 'a') + 10;
	}
	if (c >= 'A' && c <= 'F') {
		return (uint32_t)(c - 'A') + 10;
	}
	return 16;
}

static const char *skip_blanks(const char *at)
{
	while (at != NULL && (*at == ' ' || *at == '\t')) {
		at++;
	}
	return at;
}

/* Digits, at least one; a value that does not fit is no number. */
static const char *take_number(const char *at, uint32_t base, uint64_t *value)
{
	const char *start = at;

	*value = 0;
	for (; at != NULL && digit_of(*at) < base; at++) {
		if (*value > (~(uint64_t)0 - digit_of(*at)) / base) {
			return NULL;
		}
		*value = *value * base + digit_of(*at);
	}
	return at == start ? NULL : at;
}

static const char *take_char(const char *at, char c)
{
	return at != NULL && *at == c ? at + 1 : NULL;
}

/* A word that does not matter. */
static const char *take_word(const char *at)
{
	size_t length = at != NULL ? strcspn(at, " \t\n") : 0;

	return length > 0 ? at + length : NULL;
}

/* Eight digits show a word of memory as this machine reads it. */
static const char *take_memory(const char *at, uint8_t *bytes)
{
	uint32_t word = 0;

	for (int i = 0; i < HEX_OF_WORD; i++) {
		if (at == NULL || digit_of(at[i]) > 15) {
			return NULL;
		}
		word = word << 4 | digit_of(at[i]);
	}
	memcpy(bytes, &word, sizeof(word));
	return at + HEX_OF_WORD;
}

static const char *take_endpoint(const char *at, uint8_t address[16], uint16_t *port,
				 uint16_t *is_ipv6)
{
	uint64_t number = 0;
	int words = 0;

	memset(address, 0, 16);
	while (at != NULL && *at != ':' && words < WORDS_OF_IPV6) {
		at = take_memory(at, address + (size_t)words * sizeof(uint32_t));
		words++;
	}
	at = take_number(take_char(at, ':'), 16, &number);
	*port = (uint16_t)number;
	*is_ipv6 = words == WORDS_OF_IPV6;
	return (words == 1 || words == WORDS_OF_IPV6) && number <= UINT16_MAX ? at : NULL;
}

static const char *take_queues(const char *at, struct proctext_tcp *out)
{
	uint64_t unsent = 0;
	uint64_t unread = 0;

	at = take_number(at, 16, &unsent);
	at = take_number(take_char(at, ':'), 16, &unread);
	out->unsent = (uint32_t)unsent;
	out->unread = (uint32_t)unread;
	return at;
}

bool proctext_tcp(const char *line, struct proctext_tcp *out)
{
	uint64_t number = 0;
	uint16_t is_ipv6 = 0;
	const char *at = take_number(skip_blanks(line), 10, &number);

	memset(out, 0, sizeof(*out));
	at = skip_blanks(take_char(at, ':'));
	at = take_endpoint(at, out->ends.local, &out->ends.local_port, &is_ipv6);
	at = skip_blanks(at);
	at = take_endpoint(at, out->ends.peer, &out->ends.peer_port, &out->ends.is_ipv6);
	at = take_number(skip_blanks(at), 16, &number);
	out->state = (uint32_t)number;
	at = take_queues(skip_blanks(at), out);
	/* The timer, retransmissions, user, probes. */
	for (int i = 0; i < 4; i++) {
		at = take_word(skip_blanks(at));
	}
	at = take_number(skip_blanks(at), 10, &out->inode);
	out->ends.is_known = 1;
	return at != NULL && is_ipv6 == out->ends.is_ipv6;
}

bool proctext_map(const char *line, struct proctext_map *out)
{
	const char *at = take_number(line, 16, &out->start);

	at = take_number(take_char(at, '-'), 16, &out->end);
	at = take_word(skip_blanks(at)); /* what may be done */
	at = take_number(skip_blanks(at), 16, &out->offset);
	at = take_word(skip_blanks(at)); /* the device */
	at = take_number(skip_blanks(at), 10, &out->inode);
	out->path = skip_blanks(at);
	return at != NULL;
}

bool proctext_nspid(const char *line, uint32_t *pid)
{
	static const char name[] = "NSpid:";
	uint64_t number = 0;
	bool is_found = false;
	const char *at = line;

	if (strncmp(line, name, sizeof(name) - 1) != 0) {
		return false;
	}
	for (at += sizeof(name) - 1; (at = take_number(skip_blanks(at), 10, &number)) != NULL;) {
		*pid = (uint32_t)number;
		is_found = true;
	}
	return is_found;
}
