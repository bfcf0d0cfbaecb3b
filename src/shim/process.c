/* SPDX-License-Identifier: MIT */
/*
 * See process.h for the protocol. The first word of the wiped page is 1 in the process
 * that set it, 0 in a child that nobody has told yet.
 *
 * Epochs are 48 bits wide: at a million forks a second they last four years. When
 * they are used up the process retires.
 */
#include "shim/process.h"

#include <stddef.h>
#include <sys/mman.h>

#include "core/stamp.h"
#include "shim/capture.h"
#include "shim/guard.h"
#include "shim/log.h"
#include "shim/table.h"
#include "shim/tree.h"
#include "sys/rawsys.h"

ONCE struct settings process_settings;

static uint32_t *process_alive;
static bool is_active; /* from the constructor until retirement */

int process_setup(void *place)
{
	long rc = rawsys3(SYS_madvise, (long)place, PROCESS_BYTES, MADV_WIPEONFORK);

	if (rc != 0) {
		return (int)rc;
	}
	process_alive = place;
	*process_alive = 1;
	home->epoch = PROCESS_FIRST_EPOCH;
	home->came_to_share = PROCESS_INHERITED_EPOCH;
	home->birth = PROCESS_INHERITED_EPOCH;
	is_active = true;
	return 0;
}

static void epoch_raise(void)
{
	uint64_t epoch = __atomic_add_fetch(&home->epoch, STAMP_EPOCH_ONE, __ATOMIC_RELAXED);

	if (epoch > STAMP_EPOCHS_MAX) {
		process_retire();
	}
}

/* Never back: a handler on top of us may have gone on already. */
static void epoch_raise_to(uint64_t *word, uint64_t epoch)
{
	uint64_t old = __atomic_load_n(word, __ATOMIC_RELAXED);

	while (old < epoch && !__atomic_compare_exchange_n(word, &old, epoch, true,
							   __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
	}
	if (epoch > STAMP_EPOCHS_MAX) {
		process_retire();
	}
}

/* Uses noted before this moment say nothing about who serves a connection now. */
static void epoch_begin(void)
{
	epoch_raise();
	__atomic_store_n(&home->came_to_share, __atomic_load_n(&home->epoch, __ATOMIC_RELAXED),
			 __ATOMIC_RELAXED);
}

bool process_is_told(void)
{
	return __atomic_load_n(process_alive, __ATOMIC_SEQ_CST) != 0;
}

/*
 * First thing in a child, whoever notices first: a user's atfork handler may come before us.
 *
 * A signal handler on top of this finds a child that nobody has told yet, and tells it all;
 * what it interrupted must then change nothing. So what was inherited is read first, and
 * counts only if nobody was told by then; and each step is done once (tree_born) or does no
 * harm when it is done again.
 */
static void process_born(void)
{
	uint64_t epoch = __atomic_load_n(&home->epoch, __ATOMIC_SEQ_CST);
	struct tree_birth birth;

	/* Written before it is read: else its page is faulted in twice, first without a frame. */
	__atomic_store_n(&process_alive[1], 1, __ATOMIC_RELAXED);
	tree_birth_begin(&birth);
	if (process_is_told()) {
		return;
	}
	home->is_child_of_image = true;
	guard_born();
	epoch += STAMP_EPOCH_ONE;
	epoch_raise_to(&home->epoch, epoch);
	epoch_raise_to(&home->came_to_share, epoch);
	epoch_raise_to(&home->birth, epoch);
	table_after_fork_in_child();
	capture_after_fork_in_child();
	log_after_fork_in_child();
	tree_born(&birth);
	__atomic_store_n(process_alive, 1, __ATOMIC_SEQ_CST);
	tree_birth_end();
}

bool process_may_act(void)
{
	if (!is_active || guard_in_vfork_child()) {
		return false;
	}
	if (!process_is_told()) {
		process_born();
	}
	return true;
}

bool process_is_child_of_image(void)
{
	return home->is_child_of_image;
}

bool process_is_retired(void)
{
	return !is_active;
}

void process_retire(void)
{
	tree_retired();
	is_active = false;
	table_switch_off();
}

uint64_t process_before_fork(void)
{
	uint64_t begun;

	guard_before_fork();
	if (!process_may_act()) {
		return 0;
	}
	epoch_raise();
	begun = tree_before_fork();
	capture_before_fork();
	return begun;
}

void process_after_fork(pid_t child_pid, uint64_t begun)
{
	if (!is_active || guard_in_vfork_child()) {
		guard_after_fork();
		return;
	}
	/* Also a child that comes back with an error: daemon() may fail after its fork. */
	if (child_pid == 0 || !process_is_told()) {
		process_born();
		return;
	}
	capture_after_fork_in_parent();
	if (child_pid > 0) {
		epoch_begin();
	}
	tree_after_fork(child_pid, begun);
}

void process_spawning(void)
{
	if (process_may_act()) {
		epoch_raise();
		tree_spawning();
	}
}

void process_standard_replaced(void)
{
	if (process_may_act()) {
		for (int fd = 0; fd <= 2; fd++) {
			table_forget(fd);
		}
	}
}
