/* SPDX-License-Identifier: MIT */
/*
 * What the stamps cannot hold: the connections with several descriptors, and those used
 * while shared. A hash by descriptor (uthash) behind one bounded lock.
 *
 * The idea: cells come from an array, a page of which is used only when its cells are; the
 * first few are on the home page (home.h). A sentinel keeps the hash from ever
 * becoming empty, so its buckets are replaced when they double and never otherwise, and a
 * bump allocator can serve them. Keys are descriptors, small and dense, so they hash to
 * themselves: neighbours share cache lines, and a forked child touches few pages.
 *
 * Invariants:
 *  - A cell without STAMP_RECORD on its descriptor's stamp is stale.
 *  - The lock is one word, held over memory operations only; it does not nest. Who
 *    cannot get it in a bounded number of tries gives up.
 *  - Every function below but records_lock() wants the lock held.
 * Never here: a system call on the way in (one, when a handler may have jumped out), an
 * allocation, a look at the ledger.
 */
#ifndef SHIM_TABLE_RECORDS_H
#define SHIM_TABLE_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/attributes.h"

enum {
	/* Connections with a record at a time; beyond, they are left to plain libc. */
	RECORDS_MAX = 16 * 1024,
};

/* One connection as this process holds it; shared by the records of its descriptors. */
struct table_connection {
	uint64_t stamp;       /* what the stamps of descriptors that went have left */
	uint64_t acquired;    /* epoch */
	uint64_t cookie;      /* 0 until known */
	int descriptor;       /* as in table_gone */
	bool is_lent;         /* used before it came to be shared: by those we have it from */
	uint32_t descriptors; /* records that point here, and aliases under way */
	uint32_t next_free;   /* index + 1 in the free list */
};

/* The zeroed address space wanted, aligned as a stamp is; and its start. Constructor only. */
size_t records_bytes(void);
void records_setup(void *place);

/* In the frame of whoever holds the lock, from the lock on until it is unlocked. */
struct records_hold {
	volatile uintptr_t mark; /* its own address, disguised: it is held */
};

/* False after a bounded number of tries, and in a signal handler on top of the lock. */
bool records_lock(struct records_hold *hold);

/* How often it was false. For the stress test alone, which finds it by its name. */
extern HIDDEN uint64_t records_refused;
void records_unlock(struct records_hold *hold);

/* A new one when everything was forgotten: cells from before are other connections' now. */
uint32_t records_generation(void);

/* In a forked child: frees the lock, and forgets everything, if another thread held it. */
void records_after_fork_in_child(void);

/* The connection on fd; NULL when there is no record. */
struct table_connection *records_find(int fd);

/* A new connection without descriptors; NULL when there is no room. */
struct table_connection *records_new(int fd, uint64_t acquired);

/* One descriptor less, and the last one frees it. */
void records_drop(struct table_connection *connection);

/* fd becomes a descriptor of it; a stale record under fd goes. False: no room. */
bool records_add(int fd, struct table_connection *connection);

/* fd is none any more; false when it was none. */
bool records_remove(int fd);

/* Calls act for every descriptor of the connection. */
void records_each(const struct table_connection *connection, void (*act)(int fd));

#endif
