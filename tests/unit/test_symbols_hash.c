/* SPDX-License-Identifier: MIT */
/*
 * The hash of a name that the compiler makes, against the one that loaders make.
 *
 * A wrong one would cost nothing but time: the name is not found, and dlsym() is asked.
 */
#include "shim/symbols.h"

#include "unit.h"

/* As in binutils, bfd_elf_gnu_hash(). */
static uint32_t hash_of(const char *name)
{
	uint32_t hash = 5381;

	while (*name != '\0') {
		hash = hash * 33 + (uint8_t)*name++;
	}
	return hash;
}

#define NAME(literal)                                                                              \
	{                                                                                          \
		literal, SYMBOLS_HASH(literal)                                                     \
	}

static const struct {
	const char *name;
	uint32_t hash;
} names[] = {
	NAME(""),
	NAME("a"),
	NAME("fork"),
	NAME("__libc_single_thread"),
	NAME("fifteen_letters"),
	NAME("sixteen__letters"),
	NAME("seventeen_letters"),
	NAME("thirty_one_letters_are_in_here_"),
	NAME("posix_spawn_file_actions_destroy"),
};

static void is_the_loaders(void **state)
{
	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(names); i++) {
		assert_int_equal(names[i].hash, hash_of(names[i].name));
	}
}

static void is_that_of_the_specification(void **state)
{
	(void)state;
	/* From the documentation of the format. */
	assert_int_equal(SYMBOLS_HASH("printf"), 0x156b2bb8);
	assert_int_equal(SYMBOLS_HASH("exit"), 0x7c967e3f);
	assert_int_equal(SYMBOLS_HASH("syscall"), 0xbac212a0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(is_the_loaders),
	cmocka_unit_test(is_that_of_the_specification),
};

UNIT_MAIN(tests)
