/* SPDX-License-Identifier: MIT */
/*
 * The order matters where other processes look at us: this process first takes itself
 * out of the connection's users and then looks at the others. Of two that let go at
 * the same time, at least one then sees the other gone.
 */
#include "shim/letgo.h"

#include <stddef.h>
#include <string.h>

#include "core/verdict.h"
#include "shim/due.h"
#include "shim/fin.h"
#include "shim/holders.h"
#include "shim/journal.h"
#include "shim/lineage.h"
#include "shim/places.h"
#include "shim/process.h"
#include "shim/reclaim.h"
#include "shim/report.h"
#include "shim/stream.h"
#include "shim/tree.h"
#include "sys/sockprobe.h"

/* One letting-go under way. */
struct departure {
	int fd;
	bool has_unflushed; /* a stream may still hold bytes for the peer */
	struct table_gone gone;
	struct conns_origin origin;
	struct verdict_facts facts;
	uint64_t written;           /* bytes, asked together with the state */
	struct holders_known known; /* of the other holders, from one look to the next */
	uint64_t other;             /* one of them, to be named */
	uint32_t let_go;   /* site of the letting-go, for whoever finishes it; 0 = not known */
	uint64_t released; /* its key in our slot, 0 = not remembered */
};

/* What became of it. */
struct outcome {
	struct verdict_result result;
	bool acted;
};

/* The number still means the connection that we noted; a missed close would show here. */
static bool is_same_connection(const struct departure *departure)
{
	return departure->gone.cookie == 0 ||
	       departure->gone.cookie == sockprobe_cookie(departure->fd);
}

static void ask_state(struct departure *departure)
{
	departure->facts.state = is_same_connection(departure)
					 ? sockprobe_state_and_written(departure->fd,
								       &departure->written)
					 : VERDICT_STATE_OTHER;
}

/* A connection shared without ever having been used so has no cookie yet. */
static uint64_t cookie_of(struct departure *departure)
{
	if (departure->gone.cookie == 0) {
		departure->gone.cookie = sockprobe_cookie(departure->fd);
	}
	return departure->gone.cookie;
}

static void ask_holders(struct departure *departure)
{
	struct verdict_holders *holders = &departure->facts.holders;

	/* A record says how many they are: then every one is asked for. */
	departure->other = holders_count(cookie_of(departure), &departure->origin, HOLDERS_OTHERS,
					 journal_is_wanted() ? NULL : &departure->known, holders);
	if ((departure->gone.stamp & STAMP_UPSTREAM) != 0) {
		holders->pending_accept = 0; /* made by connect: nobody accepted it */
	}
}

/* EOF returned to the program, or data read and nothing but the FIN left behind it. */
static void ask_eof(struct departure *departure)
{
	uint64_t stamp = departure->gone.stamp;
	bool has_read = (stamp & STAMP_UNREAD) == 0 || (stamp & STAMP_STDIO) != 0;
	bool seen = (stamp & STAMP_EOF) != 0 || (has_read && (stamp & STAMP_SHUT_RD) == 0 &&
						 sockprobe_is_drained(departure->fd));

	departure->facts.eof = seen ? VERDICT_EOF_SEEN : VERDICT_EOF_NOT_SEEN;
}

static struct verdict_result decide(struct departure *departure)
{
	struct verdict_result result;

	for (;;) {
		result = verdict_for_let_go(&departure->facts, &process_settings);
		if (result.verdict == VERDICT_ASK_STATE) {
			ask_state(departure);
		} else if (result.verdict == VERDICT_ASK_HOLDERS) {
			ask_holders(departure);
		} else if (result.verdict == VERDICT_ASK_EOF) {
			ask_eof(departure);
		} else {
			return result;
		}
	}
}

static void gather(struct departure *departure)
{
	uint64_t stamp = departure->gone.stamp;
	struct verdict_facts *facts = &departure->facts;

	memset(facts, 0, sizeof(*facts));
	facts->shared = stamp_is_shared(stamp, process_epoch_now());
	if (stamp_epoch(stamp) >= process_came_to_share()) {
		facts->active = (stamp & STAMP_UNUSED) == 0;
		facts->has_written = (stamp & STAMP_UNWRITTEN) == 0;
	}
	/* A deliberate hand-over entitles, whatever the image forked since; not its children. */
	if ((stamp & STAMP_EXECED) != 0 && !process_is_child_of_image()) {
		facts->active = true;
	}
}

/* What the ledger knows of where the connection came from; else our line of descent. */
static void find_origin(struct departure *departure)
{
	const struct table_gone *gone = &departure->gone;
	const struct ledger_connection *slot = tree_ledger != NULL && gone->cookie != 0
						       ? conns_find(tree_ledger, gone->cookie,
								    false)
						       : NULL;

	departure->origin = slot != NULL ? conns_origin(slot, gone->cookie)
					 : lineage_origin(gone->acquired, gone->descriptor);
	if (departure->origin.acquirer == LEDGER_NOBODY) {
		departure->origin = lineage_origin(gone->acquired, gone->descriptor);
	}
	departure->origin.is_lent |= gone->is_lent;
	departure->origin.let_go = departure->let_go;
	if (departure->origin.accepted == 0) {
		departure->origin.accepted = places_of(departure->fd).accepted;
	}
}

/*
 * Epoch and number are its name, for those on our line of descent. Until the epoch has moved
 * on the number may be acquired once more; and what came with the image has no such name.
 */
static bool has_name(const struct conns_origin *origin)
{
	const struct ledger_process *self = tree_self();

	return origin->acquired != PROCESS_INHERITED_EPOCH &&
	       origin->acquired < process_epoch_now() &&
	       (origin->acquirer == tree_self_ref() ||
		procs_kin(tree_ledger, self, origin->acquirer) == PROCS_DESCENDS);
}

/* Before the look at the others: we are no user of it any more, and no holder. */
static void leave_users(struct departure *departure)
{
	const struct table_gone *gone = &departure->gone;
	struct ledger_process *self = tree_self();

	if (self == NULL) {
		return;
	}
	if ((gone->stamp & STAMP_ENGAGED) != 0) {
		tree_disengage(gone->cookie);
	}
	if (has_name(&departure->origin)) {
		departure->released = procs_release(self, departure->origin.acquired,
						    departure->origin.descriptor);
	}
}

static bool may_act(const struct departure *departure)
{
	return process_settings.mode == SETTINGS_MODE_ENFORCE &&
	       (!departure->has_unflushed || (departure->gone.stamp & STAMP_STDIO) == 0);
}

/* A deferred FIN may turn out to be ours after all. */
static struct verdict_result defer(struct departure *departure, struct verdict_result result)
{
	if (due_mark(departure->fd, cookie_of(departure), &departure->origin, departure->written,
		     &departure->known)) {
		result.verdict = VERDICT_FIN;
		result.reason = VERDICT_REASON_STALE;
	} else {
		tree_deferred();
	}
	return result;
}

static struct outcome conclude(struct departure *departure)
{
	struct outcome outcome = {.acted = false};
	struct verdict_result *result = &outcome.result;

	gather(departure);
	if (departure->facts.shared) {
		find_origin(departure);
		leave_users(departure);
		reclaim_note_closed();
	}
	*result = decide(departure);
	if (result->reason == VERDICT_REASON_BYSTANDER) {
		due_look_at(departure->fd);
	}
	if (result->verdict == VERDICT_DEFER || result->reason == VERDICT_REASON_ENGAGED) {
		*result = defer(departure, *result);
	}
	if (result->verdict == VERDICT_FIN && may_act(departure)) {
		outcome.acted = fin_send(departure->fd) == 0;
	}
	if (result->verdict == VERDICT_FIN) {
		due_done(departure->gone.cookie);
	}
	return outcome;
}

/* The same, written down. A function of its own: an event is large. */
static __attribute__((noinline, cold)) void conclude_on_record(struct departure *departure)
{
	const struct verdict_holders *holders = &departure->facts.holders;
	struct ledger_event event;
	struct outcome outcome;

	journal_begin(&event, LEDGER_KIND_LET_GO, departure->fd);
	departure->let_go = event.let_go;
	outcome = conclude(departure);
	event.cookie = departure->gone.cookie;
	event.forked = departure->origin.forked;
	event.others = holders->engaged + holders->elsewhere + holders->pending;
	if (departure->origin.accepted != 0) {
		event.accepted = departure->origin.accepted;
	}
	journal_blame(&event, departure->other, departure->origin.acquirer);
	journal_end(&event, outcome.result, outcome.acted);
}

static void depart(struct departure *departure)
{
	if (journal_is_wanted()) {
		conclude_on_record(departure);
	} else {
		conclude(departure);
	}
}

/* A listening socket went: was it the last? */
static void note_listener_gone(void)
{
	int highest = tree_listens() ? table_highest() : -1;

	for (int fd = 0; fd <= highest; fd++) {
		if (table_is_watched(fd) && table_stamp(fd) == STAMP_LISTENS) {
			return;
		}
	}
	if (highest >= 0) {
		tree_stop_listening();
		due_keep();
	}
}

uint64_t letgo(int fd)
{
	struct departure departure = {.fd = fd};

	if (!process_may_act()) {
		return 0;
	}
	if (table_remove(fd, &departure.gone)) {
		depart(&departure);
	} else if (departure.gone.stamp == STAMP_LISTENS) {
		note_listener_gone();
	}
	return departure.released;
}

void letgo_begin(int fd, struct table_gone *gone)
{
	struct departure departure = {.fd = fd};

	if (table_remove(fd, gone)) {
		departure.gone = *gone;
		depart(&departure);
	}
}

void letgo_range(unsigned int first, unsigned int last)
{
	int highest = table_highest();

	if (!process_may_act()) {
		return;
	}
	for (unsigned int fd = first; (int)fd <= highest && fd <= last; fd++) {
		if (table_is_watched((int)fd)) {
			letgo((int)fd);
		}
	}
}

/* Unused, and under no other number either: there is nothing to decide. */
static bool is_worth_a_look(int fd)
{
	uint64_t stamp = table_is_watched(fd) ? table_stamp(fd) : STAMP_NONE;

	return stamp_is_connection(stamp) &&
	       (stamp & (STAMP_UNUSED | STAMP_RECORD)) != STAMP_UNUSED;
}

/* A function of its own: exit handlers may run on a small stack. */
static __attribute__((noinline)) void let_go_at_exit(int fd, bool has_unflushed)
{
	struct departure departure = {.fd = fd, .has_unflushed = has_unflushed};

	if (table_remove(fd, &departure.gone)) {
		depart(&departure);
	}
}

void letgo_at_exit(bool flush)
{
	bool has_unflushed;
	int first;
	int last;

	if ((table_highest() < 0 && tree_ledger == NULL) || !process_may_act()) {
		return; /* there never was a socket */
	}
	has_unflushed = flush && !stream_flush_all();
	report_leaks();
	table_noted(&first, &last);
	for (int fd = first; fd <= last; fd++) {
		if (is_worth_a_look(fd)) {
			let_go_at_exit(fd, has_unflushed);
		}
	}
	tree_end();
}
