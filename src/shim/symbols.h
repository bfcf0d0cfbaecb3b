/* SPDX-License-Identifier: MIT */
/*
 * The names that the libraries behind this one define, looked up all at once.
 *
 * The idea: dlsym(RTLD_NEXT) goes through all of them anew for each name, with much that is
 * of use only to others; a hundred names were half of what the library added to the start of
 * a program. Here each library's own hash table (DT_GNU_HASH) is asked for all names in one
 * go, in the order in which the loader searches.
 *
 * Invariant: what is found is what dlsym(RTLD_NEXT, name) would find: the first definition
 * behind this library, of the version that new programs bind to. Where that is not sure (a
 * library without such a table, an indirect function) nothing is said of the name, nor of
 * any library behind, and the caller asks dlsym().
 * Never here: an allocation, or a look-up for anybody but the constructor.
 */
#ifndef SHIM_SYMBOLS_H
#define SHIM_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

/* The longest name that SYMBOLS_HASH() can take. */
enum { SYMBOLS_NAME_MAX = 32 };

/* A name that is looked for. */
struct symbols_wanted {
	uint32_t hash; /* SYMBOLS_HASH() of it */
	uint16_t name; /* where it begins, in the memory that has all names */
	uint16_t size; /* with the NUL */
};

/*
 * entries[i] is set to the address of the i-th of `count` names when it was found, and left
 * alone else.
 */
void symbols_find(const struct symbols_wanted *wanted, size_t count, const char *names,
		  void **entries);

/*
 * The hash of DT_GNU_HASH for a string literal: a constant, because hashing was the larger
 * part of each look-up. What is behind the literal's end changes nothing.
 */
#define SYMBOLS_HASH(literal) SYMBOLS_16(SYMBOLS_16(5381U, literal, 0), literal, 16)

#define SYMBOLS_IS_IN(literal, i) ((i) < sizeof(literal) - 1)
#define SYMBOLS_STEP(hash, literal, i)                                                             \
	((hash) * (SYMBOLS_IS_IN(literal, i) ? 33U : 1U) +                                         \
	 (SYMBOLS_IS_IN(literal, i) ? (uint8_t)(literal)[SYMBOLS_IS_IN(literal, i) ? (i) : 0]      \
				    : 0U))
#define SYMBOLS_4(hash, literal, i)                                                                \
	SYMBOLS_STEP(SYMBOLS_STEP(SYMBOLS_STEP(SYMBOLS_STEP(hash, literal, i), literal, (i) + 1),  \
				  literal, (i) + 2),                                               \
		     literal, (i) + 3)
#define SYMBOLS_16(hash, literal, i)                                                               \
	SYMBOLS_4(SYMBOLS_4(SYMBOLS_4(SYMBOLS_4(hash, literal, i), literal, (i) + 4), literal,     \
			    (i) + 8),                                                              \
		  literal, (i) + 12)

#endif
