/* SPDX-License-Identifier: MIT */
/*
 * Waiting: poll, select and epoll in all their spellings.
 *
 * Two things are noted in front of the call, which stays a tail jump. A connection in
 * the set is being used. A listening socket in the set means that the process waits
 * for new clients, so what it does not use is none of its business any more.
 *
 * Membership of an epoll set outlives a fork: after one, every registered connection
 * is noted once more, when the process next waits.
 */
#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "shim/process.h"
#include "shim/real.h"
#include "shim/table.h"
#include "shim/tree.h"
#include "shim/use.h"

/* glibc's fortified spellings; no public header has them. */
EXPORT int __poll_chk(struct pollfd *set, nfds_t count, int timeout, size_t size);
EXPORT int __ppoll_chk(struct pollfd *set, nfds_t count, const struct timespec *timeout,
		       const sigset_t *mask, size_t size);

/* The epoch in which registered connections were last noted. */
static uint64_t epoll_noted;

/* Notes one descriptor of a set; true when it listens. */
static bool note_member(int fd)
{
	uint64_t stamp;

	if (likely(!table_is_watched(fd))) {
		return false;
	}
	stamp = table_stamp(fd);
	if (stamp_is_connection(stamp)) {
		if (!use_is_warm(fd, STAMP_USE_POLL)) {
			use_note(fd, STAMP_USE_POLL);
		}
		return false;
	}
	return stamp == STAMP_LISTENS;
}

static void go_away(void)
{
	if (tree_ledger != NULL && process_may_act()) {
		tree_go_away();
	}
}

/* Not const: glibc declares poll's set as only written to, and gcc believes it. */
static void note_poll(struct pollfd *set, nfds_t count)
{
	bool listens = false;

	if (set == NULL || tree_ledger == NULL) {
		return;
	}
	for (nfds_t i = 0; i < count; i++) {
		if (note_member(set[i].fd)) {
			listens = true;
		}
	}
	if (listens) {
		go_away();
	}
}

static bool note_set(const fd_set *set, int count)
{
	const unsigned long *words = (const void *)set;
	int bits = (int)(8 * sizeof(*words));
	bool listens = false;

	for (int first = 0; set != NULL && first < count; first += bits) {
		unsigned long word = words[first / bits];

		while (word != 0) {
			int fd = first + __builtin_ctzl(word);

			word &= word - 1;
			if (fd < count && note_member(fd)) {
				listens = true;
			}
		}
	}
	return listens;
}

static void note_select(int count, const fd_set *readable, const fd_set *writable,
			const fd_set *exceptional)
{
	bool listens;

	if (tree_ledger == NULL) {
		return;
	}
	listens = note_set(readable, count);
	listens |= note_set(writable, count);
	listens |= note_set(exceptional, count);
	if (listens) {
		go_away();
	}
}

EXPORT int poll(struct pollfd *set, nfds_t count, int timeout)
{
	note_poll(set, count);
	return real.poll(set, count, timeout);
}

EXPORT int ppoll(struct pollfd *set, nfds_t count, const struct timespec *timeout,
		 const sigset_t *mask)
{
	note_poll(set, count);
	return real.ppoll(set, count, timeout, mask);
}

EXPORT int __poll_chk(struct pollfd *set, nfds_t count, int timeout, size_t size)
{
	note_poll(set, count);
	return real.__poll_chk(set, count, timeout, size);
}

EXPORT int __ppoll_chk(struct pollfd *set, nfds_t count, const struct timespec *timeout,
		       const sigset_t *mask, size_t size)
{
	note_poll(set, count);
	return real.__ppoll_chk(set, count, timeout, mask, size);
}

EXPORT int select(int count, fd_set *readable, fd_set *writable, fd_set *exceptional,
		  struct timeval *timeout)
{
	note_select(count, readable, writable, exceptional);
	return real.select(count, readable, writable, exceptional, timeout);
}

EXPORT int pselect(int count, fd_set *readable, fd_set *writable, fd_set *exceptional,
		   const struct timespec *timeout, const sigset_t *mask)
{
	note_select(count, readable, writable, exceptional);
	return real.pselect(count, readable, writable, exceptional, timeout, mask);
}

/* The epoll descriptor's stamp says whether a listener is among its members. */
static void note_registered(int epoll, int operation, int fd)
{
	uint64_t stamp;

	if (!table_is_watched(fd) || !process_may_act()) {
		return;
	}
	stamp = table_stamp(fd);
	if (operation == EPOLL_CTL_DEL) {
		if (stamp_is_connection(stamp)) {
			table_unflag(fd, STAMP_POLLED);
		}
	} else if (stamp == STAMP_LISTENS) {
		table_put(epoll, STAMP_EPOLL);
	} else if (stamp_is_connection(stamp)) {
		table_flag(fd, STAMP_POLLED);
		use_note(fd, STAMP_USE_POLL);
	}
}

EXPORT int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	int result = real.epoll_ctl(epoll, operation, fd, event);

	if (result == 0) {
		note_registered(epoll, operation, fd);
	}
	return result;
}

static __attribute__((noinline, cold)) void note_members_again(void)
{
	int highest = table_highest();

	__atomic_store_n(&epoll_noted, process_epoch, __ATOMIC_RELAXED);
	for (int fd = 0; fd <= highest; fd++) {
		if (table_is_watched(fd) && (table_stamp(fd) & STAMP_POLLED) != 0) {
			use_note(fd, STAMP_USE_POLL);
		}
	}
}

static void note_epoll(int epoll)
{
	if (tree_ledger == NULL) {
		return;
	}
	if (__atomic_load_n(&epoll_noted, __ATOMIC_RELAXED) != process_epoch && process_may_act()) {
		note_members_again();
	}
	if (table_is_watched(epoll) && table_stamp(epoll) == STAMP_EPOLL) {
		go_away();
	}
}

EXPORT int epoll_wait(int epoll, struct epoll_event *events, int count, int timeout)
{
	note_epoll(epoll);
	return real.epoll_wait(epoll, events, count, timeout);
}

EXPORT int epoll_pwait(int epoll, struct epoll_event *events, int count, int timeout,
		       const sigset_t *mask)
{
	note_epoll(epoll);
	return real.epoll_pwait(epoll, events, count, timeout, mask);
}

EXPORT int epoll_pwait2(int epoll, struct epoll_event *events, int count,
			const struct timespec *timeout, const sigset_t *mask)
{
	note_epoll(epoll);
	return real.epoll_pwait2(epoll, events, count, timeout, mask);
}

EXPORT __typeof__(poll) __poll SAME_AS(poll);
EXPORT __typeof__(select) __select SAME_AS(select);
