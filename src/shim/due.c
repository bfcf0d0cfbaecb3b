/* SPDX-License-Identifier: MIT */
/* See due.h for the protocol. */
#include "shim/due.h"

#include <stddef.h>

#include "shim/clock.h"
#include "shim/copy.h"
#include "shim/fin.h"
#include "shim/holders.h"
#include "shim/journal.h"
#include "shim/lineage.h"
#include "shim/process.h"
#include "shim/table.h"
#include "shim/tree.h"
#include "sys/sockprobe.h"

#define SWEEP_EVERY_NS ((uint64_t)1000 * 1000 * 1000)

static bool send_now(int fd)
{
	return process_settings.mode == SETTINGS_MODE_ENFORCE && fin_send(fd) == 0;
}

static const struct verdict_result stale = {.verdict = VERDICT_FIN, .reason = VERDICT_REASON_STALE};

/* Whoever had used it let go of it long ago; the copy that kept it open is ours. */
static __attribute__((noinline, cold)) void send_late_on_record(int fd, uint64_t cookie,
								const struct conns_origin *origin)
{
	struct ledger_event event;

	journal_begin(&event, LEDGER_KIND_LET_GO, fd);
	event.let_go = origin->let_go;
	event.cookie = cookie;
	event.forked = origin->forked;
	event.others = 1;
	if (origin->accepted != 0) {
		event.accepted = origin->accepted;
	}
	journal_blame(&event, tree_self_ref(), origin->acquirer);
	journal_end(&event, stale, send_now(fd));
}

static void send_late(int fd, struct ledger_connection *slot)
{
	uint64_t cookie = __atomic_load_n(&slot->cookie, __ATOMIC_SEQ_CST);
	struct conns_origin origin;

	if (!journal_is_wanted()) {
		send_now(fd);
		return;
	}
	origin = conns_origin(slot, cookie);
	send_late_on_record(fd, cookie, &origin);
}

static uint32_t own_slot(void)
{
	return (uint32_t)(tree_self() - tree_ledger->processes);
}

/*
 * Steps b to d for one mark on our descriptor fd; the same for C after it has marked.
 * The mark was read before the look at the others, the bytes are read after it. True
 * when the mark is taken: the FIN is the caller's to send.
 */
static bool take_if_alone(int fd, struct ledger_connection *slot, uint64_t mark,
			  enum holders_of whom, struct holders_known *known)
{
	uint64_t cookie = __atomic_load_n(&slot->cookie, __ATOMIC_SEQ_CST);
	struct conns_origin origin = conns_origin(slot, cookie);
	struct verdict_holders holders;
	uint64_t written;

	holders_count(cookie, &origin, whom, known, &holders);
	if (holders.engaged + holders.pending > 0) {
		return false;
	}
	if (sockprobe_state_and_written(fd, &written) != VERDICT_STATE_CLOSE_WAIT ||
	    (uint32_t)written != (uint32_t)(mark >> LEDGER_MARK_REST_SHIFT)) {
		conns_drop(tree_ledger, slot, mark);
		conns_tidy(tree_ledger, slot);
		return false;
	}
	return conns_take(tree_ledger, slot, mark, own_slot());
}

static bool is_due(uint64_t mark)
{
	return (mark & LEDGER_MARK_STATE) == LEDGER_MARK_DUE;
}

/*
 * In a busy server most marks wait for somebody who is just being born, and many look at them
 * meanwhile. So this, which needs no more than one system call for all marks, comes before
 * everything else, and mostly ends it. What is of unknown origin waits for one who can say
 * where it came from: perhaps for us.
 */
static bool is_held_up(const struct ledger_connection *slot, struct holders_known *known)
{
	uint64_t cookie = __atomic_load_n(&slot->cookie, __ATOMIC_SEQ_CST);
	struct conns_origin origin = conns_origin(slot, cookie);

	return origin.acquirer != LEDGER_NOBODY && holders_veto(cookie, &origin, known);
}

static void watch_over(int fd)
{
	if (process_settings.probe_s > 0 && process_settings.mode == SETTINGS_MODE_ENFORCE) {
		sockprobe_arm_keepalive(fd, process_settings.probe_s);
	}
}

/*
 * Somebody will come by who watches over it, if it is still due then: the acquirer has waited
 * for clients since it shared it, as it did before, still listens, and has a copy. Most marks
 * are gone long before that, and keepalive is four system calls. Asked when the mark is there:
 * an acquirer that stops being a keeper says so first and then looks for marks (due_keep).
 */
static bool has_keeper(const struct conns_origin *origin)
{
	const uint32_t all = LEDGER_PROCESS_LISTENS | LEDGER_PROCESS_RETIRED |
			     LEDGER_PROCESS_LEAVING;
	const struct ledger_process *acquirer = procs_get(tree_ledger, origin->acquirer);

	return acquirer != NULL && origin->shared != 0 &&
	       __atomic_load_n(&acquirer->away, __ATOMIC_SEQ_CST) >= origin->shared &&
	       __atomic_load_n(&acquirer->execed, __ATOMIC_SEQ_CST) == 0 &&
	       (__atomic_load_n(&acquirer->flags, __ATOMIC_SEQ_CST) & all) ==
		       LEDGER_PROCESS_LISTENS &&
	       procs_has_kept(acquirer, origin->acquired, origin->descriptor) &&
	       !tree_is_dead(acquirer);
}

bool due_mark(int fd, uint64_t cookie, const struct conns_origin *origin, uint64_t written,
	      struct holders_known *known)
{
	struct ledger_connection *slot;
	uint64_t mark;

	if (tree_self() == NULL || cookie == 0) {
		return false;
	}
	if (conns_find_due(tree_ledger, cookie) != NULL) {
		/* What was written between our being told and that mark does not drop ours. */
		written = sockprobe_written(fd);
	}
	slot = conns_make_due(tree_ledger, cookie, written);
	if (slot == NULL) {
		watch_over(fd);
		return false; /* somebody is at it; or there is no room, and nobody is harmed */
	}
	conns_note_origin(slot, cookie, origin); /* the mark keeps the slot ours */
	__atomic_store_n(&slot->let_go, origin->let_go, __ATOMIC_SEQ_CST);
	mark = conns_mark_of(slot);
	if (is_due(mark) && !is_held_up(slot, known) &&
	    take_if_alone(fd, slot, mark, HOLDERS_OTHERS, known)) {
		return true;
	}
	if (!has_keeper(origin)) {
		watch_over(fd);
	}
	return false;
}

/* The FIN is out: no user that is left is a living one. */
static void done(struct ledger_connection *slot)
{
	conns_drop(tree_ledger, slot, conns_mark_of(slot));
	conns_tidy(tree_ledger, slot);
}

void due_done(uint64_t cookie)
{
	struct ledger_connection *slot = tree_ledger != NULL && cookie != 0
						 ? conns_find(tree_ledger, cookie, false)
						 : NULL;

	if (slot != NULL) {
		done(slot);
	}
}

/* Who took the mark died before it sent the FIN: the sweep will find the connection. */
static void release_if_dead(struct ledger_connection *slot, uint64_t mark)
{
	uint64_t taker = mark >> LEDGER_MARK_REST_SHIFT;

	if ((mark & LEDGER_MARK_STATE) == LEDGER_MARK_TAKEN && taker < LEDGER_PROCESSES &&
	    (procs_at(tree_ledger, (uint32_t)taker) == LEDGER_NOBODY ||
	     tree_is_dead(&tree_ledger->processes[taker]))) {
		conns_drop(tree_ledger, slot, mark);
	}
}

/* A vfork child's image could not say where it came from; we can, if it is ours. */
static void learn_origin(int fd, struct ledger_connection *slot)
{
	uint64_t cookie = __atomic_load_n(&slot->cookie, __ATOMIC_SEQ_CST);
	struct table_gone known;

	if (conns_origin(slot, cookie).acquirer == LEDGER_NOBODY && table_look(fd, &known)) {
		struct conns_origin origin = lineage_origin(known.acquired, known.descriptor);

		conns_note_origin(slot, sockprobe_cookie(fd), &origin);
	}
}

/* We have no copy, and nobody else has: there is nothing left to finish. */
static void drop_if_nobodys(struct ledger_connection *slot, uint64_t mark)
{
	uint64_t cookie = __atomic_load_n(&slot->cookie, __ATOMIC_SEQ_CST);
	struct conns_origin origin = conns_origin(slot, cookie);
	struct verdict_holders holders;

	holders_count(cookie, &origin, HOLDERS_OTHERS, NULL, &holders);
	if (holders.engaged + holders.elsewhere + holders.pending == 0 &&
	    conns_drop(tree_ledger, slot, mark)) {
		conns_tidy(tree_ledger, slot);
	}
}

static void finish(int fd, struct ledger_connection *slot, uint64_t mark, enum holders_of whom,
		   struct holders_known *known)
{
	if (take_if_alone(fd, slot, mark, whom, known)) {
		send_late(fd, slot);
		done(slot);
	}
}

static void look_at_mark(struct ledger_connection *slot, uint64_t mark, enum holders_of whom,
			 struct holders_known *known)
{
	uint64_t cookie = __atomic_load_n(&slot->cookie, __ATOMIC_SEQ_CST);
	struct conns_origin origin = conns_origin(slot, cookie);
	int fd;

	if (is_held_up(slot, known)) {
		return;
	}
	fd = copy_find(cookie, &origin);
	if (fd < 0) {
		drop_if_nobodys(slot, mark);
		return;
	}
	learn_origin(fd, slot);
	finish(fd, slot, mark, whom, known);
}

__attribute__((noinline, cold)) static void look_at_marks(enum holders_of whom)
{
	struct holders_known known = {.alive = LEDGER_NOBODY};

	for (uint32_t i = conns_next(tree_ledger, 0); i < LEDGER_CONNECTIONS;
	     i = conns_next(tree_ledger, i + 1)) {
		struct ledger_connection *slot = &tree_ledger->connections[i];
		uint64_t mark = conns_mark_of(slot);

		if (is_due(mark)) {
			look_at_mark(slot, mark, whom, &known);
		}
	}
}

/* Nobody else watches over it: see has_keeper(). */
static void keep(uint64_t cookie, const struct conns_origin *origin)
{
	int fd = copy_find(cookie, origin);

	if (fd >= 0) {
		watch_over(fd);
	}
}

static bool has_marks(void)
{
	return tree_self() != NULL &&
	       __atomic_load_n(&tree_ledger->header.due_count, __ATOMIC_SEQ_CST) != 0;
}

void due_look(void)
{
	if (has_marks()) {
		look_at_marks(HOLDERS_ALL);
	}
}

void due_keep(void)
{
	if (!has_marks()) {
		return;
	}
	for (uint32_t i = conns_next(tree_ledger, 0); i < LEDGER_CONNECTIONS;
	     i = conns_next(tree_ledger, i + 1)) {
		struct ledger_connection *slot = &tree_ledger->connections[i];
		uint64_t cookie = __atomic_load_n(&slot->cookie, __ATOMIC_SEQ_CST);
		struct conns_origin origin = conns_origin(slot, cookie);

		if (is_due(conns_mark_of(slot)) && origin.acquirer == tree_self_ref()) {
			keep(cookie, &origin);
		}
	}
}

void due_look_leaving(void)
{
	if (has_marks()) {
		look_at_marks(HOLDERS_OTHERS);
	}
	if (tree_listens()) {
		due_keep();
	}
}

void due_look_at(int fd)
{
	struct holders_known known = {.alive = LEDGER_NOBODY};
	struct ledger_connection *slot;
	uint64_t cookie;
	uint64_t mark;

	if (!has_marks()) {
		return;
	}
	cookie = sockprobe_cookie(fd);
	slot = cookie != 0 ? conns_find_due(tree_ledger, cookie) : NULL;
	mark = slot != NULL ? conns_mark_of(slot) : LEDGER_MARK_NONE;
	if (!is_due(mark)) {
		return;
	}
	finish(fd, slot, mark, HOLDERS_OTHERS, &known);
	if (is_due(conns_mark_of(slot)) && conns_origin(slot, cookie).acquirer == tree_self_ref()) {
		watch_over(fd); /* we were its keeper, perhaps */
	}
}

/* Takes the dead out of the users; true when nobody is left. */
static bool is_deserted(uint64_t cookie)
{
	uint32_t place = 0;
	uint32_t alive = 0;
	uint64_t ref;

	while ((ref = conns_next_user(tree_ledger, cookie, &place)) != LEDGER_NOBODY) {
		const struct ledger_process *process = procs_get(tree_ledger, ref);

		if (ref == LEDGER_PHANTOM || (process != NULL && !tree_is_dead(process))) {
			alive++;
		} else {
			conns_take_out(tree_ledger, cookie, ref);
		}
	}
	return alive == 0;
}

/* Never used by us at all: else it is ours to close or to answer, and no sweep's business. */
static bool is_untouched(int fd)
{
	return (table_stamp(fd) & (STAMP_ENGAGED | STAMP_UNUSED)) == STAMP_UNUSED;
}

/* As if its last user had let go: with somebody pending, whoever goes elsewhere finishes it. */
static void sweep_up(int fd, struct ledger_connection *slot, uint64_t cookie)
{
	struct holders_known known = {.alive = LEDGER_NOBODY};
	uint64_t mark;

	conns_mark(tree_ledger, slot, cookie, sockprobe_written(fd));
	mark = conns_mark_of(slot);
	if (is_due(mark)) {
		finish(fd, slot, mark, HOLDERS_ALL, &known);
	}
}

static void sweep_one(struct ledger_connection *slot)
{
	uint64_t cookie = __atomic_load_n(&slot->cookie, __ATOMIC_SEQ_CST);
	struct conns_origin origin = conns_origin(slot, cookie);
	int fd;

	release_if_dead(slot, conns_mark_of(slot));
	if (origin.acquirer != tree_self_ref() || cookie == 0 ||
	    (cookie & LEDGER_COOKIE_DYING) != 0) {
		return;
	}
	if (is_due(conns_mark_of(slot))) {
		keep(cookie, &origin);
		return;
	}
	if (__atomic_load_n(&slot->was_engaged, __ATOMIC_SEQ_CST) == 0 ||
	    (conns_mark_of(slot) & LEDGER_MARK_STATE) != LEDGER_MARK_NONE || !is_deserted(cookie)) {
		return;
	}
	fd = copy_find(cookie, &origin);
	if (fd < 0 || sockprobe_is_dead(fd)) {
		conns_tidy(tree_ledger, slot);
	} else if (is_untouched(fd) && sockprobe_state(fd) == VERDICT_STATE_CLOSE_WAIT) {
		sweep_up(fd, slot, cookie);
	}
}

void due_sweep(void)
{
	static uint64_t last;
	uint64_t now = clock_now_ns();

	if (now - __atomic_load_n(&last, __ATOMIC_RELAXED) < SWEEP_EVERY_NS) {
		return;
	}
	__atomic_store_n(&last, now, __ATOMIC_RELAXED);
	for (uint32_t i = conns_next(tree_ledger, 0); i < LEDGER_CONNECTIONS;
	     i = conns_next(tree_ledger, i + 1)) {
		sweep_one(&tree_ledger->connections[i]);
	}
}
