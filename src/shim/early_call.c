/* SPDX-License-Identifier: MIT */
/*
 * The bare system calls; see early.h. Results are libc's: a value, or -1 and errno.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>

#include "shim/early.h"
#include "sys/rawsys.h"

static long early_result(long rc)
{
	if (rc < 0) {
		errno = (int)-rc;
		return -1;
	}
	return rc;
}

#define CALL(nr, a, b, c, d, e, f)                                                                 \
	early_result(                                                                              \
		rawsys6((nr), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f)))

/* Birth of processes */

pid_t early__Fork(void)
{
	return (pid_t)CALL(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);
}

int early_setns(int fd, int type)
{
	return (int)CALL(SYS_setns, fd, type, 0, 0, 0, 0);
}

int early_unshare(int flags)
{
	return (int)CALL(SYS_unshare, flags, 0, 0, 0, 0, 0);
}

int early_prctl(int option, ...)
{
	va_list rest;
	long arguments[4];

	va_start(rest, option);
	for (int i = 0; i < 4; i++) {
		arguments[i] = va_arg(rest, long);
	}
	va_end(rest);
	return (int)CALL(SYS_prctl, option, arguments[0], arguments[1], arguments[2], arguments[3],
			 0);
}
/* Letting go */

int early_close(int fd)
{
	return (int)CALL(SYS_close, fd, 0, 0, 0, 0, 0);
}

int early_close_range(unsigned int first, unsigned int last, int flags)
{
	return (int)CALL(SYS_close_range, first, last, flags, 0, 0, 0);
}

void early_closefrom(int first)
{
	rawsys3(SYS_close_range, first < 0 ? 0 : first, ~0U, 0);
}

int early_shutdown(int fd, int how)
{
	return (int)CALL(SYS_shutdown, fd, how, 0, 0, 0, 0);
}

void early__exit(int status)
{
	for (;;) {
		rawsys1(SYS_exit_group, status);
	}
}
/* Second descriptors */

int early_dup(int fd)
{
	return (int)CALL(SYS_dup, fd, 0, 0, 0, 0, 0);
}

int early_dup3(int from, int to, int flags)
{
	return (int)CALL(SYS_dup3, from, to, flags, 0, 0, 0);
}

int early_dup2(int from, int to)
{
	/* dup2 of a descriptor onto itself only checks it; dup3 refuses that. */
	if (from == to) {
		return CALL(SYS_fcntl, from, F_GETFD, 0, 0, 0, 0) < 0 ? -1 : to;
	}
	return early_dup3(from, to, 0);
}

int early_fcntl(int fd, int command, ...)
{
	va_list rest;
	long argument;

	va_start(rest, command);
	argument = va_arg(rest, long);
	va_end(rest);
	return (int)CALL(SYS_fcntl, fd, command, argument, 0, 0, 0);
}

int early_fcntl64(int fd, int command, ...)
{
	va_list rest;
	long argument;

	va_start(rest, command);
	argument = va_arg(rest, long);
	va_end(rest);
	return early_fcntl(fd, command, argument);
}
/* Acquiring */

int early_socket(int domain, int type, int protocol)
{
	return (int)CALL(SYS_socket, domain, type, protocol, 0, 0, 0);
}

int early_connect(int fd, const struct sockaddr *address, socklen_t length)
{
	return (int)CALL(SYS_connect, fd, address, length, 0, 0, 0);
}

int early_listen(int fd, int backlog)
{
	return (int)CALL(SYS_listen, fd, backlog, 0, 0, 0, 0);
}

int early_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
	return (int)CALL(SYS_accept4, fd, address, length, flags, 0, 0);
}

int early_accept(int fd, struct sockaddr *address, socklen_t *length)
{
	return early_accept4(fd, address, length, 0);
}

int early_pidfd_getfd(int process, int fd, unsigned int flags)
{
	return (int)CALL(SYS_pidfd_getfd, process, fd, flags, 0, 0, 0);
}
/* Reading */

ssize_t early_read(int fd, void *buffer, size_t count)
{
	return CALL(SYS_read, fd, buffer, count, 0, 0, 0);
}

ssize_t early_readv(int fd, const struct iovec *parts, int count)
{
	return CALL(SYS_readv, fd, parts, count, 0, 0, 0);
}
ssize_t early_preadv2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
	return CALL(SYS_preadv2, fd, parts, count, offset, 0, flags);
}

ssize_t early_recvfrom(int fd, void *buffer, size_t count, int flags, struct sockaddr *address,
		       socklen_t *length)
{
	return CALL(SYS_recvfrom, fd, buffer, count, flags, address, length);
}

ssize_t early_recv(int fd, void *buffer, size_t count, int flags)
{
	return early_recvfrom(fd, buffer, count, flags, NULL, NULL);
}

ssize_t early_recvmsg(int fd, struct msghdr *message, int flags)
{
	return CALL(SYS_recvmsg, fd, message, flags, 0, 0, 0);
}

int early_recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags,
		   struct timespec *timeout)
{
	return (int)CALL(SYS_recvmmsg, fd, messages, count, flags, timeout, 0);
}

/* A libc without these has no program that calls them: the check is all that is lost. */
ssize_t early___read_chk(int fd, void *buffer, size_t count, size_t size)
{
	return early_read(fd, buffer, count < size ? count : size);
}

ssize_t early___recv_chk(int fd, void *buffer, size_t count, size_t size, int flags)
{
	return early_recv(fd, buffer, count < size ? count : size, flags);
}

ssize_t early___recvfrom_chk(int fd, void *buffer, size_t count, size_t size, int flags,
			     struct sockaddr *address, socklen_t *length)
{
	return early_recvfrom(fd, buffer, count < size ? count : size, flags, address, length);
}
/* Writing */

ssize_t early_write(int fd, const void *buffer, size_t count)
{
	return CALL(SYS_write, fd, buffer, count, 0, 0, 0);
}

ssize_t early_writev(int fd, const struct iovec *parts, int count)
{
	return CALL(SYS_writev, fd, parts, count, 0, 0, 0);
}
ssize_t early_pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
	return CALL(SYS_pwritev2, fd, parts, count, offset, 0, flags);
}

ssize_t early_sendto(int fd, const void *buffer, size_t count, int flags,
		     const struct sockaddr *address, socklen_t length)
{
	return CALL(SYS_sendto, fd, buffer, count, flags, address, length);
}

ssize_t early_send(int fd, const void *buffer, size_t count, int flags)
{
	return early_sendto(fd, buffer, count, flags, NULL, 0);
}

ssize_t early_sendmsg(int fd, const struct msghdr *message, int flags)
{
	return CALL(SYS_sendmsg, fd, message, flags, 0, 0, 0);
}

int early_sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
	return (int)CALL(SYS_sendmmsg, fd, messages, count, flags, 0, 0);
}

ssize_t early_sendfile64(int out, int in, off64_t *offset, size_t count)
{
	return CALL(SYS_sendfile, out, in, offset, count, 0, 0);
}

ssize_t early_sendfile(int out, int in, off_t *offset, size_t count)
{
	return early_sendfile64(out, in, offset, count);
}

ssize_t early_splice(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t count,
		     unsigned int flags)
{
	return CALL(SYS_splice, in, in_offset, out, out_offset, count, flags);
}
/* Waiting. The kernel writes back what is left of a timeout; callers of these do not see it. */

enum { KERNEL_SIGSET_BYTES = 8 };

int early_ppoll(struct pollfd *set, nfds_t count, const struct timespec *timeout,
		const sigset_t *mask)
{
	struct timespec copy = timeout != NULL ? *timeout : (struct timespec){0, 0};

	return (int)CALL(SYS_ppoll, set, count, timeout != NULL ? &copy : NULL, mask,
			 KERNEL_SIGSET_BYTES, 0);
}

int early_poll(struct pollfd *set, nfds_t count, int timeout)
{
	struct timespec wait = {timeout / 1000, timeout % 1000 * 1000000L};

	return early_ppoll(set, count, timeout < 0 ? NULL : &wait, NULL);
}

int early___poll_chk(struct pollfd *set, nfds_t count, int timeout, size_t size)
{
	(void)size;
	return early_poll(set, count, timeout);
}

int early___ppoll_chk(struct pollfd *set, nfds_t count, const struct timespec *timeout,
		      const sigset_t *mask, size_t size)
{
	(void)size;
	return early_ppoll(set, count, timeout, mask);
}

int early_pselect(int count, fd_set *readable, fd_set *writable, fd_set *exceptional,
		  const struct timespec *timeout, const sigset_t *mask)
{
	struct timespec copy = timeout != NULL ? *timeout : (struct timespec){0, 0};
	struct {
		const sigset_t *mask;
		size_t size;
	} with_size = {mask, KERNEL_SIGSET_BYTES};

	return (int)CALL(SYS_pselect6, count, readable, writable, exceptional,
			 timeout != NULL ? &copy : NULL, &with_size);
}

int early_select(int count, fd_set *readable, fd_set *writable, fd_set *exceptional,
		 struct timeval *timeout)
{
	struct timespec wait;

	if (timeout == NULL) {
		return early_pselect(count, readable, writable, exceptional, NULL, NULL);
	}
	wait = (struct timespec){timeout->tv_sec, timeout->tv_usec * 1000};
	return early_pselect(count, readable, writable, exceptional, &wait, NULL);
}

int early_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	return (int)CALL(SYS_epoll_ctl, epoll, operation, fd, event, 0, 0);
}

int early_epoll_pwait(int epoll, struct epoll_event *events, int count, int timeout,
		      const sigset_t *mask)
{
	return (int)CALL(SYS_epoll_pwait, epoll, events, count, timeout, mask, KERNEL_SIGSET_BYTES);
}

int early_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout)
{
	return early_epoll_pwait(epoll, events, count, timeout, NULL);
}

int early_epoll_pwait2(int epoll, struct epoll_event *events, int count,
		       const struct timespec *timeout, const sigset_t *mask)
{
	return (int)CALL(SYS_epoll_pwait2, epoll, events, count, timeout, mask,
			 KERNEL_SIGSET_BYTES);
}
/* New program images */

int early_execveat(int directory, const char *path, char *const arguments[],
		   char *const environment[], int flags)
{
	return (int)CALL(SYS_execveat, directory, path, arguments, environment, flags, 0);
}

int early_execve(const char *path, char *const arguments[], char *const environment[])
{
	return (int)CALL(SYS_execve, path, arguments, environment, 0, 0, 0);
}

int early_fexecve(int fd, char *const arguments[], char *const environment[])
{
	return early_execveat(fd, "", arguments, environment, AT_EMPTY_PATH);
}
