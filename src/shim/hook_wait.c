/* SPDX-License-Identifier: MIT */
/*
 * Waiting: poll, select and epoll in all their spellings.
 *
 * Two things are noted in front of the call, which stays a tail jump. A connection in
 * the set is being used. A listening socket in the set means that the process waits
 * for new clients, so what it does not use is none of its business any more; unless
 * something else is in the set, a pipe or a connection that it made itself, and it has
 * made children: then it may be waiting for a helper's answer, on behalf of a connection
 * that it has lent away.
 *
 * Membership of an epoll set outlives a fork: after one, every registered connection
 * is noted once more, when the process next waits.
 */
#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "shim/hooks.h"
#include "shim/places.h"
#include "shim/process.h"
#include "shim/readable.h"
#include "shim/table.h"
#include "shim/tree.h"
#include "shim/use.h"

/* glibc's fortified spellings; no public header has them. */
EXPORT int __poll_chk(struct pollfd *set, nfds_t count, int timeout, size_t size);
EXPORT int __ppoll_chk(struct pollfd *set, nfds_t count, const struct timespec *timeout,
		       const sigset_t *mask, size_t size);

/*
 * The most descriptors that a process can have, unless the machine's limit was raised
 * (fs.nr_open). The kernel refuses, or does not look at, what is beyond its limit.
 */
enum { SET_MAX = 1 << 20 };

/* What a set of descriptors is made of. */
#define SET_LISTENERS 1U
#define SET_OTHERS    2U /* neither listeners nor accepted connections */

/* Notes one descriptor of a set; what it is. */
static unsigned int note_member(int fd)
{
	uint64_t stamp;

	if (fd < 0) {
		return 0;
	}
	if (!table_is_watched(fd)) {
		return SET_OTHERS;
	}
	stamp = table_stamp(fd);
	if (stamp_is_connection(stamp)) {
		if (!use_is_warm(fd, STAMP_USE_POLL)) {
			use_note(fd, STAMP_USE_POLL);
		}
		if (unlikely(places_are_kept)) {
			places_still_ended(fd);
		}
		return (stamp & STAMP_UPSTREAM) != 0 ? SET_OTHERS : 0;
	}
	return stamp == STAMP_LISTENS ? SET_LISTENERS : SET_OTHERS;
}

static void go_away_if(unsigned int members)
{
	/* Who has made no child has no helper to wait for. */
	bool waits_for_clients = members == SET_LISTENERS ||
				 (members == (SET_LISTENERS | SET_OTHERS) && !tree_has_children());

	if (unlikely(places_are_kept) && (members & SET_LISTENERS) != 0) {
		places_turn();
	}
	if (waits_for_clients && process_may_act()) {
		tree_go_away();
	}
}

/* Where nothing is watched there is nothing to be said, and nobody to be told. */
static bool is_worth_a_look(void)
{
	return tree_ledger != NULL && table_highest() >= 0;
}

/* Not const: glibc declares poll's set as only written to, and gcc believes it. */
void wait_poll(struct pollfd *set, nfds_t count)
{
	unsigned int members = 0;

	if (!is_worth_a_look() || count > SET_MAX || !readable(set, count * sizeof(*set))) {
		return;
	}
	for (nfds_t i = 0; i < count; i++) {
		members |= note_member(set[i].fd);
	}
	go_away_if(members);
}

/* What the kernel looks at ends with its own table of descriptors, so a set may be shorter. */
static unsigned int note_set(const fd_set *set, int count)
{
	const unsigned long *words = (const void *)set;
	size_t bits = 8 * sizeof(*words);
	size_t looked_at = count < SET_MAX ? (size_t)count : SET_MAX;
	size_t length = readable_count(words, (looked_at + bits - 1) / bits, sizeof(*words));
	unsigned int members = count > SET_MAX ? SET_OTHERS : 0;

	for (size_t i = 0; i < length; i++) {
		unsigned long word = words[i];

		while (word != 0) {
			int fd = (int)(i * bits) + __builtin_ctzl(word);

			word &= word - 1;
			if (fd < count) {
				members |= note_member(fd);
			}
		}
	}
	return members;
}

void wait_select(int count, const fd_set *to_read, const fd_set *to_write,
		 const fd_set *exceptional)
{
	const fd_set *sets[] = {to_read, to_write, exceptional};
	unsigned int members = 0;

	if (!is_worth_a_look() || count < 0) {
		return;
	}
	for (int i = 0; i < 3; i++) {
		if (sets[i] != NULL) {
			members |= note_set(sets[i], count);
		}
	}
	go_away_if(members);
}

EXPORT int poll(struct pollfd *set, nfds_t count, int timeout)
{
	wait_poll(set, count);
	return real.poll(set, count, timeout);
}

EXPORT int ppoll(struct pollfd *set, nfds_t count, const struct timespec *timeout,
		 const sigset_t *mask)
{
	wait_poll(set, count);
	return real.ppoll(set, count, timeout, mask);
}

EXPORT int __poll_chk(struct pollfd *set, nfds_t count, int timeout, size_t size)
{
	wait_poll(set, count);
	return real.__poll_chk(set, count, timeout, size);
}

EXPORT int __ppoll_chk(struct pollfd *set, nfds_t count, const struct timespec *timeout,
		       const sigset_t *mask, size_t size)
{
	wait_poll(set, count);
	return real.__ppoll_chk(set, count, timeout, mask, size);
}

EXPORT int select(int count, fd_set *to_read, fd_set *to_write, fd_set *exceptional,
		  struct timeval *timeout)
{
	wait_select(count, to_read, to_write, exceptional);
	return real.select(count, to_read, to_write, exceptional, timeout);
}

EXPORT int pselect(int count, fd_set *to_read, fd_set *to_write, fd_set *exceptional,
		   const struct timespec *timeout, const sigset_t *mask)
{
	wait_select(count, to_read, to_write, exceptional);
	return real.pselect(count, to_read, to_write, exceptional, timeout, mask);
}

/* The epoll descriptor's stamp says what its members are; others are never forgotten. */
#define EPOLL_LISTENERS (STAMP_EPOLL | STAMP_LISTENS)
#define EPOLL_OTHERS    (STAMP_EPOLL | STAMP_UPSTREAM)

/* Something else was registered before there was any socket to watch. */
static bool others_came_first;

void wait_registered(int epoll, int operation, int fd)
{
	uint64_t kind = EPOLL_OTHERS;
	uint64_t stamp = table_is_watched(fd) ? table_stamp(fd) : STAMP_NONE;

	if (!process_may_act()) {
		return;
	}
	if (operation == EPOLL_CTL_DEL) {
		if (stamp_is_connection(stamp)) {
			table_unflag(fd, STAMP_POLLED);
		}
		return;
	}
	if (stamp_is_connection(stamp)) {
		table_flag(fd, STAMP_POLLED);
		use_note(fd, STAMP_USE_POLL);
		kind = (stamp & STAMP_UPSTREAM) != 0 ? EPOLL_OTHERS : STAMP_NONE;
	} else if (stamp == STAMP_LISTENS) {
		kind = EPOLL_LISTENERS;
	}
	if (table_highest() < 0) {
		others_came_first = true; /* with which set, is not kept */
		return;
	}
	if (kind == EPOLL_LISTENERS && others_came_first) {
		kind |= EPOLL_OTHERS;
	}
	if (kind != STAMP_NONE) {
		table_put(epoll, (table_is_watched(epoll) ? table_stamp(epoll) : 0) | kind);
	}
}

EXPORT int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	int result = real.epoll_ctl(epoll, operation, fd, event);

	if (result == 0) {
		wait_registered(epoll, operation, fd);
	}
	return result;
}

static __attribute__((noinline, cold)) void note_members_again(void)
{
	int highest = table_highest();

	__atomic_store_n(&home->epoll_noted, process_epoch_now(), __ATOMIC_RELAXED);
	for (int fd = 0; fd <= highest; fd++) {
		if (table_is_watched(fd) && (table_stamp(fd) & STAMP_POLLED) != 0) {
			use_note(fd, STAMP_USE_POLL);
		}
	}
}

void wait_epoll(int epoll)
{
	if (tree_ledger == NULL) {
		return;
	}
	if (__atomic_load_n(&home->epoll_noted, __ATOMIC_RELAXED) != process_epoch_now() &&
	    process_may_act()) {
		note_members_again();
	}
	if (table_is_watched(epoll)) {
		uint64_t stamp = table_stamp(epoll);

		go_away_if(((stamp & STAMP_LISTENS) != 0 ? SET_LISTENERS : 0) |
			   ((stamp & STAMP_UPSTREAM) != 0 ? SET_OTHERS : 0));
	}
}

EXPORT int epoll_wait(int epoll, struct epoll_event *events, int count, int timeout)
{
	wait_epoll(epoll);
	return real.epoll_wait(epoll, events, count, timeout);
}

EXPORT int epoll_pwait(int epoll, struct epoll_event *events, int count, int timeout,
		       const sigset_t *mask)
{
	wait_epoll(epoll);
	return real.epoll_pwait(epoll, events, count, timeout, mask);
}

EXPORT int epoll_pwait2(int epoll, struct epoll_event *events, int count,
			const struct timespec *timeout, const sigset_t *mask)
{
	wait_epoll(epoll);
	return real.epoll_pwait2(epoll, events, count, timeout, mask);
}

EXPORT __typeof__(poll) __poll SAME_AS(poll);
EXPORT __typeof__(select) __select SAME_AS(select);
