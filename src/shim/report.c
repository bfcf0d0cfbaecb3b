/* SPDX-License-Identifier: MIT */
/* See report.h. Leaks of one finding are told together, with their number. */
#include "shim/report.h"

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "core/summary.h"
#include "ledger/events.h"
#include "shim/holders.h"
#include "shim/journal.h"
#include "shim/lineage.h"
#include "shim/log.h"
#include "shim/places.h"
#include "shim/process.h"
#include "shim/real.h"
#include "shim/table.h"
#include "shim/tree.h"
#include "sys/rawsys.h"
#include "sys/sockprobe.h"

enum {
	/* Different findings of one process that are told; further ones are only counted. */
	GROUPS_MAX = 64,
};

/* In a mapping of its own: exit may run on a small stack. */
static struct groups {
	uint32_t count;
	struct ledger_event event[GROUPS_MAX];
} * groups;

static struct summary summary;

int report_setup(void)
{
	long map = rawsys6(SYS_mmap, 0, sizeof(*groups), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (rawsys_is_error(map)) {
		return (int)map;
	}
	groups = (struct groups *)map;
	return 0;
}

/* Shared, and nothing of what was noted since is this process's own. */
static bool is_untouched(uint64_t stamp)
{
	return stamp_is_shared(stamp, process_epoch_now()) && (stamp & STAMP_EXECED) == 0 &&
	       ((stamp & STAMP_UNUSED) != 0 || stamp_epoch(stamp) < process_came_to_share());
}

static struct conns_origin origin_of(uint64_t cookie, const struct table_gone *known)
{
	const struct ledger_connection *slot = conns_find(tree_ledger, cookie, false);
	struct conns_origin origin = {.acquirer = LEDGER_NOBODY};

	if (slot != NULL) {
		origin = conns_origin(slot, cookie);
	}
	return origin.acquirer != LEDGER_NOBODY
		       ? origin
		       : lineage_origin(known->acquired, known->descriptor);
}

/*
 * Is a copy that we never used what keeps the connection? Ours, if we accepted it, unless
 * somebody is still using it. One that we were born with only if it is the last: else it is
 * for the others to close theirs.
 */
static bool is_kept_by_us(uint64_t cookie, const struct conns_origin *origin, bool is_dead)
{
	struct verdict_holders holders;

	holders_count(cookie, origin, HOLDERS_OTHERS, NULL, &holders);
	if (origin->acquirer == tree_self_ref()) {
		return is_dead || holders.engaged == 0;
	}
	return holders.engaged + holders.elsewhere + holders.pending == 0;
}

/* 0: no leak. */
static uint16_t kind_of(int fd, uint64_t cookie, const struct table_gone *known,
			const struct conns_origin *origin)
{
	bool is_dead = sockprobe_is_dead(fd);

	if (!is_dead && sockprobe_state(fd) != VERDICT_STATE_CLOSE_WAIT) {
		return 0;
	}
	if (is_untouched(known->stamp)) {
		if (!is_kept_by_us(cookie, origin, is_dead)) {
			return 0;
		}
		return is_dead ? LEDGER_KIND_DEAD : LEDGER_KIND_STALE_COPY;
	}
	return is_dead ? LEDGER_KIND_DEAD : LEDGER_KIND_NEVER_CLOSED;
}

/* Another descriptor of the same connection comes first. */
static bool is_second(int fd, uint64_t cookie)
{
	for (int other = 0; other < fd; other++) {
		if (table_is_watched(other) && (table_stamp(other) & STAMP_RECORD) != 0 &&
		    stamp_is_connection(table_stamp(other)) && sockprobe_cookie(other) == cookie) {
			return true;
		}
	}
	return false;
}

static void count_kind(uint16_t kind)
{
	summary.never_closed += kind == LEDGER_KIND_NEVER_CLOSED;
	summary.stale_copies += kind == LEDGER_KIND_STALE_COPY;
	summary.dead += kind == LEDGER_KIND_DEAD;
}

static bool is_same_finding(const struct ledger_event *a, const struct ledger_event *b)
{
	return a->kind == b->kind && a->accepted == b->accepted && a->forked == b->forked &&
	       a->ended == b->ended;
}

static void group(const struct ledger_event *event)
{
	for (uint32_t i = 0; i < groups->count; i++) {
		if (is_same_finding(&groups->event[i], event)) {
			groups->event[i].count++;
			return;
		}
	}
	if (groups->count < GROUPS_MAX) {
		groups->event[groups->count] = *event;
		groups->event[groups->count++].count = 1;
	}
}

/* Where the process itself forked, after the acquisition: its copy was to be closed there. */
static uint32_t fork_site(const struct conns_origin *origin)
{
	if (origin->forked != 0 && origin->acquirer == tree_self_ref()) {
		return origin->forked;
	}
	return origin->acquirer == tree_self_ref() ? places_fork_after(origin->acquired)
						   : tree_self()->forked;
}

static void note_leak(int fd, uint16_t kind, uint64_t cookie, const struct conns_origin *origin)
{
	struct ledger_event event;

	journal_begin(&event, kind, fd);
	event.let_go = 0;
	event.cookie = cookie;
	if (event.accepted == 0) {
		event.accepted = origin->accepted;
	}
	if (is_untouched(table_stamp(fd))) {
		event.forked = fork_site(origin);
	}
	count_kind(kind);
	journal_count(&event);
	group(&event);
}

/* Who accepted it has a copy, too, as far as the ledger knows: it will tell of it. */
static bool is_anothers_to_tell(const struct table_gone *known)
{
	struct conns_origin origin = lineage_origin(known->acquired, known->descriptor);
	const struct ledger_process *acquirer = procs_get(tree_ledger, origin.acquirer);

	return acquirer != NULL && acquirer != tree_self() &&
	       !procs_has_released(acquirer, origin.acquired, origin.descriptor);
}

/* From memory alone: a child of a leaky server has many copies, and most are no leak of its. */
static bool may_be_leak(int fd, const struct table_gone *known)
{
	return is_untouched(known->stamp) ? !is_anothers_to_tell(known) : places_is_forgotten(fd);
}

static void look_at(int fd)
{
	struct conns_origin origin;
	struct table_gone known;
	uint64_t cookie;
	uint16_t kind;

	if (!table_look(fd, &known) || !may_be_leak(fd, &known)) {
		return;
	}
	cookie = sockprobe_cookie(fd);
	if (cookie == 0 || ((known.stamp & STAMP_RECORD) != 0 && is_second(fd, cookie))) {
		return;
	}
	origin = origin_of(cookie, &known);
	kind = kind_of(fd, cookie, &known, &origin);
	if (kind != 0) {
		note_leak(fd, kind, cookie, &origin);
	}
}

static void tell(void)
{
	summary.pid = (uint32_t)rawsys1(SYS_getpid, 0);
	log_summary(&summary);
	for (uint32_t i = 0; i < groups->count; i++) {
		groups->event[i].others = 0;
		log_event(&groups->event[i]);
	}
	groups->count = 0;
}

void report_held(void)
{
	const struct ledger_process *self = tree_self();

	/* A forked child looks only when asked to: it has all of its parent's copies. */
	if (self == NULL || (process_is_child_of_image() && !process_settings.report &&
			     process_settings.exitcode == 0)) {
		return;
	}
	if (summary_leaks(&summary) != 0) {
		memset(&summary, 0, sizeof(summary)); /* of the process that forked us at its end */
	}
	if (__atomic_load_n(&self->reclaimed, __ATOMIC_RELAXED) != 0) {
		summary.reclaimed = __atomic_load_n(&self->reclaimed, __ATOMIC_RELAXED);
	}
	for (int fd = 0; fd <= table_highest(); fd++) {
		if (table_is_watched(fd)) {
			look_at(fd);
		}
	}
	if (summary_leaks(&summary) > 0) {
		__atomic_add_fetch(&tree_ledger->header.leaks, summary_leaks(&summary),
				   __ATOMIC_RELAXED);
	}
	/* An exit code must be explained, but the many children that are well say nothing. */
	if ((summary_leaks(&summary) > 0 &&
	     (process_settings.report || process_settings.exitcode != 0)) ||
	    (process_settings.report && self->depth == 0)) {
		tell();
	}
}

int report_code(int status)
{
	return summary_leaks(&summary) > 0 ? process_settings.exitcode : status;
}

void report_exit(bool flush)
{
	int status = report_status(0);

	if (status != 0) {
		if (flush && borrowed.fflush != NULL) {
			borrowed.fflush(NULL);
		}
		real._exit(status);
	}
}
