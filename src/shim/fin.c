/* SPDX-License-Identifier: MIT */
/* See fin.h. */
#include "shim/fin.h"

#include <stddef.h>
#include <sys/socket.h>

#include "shim/tree.h"
#include "sys/rawsys.h"

int fin_send(int fd)
{
	struct ledger_process *self = tree_self();
	long rc = rawsys3(SYS_shutdown, fd, SHUT_RDWR, 0);

	if (rc == 0 && self != NULL) {
		__atomic_fetch_add(&self->fins, 1, __ATOMIC_RELAXED);
	}
	return (int)rc;
}
