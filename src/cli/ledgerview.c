/* SPDX-License-Identifier: MIT */
/*
 * A page of the segment that nobody has touched yet comes into being when it is read, by us
 * as by anybody; so a copy leaves out the slots that were never used.
 */
#include "cli/ledgerview.h"

#include "cli/fail.h"
#include "cli/procfile.h"
#include "ledger/procs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

enum {
	/* "-2147483648" and then some. */
	PID_TEXT = 16,
	MODE_TEXT = 16,
};

/* Attached and valid, or NULL: then it may still be copied. */
static const struct ledger *attach(pid_t pid, int64_t id)
{
	struct shmid_ds status;
	const struct ledger *found;

	if (id < 0 || id > INT32_MAX || !procfile_same_namespace(getpid(), pid, "ipc") ||
	    shmctl((int)id, IPC_STAT, &status) != 0 || status.shm_segsz != sizeof(*found)) {
		return NULL;
	}
	found = shmat((int)id, NULL, SHM_RDONLY);
	return found == (void *)-1 ? NULL : found;
}

static int copy_part(pid_t pid, uint64_t address, struct ledger *copy, size_t from, size_t to)
{
	return procfile_memory(pid, address + from, (char *)copy + from, to - from);
}

static int copy_connections(pid_t pid, uint64_t address, struct ledger *copy)
{
	int err = 0;

	for (uint32_t i = 0; i < LEDGER_CONNECTIONS && err == 0; i++) {
		size_t at = offsetof(struct ledger, connections) +
			    i * sizeof(struct ledger_connection);

		if ((copy->header.live[i / 64] >> (i % 64) & 1) != 0) {
			err = copy_part(pid, address, copy, at,
					at + sizeof(struct ledger_connection));
		}
	}
	return err;
}

static int copy_used(pid_t pid, uint64_t address, struct ledger *copy)
{
	size_t processes = offsetof(struct ledger, processes);
	int err = copy_part(pid, address, copy, 0, sizeof(copy->header));

	if (err != 0 || copy->header.size != sizeof(*copy)) {
		return err != 0 ? err : -EPROTO;
	}
	err = copy_part(pid, address, copy, processes,
			processes + procs_high(copy) * sizeof(struct ledger_process));
	err = err != 0 ? err : copy_connections(pid, address, copy);
	return err != 0 ? err
			: copy_part(pid, address, copy, offsetof(struct ledger, modules),
				    sizeof(*copy));
}

static bool is_good(const struct ledger *ledger)
{
	return ledger->header.magic == LEDGER_MAGIC && ledger->header.version == LEDGER_VERSION &&
	       ledger->header.size == sizeof(*ledger);
}

static int read_ledger(struct ledgerview *view)
{
	const struct sendfin_anchor *anchor = &view->anchor.data;
	struct ledger *copy;
	int err;

	view->ledger = attach(view->pid, anchor->id);
	view->is_attached = view->ledger != NULL;
	if (view->is_attached) {
		return is_good(view->ledger) ? 0 : -EPROTO;
	}
	copy = calloc(1, sizeof(*copy));
	if (!copy) {
		return -ENOMEM;
	}
	view->ledger = copy;
	err = copy_used(view->pid, anchor->ledger, copy);
	return err == 0 && !is_good(copy) ? -EPROTO : err;
}

static int complain(const struct ledgerview *view, int err)
{
	char what[PID_TEXT];

	snprintf(what, sizeof(what), "%d", (int)view->pid);
	switch (-err) {
	case ESRCH:
		return fail(EXIT_FOUND, what, "no such process, or it has just ended");
	case EACCES:
	case EPERM:
		return fail(EXIT_FOUND, what,
			    "not permitted to read this process; it takes its user's rights and a "
			    "kernel.yama.ptrace_scope of 0, or root");
	case ENOENT:
		return fail(EXIT_FOUND, what,
			    "runs without libsendfin.so; start it with 'sendfin run -- CMD'");
	case EPROTO:
		return fail(EXIT_FOUND, what, "its ledger is damaged, or of another version");
	default:
		return fail_errno(EXIT_FOUND, what, -err);
	}
}

static int complain_of_version(const struct ledgerview *view)
{
	char what[PID_TEXT];

	snprintf(what, sizeof(what), "%d", (int)view->pid);
	return fail(EXIT_FOUND, what,
		    "runs under another version of the library, whose ledger is of version %u; "
		    "this command reads %u: use the sendfin that came with %s",
		    view->anchor.data.version, LEDGER_VERSION, view->anchor.library);
}

/* No ledger: either nothing has been shared yet, or the shim does nothing. */
static int check_mode(const struct ledgerview *view)
{
	char what[PID_TEXT];
	char mode[MODE_TEXT];

	if (!procfile_environment(view->pid, "SENDFIN_MODE", mode, sizeof(mode)) ||
	    strcmp(mode, "off") != 0) {
		return EXIT_DONE;
	}
	snprintf(what, sizeof(what), "%d", (int)view->pid);
	return fail(EXIT_FOUND, what,
		    "the library is loaded but switched off (SENDFIN_MODE=off); restart it with "
		    "--observe to see what would be done");
}

int ledgerview_open(struct ledgerview *view, pid_t pid)
{
	int err;

	memset(view, 0, sizeof(*view));
	view->pid = pid;
	err = anchor_find(&view->anchor, pid);
	if (err != 0) {
		return complain(view, err);
	}
	if (view->anchor.data.version != LEDGER_VERSION) {
		return complain_of_version(view);
	}
	if (view->anchor.data.ledger == 0) {
		return check_mode(view);
	}
	err = read_ledger(view);
	if (err != 0) {
		ledgerview_close(view);
		return complain(view, err);
	}
	return EXIT_DONE;
}

void ledgerview_close(struct ledgerview *view)
{
	if (view->is_attached) {
		shmdt(view->ledger);
	} else {
		free((void *)(uintptr_t)view->ledger);
	}
	view->ledger = NULL;
}
