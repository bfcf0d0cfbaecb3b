/* SPDX-License-Identifier: MIT */
/* See table.h for the invariants. */
#include "shim/table.h"

#include <stddef.h>
#include <string.h>

#include "shim/process.h"
#include "shim/table_records.h"

/* Tries to change a stamp under somebody else's changes. */
enum { STAMP_TRIES = 64 };

uint32_t table_limit;
ONCE uint64_t *table_stamps;

static uint32_t capacity(uint32_t limit)
{
	return limit < TABLE_LIMIT_MAX ? limit : TABLE_LIMIT_MAX;
}

/* Of home and the stamps: what is behind them begins on a page. */
static size_t front_bytes(uint32_t limit)
{
	size_t bytes = sizeof(*home) + capacity(limit) * sizeof(table_stamps[0]);

	return (bytes + HOME_PAGE - 1) & -(size_t)HOME_PAGE;
}

size_t table_bytes(uint32_t limit)
{
	return front_bytes(limit) + records_bytes();
}

/*
 * In front what every child touches, beside the page that forks wipe: a table of pages, which
 * covers two megabytes, costs it as much as a page does.
 */
void table_setup(void *place, uint32_t limit)
{
	home = place;
	table_stamps = (void *)(home + 1);
	home->highest = -1;
	home->noted_low = TABLE_LIMIT_MAX;
	home->noted_high = -1;
	records_setup((char *)place + front_bytes(limit));
	__atomic_store_n(&table_limit, capacity(limit), __ATOMIC_RELEASE);
}

void table_switch_off(void)
{
	__atomic_store_n(&table_limit, 0, __ATOMIC_RELAXED);
}

void table_after_fork_in_child(void)
{
	records_after_fork_in_child();
}

int table_highest(void)
{
	int top = __atomic_load_n(&home->highest, __ATOMIC_RELAXED);

	return top < (int)table_limit ? top : (int)table_limit - 1;
}

static void raise_to(int *word, int value)
{
	int old = __atomic_load_n(word, __ATOMIC_RELAXED);

	while (value > old && !__atomic_compare_exchange_n(word, &old, value, true,
							   __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
	}
}

static void note_range(int fd)
{
	int old = __atomic_load_n(&home->noted_low, __ATOMIC_RELAXED);

	while (fd < old && !__atomic_compare_exchange_n(&home->noted_low, &old, fd, true,
							__ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
	}
	raise_to(&home->noted_high, fd);
}

void table_noted(int *first, int *last)
{
	int top = table_highest();

	*first = __atomic_load_n(&home->noted_low, __ATOMIC_RELAXED);
	*last = __atomic_load_n(&home->noted_high, __ATOMIC_RELAXED);
	*last = *last < top ? *last : top;
}

void table_put(int fd, uint64_t stamp)
{
	if ((uint32_t)fd >= table_limit) {
		return;
	}
	raise_to(&home->highest, fd);
	if (stamp_is_connection(stamp) && (stamp & (STAMP_UNUSED | STAMP_RECORD)) != STAMP_UNUSED) {
		note_range(fd);
	}
	__atomic_store_n(&table_stamps[fd], stamp, __ATOMIC_RELAXED);
}

void table_forget(int fd)
{
	if ((uint32_t)fd < table_limit) {
		__atomic_store_n(&table_stamps[fd], STAMP_NONE, __ATOMIC_RELAXED);
	}
}

bool table_replace(int fd, uint64_t stamp, uint64_t by)
{
	return __atomic_compare_exchange_n(&table_stamps[fd], &stamp, by, false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED);
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

/*
 * With the lock held: the connection behind fd, made if there is none yet; NULL when it
 * is none or there is no room.
 */
static struct table_connection *connection_of(int fd)
{
	uint64_t stamp = table_stamp(fd);
	struct table_connection *connection;

	if (!stamp_is_connection(stamp)) {
		return NULL;
	}
	if ((stamp & STAMP_RECORD) != 0) {
		return records_find(fd);
	}
	connection = records_new(fd, stamp_epoch(stamp));
	if (connection == NULL) {
		return NULL;
	}
	if (!records_add(fd, connection)) {
		records_drop(connection);
		return NULL;
	}
	connection->is_lent = (stamp & (STAMP_UNUSED | STAMP_EXECED)) == 0 &&
			      stamp_epoch(stamp) != process_epoch_now();
	note_range(fd);
	table_flag(fd, STAMP_RECORD);
	if ((table_stamp(fd) & STAMP_RECORD) == 0) {
		/* A handler on top of us gave it up: there may be a copy that nobody counts. */
		records_remove(fd);
		return NULL;
	}
	return connection;
}

/* Nothing more can be said of fd, nor whether any older connection's descriptor is the last. */
static void give_up(int fd)
{
	if ((table_stamp(fd) & STAMP_RECORD) != 0) {
		__atomic_store_n(&home->lost_epoch, process_epoch_now(), __ATOMIC_RELAXED);
	}
	table_forget(fd);
}

/* The record keeps the epoch of acquisition, which the next stamp overwrites. */
static bool make_record(int fd)
{
	struct records_hold hold;
	bool is_made;

	if (!records_lock(&hold)) {
		return false;
	}
	is_made = connection_of(fd) != NULL;
	records_unlock(&hold);
	return is_made;
}

enum table_noted table_note(int fd, uint64_t use)
{
	uint64_t stamp = table_stamp(fd);
	bool is_first = false;

	note_range(fd);
	for (int i = 0; i < STAMP_TRIES && stamp_is_connection(stamp); i++) {
		uint64_t next = stamp_used(stamp, process_epoch_now(), process_came_to_share(),
					   use);

		/* A parent's engagement is copied by fork, but it is not ours. */
		if ((next & STAMP_SHARED) != 0 &&
		    ((stamp & STAMP_ENGAGED) == 0 || stamp_epoch(stamp) < process_birth())) {
			if (!make_record(fd)) {
				give_up(fd);
				return TABLE_NOTED_UNKNOWN;
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

bool table_set_cookie(int fd, uint64_t cookie)
{
	struct records_hold hold;
	struct table_connection *connection = NULL;

	if (cookie != 0 && records_lock(&hold)) {
		connection = connection_of(fd);
		if (connection != NULL) {
			connection->cookie = cookie;
		}
		records_unlock(&hold);
	}
	if (connection == NULL) {
		give_up(fd);
	}
	return connection != NULL;
}

/* What a record adds to the stamp. */
static void tell(struct table_gone *gone, const struct table_connection *connection)
{
	gone->acquired = connection->acquired;
	gone->cookie = connection->cookie;
	gone->descriptor = connection->descriptor;
	gone->is_lent = connection->is_lent;
}

bool table_remove(int fd, struct table_gone *gone)
{
	uint64_t stamp = __atomic_exchange_n(&table_stamps[fd], STAMP_NONE, __ATOMIC_RELAXED);
	struct table_connection *connection;
	struct records_hold hold;

	memset(gone, 0, sizeof(*gone));
	gone->stamp = stamp;
	gone->acquired = stamp_epoch(stamp);
	gone->descriptor = fd;
	if (!stamp_is_connection(stamp) || (stamp & STAMP_RECORD) == 0) {
		return stamp_is_connection(stamp);
	}
	gone->stamp = STAMP_NONE;
	if (!records_lock(&hold)) {
		return false;
	}
	connection = records_find(fd);
	if (connection != NULL) {
		connection->stamp = stamp_merged(connection->stamp, stamp, process_came_to_share());
		gone->stamp = connection->stamp;
		if (connection->descriptors > 1 && connection->descriptor == fd &&
		    connection->acquired == process_epoch_now()) {
			connection->descriptor = TABLE_FD_NONE; /* soon another's, in this epoch */
		}
		if (connection->descriptors > 1 || connection->acquired <= home->lost_epoch) {
			gone->others = connection;
		}
		tell(gone, connection);
		records_remove(fd);
	}
	records_unlock(&hold);
	return connection != NULL && gone->others == NULL;
}

bool table_look(int fd, struct table_gone *known)
{
	uint64_t stamp = table_is_watched(fd) ? table_stamp(fd) : STAMP_NONE;
	const struct table_connection *connection;
	struct records_hold hold;

	memset(known, 0, sizeof(*known));
	known->stamp = stamp;
	known->acquired = stamp_epoch(stamp);
	known->descriptor = fd;
	if ((stamp & STAMP_RECORD) == 0) {
		return stamp_is_connection(stamp);
	}
	if (!records_lock(&hold)) {
		return false;
	}
	connection = records_find(fd);
	if (connection != NULL) {
		tell(known, connection);
	}
	records_unlock(&hold);
	return connection != NULL;
}

void table_put_back(int fd, const struct table_gone *gone)
{
	struct records_hold hold;

	if (gone->stamp == STAMP_NONE) {
		return;
	}
	if (gone->others == NULL && (gone->stamp & STAMP_RECORD) == 0) {
		table_put(fd, gone->stamp);
		return;
	}
	if (!records_lock(&hold)) {
		/* The others' count is one short now, and a wrong "last" cuts a conversation. */
		if (gone->others != NULL) {
			process_retire();
		}
		return;
	}
	if (gone->others != NULL) {
		records_each(gone->others, table_forget);
	} else {
		/* Its engagement was taken back, too: the next use says so again. */
		table_put(fd, gone->stamp & ~(STAMP_RECORD | STAMP_ENGAGED));
		struct table_connection *connection = connection_of(fd);

		if (connection != NULL) {
			connection->acquired = gone->acquired;
			connection->cookie = gone->cookie;
			connection->descriptor = gone->descriptor;
			connection->is_lent = gone->is_lent;
		} else {
			table_forget(fd);
		}
	}
	records_unlock(&hold);
}

bool table_alias_begin(int from, struct table_alias *alias)
{
	struct records_hold hold;

	alias->stamp = table_stamp(from);
	alias->connection = NULL;
	if (alias->stamp == STAMP_SOCKET) {
		/* Connected later under one number, it would not be known under the other. */
		table_forget(from);
		return false;
	}
	if (!stamp_is_connection(alias->stamp)) {
		return alias->stamp != STAMP_NONE;
	}
	if (records_lock(&hold)) {
		alias->connection = connection_of(from);
		if (alias->connection != NULL) {
			alias->connection->descriptors++;
			alias->generation = records_generation();
		}
		records_unlock(&hold);
	}
	if (alias->connection == NULL) {
		give_up(from);
		return false;
	}
	alias->stamp |= STAMP_RECORD;
	return true;
}

void table_alias_end(const struct table_alias *alias, int to)
{
	struct records_hold hold;

	if (alias->connection == NULL) {
		if (to >= 0) {
			table_put(to, alias->stamp);
		}
		return;
	}
	/* Without the lock the count stays one too high: never "the last", never a FIN. */
	if (!records_lock(&hold)) {
		table_forget(to);
		return;
	}
	if (alias->generation != records_generation()) {
		table_forget(to);
	} else if (to >= 0 && (uint32_t)to < table_limit && records_add(to, alias->connection)) {
		table_put(to, alias->stamp);
		records_drop(alias->connection);
	} else if (to >= 0) {
		table_forget(to);
	} else {
		records_drop(alias->connection);
	}
	records_unlock(&hold);
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
