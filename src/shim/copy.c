/* SPDX-License-Identifier: MIT */
/* The number at the acquirer comes first: forks do not change it. */
#include "shim/copy.h"

#include <stdbool.h>
#include <stddef.h>

#include "shim/process.h"
#include "shim/table.h"
#include "sys/sockprobe.h"

static bool is_on(int fd, uint64_t cookie)
{
	return table_is_watched(fd) && stamp_is_connection(table_stamp(fd)) &&
	       sockprobe_cookie(fd) == cookie;
}

/*
 * The kernel is only asked about what may be it: one system call for each descriptor and
 * mark would be many. The epoch of acquisition is the same with everybody who has it by
 * fork; what came by exec or in a message may be anything.
 */
static bool may_be(int fd, uint64_t cookie, const struct conns_origin *origin)
{
	struct table_gone known;

	return table_look(fd, &known) && (known.cookie == 0 || known.cookie == cookie) &&
	       (origin->acquirer == LEDGER_NOBODY || known.acquired == origin->acquired ||
		known.acquired == PROCESS_INHERITED_EPOCH);
}

int copy_find(uint64_t cookie, const struct conns_origin *origin)
{
	int hint = origin->descriptor;
	int highest = table_highest();

	if (hint >= 0 && may_be(hint, cookie, origin) && is_on(hint, cookie)) {
		return hint;
	}
	for (int fd = 0; fd <= highest; fd++) {
		if (fd != hint && may_be(fd, cookie, origin) && is_on(fd, cookie)) {
			return fd;
		}
	}
	return -1;
}
