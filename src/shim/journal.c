/* SPDX-License-Identifier: MIT */
/* See journal.h. */
#include "shim/journal.h"

#include <stddef.h>
#include <string.h>

#include "ledger/events.h"
#include "shim/capture.h"
#include "shim/clock.h"
#include "shim/log.h"
#include "shim/places.h"
#include "shim/process.h"
#include "shim/tree.h"
#include "sys/rawsys.h"
#include "sys/sockprobe.h"

bool journal_keeps_findings;

void journal_setup(void)
{
	journal_keeps_findings = (process_settings.debug || process_settings.report ||
				  process_settings.exitcode) &&
				 tree_ledger != NULL;
}

bool journal_is_wanted(void)
{
	return journal_keeps_findings || log_wants_verdicts();
}

/* The slot has it as this process sees it; not every event is worth a question. */
static uint32_t own_pid(void)
{
	const struct ledger_process *self = tree_self();
	uint32_t pid = self != NULL ? __atomic_load_n(&self->pid, __ATOMIC_RELAXED) : 0;

	return pid != 0 ? pid : (uint32_t)rawsys1(SYS_getpid, 0);
}

static void fill_ends(struct ledger_ends *ends, int fd)
{
	struct text_endpoint local;
	struct text_endpoint peer;

	sockprobe_names(fd, &local, &peer);
	memcpy(ends->local, local.address, sizeof(ends->local));
	memcpy(ends->peer, peer.address, sizeof(ends->peer));
	ends->local_port = local.port;
	ends->peer_port = peer.port;
	ends->is_ipv6 = local.is_ipv6;
	ends->is_known = (uint16_t)((local.is_known ? LEDGER_ENDS_LOCAL : 0) |
				    (peer.is_known ? LEDGER_ENDS_PEER : 0));
}

__attribute__((noinline, cold)) void journal_begin(struct ledger_event *event,
						   enum ledger_kind kind, int fd)
{
	struct ledger_place place = places_of(fd);

	memset(event, 0, sizeof(*event));
	event->when_ns = clock_now_ns();
	event->process = tree_self_ref();
	event->pid = own_pid();
	event->descriptor = fd;
	event->kind = (uint16_t)kind;
	event->let_go = capture_site();
	event->accepted = place.accepted;
	event->ended = place.ended;
	fill_ends(&event->ends, fd);
}

void journal_blame(struct ledger_event *event, uint64_t holder, uint64_t acquirer)
{
	const struct ledger_process *process = tree_ledger != NULL
						       ? procs_recall(tree_ledger, holder)
						       : NULL;

	if (process == NULL) {
		return;
	}
	event->holder_pid = __atomic_load_n(&process->pid, __ATOMIC_RELAXED);
	if (holder != acquirer) {
		event->forked = __atomic_load_n(&process->forked, __ATOMIC_RELAXED);
	}
}

/* 1, 10, 100, ... */
static bool is_milestone(uint64_t count)
{
	while (count >= 10 && count % 10 == 0) {
		count /= 10;
	}
	return count == 1;
}

__attribute__((noinline, cold)) void journal_end(struct ledger_event *event,
						 struct verdict_result result, bool acted)
{
	event->verdict = (uint16_t)result.verdict;
	event->reason = (uint16_t)result.reason;
	event->acted = acted;
	event->count = 1;
	if (journal_keeps_findings) {
		event->count = events_count(tree_ledger, event);
		if (!is_milestone(event->count)) {
			return;
		}
		events_append(tree_ledger, event);
	}
	if (log_wants_verdicts()) {
		log_event(event);
	}
}

void journal_count(const struct ledger_event *event)
{
	if (journal_keeps_findings) {
		events_count(tree_ledger, event);
	}
}
