/* SPDX-License-Identifier: MIT */
/*
 * The table of descriptors: which are TCP connections, and what is known of them.
 *
 * Two layers. The stamps (core/stamp.h), one word per descriptor, answer nearly
 * everything; they are read and changed with atomic operations and no lock. Only
 * a connection with several descriptors, or one used while shared, also has a
 * record in a hash table behind a lock.
 *
 * Invariants:
 *  - The stamp decides: a record without STAMP_RECORD on its stamp is stale.
 *  - Whoever takes a connection's last stamp away by table_remove() is the one that
 *    decides about it; what is forgotten or given up is decided by nobody.
 *  - The lock is one word taken with a bounded number of tries and held over
 *    memory operations only. Who cannot get it makes the descriptor "unknown":
 *    stamp zero, plain libc. It does not nest.
 * Never here: a system call after set-up, an allocation, a decision.
 *
 * Every function is safe in threads and signal handlers. Callers have asked
 * process_may_act() first, but for table_is_watched().
 */
#ifndef SHIM_TABLE_H
#define SHIM_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/stamp.h"
#include "shim/attributes.h"
#include "shim/home.h"

enum {
	/* Descriptors above are left to plain libc: 2 MiB of address space is enough. */
	TABLE_LIMIT_MAX = 256 * 1024,
	TABLE_FD_NONE = -1,
};

/* Bounds of the stamps: 0 before the constructor and after retirement. */
extern HIDDEN uint32_t table_limit;

/* Those of the descriptors, right behind `home`. Constant after the constructor. */
extern HIDDEN uint64_t *table_stamps;

struct table_connection;

/* What is known of a connection when one of its descriptors went. */
struct table_gone {
	uint64_t stamp;    /* of the connection: merged over all its descriptors that went */
	uint64_t acquired; /* the epoch in which it was acquired */
	uint64_t cookie;   /* the kernel's cookie when it was first used while shared, or 0 */
	int descriptor;    /* the number it was acquired under, if no other can have been */
	bool is_lent;      /* its acquirer used it itself before it was shared */
	struct table_connection *others; /* set when further descriptors remain */
};

/* A connection that is getting one more descriptor (table_alias_begin). */
struct table_alias {
	uint64_t stamp;
	struct table_connection *connection; /* NULL for sockets and listeners */
	uint32_t generation;                 /* of the records */
};

/* What a note of a use brought to light. */
enum table_noted {
	TABLE_NOTED,         /* nothing more to do */
	TABLE_NOTED_FIRST,   /* first use while shared: table_set_cookie() wants the cookie */
	TABLE_NOTED_UNKNOWN, /* no room or no lock: used, but not known to be */
};

/* True when something is known of fd: its hook takes the longer way. */
static inline bool table_is_watched(int fd)
{
	return (uint32_t)fd < table_limit && table_stamps[fd] != STAMP_NONE;
}

/*
 * The stamp of a watched descriptor. The empty asm hides that the address is the one
 * table_is_watched() looked at: else it is computed into a register beforehand, one
 * instruction more for every call on what is not watched.
 */
static inline uint64_t table_stamp(int fd)
{
	size_t index = (size_t)fd;

	__asm__("" : "+r"(index));
	return __atomic_load_n(&table_stamps[index], __ATOMIC_RELAXED);
}

/* The address space that limit descriptors (at most TABLE_LIMIT_MAX) and the records want. */
size_t table_bytes(uint32_t limit);

/* Switches the table on, in zeroed memory at the start of a page. Constructor only. */
void table_setup(void *place, uint32_t limit);

/* No descriptor is watched any more, for good. Memory only. */
void table_switch_off(void);

/* In a forked child, before anything else: frees the lock if another thread held it. */
void table_after_fork_in_child(void);

/* fd is a new TCP socket, listener or connection: `stamp` says which. Replaces what was there. */
void table_put(int fd, uint64_t stamp);

/* The highest descriptor that was ever put, or -1: the bound of every walk. */
int table_highest(void);

/* Between these lie all connections that were ever used, or have a record; none: first > last. */
void table_noted(int *first, int *last);

/* Notes a use (STAMP_USE_*) in this epoch on a watched descriptor. */
enum table_noted table_note(int fd, uint64_t use);

/* Sets flags (STAMP_EOF, STAMP_SHUT_RD, STAMP_STDIO, ...) of a connection's descriptor. */
void table_flag(int fd, uint64_t flags);

/* Takes them back. */
void table_unflag(int fd, uint64_t flags);

/* Replaces exactly this stamp; false when it has changed. */
bool table_replace(int fd, uint64_t stamp, uint64_t by);

/* fd is no longer our business: plain libc from now on. */
void table_forget(int fd);

/*
 * fd is about to go. True when it was the connection's last descriptor in this
 * process; gone then tells what is known. Otherwise there is nothing to decide.
 */
bool table_remove(int fd, struct table_gone *gone);

/* What table_remove() would tell of fd, without removing it. False when it is no connection. */
bool table_look(int fd, struct table_gone *known);

/*
 * The opposite, for a dup2 over fd that failed after table_remove(), whatever that
 * returned. A connection that cannot be put back as it was becomes unknown, with
 * all its descriptors.
 */
void table_put_back(int fd, const struct table_gone *gone);

/*
 * A second descriptor, in two steps so that a close on another thread between
 * them does not count as the last: begin before the real dup, then end with the
 * new number, or with TABLE_FD_NONE when it failed.
 */
bool table_alias_begin(int from, struct table_alias *alias);
void table_alias_end(const struct table_alias *alias, int to);

/*
 * The same connection under two numbers without a dup having been seen: what a
 * new program image inherited. `to` gets `stamp`. False when there is no room.
 */
bool table_alias_inherited(int from, int to, uint64_t stamp);

/*
 * Remembers the kernel's cookie of a watched, shared connection that has a record. False
 * when that was not possible, or it has none: fd is unknown then.
 */
bool table_set_cookie(int fd, uint64_t cookie);

#endif
