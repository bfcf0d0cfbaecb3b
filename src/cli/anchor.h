/* SPDX-License-Identifier: MIT */
/*
 * Where is the shim in another process, and what does it say of its ledger?
 *
 * The idea: the dynamic loader found the symbol sendfin_anchor by the tables that lie in the
 * process's memory; the same tables are read here. So it is found whatever the library is
 * called, and when its file has been replaced or deleted since.
 * The invariant: everything read there is a lie until it has been bounded.
 * Never here: the ledger itself.
 */
#ifndef SENDFIN_CLI_ANCHOR_H
#define SENDFIN_CLI_ANCHOR_H

#include "sendfin/ledger.h"

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

struct anchor {
	struct sendfin_anchor data; /* of another version: only magic and version are filled */
	char library[PATH_MAX];     /* as /proc/PID/maps has it */
};

/*
 * Finds it. 0, or -errno: -ESRCH no such process (any more), -EACCES or -EPERM not permitted,
 * -ENOENT the shim is not there.
 */
int anchor_find(struct anchor *anchor, pid_t pid);

#endif
