/* SPDX-License-Identifier: MIT */
/*
 * One worker: random operations, each checked by what everything is made of.
 */
#include "records.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static uint64_t scramble(uint64_t word)
{
	word ^= word >> 33;
	word *= 0xff51afd7ed558ccdU;
	return word ^ word >> 33;
}

/* Many have a beginning in common, some are the beginning of another, some are the longest. */
uint32_t make_frames(uint32_t backtrace, uint64_t *frames)
{
	uint32_t count = 1 + backtrace % LEDGER_FRAMES;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t variant = i + 2 < count ? 0 : backtrace / (8 * LEDGER_FRAMES);

		frames[i] = sites_frame(i % MODULES, 1 + scramble(i + variant * 64) % 4096);
	}
	frames[count - 1] += backtrace << 16;
	return count;
}

void make_path(uint32_t module, char *path)
{
	/* Of the longest ones only the end is kept: it differs. */
	snprintf(path, 300, "/%0*u", 1 + (int)(module * 10), module);
}

uint32_t finding_of(uint64_t seed)
{
	return (uint32_t)(scramble(seed) % FINDINGS);
}

struct ledger_event make_event(uint64_t seed)
{
	uint32_t finding = finding_of(seed);
	struct ledger_event event = {
		.when_ns = seed,
		.cookie = scramble(seed + 1),
		.pid = (uint32_t)scramble(seed + 2),
		.descriptor = (int32_t)scramble(seed + 3),
		.kind = (uint16_t)(1 + finding % 4),
		.verdict = (uint16_t)(finding % 3),
		.reason = (uint16_t)(finding % 10),
		.acted = seed % 2,
		.let_go = finding,
		.accepted = finding * 7 % (LEDGER_SITES + 1),
		.forked = finding * 11 % (LEDGER_SITES + 1),
		.ended = finding * 13 % (LEDGER_SITES + 1),
		.holder_pid = (uint32_t)scramble(seed + 4),
		.others = (uint32_t)scramble(seed + 5),
		.ends = {.local_port = (uint16_t)seed, .is_known = 1},
	};

	for (uint32_t i = 0; i < sizeof(event.ends.local); i++) {
		event.ends.local[i] = (uint8_t)scramble(seed + 6 + i);
		event.ends.peer[i] = (uint8_t)scramble(seed + 36 + i);
	}
	return event;
}

bool is_whole(const struct ledger_event *event)
{
	struct ledger_event expected = make_event(event->when_ns);

	expected.sequence = event->sequence;
	return memcmp(event, &expected, sizeof(expected)) == 0;
}

/*
 * By atomic loads: a slow helper's swap, which fails, is a write to the thread sanitizer.
 */
static bool has_frames(const struct ledger_site *slot, const uint64_t *frames, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (__atomic_load_n(&slot->frames[i], __ATOMIC_RELAXED) != frames[i]) {
			return false;
		}
	}
	return __atomic_load_n(&slot->frame_count, __ATOMIC_RELAXED) == count;
}

static void check_site(uint32_t site, const uint64_t *frames, uint32_t count)
{
	const struct ledger_site *slot = sites_get(&world->ledger, site);

	if (slot == NULL || !has_frames(slot, frames, count)) {
		stress_fault(FAULT_WRONG_FRAMES);
	}
}

void intern_site(uint32_t backtrace)
{
	uint64_t frames[LEDGER_FRAMES];
	uint32_t count = make_frames(backtrace, frames);
	uint32_t known = 0;
	bool is_new;
	uint32_t site = sites_intern(&world->ledger, frames, count, &is_new);

	if (site == 0) {
		stress_fault(FAULT_NO_ROOM);
		return;
	}
	__atomic_fetch_add(&world->interned[backtrace], 1, __ATOMIC_RELAXED);
	if (is_new && __atomic_fetch_add(&world->made[backtrace], 1, __ATOMIC_SEQ_CST) != 0) {
		stress_fault(FAULT_NEW_TWICE);
	}
	if (!__atomic_compare_exchange_n(&world->sites[backtrace], &known, site, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) &&
	    known != site) {
		stress_fault(FAULT_TWO_NUMBERS);
	}
	check_site(site, frames, count);
}

void intern_module(uint32_t module)
{
	char path[300];
	size_t length;
	uint8_t id[LEDGER_BUILD_ID] = {(uint8_t)module, 0, 0, 0, 0, (uint8_t)module};
	struct sites_module wanted = {path, id, module % (LEDGER_BUILD_ID + 1)};
	const struct ledger_module *found;
	uint32_t index;

	make_path(module, path);
	length = strlen(path);
	index = sites_intern_module(&world->ledger, &wanted);
	if (index == LEDGER_MODULES) {
		stress_fault(FAULT_NO_ROOM);
		return;
	}
	found = sites_module(&world->ledger, index);
	if (found == NULL || found->build_id_length != wanted.build_id_length ||
	    memcmp(found->build_id, id, found->build_id_length) != 0 ||
	    strcmp(found->path,
		   path + (length < LEDGER_MODULE_PATH ? 0 : length - LEDGER_MODULE_PATH + 1)) !=
		    0) {
		stress_fault(FAULT_WRONG_MODULE);
	}
}

void count_event(uint64_t seed)
{
	struct ledger_event event = make_event(seed);

	if (events_count(&world->ledger, &event) == 0) {
		stress_fault(FAULT_FINDING_COUNT);
	}
	__atomic_fetch_add(&world->counted[finding_of(seed)], 1, __ATOMIC_RELAXED);
}

static void look_at_finding(uint32_t index)
{
	const struct ledger_finding *finding = events_finding(&world->ledger, index);

	if (finding != NULL && !is_whole(&finding->example)) {
		stress_fault(FAULT_WRONG_EXAMPLE);
	}
}

static void append_event(uint64_t seed)
{
	struct ledger_event event = make_event(seed);

	events_append(&world->ledger, &event);
}

static void read_events(struct events_reader *reader)
{
	struct ledger_event event;
	uint64_t lost = reader->lost;
	uint64_t count = 0;

	for (uint64_t next = reader->next; count < 32; next = reader->next, count++) {
		if (!events_read(&world->ledger, reader, &event)) {
			break;
		}
		if (!is_whole(&event)) {
			stress_fault(FAULT_TORN);
		}
		if (event.sequence <= next || event.sequence != reader->next) {
			stress_fault(FAULT_BACKWARDS);
		}
	}
	__atomic_fetch_add(&world->read, count, __ATOMIC_RELAXED);
	__atomic_fetch_add(&world->missed, reader->lost - lost, __ATOMIC_RELAXED);
}

void records_work(uint64_t seed, uint64_t limit)
{
	struct events_reader reader = {0};
	uint64_t random = scramble(seed + 1);

	while (__atomic_add_fetch(&world->operations, 1, __ATOMIC_RELAXED) <= limit &&
	       __atomic_load_n(&world->is_stopped, __ATOMIC_RELAXED) == 0) {
		uint32_t what = (uint32_t)random % 16;

		random = scramble(random + 0x9e3779b97f4a7c15U);
		if (what < 3) {
			intern_site((uint32_t)(random >> 20) % BACKTRACES);
		} else if (what < 4) {
			intern_module((uint32_t)(random >> 20) % MODULES);
		} else if (what < 6) {
			count_event(random);
		} else if (what < 7) {
			look_at_finding((uint32_t)(random >> 20) % LEDGER_FINDINGS);
		} else if (what < 15) {
			append_event(random);
		} else {
			read_events(&reader);
		}
	}
}
