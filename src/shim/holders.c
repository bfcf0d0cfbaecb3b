/* SPDX-License-Identifier: MIT */
/*
 * Epochs grow along a line of descent, so a descendant of the acquirer holds a copy
 * only if it was born after the acquisition; who was born before cannot hold one.
 */
#include "shim/holders.h"

#include <stddef.h>
#include <string.h>

#include "core/standing.h"
#include "ledger/procs.h"
#include "ledger/words.h"
#include "shim/tree.h"

/* One count under way. */
struct look {
	const struct conns_origin *origin;
	uint64_t skipped;            /* who does not count; LEDGER_NOBODY = all do */
	struct holders_known *known; /* NULL = every one that would veto is asked for */
	bool is_one_enough;          /* the first that vetoes ends it */
	struct verdict_holders *holders;
	uint64_t named;          /* one of the holders ... */
	enum standing named_for; /* ... and how it stands */
};

/* May this process, by its family, have had a copy, and its children got one? */
static bool may_have_held(const struct look *look, const struct ledger_process *process,
			  uint64_t ref)
{
	const struct conns_origin *origin = look->origin;

	if (origin->acquirer == LEDGER_NOBODY) {
		return false; /* counted once, as one that cannot be seen */
	}
	if (ref != origin->acquirer &&
	    (word_load(&process->born) <= origin->acquired ||
	     procs_kin(tree_ledger, process, origin->acquirer) == PROCS_NO_KIN)) {
		return false;
	}
	return ref == origin->acquirer ||
	       !procs_born_without(tree_ledger, process, origin->acquirer, origin->acquired,
				   origin->descriptor);
}

/*
 * The acquirer serving a later client says nothing, for it may have threads; a worker that
 * was born with a copy does.
 */
static bool is_worker_of_acquirer(const struct look *look, const struct ledger_process *process,
				  uint64_t ref)
{
	return ref != look->origin->acquirer &&
	       word_load(&process->newest_acquirer) == look->origin->acquirer;
}

static bool is_lender(const struct look *look, uint64_t ref)
{
	return look->origin->is_lent && ref == look->origin->acquirer;
}

/* What it used and could not note was acquired by then. */
static bool may_use_unseen(const struct ledger_process *process, const struct conns_origin *origin)
{
	uint64_t unpublished = word_load(&process->unpublished);

	return unpublished != 0 && unpublished >= origin->acquired;
}

static enum standing standing_in(const struct look *look, const struct ledger_process *process,
				 uint64_t ref, uint32_t flags)
{
	struct standing_facts facts = {
		.is_engaged = may_use_unseen(process, look->origin),
		.is_retired = (flags & LEDGER_PROCESS_RETIRED) != 0,
		.is_leaving = (flags & LEDGER_PROCESS_LEAVING) != 0,
		.is_sighted = (flags & LEDGER_PROCESS_SIGHTED) != 0,
		.newest_is_related = is_worker_of_acquirer(look, process, ref),
		.acquired = look->origin->acquired,
		.shared = look->origin->shared,
		.came_to_share = word_load(&process->came_to_share),
		/* Who has used it and lent it away may come back to it, whatever it waits for. */
		.away = is_lender(look, ref) ? 0 : word_load(&process->away),
		.execed = word_load(&process->execed),
		.newest = word_load(&process->newest_acquired),
	};

	return standing_of(&facts);
}

/*
 * Children that libc made, or that found no slot: the forker knows only that there are some.
 * The latter may use it even when the forker itself has let go.
 */
static void count_unseen(struct look *look, const struct ledger_process *process, bool holds)
{
	if (holds && word_load(&process->spawned) > look->origin->acquired) {
		look->holders->elsewhere++;
	}
	if (word_load(&process->blind) > look->origin->acquired) {
		look->holders->pending++;
	}
}

/* Of those found so far, the one to be named. */
static void name_holder(struct look *look, uint64_t ref, enum standing standing)
{
	if (look->named == LEDGER_NOBODY ||
	    (standing == STANDING_ELSEWHERE && look->named_for != STANDING_ELSEWHERE) ||
	    (standing == STANDING_PENDING && look->named_for == STANDING_ENGAGED)) {
		look->named = ref;
		look->named_for = standing;
	}
}

/*
 * Told by its birth alone: most of a crowd of workers are older than the connection, and
 * each page of slots that is not looked at is a page fault less in a forked child.
 */
static bool is_too_old(const struct look *look, uint32_t index)
{
	return procs_born(tree_ledger, index) <= look->origin->acquired &&
	       index != procs_index(look->origin->acquirer) &&
	       index != procs_index(tree_self_ref());
}

/* A holder that is no accept loop: those are not asked for. */
static bool has_living_pending(const struct look *look)
{
	return look->holders->pending > look->holders->pending_accept;
}

static bool is_over(const struct look *look)
{
	return look->is_one_enough && look->holders->engaged + look->holders->pending > 0;
}

static bool is_known_to_live(const struct look *look, uint64_t ref)
{
	return look->known != NULL && look->known->alive == ref;
}

/* Asks the kernel, unless it has just been asked. */
static bool is_dead(struct look *look, const struct ledger_process *process, uint64_t ref)
{
	if (is_known_to_live(look, ref)) {
		return false;
	}
	if (tree_is_dead(process)) {
		return true;
	}
	if (look->known != NULL) {
		look->known->alive = ref;
	}
	return false;
}

/* Whether it lives makes no difference any more. */
static bool is_one_of_many(const struct look *look, enum standing standing)
{
	return look->known != NULL && standing == STANDING_PENDING && has_living_pending(look);
}

static void look_at(struct look *look, uint32_t index)
{
	uint64_t ref = procs_at(tree_ledger, index);
	const struct ledger_process *process = &tree_ledger->processes[index];
	uint32_t flags = __atomic_load_n(&process->flags, __ATOMIC_SEQ_CST);
	struct verdict_holders *holders = look->holders;
	bool is_self = ref == tree_self_ref();
	enum standing standing;
	bool is_accept_loop;
	bool had_it;
	bool has_it;

	if (ref == LEDGER_NOBODY) {
		return;
	}
	had_it = may_have_held(look, process, ref);
	has_it = had_it &&
		 !procs_has_released(process, look->origin->acquired, look->origin->descriptor);
	if (look->origin->acquired != 0 && (is_self || had_it)) {
		count_unseen(look, process, is_self || has_it);
	}
	if (ref == look->skipped || !has_it) {
		return;
	}
	is_accept_loop = ref == look->origin->acquirer && !look->origin->is_lent &&
			 (flags & LEDGER_PROCESS_LISTENS) != 0;
	standing = standing_in(look, process, ref, flags);
	if (standing == STANDING_ELSEWHERE) {
		holders->elsewhere++;
	} else if (!is_accept_loop && !is_one_of_many(look, standing) &&
		   is_dead(look, process, ref)) {
		/* An accept loop is not asked: dead, it holds nothing, and a FIN does no harm. */
		procs_bury(tree_ledger, ref, tree_self_ref());
		return;
	} else if (standing == STANDING_ENGAGED) {
		holders->engaged++;
	} else {
		holders->pending++;
		holders->pending_accept += is_accept_loop;
	}
	name_holder(look, ref, standing);
}

/*
 * One look at every process. A fork in the middle of it could hide a child from us and
 * show us its parent afterwards, so the look starts over when one was prepared.
 */
static void look_at_all(struct look *look)
{
	enum {
		TRIES = 4,
		CROWD = 32, /* processes, on three pages */
	};
	bool is_crowd;
	const uint64_t *births = &tree_ledger->header.births;
	struct verdict_holders before = *look->holders;

	for (int i = 0; i < TRIES; i++) {
		uint64_t seen = word_load(births);

		is_crowd = procs_is_crowd(tree_ledger, CROWD);
		*look->holders = before;
		look->named = LEDGER_NOBODY;
		for (uint32_t index = procs_next(tree_ledger, 0);
		     index < LEDGER_PROCESSES && !is_over(look);
		     index = procs_next(tree_ledger, index + 1)) {
			if (!is_crowd || !is_too_old(look, index)) {
				look_at(look, index);
			}
		}
		if (is_over(look) || word_load(births) == seen) {
			return;
		}
	}
	look->holders->pending++;
}

/* Phantoms, and processes that live. The caller too, if it is among them. */
static void count_users(struct look *look, uint64_t cookie)
{
	uint32_t place = 0;
	uint64_t ref;

	while (!is_over(look) &&
	       (ref = conns_next_user(tree_ledger, cookie, &place)) != LEDGER_NOBODY) {
		const struct ledger_process *process = procs_get(tree_ledger, ref);

		if (ref == LEDGER_PHANTOM || (process != NULL && !is_dead(look, process, ref))) {
			look->holders->engaged++;
			if (process != NULL && ref != look->skipped) {
				name_holder(look, ref, STANDING_ENGAGED);
			}
		}
	}
}

/*
 * The users are read last: who was pending at our look at the processes, touched the
 * connection and then went elsewhere is found here.
 */
static void look_for_holders(struct look *look, uint64_t cookie)
{
	struct verdict_holders *holders = look->holders;

	memset(holders, 0, sizeof(*holders));
	holders->asked = true;
	/* Without a slot of our own, our own children have none either. */
	if (tree_self() == NULL || look->origin->acquirer == LEDGER_NOBODY) {
		holders->pending = 1;
	}
	if (tree_ledger != NULL) {
		holders->pending += word_load(&tree_ledger->header.unseen) > look->origin->acquired;
		look_at_all(look);
		count_users(look, cookie);
	}
}

uint64_t holders_count(uint64_t cookie, const struct conns_origin *origin, enum holders_of whom,
		       struct holders_known *known, struct verdict_holders *holders)
{
	struct look look = {
		.origin = origin,
		.skipped = whom == HOLDERS_OTHERS ? tree_self_ref() : LEDGER_NOBODY,
		.known = known,
		.holders = holders,
		.named = LEDGER_NOBODY,
	};

	look_for_holders(&look, cookie);
	return look.named;
}

/* Who held up the last one is likely to hold up this one, too: that one is looked at first. */
bool holders_veto(uint64_t cookie, const struct conns_origin *origin, struct holders_known *known)
{
	struct verdict_holders holders = {.asked = true};
	struct look look = {
		.origin = origin,
		.skipped = tree_self_ref(),
		.known = known,
		.is_one_enough = true,
		.holders = &holders,
		.named = LEDGER_NOBODY,
	};

	if (tree_ledger != NULL && procs_get(tree_ledger, known->alive) != NULL) {
		look_at(&look, procs_index(known->alive));
	}
	if (!is_over(&look)) {
		look_for_holders(&look, cookie);
	}
	return is_over(&look);
}
