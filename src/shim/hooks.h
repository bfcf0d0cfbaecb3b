/* SPDX-License-Identifier: MIT */
/*
 * The hooks under names that this library may call itself: syscall(SYS_dup, fd) is
 * dup(fd), and goes the same way. Each is the exported function itself. What is a
 * cancellation point as a function and none by number is not here: of it only what is to
 * be noted before and after the call.
 */
#ifndef SHIM_HOOKS_H
#define SHIM_HOOKS_H

#include "shim/real.h"

__typeof__(close_range) hook_close_range;
__typeof__(dup) hook_dup;
__typeof__(dup2) hook_dup2;
__typeof__(dup3) hook_dup3;
__typeof__(execve) hook_execve;
__typeof__(execveat) hook_execveat;
__typeof__(execvpe) hook_execvpe;
__typeof__(fcntl) hook_fcntl;
__typeof__(listen) hook_listen;
__typeof__(prctl) hook_prctl;
__typeof__(shutdown) hook_shutdown;
__typeof__(socket) hook_socket;
__typeof__(setns) hook_setns;
__typeof__(unshare) hook_unshare;
__typeof__(_exit) hook__exit;

/* Around a connect, and around an accept, by whatever name: hook_socket.c. */
void socket_connecting(int fd);
void socket_accepting(int listener);
int socket_accepted(int listener, int fd, uint64_t stamp);

/* Before waiting for a set of descriptors, by whatever name: hook_wait.c. */
void wait_poll(struct pollfd *set, nfds_t count);
void wait_select(int count, const fd_set *to_read, const fd_set *to_write,
		 const fd_set *exceptional);
void wait_epoll(int epoll);
void wait_registered(int epoll, int operation, int fd);

/* The system call behind the thunk: libc's syscall(), or the bare one before it is known. */
extern HIDDEN __typeof__(syscall) *real_syscall;

/* The numbers that hook_syscall() wants to see, one bit each; read by thunks.S. */
extern HIDDEN const uint64_t syscall_watched[8];

/* Where the thunk jumps for those numbers; takes what syscall() takes. */
long hook_syscall(long number, long a, long b, long c, long d, long e, long f);

/* Sets errno from a failed vfork's -errno and returns -1; thunks.S jumps here. */
int vfork_failed(long error);

#endif
