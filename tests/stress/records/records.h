/* SPDX-License-Identifier: MIT */
/*
 * The world of the stress test of what is recorded: sites, modules, findings and the ring.
 *
 * The idea: everything that is written follows from a number, so whoever reads it can make
 * it anew and compare every byte. A belief is a word that is settled once: the number that
 * a backtrace got from the first who interned it.
 * Invariant: all words here are read and written with atomics. A worker may be killed
 * between any two instructions.
 */
#ifndef STRESS_RECORDS_H
#define STRESS_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger/events.h"
#include "ledger/sites.h"

enum {
	WORKERS = 4,
	BACKTRACES = 200,
	MODULES = 24,
	FINDINGS = 60,
};

/* What can be wrong; each has a sentence in record_stress.c. */
enum fault {
	FAULT_TWO_NUMBERS,
	FAULT_WRONG_FRAMES,
	FAULT_NEW_TWICE,
	FAULT_SITE_COUNT,
	FAULT_WRONG_MODULE,
	FAULT_MODULE_MANY,
	FAULT_TORN,
	FAULT_BACKWARDS,
	FAULT_RING_LOST,
	FAULT_WRONG_EXAMPLE,
	FAULT_FINDING_COUNT,
	FAULT_FINDING_MANY,
	FAULT_NO_ROOM,
	FAULT_HUNG,
	FAULTS,
};

struct world {
	struct ledger ledger;
	uint64_t faults[FAULTS];
	uint64_t operations; /* begun */
	uint32_t is_stopped;
	uint32_t sites[BACKTRACES];    /* the number of each, 0 = nobody has interned it */
	uint32_t made[BACKTRACES];     /* how often it was said to be new */
	uint64_t interned[BACKTRACES]; /* calls that returned */
	uint64_t counted[FINDINGS];    /* the same */
	uint64_t read;                 /* events, by all readers */
	uint64_t missed;               /* by the same */
};

extern struct world *world;

void stress_fault(enum fault fault);

/* Random operations until there were `limit` of all workers, or until stopped. */
void records_work(uint64_t seed, uint64_t limit);

/* Checks the ledger after the last worker, of which `kills` did not end by themselves. */
void records_settle(uint32_t kills);

/* What is written: everything follows from the number. */
uint32_t make_frames(uint32_t backtrace, uint64_t *frames); /* returns how many */
void make_path(uint32_t module, char *path);                /* 300 bytes are enough */
struct ledger_event make_event(uint64_t seed);
uint32_t finding_of(uint64_t seed);

/* One operation of each kind, checked. */
void intern_site(uint32_t backtrace);
void intern_module(uint32_t module);
void count_event(uint64_t seed);

/* Is this, but for sequence, count and process, what make_event() made? */
bool is_whole(const struct ledger_event *event);

#endif
