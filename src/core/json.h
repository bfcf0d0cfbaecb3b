/* SPDX-License-Identifier: MIT */
/*
 * JSON (RFC 8259) into bounded text: one line, plain ASCII.
 *
 * The idea: everything that is not printable ASCII is escaped, so what comes out is valid
 * in every encoding, has no control character, and hides no direction mark. Bytes that are
 * not UTF-8 become U+FFFD, as many as Unicode recommends (chapter 3.9: one for each maximal
 * part of a sequence).
 * Invariant: a value that was not cut is valid JSON, whatever the bytes are.
 * Never here: which keys there are; what to do about a text that is full.
 */
#ifndef CORE_JSON_H
#define CORE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/text.h"

/* A comma, unless something has just been opened. Before each element of an array. */
void json_next(struct text *text);

/* The same, and "key":, for the value that is appended next. The key is ours: not escaped. */
void json_key(struct text *text, const char *key);

/* A string; NULL is null. */
void json_string(struct text *text, const char *string);

/* A string "0x1f". */
void json_hex(struct text *text, uint64_t value);

/* A string of two hex digits for each byte; null when there is none. */
void json_bytes(struct text *text, const uint8_t *bytes, size_t count);

void json_bool(struct text *text, bool value);
void json_null(struct text *text);

/* A number; null if it is 0 and so not known. */
void json_known(struct text *text, uint64_t value);

#endif
