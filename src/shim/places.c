/* SPDX-License-Identifier: MIT */
/* See places.h. The turns are counted from 1, so that 0 is "no EOF yet". */
#include "shim/places.h"

#include <stddef.h>
#include <sys/mman.h>

#include "shim/capture.h"
#include "shim/tree.h"
#include "sys/rawsys.h"

bool places_are_kept;

static struct ledger_place *places;
static uint32_t place_count;
static uint32_t turns;

enum { FORKS_MAX = 64 };

/* The latest forks of this process, as a ring, in front of the places: one page has both. */
static struct fork_note {
	uint64_t epoch;
	uint32_t site;
} * forks;
static uint32_t fork_count; /* since the program started; a child goes on counting */

int places_setup(uint32_t count)
{
	size_t bytes = count * sizeof(places[0]) + FORKS_MAX * sizeof(forks[0]);
	long map = rawsys6(SYS_mmap, 0, (long)bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (rawsys_is_error(map)) {
		return (int)map;
	}
	forks = (struct fork_note *)map;
	places = (struct ledger_place *)&forks[FORKS_MAX];
	place_count = count;
	turns = 1;
	tree_anchor.places = (uint64_t)(uintptr_t)places;
	tree_anchor.place_count = count;
	tree_anchor.turns = (uint64_t)(uintptr_t)&turns;
	places_are_kept = true;
	return 0;
}

static struct ledger_place *place_of(int fd)
{
	return (uint32_t)fd < place_count ? &places[fd] : NULL;
}

void places_acquired(int fd)
{
	struct ledger_place *place = place_of(fd);

	if (place != NULL) {
		*place = (struct ledger_place){.accepted = capture_site()};
		places_turn();
	}
}

void places_ended(int fd)
{
	struct ledger_place *place = place_of(fd);

	if (place != NULL) {
		place->ended = capture_site();
		place->ended_at = __atomic_load_n(&turns, __ATOMIC_RELAXED);
	}
}

void places_still_ended(int fd)
{
	struct ledger_place *place = place_of(fd);

	if (place != NULL && place->ended_at != 0) {
		/* The turn that this wait may be comes next. */
		place->ended_at = __atomic_load_n(&turns, __ATOMIC_RELAXED) + 1;
	}
}

void places_copy(int from, int to)
{
	struct ledger_place *place = place_of(to);

	if (place != NULL) {
		*place = places_of(from);
	}
}

void places_forget(int fd)
{
	struct ledger_place *place = place_of(fd);

	if (place != NULL) {
		*place = (struct ledger_place){0};
	}
}

void places_turn(void)
{
	__atomic_add_fetch(&turns, 1, __ATOMIC_RELAXED);
}

void places_forked(uint64_t epoch, uint32_t site)
{
	uint32_t number = __atomic_fetch_add(&fork_count, 1, __ATOMIC_RELAXED);

	forks[number % FORKS_MAX] = (struct fork_note){.epoch = epoch, .site = site};
}

/* All that are remembered were made at one place: so were the forgotten ones, most likely. */
static bool is_one_site(uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		if (forks[i].site != forks[0].site) {
			return false;
		}
	}
	return true;
}

uint32_t places_fork_after(uint64_t epoch)
{
	uint32_t count = fork_count < FORKS_MAX ? fork_count : FORKS_MAX;
	const struct fork_note *first = NULL;
	bool is_complete = fork_count <= FORKS_MAX;

	for (uint32_t i = 0; i < count; i++) {
		is_complete |= forks[i].epoch <= epoch;
		if (forks[i].epoch > epoch && (first == NULL || forks[i].epoch < first->epoch)) {
			first = &forks[i];
		}
	}
	return first != NULL && (is_complete || is_one_site(count)) ? first->site : 0;
}

struct ledger_place places_of(int fd)
{
	const struct ledger_place *place = place_of(fd);

	return place != NULL ? *place : (struct ledger_place){0};
}

bool places_is_forgotten(int fd)
{
	const struct ledger_place *place = place_of(fd);

	return place != NULL && place->ended_at != 0 &&
	       place->ended_at < __atomic_load_n(&turns, __ATOMIC_RELAXED);
}
