/* SPDX-License-Identifier: MIT */
/* See tree.h. */
#include "shim/tree.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "core/stamp.h"
#include "ledger/segment.h"
#include "ledger/words.h"
#include "shim/capture.h"
#include "shim/due.h"
#include "shim/guard.h"
#include "shim/home.h"
#include "shim/lineage.h"
#include "shim/places.h"
#include "shim/prepared.h"
#include "shim/process.h"
#include "shim/table.h"
#include "shim/tree_parts.h"
#include "sys/alive.h"
#include "sys/rawsys.h"

struct ledger *tree_ledger;

/*
 * home->forker: which thread of this process has made its children: 0 none, guard_thread(), or
 * FORKER_MANY. Only that one can say that the process went elsewhere: another thread's
 * accept says nothing about the one that waits for its helper and will then answer.
 */
#define FORKER_MANY ((uintptr_t)1)

struct sendfin_anchor tree_anchor;

/* Our own name of it is bound here: the exported one would be looked up at every start. */
extern EXPORT struct sendfin_anchor sendfin_anchor SAME_AS(tree_anchor);

void tree_setup(void)
{
	tree_anchor.id = -1;
	tree_anchor.version = LEDGER_VERSION;
	tree_anchor.magic = LEDGER_MAGIC;
}

static long call(long number, long a, long b, long c)
{
	return rawsys3(number, a, b, c);
}

struct ledger_process *tree_self(void)
{
	return tree_ledger != NULL ? procs_get(tree_ledger, home->self) : NULL;
}

uint64_t tree_self_ref(void)
{
	return home->self;
}

bool tree_is_dead(const struct ledger_process *process)
{
	const struct ledger_process *mine = tree_self();

	return mine != NULL && mine->pid_space == process->pid_space &&
	       alive_is_dead(__atomic_load_n(&process->pid, __ATOMIC_RELAXED));
}

bool tree_child_is_reaped(uint64_t acquired)
{
	const struct ledger_process *mine = tree_self();
	const struct ledger_process *first = NULL;
	uint64_t first_born = UINT64_MAX;
	uint32_t pid;

	for (uint32_t i = 0; mine != NULL && i < procs_high(tree_ledger); i++) {
		uint64_t born = procs_born(tree_ledger, i);

		/* Also one that has ended: its slot tells of it until it is taken again. */
		if (born > acquired && born < first_born &&
		    tree_ledger->processes[i].ancestors[0] == home->self) {
			first = &tree_ledger->processes[i];
			first_born = born;
		}
	}
	pid = first != NULL ? __atomic_load_n(&first->pid, __ATOMIC_SEQ_CST) : 0;
	return pid != 0 && first->pid_space == mine->pid_space &&
	       rawsys3(SYS_kill, pid, 0, 0) == -ESRCH;
}

void tree_introduce(uint64_t ref)
{
	__atomic_store_n(&home->introduced, ref, __ATOMIC_RELAXED);
	conns_introduce(&home->introduced, tree_is_dead);
}

static void install(struct ledger *ledger, int id)
{
	tree_anchor.id = id;
	tree_anchor.ledger = (uint64_t)(uintptr_t)ledger;
	__atomic_store_n(&tree_ledger, ledger, __ATOMIC_RELEASE);
}

void tree_raise_flag(uint32_t flag)
{
	struct ledger_process *mine = tree_self();

	if (mine != NULL && (__atomic_load_n(&mine->flags, __ATOMIC_RELAXED) & flag) == 0) {
		__atomic_fetch_or(&mine->flags, flag, __ATOMIC_SEQ_CST);
	}
}

/* One thread makes it. */
void tree_make_ledger(void)
{
	static uint32_t is_begun;
	struct ledger *ledger;
	int id;

	if (tree_ledger != NULL || __atomic_exchange_n(&is_begun, 1, __ATOMIC_ACQ_REL) != 0 ||
	    segment_create(call, &ledger, &id) != 0) {
		return;
	}
	/* The first slot of an empty ledger. */
	home->self = procs_claim(ledger, &home->self, false, NULL);
	tree_introduce(home->self);
	ledger->processes[0].pid = (uint32_t)rawsys1(SYS_getpid, 0);
	ledger->processes[0].flags = (uint32_t)home->is_listening * LEDGER_PROCESS_LISTENS |
				     tree_use_flags();
	ledger->processes[0].blind = home->missed;
	lineage_put(0, home->self, PROCESS_FIRST_EPOCH, 0);
	install(ledger, id);
}

void tree_make_ledger_to_share(void)
{
	if (table_highest() >= 0) {
		tree_make_ledger();
	}
}

uint64_t tree_claim_child(bool is_caller, procs_is_dead *is_dead)
{
	return procs_claim(tree_ledger, &home->self, is_caller, is_dead);
}

void tree_fill_child(uint64_t ref, uint64_t born)
{
	struct ledger_process *child = procs_get(tree_ledger, ref);

	if (child == NULL) {
		return;
	}
	procs_set_born(tree_ledger, child, born);
	word_store(&child->came_to_share, born);
	__atomic_store_n(&child->forked, guard_self.birth_site, __ATOMIC_RELAXED);
	if (guard_self.new_pid_space) {
		/* Nobody here can ask whether it lives; its own children can ask each other. */
		__atomic_store_n(
			&child->pid_space,
			__atomic_add_fetch(&tree_ledger->header.pid_spaces, 1, __ATOMIC_SEQ_CST),
			__ATOMIC_SEQ_CST);
	}
}

static void note_forker(void)
{
	uintptr_t before = 0;

	if (!__atomic_compare_exchange_n(&home->forker, &before, guard_thread(), false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) &&
	    before != guard_thread()) {
		__atomic_store_n(&home->forker, FORKER_MANY, __ATOMIC_SEQ_CST);
	}
}

static bool speaks_for_the_process(void)
{
	uintptr_t known = __atomic_load_n(&home->forker, __ATOMIC_SEQ_CST);

	return known == 0 || known == guard_thread();
}

static void note_birth_site(void)
{
	uint32_t site = capture_site();

	/* Else the parent would get its page of thread-local storage anew at every fork. */
	if (guard_self.birth_site != site) {
		guard_self.birth_site = site;
	}
	if (unlikely(places_are_kept)) {
		places_forked(process_epoch_now(), site);
	}
}

uint64_t tree_before_fork(void)
{
	uint64_t begun = prepared_begin();
	struct ledger_process *mine;
	uint64_t child;

	tree_make_ledger_to_share();
	note_birth_site();
	note_forker();
	mine = tree_self();
	if (mine == NULL) {
		home->missed = process_epoch_now();
		return begun;
	}
	/*
	 * Before the child exists: it may be through with a connection before we are back from
	 * fork, and what we waited for until now says nothing about what we will do for it.
	 */
	word_raise(&mine->came_to_share, process_epoch_now());
	child = tree_claim_child(true, tree_is_dead);
	if (child == LEDGER_NOBODY) {
		word_store(&mine->blind, process_epoch_now());
		return begun;
	}
	prepared_put(begun, child);
	tree_fill_child(child, process_epoch_now() + STAMP_EPOCH_ONE);
	/* The child's slot can be seen from here on: whoever is looking looks again. */
	__atomic_add_fetch(&tree_ledger->header.births, 1, __ATOMIC_SEQ_CST);
	return begun;
}

/*
 * Parent and child both write the child's pid, as each sees it. Who finds another number
 * there than its own knows that the child is in another pid namespace: the child's own
 * number counts, and only there.
 */
void tree_agree_on_pid(struct ledger_process *child, uint32_t pid)
{
	uint32_t found = 0;

	if (!__atomic_compare_exchange_n(&child->pid, &found, pid, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST) &&
	    found != pid) {
		__atomic_store_n(
			&child->pid_space,
			__atomic_add_fetch(&tree_ledger->header.pid_spaces, 1, __ATOMIC_SEQ_CST),
			__ATOMIC_SEQ_CST);
		if (child == tree_self()) {
			__atomic_store_n(&child->pid, pid, __ATOMIC_SEQ_CST);
		}
	}
}

/*
 * The slot that this thread has claimed for a child of `parent`, or NULL. A handler that
 * forked in the middle of our fork took a copy of it along, which is for its parent's child.
 */
static struct ledger_process *prepared_by(uint64_t parent)
{
	struct ledger_process *child = procs_get(tree_ledger, prepared_child());

	return child != NULL && child->ancestors[0] == parent ? child : NULL;
}

static void note_child(pid_t child_pid)
{
	struct ledger_process *mine = tree_self();
	struct ledger_process *child;

	if (mine == NULL) {
		return;
	}
	child = prepared_by(home->self);
	if (child_pid < 0) {
		if (child != NULL) {
			procs_bury(tree_ledger, prepared_child(), home->self);
		}
		due_look();
		return;
	}
	if (child != NULL) {
		tree_agree_on_pid(child, (uint32_t)child_pid);
	}
	word_raise(&mine->came_to_share, process_came_to_share());
}

void tree_after_fork(pid_t child_pid, uint64_t begun)
{
	note_child(child_pid);
	prepared_end(begun);
}

void tree_birth_begin(struct tree_birth *birth)
{
	memset(birth, 0, sizeof(*birth));
	birth->ledger = tree_ledger;
	birth->parent = __atomic_load_n(&home->self, __ATOMIC_SEQ_CST);
	birth->depth = lineage_depth();
	if (birth->ledger != NULL && prepared_by(birth->parent) != NULL) {
		birth->prepared = prepared_child();
	}
}

/* Born behind the hooks' back: the parent could not prepare a slot. */
static uint64_t claim_own(uint64_t parent)
{
	uint64_t ref = procs_claim(tree_ledger, &parent, false, NULL);

	tree_fill_child(ref, process_epoch_now());
	prepared_claimed(ref);
	return ref;
}

void tree_born(const struct tree_birth *birth)
{
	uint64_t before = birth->parent;
	uint64_t own = birth->prepared;
	bool is_claimed = false;
	struct ledger_process *mine;

	/* A copy of the parent's slot number is not ours, whatever comes next. */
	if (birth->ledger == NULL) {
		return;
	}
	home->is_listening = false;
	tree_use_begin();
	home->forker = 0;
	guard_self.new_pid_space = false;
	if (own == LEDGER_NOBODY) {
		is_claimed = before == LEDGER_NOBODY || before != prepared_child();
		own = is_claimed ? claim_own(before) : before;
	}
	if (!__atomic_compare_exchange_n(&home->self, &before, own, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST) &&
	    before != own) {
		/* A handler has found us another place meanwhile, or made us its child. */
		if (is_claimed) {
			procs_bury(tree_ledger, own, home->self);
		}
		return;
	}
	mine = procs_get(tree_ledger, own);
	tree_introduce(own);
	if (mine != NULL) {
		tree_agree_on_pid(mine, (uint32_t)rawsys1(SYS_getpid, 0));
		lineage_put(birth->depth, own, mine->born, mine->forked);
	}
}

void tree_birth_end(void)
{
	prepared_forget();
}

void tree_spawning(void)
{
	struct ledger_process *mine;

	tree_make_ledger_to_share();
	note_birth_site();
	note_forker();
	mine = tree_self();
	if (mine != NULL) {
		word_raise(&mine->came_to_share, process_epoch_now()); /* as before a fork */
		word_store(&mine->spawned, process_epoch_now());
	}
}

void tree_retired(void)
{
	tree_raise_flag(LEDGER_PROCESS_RETIRED);
}

void tree_end(void)
{
	if (tree_self() != NULL) {
		/* Said before the look: of two that exit together, one sees the other leave. */
		tree_use_end();
		tree_raise_flag(LEDGER_PROCESS_LEAVING);
		due_look_leaving();
		procs_end(tree_ledger, home->self);
		home->self = LEDGER_NOBODY;
	}
}

bool tree_has_children(void)
{
	return __atomic_load_n(&home->forker, __ATOMIC_SEQ_CST) != 0;
}

void tree_listen(void)
{
	home->is_listening = true;
	tree_raise_flag(LEDGER_PROCESS_LISTENS);
}

bool tree_listens(void)
{
	const struct ledger_process *mine = tree_self();

	return home->is_listening ||
	       (mine != NULL &&
		(__atomic_load_n(&mine->flags, __ATOMIC_RELAXED) & LEDGER_PROCESS_LISTENS) != 0);
}

void tree_stop_listening(void)
{
	struct ledger_process *mine = tree_self();

	home->is_listening = false;
	if (mine != NULL) {
		__atomic_fetch_and(&mine->flags, ~LEDGER_PROCESS_LISTENS, __ATOMIC_SEQ_CST);
	}
}

__attribute__((noinline)) void tree_go_away(void)
{
	struct ledger_process *mine = tree_self();
	uint64_t epoch = process_epoch_now();

	if (mine == NULL || process_is_retired()) {
		return;
	}
	if (speaks_for_the_process()) {
		word_raise(&mine->away, epoch);
	}
	/* After the store, never before: who marks in between has seen us elsewhere. */
	due_look();
	due_sweep();
}

void tree_settle(struct ledger *ledger, int id, uint64_t ref)
{
	home->self = ref;
	tree_use_inherited();
	install(ledger, id);
}
