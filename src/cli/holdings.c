/* SPDX-License-Identifier: MIT */
/*
 * Descriptors are listed before the sockets of their namespace are: a connection that came in
 * between is then no riddle. One that is in no table is over, if it is still there afterwards.
 */
#include "cli/holdings.h"

#include "cli/netsockets.h"
#include "ledger/procs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { LINK_BYTES = 64 };

/* A descriptor of some socket. */
struct descriptor {
	size_t process;
	int number;
	uint64_t inode;
};

/* What is needed while the report is gathered. */
struct gathering {
	struct report *report;
	struct descriptor *descriptors;
	size_t descriptor_count, descriptor_room;
	size_t holding_room;
	/* The namespace whose sockets were read last, and of whom. */
	struct netsockets net;
	pid_t net_of;
	/* The process whose anchor was read last. */
	struct sendfin_anchor anchor;
	pid_t anchor_of;
	uint32_t turns; /* how often it had turned to other clients, 0 = not known */
};

/* One more element behind `count`, or NULL. */
static void *grow(void **array, size_t count, size_t *room, size_t size)
{
	if (count == *room) {
		size_t wanted = *room ? *room * 2 : 64;
		void *grown = realloc(*array, wanted * size);

		if (!grown) {
			return NULL;
		}
		*array = grown;
		*room = wanted;
	}
	return (char *)*array + count * size;
}

/* The inode of the socket on a descriptor, 0 = it is none. */
static uint64_t socket_inode(pid_t pid, int number)
{
	char path[LINK_BYTES];
	char target[LINK_BYTES];
	unsigned long inode = 0;
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, number);
	length = readlink(path, target, sizeof(target) - 1);
	target[length > 0 ? length : 0] = '\0';
	return sscanf(target, "socket:[%lu]", &inode) == 1 ? inode : 0;
}

/* lsof asks the same way: sockfs answers for "system.sockprotoname" (net/socket.c). */
static bool is_tcp(pid_t pid, int number)
{
	char path[LINK_BYTES];
	char name[16] = "";

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, number);
	return getxattr(path, "system.sockprotoname", name, sizeof(name) - 1) > 0 &&
	       (strcmp(name, "TCP") == 0 || strcmp(name, "TCPv6") == 0);
}

static int list_descriptors(struct gathering *all, size_t process)
{
	char path[LINK_BYTES];
	struct report_process *holder = &all->report->processes[process];
	struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)holder->pid);
	directory = opendir(path);
	if (!directory) {
		holder->err = errno == ENOENT ? -ESRCH : -errno;
		return 0;
	}
	while ((entry = readdir(directory))) {
		struct descriptor found = {.process = process};
		struct descriptor *slot;

		if (!isdigit((unsigned char)entry->d_name[0])) {
			continue;
		}
		found.number = (int)strtol(entry->d_name, NULL, 10);
		found.inode = socket_inode(holder->pid, found.number);
		if (found.inode == 0) {
			continue;
		}
		slot = grow((void **)&all->descriptors, all->descriptor_count,
			    &all->descriptor_room, sizeof(*slot));
		if (!slot) {
			closedir(directory);
			return -ENOMEM;
		}
		*slot = found;
		all->descriptor_count++;
	}
	closedir(directory);
	return 0;
}

/* Where the connection came from, as its process's shim knows it. */
static struct ledger_place place_of(struct gathering *all, pid_t pid, int number)
{
	struct ledger_place place;

	memset(&place, 0, sizeof(place));
	if (all->anchor_of != pid) {
		struct anchor anchor;

		memset(&anchor, 0, sizeof(anchor));
		if (anchor_find(&anchor, pid) != 0 || anchor.data.version != LEDGER_VERSION) {
			memset(&anchor, 0, sizeof(anchor));
		}
		all->anchor = anchor.data;
		all->anchor_of = pid;
		if (all->anchor.turns == 0 ||
		    procfile_memory(pid, all->anchor.turns, &all->turns, sizeof(all->turns)) != 0) {
			all->turns = 0;
		}
	}
	if (all->anchor.places == 0 || (uint64_t)number >= all->anchor.place_count ||
	    procfile_memory(pid, all->anchor.places + (uint64_t)number * sizeof(place), &place,
			    sizeof(place)) != 0) {
		memset(&place, 0, sizeof(place));
	}
	return place;
}

/* Where it forked the youngest of its children that is known, also if that has ended. */
static uint32_t fork_site(const struct ledger *ledger, const struct ledger_process *slot)
{
	uint64_t mine = slot ? slot->ref & ~LEDGER_REF_ENDED : LEDGER_NOBODY;
	uint64_t youngest = 0;
	uint32_t site = 0;

	for (uint32_t i = 0; mine != LEDGER_NOBODY && i < procs_high(ledger); i++) {
		const struct ledger_process *child = &ledger->processes[i];
		uint64_t ref = child->ref & ~LEDGER_REF_ENDED;

		if (child->ancestors[0] == mine && child->forked != 0 && ref > youngest) {
			youngest = ref;
			site = child->forked;
		}
	}
	return site;
}

/* Has it made children, who may serve in its stead? */
static bool has_forked(const struct ledger_process *slot)
{
	return slot && (slot->came_to_share > slot->born || slot->spawned != 0);
}

/*
 * Whose fault is it? Who read the EOF and did not close, or who keeps a copy of what another
 * serves. A socket whose EOF was read, and not by this process, was served by another.
 */
static enum ledger_kind kind_of(const struct report_holding *held, bool has_read_eof,
				const struct ledger_process *slot)
{
	bool is_known = held->accepted != 0;

	if (has_read_eof) {
		return LEDGER_KIND_NEVER_CLOSED;
	}
	if (held->eof_was_read) {
		return has_forked(slot) || held->others > 0 || (is_known && slot && slot->depth > 0)
			       ? LEDGER_KIND_STALE_COPY
			       : LEDGER_KIND_NEVER_CLOSED;
	}
	return held->others > 0 && slot && (slot->flags & LEDGER_PROCESS_LISTENS) != 0
		       ? LEDGER_KIND_STALE_COPY
		       : LEDGER_KIND_NEVER_CLOSED;
}

static uint32_t count_others(const struct gathering *all, const struct descriptor *mine)
{
	size_t before = SIZE_MAX;
	uint32_t others = 0;
	size_t at = (size_t)(mine - all->descriptors);

	/* Sorted by inode, then by process. */
	while (at > 0 && all->descriptors[at - 1].inode == mine->inode) {
		at--;
	}
	for (; at < all->descriptor_count && all->descriptors[at].inode == mine->inode; at++) {
		others += all->descriptors[at].process != mine->process &&
			  all->descriptors[at].process != before;
		before = all->descriptors[at].process;
	}
	return others;
}

static const struct netsockets *net_of(struct gathering *all, pid_t pid)
{
	if (all->net_of != 0 && procfile_same_namespace(all->net_of, pid, "net")) {
		return &all->net;
	}
	netsockets_free(&all->net);
	all->net_of = netsockets_read(&all->net, pid) == 0 ? pid : 0;
	return &all->net;
}

/*
 * As the shim's own report at exit has it. Who has read the EOF and not waited since may be
 * about to close; of who has not read it nothing can be said yet.
 */
static bool is_leak(const struct gathering *all, const struct report_holding *held,
		    const struct ledger_place *place)
{
	if (place->ended_at != 0) {
		return all->turns == 0 || place->ended_at < all->turns;
	}
	return held->kind == LEDGER_KIND_DEAD || held->eof_was_read;
}

/* Fills *HELD and says whether it is something that should not be held. */
static bool is_wrong(struct gathering *all, const struct descriptor *descriptor,
		     struct report_holding *held)
{
	struct report_process *holder = &all->report->processes[descriptor->process];
	const struct netsockets *net = net_of(all, holder->pid);
	const struct proctext_tcp *socket = netsockets_find(net, descriptor->inode);
	struct ledger_place place;
	bool is_known;

	if (all->net_of == 0 || (socket && socket->state != PROCTEXT_CLOSE_WAIT) ||
	    (!socket && !is_tcp(holder->pid, descriptor->number))) {
		return false;
	}
	place = place_of(all, holder->pid, descriptor->number);
	*held = (struct report_holding){
		.process = descriptor->process,
		.descriptor = descriptor->number,
		.inode = descriptor->inode,
		.others = count_others(all, descriptor),
		.accepted = place.accepted,
		.ended = place.ended,
	};
	if (!socket) {
		if (socket_inode(holder->pid, descriptor->number) != descriptor->inode) {
			return false;
		}
		held->kind = LEDGER_KIND_DEAD;
		held->eof_was_read = place.ended_at != 0;
		held->is_leak = is_leak(all, held, &place);
		if (!held->eof_was_read) {
			held->forked = fork_site(all->report->view->ledger, holder->slot);
		}
		/* A socket that was never connected is in no table either. */
		is_known = place.accepted != 0 || place.ended_at != 0;
		holder->unconnected += !is_known;
		return is_known;
	}
	held->ends = socket->ends;
	held->eof_was_read = socket->unread == 0;
	held->unread = socket->unread > 0 ? socket->unread - 1 : 0;
	held->kind = kind_of(held, place.ended_at != 0, holder->slot);
	held->is_leak = is_leak(all, held, &place);
	if (held->kind == LEDGER_KIND_STALE_COPY) {
		held->forked = fork_site(all->report->view->ledger, holder->slot);
	}
	return true;
}

static int by_inode(const void *a, const void *b)
{
	const struct descriptor *left = a;
	const struct descriptor *right = b;

	if (left->inode != right->inode) {
		return left->inode < right->inode ? -1 : 1;
	}
	return (left->process > right->process) - (left->process < right->process);
}

/* One of several descriptors of a process is enough: they are one holding. */
static bool is_repeated(const struct gathering *all, size_t i)
{
	return i > 0 && all->descriptors[i - 1].inode == all->descriptors[i].inode &&
	       all->descriptors[i - 1].process == all->descriptors[i].process;
}

static int by_kind(const void *a, const void *b)
{
	const struct report_holding *left = a;
	const struct report_holding *right = b;

#define BY(field)                                                                                  \
	if (left->field != right->field) {                                                         \
		return left->field < right->field ? -1 : 1;                                        \
	}
	BY(kind)
	BY(process)
	BY(accepted)
	BY(ended)
#undef BY
	return (left->descriptor > right->descriptor) - (left->descriptor < right->descriptor);
}

static int gather(struct gathering *all)
{
	struct report *report = all->report;
	int err = 0;

	for (size_t i = 0; i < report->process_count && err == 0; i++) {
		err = list_descriptors(all, i);
	}
	if (err != 0 || all->descriptor_count == 0) {
		return err;
	}
	qsort(all->descriptors, all->descriptor_count, sizeof(all->descriptors[0]), by_inode);
	for (size_t i = 0; i < all->descriptor_count; i++) {
		struct report_holding *slot = grow((void **)&report->holdings,
						   report->holding_count, &all->holding_room,
						   sizeof(*slot));

		if (!slot) {
			return -ENOMEM;
		}
		if (!is_repeated(all, i) && is_wrong(all, &all->descriptors[i], slot)) {
			report->holding_count++;
		}
	}
	qsort(report->holdings, report->holding_count, sizeof(report->holdings[0]), by_kind);
	return 0;
}

int holdings_gather(struct report *report)
{
	struct gathering all = {.report = report};
	int err = gather(&all);

	netsockets_free(&all.net);
	free(all.descriptors);
	return err;
}
