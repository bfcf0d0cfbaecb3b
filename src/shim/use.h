/* SPDX-License-Identifier: MIT */
/*
 * The process uses a connection: what a hook says before it lets the program read,
 * write or wait, and after a receive call that returned 0.
 *
 * The idea: in the common case nothing is to be said. use_is_warm() is the test in
 * front; use_note() is the cold path behind it, once per connection and fork.
 * Invariant: a use is noted before the real call, so that a process that blocks in
 * it is known to be using the connection.
 * Never here: state kept across the real call.
 *
 * Safe in threads and signal handlers; errno is left alone.
 */
#ifndef SHIM_USE_H
#define SHIM_USE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/stamp.h"
#include "shim/process.h"
#include "shim/table.h"

/* True when `use` of the watched fd was noted in this epoch already. */
static inline bool use_is_warm(int fd, uint64_t use)
{
	/* From there, for the address is in a register already. */
	const struct home *place = (const struct home *)(const void *)table_stamps - 1;

	return stamp_is_warm(table_stamp(fd), place->epoch, use);
}

/* Notes the use; harmless when it is warm or fd is not a connection. */
void use_note(int fd, uint64_t use);

/* A new image was born with the connection on one of descriptors 0 to 2. */
void use_engage_inherited(int fd, uint64_t cookie);

/* A receive call of non-zero length on the watched fd returned 0. Returns that 0. */
ssize_t use_note_eof(int fd);

#endif
