/* SPDX-License-Identifier: MIT */
/*
 * kill(pid, 0) succeeds for a zombie, and a server that does not reap its children has
 * many. process_vm_readv of one byte tells them apart: it wants the process's memory,
 * which a zombie has no more (ESRCH); of the living it says EFAULT for an address that
 * is never mapped, or EPERM where we may not look (process_vm_readv(2)).
 */
#include "sys/alive.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "core/text.h"
#include "sys/rawsys.h"

/*
 * A main thread that called pthread_exit has no memory any more, but its process may live
 * on in other threads. Then /proc/PID/task has more than the one of a zombie; its link
 * count tells (2 and one for each thread). In doubt: yes.
 */
static __attribute__((noinline, cold)) bool has_threads_left(uint32_t pid)
{
	enum { ZOMBIES_LINKS = 3 };
	char path[32];
	struct text text;
	struct stat status;

	if (rawsys3(SYS_kill, pid, 0, 0) == -ESRCH) {
		return false;
	}
	text_begin(&text, path, sizeof(path));
	text_string(&text, "/proc/");
	text_unsigned(&text, pid);
	text_string(&text, "/task");
	return rawsys6(SYS_newfstatat, AT_FDCWD, (long)path, (long)&status, 0, 0, 0) != 0 ||
	       status.st_nlink > ZOMBIES_LINKS;
}

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
	return rc == -ESRCH && !has_threads_left(pid);
}
