/* SPDX-License-Identifier: MIT */
/*
 * Calls that a program makes by number, through syscall(): what their hooks would note.
 *
 * The function of the name is a cancellation point, syscall() is none, so the real call
 * stays one by number, and only the notes around it are the hooks' own.
 * Never here: the call itself.
 *
 * Safe in threads and signal handlers; errno is left alone.
 */
#ifndef SHIM_BYNUMBER_H
#define SHIM_BYNUMBER_H

#include <stdbool.h>
#include <sys/syscall.h>

/* Calls that are older than aarch64, which never had them. */
#ifdef SYS_poll
#define BYNUMBER_OLD(X) X(SYS_poll) X(SYS_select) X(SYS_epoll_wait)
#else
#define BYNUMBER_OLD(X)
#endif

/* clang-format off */
#define BYNUMBER(X) \
	X(SYS_close) X(SYS_connect) X(SYS_epoll_ctl) X(SYS_epoll_pwait) X(SYS_epoll_pwait2) \
	X(SYS_ppoll) X(SYS_preadv2) X(SYS_pselect6) X(SYS_pwritev2) X(SYS_read) X(SYS_readv) \
	X(SYS_recvfrom) X(SYS_recvmmsg) X(SYS_recvmsg) X(SYS_sendfile) X(SYS_sendmmsg) \
	X(SYS_sendmsg) X(SYS_sendto) X(SYS_splice) X(SYS_write) X(SYS_writev) BYNUMBER_OLD(X)
/* clang-format on */

/* True for the calls in the list. */
bool bynumber_is_noted(long number);

/* In front of the call and behind it; argument[0] to [5] are the call's. */
void bynumber_before(long number, const long argument[6]);
void bynumber_after(long number, const long argument[6], long result);

#endif
