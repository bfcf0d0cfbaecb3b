/* SPDX-License-Identifier: MIT */
/* The ledger of a test, and questions about it; see bucket.h. */
#include "bucket.h"

#include <stdlib.h>

#include "unit.h"

struct ledger *bucket_ledger;

const struct conns_origin bucket_unknown = {.descriptor = -1};

int bucket_begin(void **state)
{
	(void)state;
	bucket_ledger = calloc(1, sizeof(*bucket_ledger));
	return bucket_ledger == NULL ? -1 : 0;
}

int bucket_end(void **state)
{
	(void)state;
	free(bucket_ledger);
	return 0;
}

static size_t bucket_of(struct ledger *scratch, uint64_t cookie)
{
	struct ledger_connection *slot = conns_find(scratch, cookie, true);

	assert_non_null(slot);
	slot->cookie = 0;
	return (size_t)(slot - scratch->connections) / LEDGER_BUCKET;
}

uint64_t bucket_cookie(unsigned n)
{
	struct ledger *scratch = calloc(1, sizeof(*scratch));
	uint64_t cookie = 1;
	size_t bucket;

	assert_non_null(scratch);
	bucket = bucket_of(scratch, cookie);
	while (n > 0) {
		cookie++;
		n -= bucket_of(scratch, cookie) == bucket;
	}
	free(scratch);
	return cookie;
}

uint64_t bucket_ref(unsigned n)
{
	return (uint64_t)(n + 7) << 16 | (n + 1);
}

struct ledger_connection *bucket_engage(uint64_t cookie, uint64_t ref)
{
	struct ledger_connection *slot = conns_engage(bucket_ledger, cookie, ref, &bucket_unknown);

	assert_non_null(slot);
	return slot;
}

unsigned bucket_users(uint64_t cookie, uint64_t ref)
{
	uint32_t place = 0;
	unsigned count = 0;
	uint64_t user;

	while ((user = conns_next_user(bucket_ledger, cookie, &place)) != LEDGER_NOBODY) {
		count += ref == LEDGER_NOBODY || user == ref;
	}
	return count;
}

unsigned bucket_slots_used(void)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < LEDGER_CONNECTIONS; i++) {
		count += bucket_ledger->connections[i].cookie != 0;
	}
	return count;
}

unsigned bucket_slots_walked(void)
{
	unsigned count = 0;

	for (uint32_t i = conns_next(bucket_ledger, 0); i < LEDGER_CONNECTIONS;
	     i = conns_next(bucket_ledger, i + 1)) {
		count++;
	}
	return count;
}
