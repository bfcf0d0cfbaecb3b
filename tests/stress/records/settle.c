/* SPDX-License-Identifier: MIT */
/*
 * After the last worker: everything that was told is counted, and everything can still be
 * interned, counted, written and read, whoever was killed.
 */
#include "records.h"

#include <string.h>

/* What is counted just before a worker is killed may not be believed yet, or the reverse. */
static bool is_near(uint64_t counted, uint64_t believed, uint32_t kills)
{
	return counted <= believed + kills && believed <= counted + kills;
}

static void settle_sites(uint32_t kills)
{
	for (uint32_t b = 0; b < BACKTRACES; b++) {
		const struct ledger_site *site;

		intern_site(b);
		site = sites_get(&world->ledger, world->sites[b]);
		if (site == NULL || !is_near(site->count, world->interned[b], kills)) {
			stress_fault(FAULT_SITE_COUNT);
		}
	}
}

/* Only those who made it in the same moment may have made it more than once. */
static void settle_modules(void)
{
	uint32_t told[MODULES] = {0};

	for (uint32_t m = 0; m < MODULES; m++) {
		intern_module(m);
	}
	for (uint32_t i = 0; i < LEDGER_MODULES; i++) {
		const struct ledger_module *module = sites_module(&world->ledger, i);
		uint32_t number = 0;

		if (module == NULL) {
			continue;
		}
		for (const char *c = module->path; *c != '\0'; c++) {
			number = *c == '/' ? 0 : number * 10 + (uint32_t)(*c - '0');
		}
		if (number >= MODULES || ++told[number] > WORKERS) {
			stress_fault(FAULT_MODULE_MANY);
		}
	}
}

static void settle_findings(uint32_t kills)
{
	uint64_t counts[FINDINGS] = {0};
	uint32_t told[FINDINGS] = {0};

	for (uint64_t seed = 1; seed < 20 * FINDINGS; seed++) {
		count_event(seed);
	}
	for (uint32_t i = 0; i < LEDGER_FINDINGS; i++) {
		const struct ledger_finding *finding = events_finding(&world->ledger, i);

		if (finding == NULL) {
			continue;
		}
		if (!is_whole(&finding->example)) {
			stress_fault(FAULT_WRONG_EXAMPLE);
			continue;
		}
		counts[finding_of(finding->example.when_ns)] += finding->count;
		if (++told[finding_of(finding->example.when_ns)] > WORKERS) {
			stress_fault(FAULT_FINDING_MANY);
		}
	}
	for (uint32_t f = 0; f < FINDINGS; f++) {
		if (told[f] == 0 || !is_near(counts[f], world->counted[f], kills)) {
			stress_fault(FAULT_FINDING_COUNT);
		}
	}
	if (world->ledger.header.findings_lost != 0) {
		stress_fault(FAULT_NO_ROOM);
	}
}

/* With nobody else there, what is written is what is read, around the whole ring. */
static void settle_ring(void)
{
	struct events_reader reader = {.next = world->ledger.header.event_count};
	struct ledger_event event;

	for (uint64_t seed = 1; seed <= 3 * LEDGER_EVENTS; seed++) {
		struct ledger_event written = make_event(seed);

		events_append(&world->ledger, &written);
		if (!events_read(&world->ledger, &reader, &event) || event.when_ns != seed ||
		    !is_whole(&event)) {
			stress_fault(FAULT_RING_LOST);
		}
	}
	if (reader.lost != 0 || events_read(&world->ledger, &reader, &event)) {
		stress_fault(FAULT_RING_LOST);
	}
}

void records_settle(uint32_t kills)
{
	settle_sites(kills);
	settle_modules();
	settle_findings(kills);
	settle_ring();
}
