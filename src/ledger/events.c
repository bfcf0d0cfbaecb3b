/* SPDX-License-Identifier: MIT */
/*
 * See events.h for the protocol. The words of an event are stored with release and loaded
 * with acquire order: who sees one of them sees that its place was claimed before, and so
 * no reader takes a mixture for the event it looked for.
 */
#include "ledger/events.h"
#include "ledger/words.h"

#include <stddef.h>
#include <string.h>

#include "ledger/probe.h"

enum {
	/* Numbers tried by a writer; places that the killed have left are rare. */
	APPEND_TRIES = 8,
	EVENT_WORDS = sizeof(struct ledger_event) / sizeof(uint64_t),
	KIND_BITS = 4,
	VERDICT_BITS = 4,
	REASON_BITS = 8,
	SITE_BITS = 11,
};

_Static_assert((LEDGER_EVENTS & (LEDGER_EVENTS - 1)) == 0, "numbers wrap");
_Static_assert((LEDGER_FINDINGS & (LEDGER_FINDINGS - 1)) == 0, "probe_slot() wants it");
_Static_assert(sizeof(struct ledger_event) % sizeof(uint64_t) == 0, "copied by words");
_Static_assert(offsetof(struct ledger_event, sequence) == 0, "the first word");
_Static_assert(LEDGER_SITES < 1 << SITE_BITS, "a site fits into a key");

/* The ring's memory is only ever used by words. */
union words {
	struct ledger_event event;
	uint64_t word[EVENT_WORDS];
};

static uint64_t join(uint64_t key, uint32_t bits, uint32_t value)
{
	return key << bits | (value & ((1U << bits) - 1));
}

/* A number that is out of range is not known. */
static uint64_t join_site(uint64_t key, uint32_t site)
{
	return join(key, SITE_BITS, site <= LEDGER_SITES ? site : 0);
}

/* All that findings differ in, and a bit that makes it differ from 0. */
static uint64_t key_of(const struct ledger_event *event)
{
	uint64_t key = 1;

	key = join(key, KIND_BITS, event->kind);
	key = join(key, VERDICT_BITS, event->verdict);
	key = join(key, REASON_BITS, event->reason);
	key = join_site(key, event->let_go);
	key = join_site(key, event->accepted);
	key = join_site(key, event->forked);
	return join_site(key, event->ended);
}

static void tell(struct ledger_finding *finding, const struct ledger_event *event)
{
	finding->first_ns = event->when_ns;
	finding->example = *event;
	finding->example.sequence = 0;
	finding->example.count = 0;
	__atomic_store_n(&finding->is_told, 1, __ATOMIC_SEQ_CST);
}

/* The event's finding, told; NULL when there is no room. */
static struct ledger_finding *find_or_make(struct ledger *ledger, const struct ledger_event *event)
{
	uint64_t key = key_of(event);
	uint64_t hash = probe_mix(0, key);

	for (uint32_t i = 0; i < PROBE_TRIES; i++) {
		uint32_t index = probe_slot(hash, i, LEDGER_FINDINGS);
		struct ledger_finding *finding = &ledger->findings[index];

		if (word_swap(&finding->key, 0, key)) {
			tell(finding, event);
			return finding;
		}
		if (word_load(&finding->key) == key &&
		    __atomic_load_n(&finding->is_told, __ATOMIC_SEQ_CST) != 0) {
			return finding;
		}
	}
	return NULL;
}

uint64_t events_count(struct ledger *ledger, const struct ledger_event *event)
{
	struct ledger_finding *finding = find_or_make(ledger, event);

	if (finding == NULL) {
		__atomic_fetch_add(&ledger->header.findings_lost, 1, __ATOMIC_RELAXED);
		return 1;
	}
	__atomic_store_n(&finding->last_ns, event->when_ns, __ATOMIC_RELAXED);
	if (event->acted != 0) {
		__atomic_fetch_add(&finding->acted, 1, __ATOMIC_RELAXED);
	}
	return __atomic_add_fetch(&finding->count, 1, __ATOMIC_SEQ_CST);
}

const struct ledger_finding *events_finding(const struct ledger *ledger, uint32_t index)
{
	return index < LEDGER_FINDINGS && __atomic_load_n(&ledger->findings[index].is_told,
							  __ATOMIC_SEQ_CST) != 0
		       ? &ledger->findings[index]
		       : NULL;
}

/* The words of the place of number `number`; the first is its sequence. */
static uint64_t *place_of(struct ledger *ledger, uint64_t number)
{
	return (uint64_t *)&ledger->events[number % LEDGER_EVENTS];
}

static const uint64_t *look_at(const struct ledger *ledger, uint64_t number)
{
	return (const uint64_t *)&ledger->events[number % LEDGER_EVENTS];
}

/* An event's sequence: its number + 1. */
static uint64_t sequence_of(uint64_t number)
{
	return number + 1;
}

static uint64_t take_number(struct ledger *ledger)
{
	return __atomic_fetch_add(&ledger->header.event_count, 1, __ATOMIC_SEQ_CST);
}

static bool claim(uint64_t *place, uint64_t number)
{
	uint64_t old = word_load(place);

	/* Claimed, or complete and later: both are greater. */
	return old < sequence_of(number) &&
	       word_swap(place, old, sequence_of(number) | LEDGER_SEQUENCE_WRITING);
}

void events_append(struct ledger *ledger, const struct ledger_event *event)
{
	for (int i = 0; i < APPEND_TRIES; i++) {
		uint64_t number = take_number(ledger);
		uint64_t *place = place_of(ledger, number);
		union words words;

		if (!claim(place, number)) {
			continue;
		}
		words.event = *event;
		for (int w = 1; w < EVENT_WORDS; w++) {
			__atomic_store_n(&place[w], words.word[w], __ATOMIC_RELEASE);
		}
		__atomic_store_n(place, sequence_of(number), __ATOMIC_SEQ_CST);
		return;
	}
}

/* What a reader finds in the place of a number that was given out. */
enum found {
	FOUND_IT,
	FOUND_LATER,   /* overwritten, or just about to be */
	FOUND_WRITER,  /* not complete */
	FOUND_NOBODY,  /* not even begun */
	FOUND_BLOCKED, /* held by a writer of an earlier lap: the number was given up */
};

static enum found find_event(const struct ledger *ledger, uint64_t number)
{
	uint64_t sequence = word_load(look_at(ledger, number));
	uint64_t named = sequence & ~LEDGER_SEQUENCE_WRITING;

	if (sequence == sequence_of(number)) {
		return FOUND_IT;
	}
	if (named > sequence_of(number)) {
		return FOUND_LATER;
	}
	if (named == sequence_of(number)) {
		return FOUND_WRITER;
	}
	return named != sequence ? FOUND_BLOCKED : FOUND_NOBODY;
}

/* False when it was overwritten under us. */
static bool copy_event(const struct ledger *ledger, uint64_t number, struct ledger_event *event)
{
	const uint64_t *place = look_at(ledger, number);
	union words words;

	words.word[0] = sequence_of(number);
	for (int w = 1; w < EVENT_WORDS; w++) {
		words.word[w] = __atomic_load_n(&place[w], __ATOMIC_ACQUIRE);
	}
	if (word_load(place) != sequence_of(number)) {
		return false;
	}
	*event = words.event;
	return true;
}

/* The first number from `number` on that is settled: complete, or overwritten. `end`: none. */
static uint64_t next_settled(const struct ledger *ledger, uint64_t number, uint64_t end)
{
	for (; number < end; number++) {
		enum found found = find_event(ledger, number);

		if (found == FOUND_IT || found == FOUND_LATER) {
			break;
		}
	}
	return number;
}

/* Passes over numbers; those that were given up for another number are no loss. */
static void pass(const struct ledger *ledger, struct events_reader *reader, uint64_t until)
{
	for (; reader->next < until; reader->next++) {
		reader->lost += find_event(ledger, reader->next) != FOUND_BLOCKED;
	}
}

bool events_read(const struct ledger *ledger, struct events_reader *reader,
		 struct ledger_event *event)
{
	uint64_t end = word_load(&ledger->header.event_count);

	if (reader->next >= end) {
		return false;
	}
	if (end - reader->next > LEDGER_EVENTS) {
		reader->lost += end - LEDGER_EVENTS - reader->next;
		reader->next = end - LEDGER_EVENTS;
	}
	while (reader->next < end) {
		uint64_t number = next_settled(ledger, reader->next, end);

		if (number == end) {
			return false;
		}
		pass(ledger, reader, number);
		reader->next++;
		if (find_event(ledger, number) == FOUND_IT && copy_event(ledger, number, event)) {
			return true;
		}
		reader->lost++;
	}
	return false;
}
