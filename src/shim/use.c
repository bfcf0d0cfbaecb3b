/* SPDX-License-Identifier: MIT */
/*
 * The first use while shared asks the kernel for the cookie: it is the name of the
 * connection between processes, and the proof, when the descriptor is let go, that
 * the number still means the same connection.
 */
#include "shim/use.h"

#include "shim/tree.h"
#include "sys/sockprobe.h"

static void engage(int fd, uint64_t cookie)
{
	struct table_gone known;

	table_set_cookie(fd, cookie);
	if (cookie != 0 && table_look(fd, &known)) {
		tree_engage(cookie, known.acquired, known.descriptor,
			    (known.stamp & STAMP_UPSTREAM) == 0);
	}
}

void use_engage_inherited(int fd, uint64_t cookie)
{
	table_flag(fd, STAMP_ENGAGED);
	engage(fd, cookie);
}

__attribute__((noinline, cold)) void use_note(int fd, uint64_t use)
{
	if (!process_may_act() || !table_is_watched(fd)) {
		return;
	}
	if (table_note(fd, use) == TABLE_NOTED_FIRST) {
		engage(fd, sockprobe_cookie(fd));
	}
}

__attribute__((noinline, cold)) ssize_t use_note_eof(int fd)
{
	if (process_may_act() && table_is_watched(fd) &&
	    (table_stamp(fd) & STAMP_SHUT_RD) == 0) {
		table_flag(fd, STAMP_EOF);
	}
	return 0;
}
