/* SPDX-License-Identifier: MIT */
/*
 * A number that was given back carries a stamp of its own, until something that we
 * watch gets it; so the program's late close finds out.
 */
#include "shim/reclaim.h"

#include <errno.h>
#include <stddef.h>

#include "core/stamp.h"
#include "shim/process.h"
#include "shim/table.h"
#include "shim/tree.h"
#include "sys/rawsys.h"
#include "sys/sockprobe.h"

void reclaim_note_closed(void)
{
	__atomic_store_n(&home->has_closed_shared, true, __ATOMIC_RELAXED);
}

bool reclaim_has(int fd)
{
	return table_is_watched(fd) && table_stamp(fd) == STAMP_RECLAIMED;
}

/* Dead for so long that whoever wanted to close it had the time. */
enum { LONG_DEAD_MS = 5000 };

/* No record: the stamp's own epoch is that of the acquisition. */
static bool is_forgotten(int fd, uint64_t stamp)
{
	return stamp_is_connection(stamp) && stamp_is_shared(stamp, process_epoch_now()) &&
	       (stamp & (STAMP_UNUSED | STAMP_ENGAGED | STAMP_STDIO | STAMP_RECORD)) ==
		       STAMP_UNUSED &&
	       sockprobe_is_dead(fd) &&
	       (tree_child_is_reaped(stamp_epoch(stamp)) || sockprobe_quiet_ms(fd) >= LONG_DEAD_MS);
}

/*
 * The very stamp that was looked at is replaced first: a close of the program's on another
 * thread, and a new connection under the number, are then not ours to touch.
 */
static bool give_back(int fd, uint64_t stamp)
{
	if (!table_replace(fd, stamp, STAMP_RECLAIMED)) {
		return false;
	}
	rawsys1(SYS_close, fd);
	return true;
}

__attribute__((noinline, cold)) bool reclaim_for(int error)
{
	struct ledger_process *self = tree_self();
	int highest = table_highest();
	uint32_t count = 0;

	if ((error != EMFILE && error != ENFILE) || !process_may_act() ||
	    process_settings.reclaim != SETTINGS_RECLAIM_EMFILE ||
	    process_settings.mode != SETTINGS_MODE_ENFORCE ||
	    __atomic_load_n(&home->has_closed_shared, __ATOMIC_RELAXED)) {
		return false;
	}
	for (int fd = 0; fd <= highest; fd++) {
		uint64_t stamp = table_is_watched(fd) ? table_stamp(fd) : STAMP_NONE;

		if (is_forgotten(fd, stamp) && give_back(fd, stamp)) {
			count++;
		}
	}
	if (self != NULL && count > 0) {
		__atomic_fetch_add(&self->reclaimed, count, __ATOMIC_RELAXED);
	}
	return count > 0;
}
