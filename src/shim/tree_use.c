/* SPDX-License-Identifier: MIT */
/*
 * What this process publishes of its connections: that it uses one, that it sent one away or
 * got one, that it let one go. See tree.h for the invariant.
 */
#include <stddef.h>

#include "core/stamp.h"
#include "ledger/words.h"
#include "shim/due.h"
#include "shim/lineage.h"
#include "shim/process.h"
#include "shim/table.h"
#include "shim/tree.h"
#include "shim/tree_parts.h"

void tree_use_begin(void)
{
	home->has_received = false;
	home->engagements = 0;
}

void tree_use_inherited(void)
{
	home->engagements = 1; /* what was said for it before is not counted */
}

uint32_t tree_use_flags(void)
{
	return home->has_received ? LEDGER_PROCESS_RECEIVED : 0;
}

void tree_use_end(void)
{
	if (__atomic_load_n(&home->engagements, __ATOMIC_RELAXED) != 0) {
		conns_disengage_all(tree_ledger, tree_self_ref());
	}
}

void tree_closed(uint64_t key)
{
	struct ledger_process *mine = tree_self();

	if (mine != NULL) {
		procs_closed(mine, key, process_epoch_now() + STAMP_EPOCH_ONE);
	}
}

void tree_deferred(void)
{
	struct ledger_process *mine = tree_self();

	if (mine != NULL) {
		__atomic_fetch_add(&mine->defers, 1, __ATOMIC_RELAXED);
	}
}

void tree_uses_unknown(void)
{
	struct ledger_process *mine = tree_self();

	if (mine != NULL) {
		word_raise(&mine->unpublished, process_epoch_now());
	}
}

/* Dead processes cannot take themselves out of a full bucket. */
static void bury_the_dead(void)
{
	for (uint32_t i = procs_next(tree_ledger, 0); i < LEDGER_PROCESSES;
	     i = procs_next(tree_ledger, i + 1)) {
		uint64_t ref = procs_at(tree_ledger, i);

		if (ref != LEDGER_NOBODY && ref != tree_self_ref() &&
		    tree_is_dead(&tree_ledger->processes[i])) {
			procs_bury(tree_ledger, ref, tree_self_ref());
			conns_disengage_all(tree_ledger, ref);
		}
	}
}

struct ledger_connection *tree_publish(uint64_t cookie, uint64_t ref,
				       const struct conns_origin *origin)
{
	struct ledger_connection *slot;

	if (ref == tree_self_ref()) {
		__atomic_add_fetch(&home->engagements, 1, __ATOMIC_RELAXED);
	}
	slot = conns_engage(tree_ledger, cookie, ref, origin);
	if (slot == NULL) {
		bury_the_dead();
		slot = conns_engage(tree_ledger, cookie, ref, origin);
	}
	if (slot == NULL) {
		tree_uses_unknown();
	}
	return slot;
}

/* True when it is: for connections that came before, the process is elsewhere now. */
static bool note_newest(struct ledger_process *mine, const struct conns_origin *origin)
{
	if (origin->acquirer == LEDGER_NOBODY || origin->acquired <= mine->newest_acquired) {
		return false;
	}
	word_store(&mine->newest_acquirer, LEDGER_NOBODY);
	word_store(&mine->newest_acquired, origin->acquired);
	word_store(&mine->newest_acquirer, origin->acquirer);
	return true;
}

void tree_engage(uint64_t cookie, const struct table_gone *known, uint32_t accepted)
{
	struct ledger_process *mine = tree_self();
	struct conns_origin origin = lineage_origin(known->acquired, known->descriptor);
	bool was_accepted = (known->stamp & STAMP_UPSTREAM) == 0;
	struct ledger_connection *slot;

	if (mine == NULL) {
		return;
	}
	origin.is_lent = origin.acquirer != tree_self_ref() && known->is_lent;
	origin.accepted = accepted;
	slot = tree_publish(cookie, tree_self_ref(), &origin);
	if (slot != NULL) {
		conns_drop(tree_ledger, slot, conns_mark_of(slot)); /* it is ours now */
	}
	if (was_accepted && note_newest(mine, &origin)) {
		due_look();
	}
}

/* Two threads may both have engaged; then one is taken back, and the count stays too high. */
void tree_disengage(uint64_t cookie)
{
	if (tree_self() != NULL && conns_disengage(tree_ledger, cookie, tree_self_ref())) {
		__atomic_sub_fetch(&home->engagements, 1, __ATOMIC_RELAXED);
	}
}

void tree_engage_phantom(uint64_t cookie, const struct table_gone *known, uint32_t accepted)
{
	struct conns_origin origin = lineage_origin(known->acquired, known->descriptor);

	origin.accepted = accepted;
	tree_make_ledger_to_share();
	if (tree_self() != NULL) {
		tree_publish(cookie, LEDGER_PHANTOM, &origin);
	}
}

void tree_received(void)
{
	home->has_received = true;
	tree_raise_flag(LEDGER_PROCESS_RECEIVED);
}

void tree_arrived(uint64_t cookie)
{
	struct conns_origin unknown = {.acquirer = LEDGER_NOBODY, .descriptor = -1};

	tree_received();
	if (tree_self() == NULL) {
		return;
	}
	if (conns_replace_phantom(tree_ledger, cookie, tree_self_ref())) {
		__atomic_add_fetch(&home->engagements, 1, __ATOMIC_RELAXED);
	} else {
		tree_publish(cookie, tree_self_ref(), &unknown);
	}
}
