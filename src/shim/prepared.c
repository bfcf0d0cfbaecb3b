/* SPDX-License-Identifier: MIT */
/* See prepared.h. */
#include "shim/prepared.h"

#include "sendfin/ledger.h"
#include "shim/attributes.h"
#include "shim/guard.h"
#include "shim/home.h"

/*
 * In thread-local storage: a fork without a slot. And instead of what was there before: the
 * fork is on the home page. Neither is the name of a process.
 */
#define WITHOUT LEDGER_PHANTOM
#define AT_HOME ((uint64_t)1)

static bool is_home(void)
{
	return __atomic_load_n(&home->forking_thread, __ATOMIC_RELAXED) == guard_thread();
}

static bool take_home(void)
{
	uintptr_t nobody = 0;

	return __atomic_compare_exchange_n(&home->forking_thread, &nobody, guard_thread(), false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

uint64_t prepared_begin(void)
{
	uint64_t interrupted = guard_self.child;

	if (interrupted == LEDGER_NOBODY && take_home()) {
		return AT_HOME;
	}
	guard_self.child = WITHOUT;
	return interrupted;
}

/* A handler may have forked meanwhile, and this be its child: then the place was given back. */
static bool is_still_home(uint64_t begun)
{
	return begun == AT_HOME && is_home();
}

void prepared_put(uint64_t begun, uint64_t ref)
{
	if (is_still_home(begun)) {
		__atomic_store_n(&home->forking_child, ref, __ATOMIC_RELAXED);
	} else {
		guard_self.child = ref != LEDGER_NOBODY ? ref : WITHOUT;
	}
}

void prepared_end(uint64_t begun)
{
	if (is_still_home(begun)) {
		__atomic_store_n(&home->forking_child, LEDGER_NOBODY, __ATOMIC_RELAXED);
		__atomic_store_n(&home->forking_thread, 0, __ATOMIC_RELEASE);
	} else {
		guard_self.child = begun != AT_HOME ? begun : LEDGER_NOBODY;
	}
}

uint64_t prepared_child(void)
{
	if (guard_self.child != LEDGER_NOBODY) {
		return guard_self.child;
	}
	return is_home() ? __atomic_load_n(&home->forking_child, __ATOMIC_RELAXED) : LEDGER_NOBODY;
}

void prepared_claimed(uint64_t ref)
{
	guard_self.child = ref;
}

void prepared_forget(void)
{
	__atomic_store_n(&home->forking_child, LEDGER_NOBODY, __ATOMIC_RELAXED);
	__atomic_store_n(&home->forking_thread, 0, __ATOMIC_RELEASE);
	guard_self.child = LEDGER_NOBODY;
}
