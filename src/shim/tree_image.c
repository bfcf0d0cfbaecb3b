/* SPDX-License-Identifier: MIT */
/*
 * The slot of a new program image: prepared by the old one, or by the parent of a child
 * that libc makes, and taken over by the image itself. See tree.h.
 *
 * Runs in vfork children, too: there nothing but the ledger may be written.
 */
#include <stddef.h>

#include "core/stamp.h"
#include "ledger/segment.h"
#include "shim/due.h"
#include "shim/guard.h"
#include "shim/lineage.h"
#include "shim/process.h"
#include "shim/tree.h"
#include "shim/tree_parts.h"
#include "sys/rawsys.h"

static long call(long number, long a, long b, long c)
{
	return rawsys3(number, a, b, c);
}

/*
 * A slot of its own for an image that will run in another process than this. A vfork child's
 * was born with it: other threads of its parent have gone on to close and to fork since.
 */
static uint64_t claim_image(void)
{
	bool is_vfork = guard_in_vfork_child();
	uint64_t epoch = is_vfork ? guard_self.vfork_epoch : process_epoch_now();
	uint64_t ref = tree_claim_child(!is_vfork, is_vfork ? NULL : tree_is_dead);

	if (ref != LEDGER_NOBODY) {
		tree_fill_child(ref, epoch + STAMP_EPOCH_ONE);
	}
	return ref;
}

bool tree_image_begin(bool is_child, uint64_t *image, int *id)
{
	struct ledger_process *mine = tree_self();
	struct ledger_process *slot;

	*id = (int)tree_anchor.id;
	*image = tree_self_ref();
	if (mine != NULL && is_child) {
		*image = claim_image();
	}
	slot = procs_get(tree_ledger, *image);
	if (mine == NULL || slot == NULL) {
		return false;
	}
	if (guard_in_vfork_child()) {
		__atomic_store_n(&slot->pid, (uint32_t)rawsys1(SYS_getpid, 0), __ATOMIC_SEQ_CST);
	} else if (!is_child) {
		guard_self.execed_before = mine->execed;
	}
	__atomic_fetch_and(&slot->flags, ~LEDGER_PROCESS_SIGHTED, __ATOMIC_SEQ_CST);
	__atomic_store_n(&slot->execed, process_epoch_now() + STAMP_EPOCH_ONE, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&tree_ledger->header.births, 1, __ATOMIC_SEQ_CST);
	if (!is_child) {
		due_keep();
	}
	return true;
}

void tree_image_engage(uint64_t image, uint64_t cookie, const struct table_gone *known,
		       uint32_t accepted)
{
	struct conns_origin origin = lineage_origin(known->acquired, known->descriptor);

	origin.accepted = accepted;
	tree_publish(cookie, image, &origin);
}

void tree_image_started(uint64_t image, pid_t pid)
{
	struct ledger_process *slot = tree_ledger != NULL ? procs_get(tree_ledger, image) : NULL;

	if (slot != NULL) {
		tree_agree_on_pid(slot, (uint32_t)pid);
	}
}

void tree_image_failed(uint64_t image)
{
	struct ledger_process *mine = tree_self();

	if (image != tree_self_ref()) {
		conns_disengage_all(tree_ledger, image);
		procs_bury(tree_ledger, image, tree_self_ref());
	} else if (mine != NULL) {
		__atomic_store_n(&mine->execed, guard_self.execed_before, __ATOMIC_SEQ_CST);
		tree_raise_flag(LEDGER_PROCESS_SIGHTED);
	}
}

/* The slot is ours if it names our pid, or nobody's yet: the parent may not have come to it. */
static bool is_ours(struct ledger_process *slot)
{
	uint32_t pid = (uint32_t)rawsys1(SYS_getpid, 0);
	uint32_t nobody = 0;

	return __atomic_load_n(&slot->pid, __ATOMIC_SEQ_CST) == pid ||
	       __atomic_compare_exchange_n(&slot->pid, &nobody, pid, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

/* Other threads of the old image went on to fork, until the kernel stopped them. */
static uint64_t latest_epoch(const struct ledger *ledger, const struct ledger_process *mine,
			     uint64_t ref)
{
	uint64_t epoch = mine->execed > mine->came_to_share ? mine->execed : mine->came_to_share;

	for (uint32_t i = 0; i < procs_high(ledger); i++) {
		uint64_t born = procs_born(ledger, i);

		if (born > epoch && ledger->processes[i].ancestors[0] == ref) {
			epoch = born;
		}
	}
	return epoch & ~STAMP_FLAGS;
}

bool tree_adopt(int id, uint64_t ref)
{
	struct ledger *ledger;
	struct ledger_process *mine;

	if (segment_attach(call, id, &ledger) != 0) {
		return false;
	}
	mine = procs_get(ledger, ref);
	if (mine == NULL || !is_ours(mine)) {
		rawsys1(SYS_shmdt, (long)ledger);
		return false;
	}
	tree_introduce(ref);
	home->epoch = latest_epoch(ledger, mine, ref) + STAMP_EPOCH_ONE;
	home->came_to_share = PROCESS_INHERITED_EPOCH;
	lineage_rebuild(ledger, mine, ref);
	tree_settle(ledger, id, ref);
	tree_raise_flag(LEDGER_PROCESS_SIGHTED);
	return true;
}

void tree_keep_only(conns_is_held *is_held, const void *context)
{
	if (tree_self() != NULL) {
		conns_abandon(tree_ledger, tree_self_ref(), is_held, context);
	}
}
