/* SPDX-License-Identifier: MIT */
/*
 * In front of a call nothing has been looked at by the kernel, so addresses are only
 * handed to those who ask first; behind one that succeeded they are good.
 */
#include "shim/bynumber.h"

#include <stddef.h>
#include <sys/socket.h>

#include "shim/handover.h"
#include "shim/hooks.h"
#include "shim/letgo.h"
#include "shim/reclaim.h"
#include "shim/table.h"
#include "shim/use.h"

bool bynumber_is_noted(long number)
{
	switch (number) {
#define CASE(name) case name:
		BYNUMBER(CASE)
#undef CASE
		return true;
	default:
		return false;
	}
}

static void closing(int fd)
{
	if (table_is_watched(fd) && !reclaim_has(fd)) {
		letgo(fd);
	}
}

static void sending(long number, int fd, const long argument[6])
{
	use_note(fd, STAMP_USE_WRITE);
	if (table_is_watched(fd) || table_highest() < 0) {
		return;
	}
	if (number == SYS_sendmsg) {
		handover_sending((const struct msghdr *)argument[1]);
	} else if (number == SYS_sendmmsg) {
		handover_sending_many((const struct mmsghdr *)argument[1],
				      (unsigned int)argument[2]);
	}
}

static void waiting(long number, const long argument[6])
{
	switch (number) {
#ifdef SYS_poll
	case SYS_poll:
#endif
	case SYS_ppoll:
		wait_poll((struct pollfd *)argument[0], (nfds_t)(unsigned int)argument[1]);
		break;
#ifdef SYS_select
	case SYS_select:
#endif
	case SYS_pselect6:
		wait_select((int)argument[0], (const fd_set *)argument[1],
			    (const fd_set *)argument[2], (const fd_set *)argument[3]);
		break;
	default:
		wait_epoll((int)argument[0]);
		break;
	}
}

void bynumber_before(long number, const long argument[6])
{
	int fd = (int)argument[0];

	switch (number) {
	case SYS_close:
		closing(fd);
		break;
	case SYS_connect:
		socket_connecting(fd);
		break;
	case SYS_read:
	case SYS_readv:
	case SYS_recvfrom:
	case SYS_recvmsg:
	case SYS_recvmmsg:
		use_note(fd, STAMP_USE_READ);
		break;
	case SYS_preadv2: /* a connection has no offsets; -1 is where a stream is read */
		if (argument[3] == -1) {
			use_note(fd, STAMP_USE_READ);
		}
		break;
	case SYS_splice:
		use_note(fd, STAMP_USE_READ);
		use_note((int)argument[2], STAMP_USE_WRITE);
		break;
	case SYS_write:
	case SYS_writev:
	case SYS_pwritev2:
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendmmsg:
	case SYS_sendfile:
		sending(number, fd, argument);
		break;
	case SYS_epoll_ctl:
		break;
	default:
		waiting(number, argument);
		break;
	}
}

static void received(int fd, struct mmsghdr *messages, long count)
{
	for (long i = 0; i < count && !table_is_watched(fd); i++) {
		handover_received(&messages[i].msg_hdr);
	}
}

/* An EOF is one only where something was asked for; in doubt it is none. */
static bool is_eof(long number, const long argument[6], long result)
{
	bool is_plain = number == SYS_read ||
			(number == SYS_recvfrom && (argument[3] & MSG_PEEK) == 0);

	return is_plain && result == 0 && argument[2] > 0;
}

void bynumber_after(long number, const long argument[6], long result)
{
	int fd = (int)argument[0];

	if (is_eof(number, argument, result)) {
		use_note_eof(fd);
	} else if (number == SYS_recvmsg && result >= 0 && !table_is_watched(fd)) {
		handover_received((struct msghdr *)argument[1]);
	} else if (number == SYS_recvmmsg) {
		received(fd, (struct mmsghdr *)argument[1], result);
	} else if (number == SYS_epoll_ctl && result == 0) {
		wait_registered(fd, (int)argument[1], (int)argument[2]);
	}
}
