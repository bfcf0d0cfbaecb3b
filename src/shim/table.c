/* SPDX-License-Identifier: MIT */
/*
 * Stamps in front, records behind; see table.h for the invariants.
 *
 * Records come from arrays that the constructor mapped; a page of them is used
 * only when its records are. uthash gets its buckets from a bump allocator on the
 * same map: a sentinel keeps the hash from ever becoming empty, so buckets are
 * replaced when they double and never otherwise, and the waste is bounded.
 *
 * Keys are descriptors, small and dense, so they hash to themselves: neighbours
 * share cache lines and a forked child touches few pages.
 */
#include "shim/table.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "shim/guard.h"
#include "shim/process.h"
#include "sys/rawsys.h"

static void *arena_take(size_t size);

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(key, length, hash) ((hash) = (unsigned int)*(const int *)(key))
#define HASH_INITIAL_NUM_BUCKETS 32U
#define HASH_INITIAL_NUM_BUCKETS_LOG2 5U
#define uthash_malloc(size) arena_take(size)
#define uthash_free(memory, size) ((void)(memory))
#define uthash_fatal(message) __builtin_trap() /* unreachable with HASH_NONFATAL_OOM */
#include <uthash.h>

enum {
	/* Tries for the lock before giving up: longer than a time slice of its holder. */
	LOCK_TRIES = 200000,
	/* Tries to change a stamp under somebody else's changes. */
	STAMP_TRIES = 64,
	/* Buckets of all sizes up to the largest: twice 4096 of 16 bytes, and the head. */
	ARENA_BYTES = 192 * 1024,
	SENTINEL_FD = -1,
};

/* One connection as this process holds it; shared by the records of its descriptors. */
struct table_connection {
	uint64_t stamp;       /* what the stamps of descriptors that went have left */
	uint64_t acquired;    /* epoch */
	uint64_t cookie;      /* 0 until known */
	int descriptor;       /* the number under which it was acquired */
	uint32_t descriptors; /* records that point here, and aliases under way */
	uint32_t next_free;   /* index + 1 in the free list */
};

/* One descriptor of such a connection. */
struct table_record {
	int fd;
	uint32_t connection; /* index */
	uint32_t next_free;  /* index + 1 */
	UT_hash_handle hh;
};

uint32_t table_limit;
uint64_t *table_stamps;

static int highest = -1;

/*
 * Covers everything below. 0, or who holds it: the address of that thread's guard. Held
 * over memory operations only; does not nest.
 */
static uintptr_t lock_word;

static struct table_connection *connections;
static struct table_record *records;
static uint8_t *arena;
static struct pool {
	uint32_t connections_used; /* bump indexes; the free lists come first */
	uint32_t connections_free;
	uint32_t records_used;
	uint32_t records_free;
	size_t arena_used;
} pool;
static struct table_record *hash_head;
static struct table_record sentinel;

static void *arena_take(size_t size)
{
	size_t rounded = (size + 15) & ~(size_t)15;
	void *taken;

	if (rounded > ARENA_BYTES - pool.arena_used) {
		return NULL;
	}
	taken = arena + pool.arena_used;
	pool.arena_used += rounded;
	return taken;
}

/* An empty hash over empty pools. */
static void records_reset(void)
{
	memset(&pool, 0, sizeof(pool));
	hash_head = NULL;
	sentinel.fd = SENTINEL_FD;
	HASH_ADD_INT(hash_head, fd, &sentinel);
}

/*
 * This thread is in the section already: is what runs now a handler on top of it, or
 * did one jump out of it? A handler has a deeper frame, or a stack of its own.
 */
static bool lock_is_abandoned(uintptr_t frame)
{
	stack_t current = { .ss_flags = SS_ONSTACK };

	return frame >= guard_self.frame &&
	       rawsys3(SYS_sigaltstack, 0, (long)&current, 0) == 0 &&
	       (current.ss_flags & SS_ONSTACK) == 0;
}

static uintptr_t lock_owner(void)
{
	return (uintptr_t)&guard_self;
}

static __attribute__((noinline)) bool lock_take(void)
{
	uintptr_t frame = (uintptr_t)__builtin_frame_address(0);

	if (guard_self.depth > 0 && !lock_is_abandoned(frame)) {
		return false;
	}
	guard_self.frame = frame;
	guard_self.depth = 1;
	if (__atomic_load_n(&lock_word, __ATOMIC_RELAXED) == lock_owner()) {
		records_reset(); /* abandoned, half changed perhaps */
		return true;
	}
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	for (int i = 0; i < LOCK_TRIES; i++) {
		uintptr_t free = 0;

		if (__atomic_compare_exchange_n(&lock_word, &free, lock_owner(), false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED)) {
			return true;
		}
#if defined(__x86_64__)
		__builtin_ia32_pause();
#endif
	}
	guard_self.depth = 0;
	return false;
}

static void lock_release(void)
{
	__atomic_store_n(&lock_word, 0, __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	guard_self.depth = 0;
}

int table_setup(uint32_t limit)
{
	size_t count = limit < TABLE_LIMIT_MAX ? limit : TABLE_LIMIT_MAX;
	size_t stamp_bytes = (count * sizeof(table_stamps[0]) + 63) & ~(size_t)63;
	size_t connection_bytes = TABLE_RECORDS * sizeof(connections[0]);
	size_t record_bytes = TABLE_RECORDS * sizeof(records[0]);
	long map = rawsys6(SYS_mmap, 0, stamp_bytes + connection_bytes + record_bytes + ARENA_BYTES,
			   PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			   0);

	if (map < 0 && map > -4096) {
		return (int)map;
	}
	table_stamps = (uint64_t *)map;
	connections = (void *)(map + (long)stamp_bytes);
	records = (void *)(map + (long)(stamp_bytes + connection_bytes));
	arena = (uint8_t *)map + stamp_bytes + connection_bytes + record_bytes;
	records_reset();
	__atomic_store_n(&table_limit, (uint32_t)count, __ATOMIC_RELEASE);
	return 0;
}

void table_switch_off(void)
{
	__atomic_store_n(&table_limit, 0, __ATOMIC_RELAXED);
}

void table_after_fork_in_child(void)
{
	uintptr_t owner = __atomic_load_n(&lock_word, __ATOMIC_RELAXED);

	/*
	 * When it is this thread itself, it forked from a signal handler on top of its
	 * own critical section, which goes on when the handler returns. Any other
	 * thread does not exist here, and what it left half done cannot be trusted:
	 * connections with a record become unknown.
	 */
	if (owner != 0 && owner != lock_owner()) {
		records_reset();
		__atomic_store_n(&lock_word, 0, __ATOMIC_RELAXED);
	}
}

int table_highest(void)
{
	int top = __atomic_load_n(&highest, __ATOMIC_RELAXED);

	return top < (int)table_limit ? top : (int)table_limit - 1;
}

void table_put(int fd, uint64_t stamp)
{
	int top = __atomic_load_n(&highest, __ATOMIC_RELAXED);

	if ((uint32_t)fd >= table_limit) {
		return;
	}
	while (fd > top && !__atomic_compare_exchange_n(&highest, &top, fd, true, __ATOMIC_RELAXED,
							__ATOMIC_RELAXED)) {
	}
	__atomic_store_n(&table_stamps[fd], stamp, __ATOMIC_RELAXED);
}

void table_forget(int fd)
{
	if ((uint32_t)fd < table_limit) {
		__atomic_store_n(&table_stamps[fd], STAMP_NONE, __ATOMIC_RELAXED);
	}
}

static void table_change_flags(int fd, uint64_t set, uint64_t clear)
{
	uint64_t stamp = table_stamp(fd);

	for (int i = 0; i < STAMP_TRIES && stamp != STAMP_NONE; i++) {
		if (__atomic_compare_exchange_n(&table_stamps[fd], &stamp, (stamp | set) & ~clear,
						false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
			return;
		}
	}
}

void table_flag(int fd, uint64_t flags)
{
	table_change_flags(fd, flags, 0);
}

void table_unflag(int fd, uint64_t flags)
{
	table_change_flags(fd, 0, flags);
}

/* Records; all with the lock held. */

static struct table_record *record_find(int fd)
{
	struct table_record *record;

	HASH_FIND_INT(hash_head, &fd, record);
	return record;
}

static struct table_connection *connection_new(int fd, uint64_t stamp)
{
	struct table_connection *connection;

	if (pool.connections_free != 0) {
		connection = &connections[pool.connections_free - 1];
		pool.connections_free = connection->next_free;
	} else if (pool.connections_used < TABLE_RECORDS) {
		connection = &connections[pool.connections_used++];
	} else {
		return NULL;
	}
	memset(connection, 0, sizeof(*connection));
	connection->acquired = stamp_epoch(stamp);
	connection->descriptor = fd;
	return connection;
}

static void connection_drop(struct table_connection *connection)
{
	if (--connection->descriptors == 0) {
		connection->next_free = pool.connections_free;
		pool.connections_free = (uint32_t)(connection - connections) + 1;
	}
}

static void record_delete(struct table_record *record)
{
	HASH_DEL(hash_head, record);
	record->next_free = pool.records_free;
	pool.records_free = (uint32_t)(record - records) + 1;
}

/* Puts fd into the hash as a descriptor of connection; what stands there under fd is stale. */
static bool record_add(int fd, struct table_connection *connection)
{
	struct table_record *record = record_find(fd);

	if (record != NULL) {
		connection_drop(&connections[record->connection]);
		record_delete(record);
	}
	if (pool.records_free != 0) {
		record = &records[pool.records_free - 1];
		pool.records_free = record->next_free;
	} else if (pool.records_used < TABLE_RECORDS) {
		record = &records[pool.records_used++];
	} else {
		return false;
	}
	memset(record, 0, sizeof(*record));
	record->fd = fd;
	record->connection = (uint32_t)(connection - connections);
	HASH_ADD_INT(hash_head, fd, record);
	if (record->hh.tbl == NULL) { /* no room for buckets */
		record->next_free = pool.records_free;
		pool.records_free = (uint32_t)(record - records) + 1;
		return false;
	}
	connection->descriptors++;
	return true;
}

/* The connection behind fd, made if there is none yet; NULL when it is none or there is no room. */
static struct table_connection *connection_of(int fd)
{
	uint64_t stamp = table_stamp(fd);
	struct table_record *record;
	struct table_connection *connection;

	if (!stamp_is_connection(stamp)) {
		return NULL;
	}
	if ((stamp & STAMP_RECORD) != 0) {
		record = record_find(fd);
		return record != NULL ? &connections[record->connection] : NULL;
	}
	connection = connection_new(fd, stamp);
	if (connection == NULL) {
		return NULL;
	}
	if (!record_add(fd, connection)) {
		connection->descriptors = 1;
		connection_drop(connection);
		return NULL;
	}
	table_flag(fd, STAMP_RECORD);
	return connection;
}

enum table_noted table_note(int fd, uint64_t use)
{
	uint64_t stamp = table_stamp(fd);
	bool is_first = false;

	for (int i = 0; i < STAMP_TRIES && stamp_is_connection(stamp); i++) {
		uint64_t next = stamp_used(stamp, __atomic_load_n(&process_epoch, __ATOMIC_RELAXED),
					   __atomic_load_n(&process_came_to_share,
							   __ATOMIC_RELAXED),
					   use);

		if ((next & STAMP_SHARED) != 0 && (stamp & STAMP_ENGAGED) == 0) {
			/* The record keeps the epoch of acquisition, which `next` overwrites. */
			struct table_connection *connection = NULL;

			if (lock_take()) {
				connection = connection_of(fd);
				lock_release();
			}
			if (connection == NULL) {
				table_forget(fd);
				return TABLE_NOTED;
			}
			stamp |= STAMP_RECORD;
			next |= STAMP_RECORD | STAMP_ENGAGED;
			is_first = true;
		}
		if (__atomic_compare_exchange_n(&table_stamps[fd], &stamp, next, false,
						__ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
			return is_first ? TABLE_NOTED_FIRST : TABLE_NOTED;
		}
	}
	return TABLE_NOTED;
}

void table_set_cookie(int fd, uint64_t cookie)
{
	if (cookie == 0 || !lock_take()) {
		table_forget(fd);
		return;
	}
	struct table_connection *connection = connection_of(fd);

	if (connection != NULL) {
		connection->cookie = cookie;
	}
	lock_release();
}

bool table_remove(int fd, struct table_gone *gone)
{
	uint64_t stamp = __atomic_exchange_n(&table_stamps[fd], STAMP_NONE, __ATOMIC_RELAXED);
	struct table_record *record;
	struct table_connection *connection;

	memset(gone, 0, sizeof(*gone));
	gone->stamp = stamp;
	gone->acquired = stamp_epoch(stamp);
	gone->descriptor = fd;
	if (!stamp_is_connection(stamp) || (stamp & STAMP_RECORD) == 0) {
		return stamp_is_connection(stamp);
	}
	if (!lock_take()) {
		gone->stamp = STAMP_NONE;
		return false;
	}
	record = record_find(fd);
	if (record == NULL) {
		lock_release();
		gone->stamp = STAMP_NONE;
		return false;
	}
	connection = &connections[record->connection];
	connection->stamp = stamp_merged(connection->stamp, stamp, process_came_to_share);
	gone->stamp = connection->stamp;
	gone->acquired = connection->acquired;
	gone->cookie = connection->cookie;
	gone->descriptor = connection->descriptor;
	gone->others = connection->descriptors > 1 ? connection : NULL;
	record_delete(record);
	connection_drop(connection);
	lock_release();
	return gone->others == NULL;
}

bool table_look(int fd, struct table_gone *known)
{
	uint64_t stamp = table_is_watched(fd) ? table_stamp(fd) : STAMP_NONE;
	const struct table_record *record;

	memset(known, 0, sizeof(*known));
	known->stamp = stamp;
	known->acquired = stamp_epoch(stamp);
	known->descriptor = fd;
	if ((stamp & STAMP_RECORD) == 0 || !lock_take()) {
		return stamp_is_connection(stamp);
	}
	record = record_find(fd);
	if (record != NULL) {
		known->acquired = connections[record->connection].acquired;
		known->cookie = connections[record->connection].cookie;
		known->descriptor = connections[record->connection].descriptor;
	}
	lock_release();
	return stamp_is_connection(stamp) && record != NULL;
}

/* With the lock held: no descriptor of the connection is watched any more. */
static void connection_forget(const struct table_connection *connection)
{
	uint32_t index = (uint32_t)(connection - connections);
	struct table_record *record;
	struct table_record *next;

	HASH_ITER(hh, hash_head, record, next) {
		if (record != &sentinel && record->connection == index) {
			table_forget(record->fd);
		}
	}
}

void table_put_back(int fd, const struct table_gone *gone)
{
	if (gone->stamp == STAMP_NONE) {
		return;
	}
	if (gone->others == NULL && (gone->stamp & STAMP_RECORD) == 0) {
		table_put(fd, gone->stamp);
		return;
	}
	if (!lock_take()) {
		/* The others' count is one short now, and a wrong "last" cuts a conversation. */
		if (gone->others != NULL) {
			process_retire();
		}
		return;
	}
	if (gone->others != NULL) {
		connection_forget(gone->others);
	} else {
		table_put(fd, gone->stamp & ~STAMP_RECORD);
		struct table_connection *connection = connection_of(fd);

		if (connection != NULL) {
			connection->acquired = gone->acquired;
			connection->cookie = gone->cookie;
			connection->descriptor = gone->descriptor;
		} else {
			table_forget(fd);
		}
	}
	lock_release();
}

bool table_alias_begin(int from, struct table_alias *alias)
{
	alias->stamp = table_stamp(from);
	alias->connection = NULL;
	if (!stamp_is_connection(alias->stamp)) {
		return alias->stamp != STAMP_NONE;
	}
	if (lock_take()) {
		alias->connection = connection_of(from);
		if (alias->connection != NULL) {
			alias->connection->descriptors++;
		}
		lock_release();
	}
	if (alias->connection == NULL) {
		table_forget(from);
		return false;
	}
	alias->stamp |= STAMP_RECORD;
	return true;
}

void table_alias_end(const struct table_alias *alias, int to)
{
	if (alias->connection == NULL) {
		if (to >= 0) {
			table_put(to, alias->stamp);
		}
		return;
	}
	/* Without the lock the count stays one too high: never "the last", never a FIN. */
	if (!lock_take()) {
		table_forget(to);
		return;
	}
	if (to >= 0 && (uint32_t)to < table_limit && record_add(to, alias->connection)) {
		table_put(to, alias->stamp);
		connection_drop(alias->connection);
	} else if (to >= 0) {
		table_forget(to);
	} else {
		connection_drop(alias->connection);
	}
	lock_release();
}

bool table_alias_inherited(int from, int to, uint64_t stamp)
{
	struct table_alias alias;

	if (!table_alias_begin(from, &alias)) {
		return false;
	}
	alias.stamp = stamp | STAMP_RECORD;
	table_alias_end(&alias, to);
	return table_is_watched(to);
}
