/* SPDX-License-Identifier: MIT */
/*
 * The first use while shared asks the kernel for the cookie: it is the name of the
 * connection between processes, and the proof, when the descriptor is let go, that
 * the number still means the same connection.
 */
#include "shim/use.h"

#include "shim/capture.h"
#include "shim/places.h"
#include "shim/tree.h"
#include "sys/sockprobe.h"

static void engage(int fd, uint64_t cookie)
{
	struct table_gone known;

	if (cookie == 0) {
		table_forget(fd); /* the number means something else by now */
		return;
	}
	if (!table_set_cookie(fd, cookie) || !table_look(fd, &known)) {
		tree_uses_unknown();
		return;
	}
	tree_engage(cookie, &known, places_of(fd).accepted);
}

void use_engage_inherited(int fd, uint64_t cookie)
{
	table_flag(fd, STAMP_ENGAGED);
	engage(fd, cookie);
}

__attribute__((noinline)) void use_note(int fd, uint64_t use)
{
	if (!process_may_act() || !table_is_watched(fd)) {
		return;
	}
	switch (table_note(fd, use)) {
	case TABLE_NOTED:
		break;
	case TABLE_NOTED_FIRST:
		engage(fd, sockprobe_cookie(fd));
		break;
	case TABLE_NOTED_UNKNOWN:
		tree_uses_unknown();
		break;
	}
}

__attribute__((noinline)) ssize_t use_note_eof(int fd)
{
	if (process_may_act() && table_is_watched(fd) && (table_stamp(fd) & STAMP_SHUT_RD) == 0) {
		table_flag(fd, STAMP_EOF);
		if (unlikely(places_are_kept)) {
			CAPTURE_ENTRY();
			places_ended(fd);
		}
	}
	return 0;
}
