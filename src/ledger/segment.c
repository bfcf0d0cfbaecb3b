/* SPDX-License-Identifier: MIT */
/*
 * shmget gives zeroed pages, and an all-zero ledger is an empty one: only the header
 * is written, its magic last. Pages of slots are touched when they are used.
 */
#include "ledger/segment.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>

enum {
	SEGMENT_MODE = 0600,
	ERRNO_MAX = 4095,
};

static bool is_error(long result)
{
	return result < 0 && result >= -ERRNO_MAX;
}

/* Maps it and leaves it out of core dumps: it says nothing about the program. */
static long attach(segment_call *call, int id)
{
	long address = call(SYS_shmat, id, 0, 0);

	if (!is_error(address)) {
		call(SYS_madvise, address, sizeof(struct ledger), MADV_DONTDUMP);
	}
	return address;
}

int segment_create(segment_call *call, struct ledger **ledger, int *id)
{
	long segment = call(SYS_shmget, IPC_PRIVATE, sizeof(struct ledger),
			    IPC_CREAT | IPC_EXCL | SEGMENT_MODE);
	long address;

	if (is_error(segment)) {
		return (int)segment;
	}
	address = attach(call, (int)segment);
	call(SYS_shmctl, segment, IPC_RMID, 0);
	if (is_error(address)) {
		return (int)address;
	}
	*ledger = (struct ledger *)address;
	*id = (int)segment;
	(*ledger)->header.version = LEDGER_VERSION;
	(*ledger)->header.size = sizeof(struct ledger);
	__atomic_store_n(&(*ledger)->header.magic, LEDGER_MAGIC, __ATOMIC_RELEASE);
	return 0;
}

int segment_attach(segment_call *call, int id, struct ledger **ledger)
{
	struct shmid_ds status;
	struct ledger *found;
	long rc;

	memset(&status, 0, sizeof(status));
	rc = call(SYS_shmctl, id, IPC_STAT, (long)&status);
	if (is_error(rc)) {
		return (int)rc;
	}
	if (status.shm_segsz != sizeof(struct ledger)) {
		return -EPROTO;
	}
	rc = attach(call, id);
	if (is_error(rc)) {
		return (int)rc;
	}
	found = (struct ledger *)rc;
	if (__atomic_load_n(&found->header.magic, __ATOMIC_ACQUIRE) != LEDGER_MAGIC ||
	    found->header.version != LEDGER_VERSION || found->header.size != sizeof(*found)) {
		call(SYS_shmdt, rc, 0, 0);
		return -EPROTO;
	}
	*ledger = found;
	return 0;
}
