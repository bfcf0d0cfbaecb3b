/* SPDX-License-Identifier: MIT */
/*
 * kill(pid, 0) succeeds for a zombie, and a server that does not reap its children has
 * many. process_vm_readv of one byte tells them apart: it wants the process's memory,
 * which a zombie has no more (ESRCH); of the living it says EFAULT for an address that
 * is never mapped, or EPERM where we may not look (process_vm_readv(2)).
 */
#include "sys/alive.h"

#include <errno.h>
#include <stddef.h>
#include <sys/uio.h>

#include "sys/rawsys.h"

bool alive_is_dead(uint32_t pid)
{
	char byte;
	struct iovec here = {&byte, 1};
	struct iovec there = {NULL, 1};
	long rc;

	if (pid == 0) {
		return false;
	}
	rc = rawsys6(SYS_process_vm_readv, pid, (long)&here, 1, (long)&there, 1, 0);
	if (rc == -ENOSYS) {
		rc = rawsys3(SYS_kill, pid, 0, 0);
	}
	return rc == -ESRCH;
}
