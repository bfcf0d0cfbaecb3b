/* SPDX-License-Identifier: MIT */
/*
 * A ledger in ordinary memory for the tests of connections, and cookies that meet in
 * one bucket.
 *
 * The idea: which cookies meet is asked of conns_find() itself, in a second, empty
 * ledger. Never here: how cookies are mixed.
 */
#ifndef UNIT_BUCKET_H
#define UNIT_BUCKET_H

#include "ledger/conns.h"

extern struct ledger *bucket_ledger;

/* Set-up and tear-down of a test: an empty ledger. */
int bucket_begin(void **state);
int bucket_end(void **state);

/* The n-th cookie (from 0) of those that share a bucket; n <= 2 * LEDGER_BUCKET. */
uint64_t bucket_cookie(unsigned n);

/* A reference that nobody else has; n from 0. */
uint64_t bucket_ref(unsigned n);

/* An origin that nobody knows. */
extern const struct conns_origin bucket_unknown;

/* Engages and insists that there was room. */
struct ledger_connection *bucket_engage(uint64_t cookie, uint64_t ref);

/* How often conns_next_user() names `ref`; all users if LEDGER_NOBODY. */
unsigned bucket_users(uint64_t cookie, uint64_t ref);

/* Slots that are not free, and slots that a walk meets. */
unsigned bucket_slots_used(void);
unsigned bucket_slots_walked(void);

#endif
