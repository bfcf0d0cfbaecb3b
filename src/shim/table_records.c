/* SPDX-License-Identifier: MIT */
/* See table_records.h. */
#include "shim/table_records.h"

#include <signal.h>
#include <string.h>

#include "shim/guard.h"
#include "shim/home.h"
#include "sys/rawsys.h"

static void *arena_take(size_t size);

#define HASH_NONFATAL_OOM                1
#define HASH_FUNCTION(key, length, hash) ((hash) = (unsigned int)*(const int *)(key))
#define uthash_malloc(size)              arena_take(size)
#define uthash_free(memory, size)        ((void)(memory))
#define uthash_fatal(message)            __builtin_trap() /* unreachable with HASH_NONFATAL_OOM */
#include <uthash.h>

/* Fewer than the header's own: there is little room where the first ones are. */
#undef HASH_INITIAL_NUM_BUCKETS
#undef HASH_INITIAL_NUM_BUCKETS_LOG2
#define HASH_INITIAL_NUM_BUCKETS      8U
#define HASH_INITIAL_NUM_BUCKETS_LOG2 3U

enum {
	/* Tries for the lock before giving up: longer than a time slice of its holder. */
	LOCK_TRIES = 200000,
	/* On the home page: a server's child has one connection, a relay two. */
	FIRST_CELLS = 4,
	/* The hash's head and its first buckets: there, too. */
	FIRST_ARENA_BYTES = sizeof(UT_hash_table) +
			    HASH_INITIAL_NUM_BUCKETS * sizeof(UT_hash_bucket),
	/* Buckets of all sizes up to the largest: twice 4096 of 16 bytes, less the first. */
	ARENA_BYTES = 192 * 1024,
	SENTINEL_FD = -1,
	SAME_STACK = 16 * 1024, /* so near, it is mapped: as much as the smallest stack there is */
	RIGHT_ABOVE = 1024,
};

/* One descriptor of a connection. */
struct record {
	int fd;
	uint32_t connection; /* index */
	uint32_t next_free;  /* index + 1 */
	UT_hash_handle hh;
};

/* Side by side, because most connections have one descriptor: one page instead of two. */
struct cell {
	struct record record;
	struct table_connection connection;
};

/* On the home page. */
struct near {
	/*
	 * Covers everything below. 0, or who holds it: the address of that thread's guard. Held
	 * over memory operations only; does not nest.
	 */
	uintptr_t lock_word;
	struct pool {
		uint32_t connections_used; /* bump indexes; the free lists come first */
		uint32_t connections_free;
		uint32_t records_used;
		uint32_t records_free;
		size_t first_used;
		size_t arena_used;
	} pool;
	struct record *hash_head;
	struct record sentinel;
	uint32_t generation;
	struct cell cells[FIRST_CELLS];
	uint64_t arena[FIRST_ARENA_BYTES / sizeof(uint64_t)];
};

_Static_assert(sizeof(struct near) <= HOME_RECORDS_BYTES, "there is room for it");

/* Constant after the constructor: the rest. */
static struct cell *more_cells;
static uint8_t *arena;

static struct near *here(void)
{
	return (struct near *)(void *)home->records;
}

static void *arena_take(size_t size)
{
	size_t rounded = (size + 15) & ~(size_t)15;
	size_t at;

	if (rounded <= FIRST_ARENA_BYTES - here()->pool.first_used) {
		at = here()->pool.first_used;
		here()->pool.first_used += rounded;
		return (uint8_t *)here()->arena + at;
	}
	if (rounded > ARENA_BYTES - here()->pool.arena_used) {
		return NULL;
	}
	at = here()->pool.arena_used;
	here()->pool.arena_used += rounded;
	return arena + at;
}

static struct cell *cell_at(uint32_t index)
{
	return index < FIRST_CELLS ? &here()->cells[index] : &more_cells[index - FIRST_CELLS];
}

static uint32_t index_of_cell(const struct cell *cell)
{
	bool is_first = cell >= here()->cells && cell < here()->cells + FIRST_CELLS;

	return (uint32_t)(is_first ? cell - here()->cells : cell - more_cells + FIRST_CELLS);
}

/* An empty hash over empty pools. */
static void reset(void)
{
	here()->generation++;
	memset(&here()->pool, 0, sizeof(here()->pool));
	here()->hash_head = NULL;
	memset(&here()->sentinel, 0, sizeof(here()->sentinel));
	here()->sentinel.fd = SENTINEL_FD;
	HASH_ADD_INT(here()->hash_head, fd, &here()->sentinel);
}

size_t records_bytes(void)
{
	return ARENA_BYTES + (RECORDS_MAX - FIRST_CELLS) * sizeof(struct cell);
}

void records_setup(void *place)
{
	arena = place;
	more_cells = (struct cell *)(void *)(arena + ARENA_BYTES);
	reset();
}

uint64_t records_refused;

static bool refuse(void)
{
	__atomic_fetch_add(&records_refused, 1, __ATOMIC_RELAXED);
	return false;
}

static uintptr_t mark_of(uintptr_t hold)
{
	return ~hold;
}

/*
 * This thread entered the section and has not left it. Either this runs in a handler on top
 * of it; or a handler jumped out of it. Then something else is written where the mark was,
 * sooner or later; or this is right above it in the stack, as no handler is: it has a deeper
 * frame, or a stack of its own, whose frame for the signal alone is larger than that. (The
 * kernel is asked, too; of a stack with SS_AUTODISARM it knows nothing.) Who is far away
 * cannot tell.
 */
static bool is_abandoned(uintptr_t hold, uintptr_t here)
{
	uintptr_t distance = here < hold ? hold - here : here - hold;
	stack_t current = {.ss_flags = SS_ONSTACK};

	if (distance < SAME_STACK && ((const struct records_hold *)hold)->mark != mark_of(hold)) {
		return true;
	}
	return here >= hold && distance < RIGHT_ABOVE &&
	       rawsys3(SYS_sigaltstack, 0, (long)&current, 0) == 0 &&
	       (current.ss_flags & SS_ONSTACK) == 0;
}

__attribute__((noinline)) bool records_lock(struct records_hold *hold)
{
	hold->mark = 0;
	if (guard_self.frame != 0 && !is_abandoned(guard_self.frame, (uintptr_t)hold)) {
		return refuse();
	}
	hold->mark = mark_of((uintptr_t)hold);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	guard_self.frame = (uintptr_t)hold;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&here()->lock_word, __ATOMIC_RELAXED) == guard_thread()) {
		reset(); /* abandoned, half changed perhaps */
		return true;
	}
	for (int i = 0; i < LOCK_TRIES; i++) {
		uintptr_t free = 0;

		if (__atomic_compare_exchange_n(&here()->lock_word, &free, guard_thread(), false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
			return true;
		}
#if defined(__x86_64__)
		__builtin_ia32_pause();
#endif
	}
	guard_self.frame = 0;
	hold->mark = 0;
	return refuse();
}

uint32_t records_generation(void)
{
	return here()->generation;
}

void records_unlock(struct records_hold *hold)
{
	__atomic_store_n(&here()->lock_word, 0, __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	guard_self.frame = 0;
	hold->mark = 0;
}

void records_after_fork_in_child(void)
{
	uintptr_t owner = __atomic_load_n(&here()->lock_word, __ATOMIC_RELAXED);

	/*
	 * When it is this thread itself, it forked from a signal handler on top of its
	 * own critical section, which goes on when the handler returns. Any other
	 * thread does not exist here, and what it left half done cannot be trusted:
	 * connections with a record become unknown.
	 */
	if (owner != 0 && owner != guard_thread()) {
		reset();
		__atomic_store_n(&here()->lock_word, 0, __ATOMIC_RELAXED);
	}
}

static struct record *find(int fd)
{
	struct record *record;

	HASH_FIND_INT(here()->hash_head, &fd, record);
	return record;
}

struct table_connection *records_find(int fd)
{
	const struct record *record = find(fd);

	return record != NULL ? &cell_at(record->connection)->connection : NULL;
}

static uint32_t index_of(const struct table_connection *connection)
{
	const char *address = (const char *)connection - offsetof(struct cell, connection);

	return index_of_cell((const void *)address);
}

struct table_connection *records_new(int fd, uint64_t acquired)
{
	struct table_connection *connection;

	if (here()->pool.connections_free != 0) {
		connection = &cell_at(here()->pool.connections_free - 1)->connection;
		here()->pool.connections_free = connection->next_free;
	} else if (here()->pool.connections_used < RECORDS_MAX) {
		connection = &cell_at(here()->pool.connections_used++)->connection;
	} else {
		return NULL;
	}
	memset(connection, 0, sizeof(*connection));
	connection->acquired = acquired;
	connection->descriptor = fd;
	return connection;
}

static void free_connection(struct table_connection *connection)
{
	connection->next_free = here()->pool.connections_free;
	here()->pool.connections_free = index_of(connection) + 1;
}

void records_drop(struct table_connection *connection)
{
	if (connection->descriptors > 0) {
		connection->descriptors--;
	}
	if (connection->descriptors == 0) {
		free_connection(connection);
	}
}

static struct record *record_new(void)
{
	struct record *record;

	if (here()->pool.records_free != 0) {
		record = &cell_at(here()->pool.records_free - 1)->record;
		here()->pool.records_free = record->next_free;
		return record;
	}
	return here()->pool.records_used < RECORDS_MAX
		       ? &cell_at(here()->pool.records_used++)->record
		       : NULL;
}

static void record_free(struct record *record)
{
	record->next_free = here()->pool.records_free;
	here()->pool.records_free = index_of_cell((const void *)record) + 1;
}

bool records_remove(int fd)
{
	struct record *record = find(fd);

	if (record == NULL) {
		return false;
	}
	HASH_DEL(here()->hash_head, record);
	records_drop(&cell_at(record->connection)->connection);
	record_free(record);
	return true;
}

bool records_add(int fd, struct table_connection *connection)
{
	struct record *record;

	records_remove(fd);
	record = record_new();
	if (record == NULL) {
		return false;
	}
	memset(record, 0, sizeof(*record));
	record->fd = fd;
	record->connection = index_of(connection);
	HASH_ADD_INT(here()->hash_head, fd, record);
	if (record->hh.tbl == NULL) { /* no room for buckets */
		record_free(record);
		return false;
	}
	connection->descriptors++;
	return true;
}

void records_each(const struct table_connection *connection, void (*act)(int fd))
{
	uint32_t index = index_of(connection);

	for (struct record *record = here()->hash_head; record != NULL; record = record->hh.next) {
		if (record != &here()->sentinel && record->connection == index) {
			act(record->fd);
		}
	}
}
