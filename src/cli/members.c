/* SPDX-License-Identifier: MIT */
/*
 * A pid names several slots when namespaces have been made within the tree: then the slot of
 * the younger generation is taken, whose process came later.
 */
#include "cli/members.h"

#include "cli/procfile.h"
#include "core/proctext.h"
#include "ledger/procs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A slot as it was when it was looked at: the tree goes on writing. */
struct occupied {
	uint32_t pid;
	uint64_t ref;
	const struct ledger_process *slot;
};

struct search {
	const struct ledgerview *view;
	struct occupied *slots; /* those of the living, by pid, the youngest first */
	size_t slot_count;
	struct member *members;
	size_t count;
	size_t room;
};

static int by_slot_pid(const void *a, const void *b)
{
	const struct occupied *left = a;
	const struct occupied *right = b;

	if (left->pid != right->pid) {
		return left->pid < right->pid ? -1 : 1;
	}
	return (left->ref < right->ref) - (left->ref > right->ref);
}

static int by_pid(const void *a, const void *b)
{
	const struct member *left = a;
	const struct member *right = b;

	return (left->pid > right->pid) - (left->pid < right->pid);
}

static int collect_slots(struct search *search)
{
	const struct ledger *ledger = search->view->ledger;
	uint32_t high = ledger ? procs_high(ledger) : 0;

	search->slots = calloc(high + 1, sizeof(search->slots[0]));
	if (!search->slots) {
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < high; i++) {
		struct occupied slot = {.slot = &ledger->processes[i], .ref = procs_at(ledger, i)};

		slot.pid = __atomic_load_n(&slot.slot->pid, __ATOMIC_RELAXED);
		if (slot.ref != LEDGER_NOBODY && slot.pid != 0) {
			search->slots[search->slot_count++] = slot;
		}
	}
	qsort(search->slots, search->slot_count, sizeof(search->slots[0]), by_slot_pid);
	return 0;
}

static const struct ledger_process *slot_of(const struct search *search, uint32_t pid)
{
	size_t low = 0;
	size_t high = search->slot_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (search->slots[middle].pid < pid) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low < search->slot_count && search->slots[low].pid == pid ? search->slots[low].slot
									 : NULL;
}

static bool take_innermost(void *context, const char *line)
{
	return !proctext_nspid(line, context);
}

static uint32_t innermost_pid(pid_t pid)
{
	uint32_t inner = 0;

	return procfile_lines(pid, "status", take_innermost, &inner) == 0 ? inner : 0;
}

struct attached {
	int64_t id;
	bool is_found;
};

static bool is_segment(void *context, const char *line)
{
	static const char name[] = "/SYSV";
	struct attached *attached = context;
	struct proctext_map map;

	attached->is_found = proctext_map(line, &map) &&
			     strncmp(map.path, name, sizeof(name) - 1) == 0 &&
			     (int64_t)map.inode == attached->id;
	return !attached->is_found;
}

/* Ids of segments mean something within one IPC namespace only. */
static bool is_attached(const struct search *search, pid_t pid)
{
	struct attached attached = {.id = search->view->anchor.data.id};

	return procfile_lines(pid, "maps", is_segment, &attached) == 0 && attached.is_found &&
	       procfile_same_namespace(pid, search->view->pid, "ipc");
}

static int add(struct search *search, pid_t pid, const struct ledger_process *slot)
{
	if (search->count == search->room) {
		size_t room = search->room ? search->room * 2 : 64;
		struct member *grown = realloc(search->members, room * sizeof(*grown));

		if (!grown) {
			return -ENOMEM;
		}
		search->members = grown;
		search->room = room;
	}
	search->members[search->count++] = (struct member){.pid = pid, .slot = slot};
	return 0;
}

static int consider(struct search *search, pid_t pid)
{
	const struct ledger_process *slot = slot_of(search, innermost_pid(pid));

	if (pid == search->view->pid || (slot && is_attached(search, pid))) {
		return add(search, pid, slot);
	}
	return 0;
}

static int walk(struct search *search)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int err = 0;

	if (!proc) {
		return -errno;
	}
	while (err == 0 && (entry = readdir(proc))) {
		if (isdigit((unsigned char)entry->d_name[0])) {
			err = consider(search, (pid_t)strtol(entry->d_name, NULL, 10));
		}
	}
	closedir(proc);
	return err;
}

int members_find(const struct ledgerview *view, struct member **members, size_t *count)
{
	struct search search = {.view = view};
	int err = collect_slots(&search);

	if (err == 0 && view->ledger) {
		err = walk(&search);
	}
	if (err == 0 && search.count == 0) {
		err = add(&search, view->pid, NULL);
	}
	free(search.slots);
	if (err == 0) {
		qsort(search.members, search.count, sizeof(search.members[0]), by_pid);
	}
	*members = search.members;
	*count = search.count;
	return err;
}
