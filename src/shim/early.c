/* SPDX-License-Identifier: MIT */
/*
 * What a hook calls before the constructor has run, and for ever where libc has
 * no such function: the bare system call, with errno set as libc would.
 *
 * Other libraries' constructors, and malloc replacements in their first call, run
 * before us. Functions that are more than a system call (fork's handlers, stdio)
 * resolve the table on the spot instead: by then ld.so has relocated everything.
 * Never here: anything but the call itself. These are not cancellation points.
 */
#include "shim/real.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

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

/* The way to main: without a libc there is none. */

static int early___libc_start_main(int (*main)(int, char **, char **), int count, char **arguments,
				   void (*init)(void), void (*fini)(void),
				   void (*loader_fini)(void), void *stack_end)
{
	real_resolve();
	if (real.__libc_start_main != early___libc_start_main) {
		return real.__libc_start_main(main, count, arguments, init, fini, loader_fini,
					      stack_end);
	}
	errno = ENOSYS;
	return 127;
}

/* Birth of processes */

static pid_t early_fork(void)
{
	real_resolve();
	if (real.fork != early_fork) {
		return real.fork();
	}
	return (pid_t)CALL(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);
}

static pid_t early__Fork(void)
{
	return (pid_t)CALL(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);
}

static int early_clone(int (*function)(void *), void *stack, int flags, void *argument, ...)
{
	va_list rest;
	pid_t *parent_tid;
	void *tls;
	pid_t *child_tid;

	va_start(rest, argument);
	parent_tid = va_arg(rest, pid_t *);
	tls = va_arg(rest, void *);
	child_tid = va_arg(rest, pid_t *);
	va_end(rest);
	real_resolve();
	if (real.clone != early_clone) {
		return real.clone(function, stack, flags, argument, parent_tid, tls, child_tid);
	}
	errno = ENOSYS;
	return -1;
}

/* libutil's three need a libc; where there is none there is nothing to call them. */
static pid_t early_forkpty(int *terminal, char *name, const struct termios *settings,
			   const struct winsize *size)
{
	real_resolve();
	if (real.forkpty != early_forkpty) {
		return real.forkpty(terminal, name, settings, size);
	}
	errno = ENOSYS;
	return -1;
}

static int early_daemon(int keep_directory, int keep_standard)
{
	real_resolve();
	if (real.daemon != early_daemon) {
		return real.daemon(keep_directory, keep_standard);
	}
	errno = ENOSYS;
	return -1;
}

static int early_login_tty(int fd)
{
	real_resolve();
	if (real.login_tty != early_login_tty) {
		return real.login_tty(fd);
	}
	errno = ENOSYS;
	return -1;
}

static int early_setns(int fd, int type)
{
	return (int)CALL(SYS_setns, fd, type, 0, 0, 0, 0);
}

static int early_unshare(int flags)
{
	return (int)CALL(SYS_unshare, flags, 0, 0, 0, 0, 0);
}

static int early_prctl(int option, ...)
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

static int early_close(int fd)
{
	return (int)CALL(SYS_close, fd, 0, 0, 0, 0, 0);
}

static int early_close_range(unsigned int first, unsigned int last, int flags)
{
	return (int)CALL(SYS_close_range, first, last, flags, 0, 0, 0);
}

static void early_closefrom(int first)
{
	rawsys3(SYS_close_range, first < 0 ? 0 : first, ~0U, 0);
}

static int early_shutdown(int fd, int how)
{
	return (int)CALL(SYS_shutdown, fd, how, 0, 0, 0, 0);
}

static __attribute__((noreturn)) void early__exit(int status)
{
	for (;;) {
		rawsys1(SYS_exit_group, status);
	}
}

static __attribute__((noreturn)) void early_quick_exit(int status)
{
	real_resolve();
	if (real.quick_exit != early_quick_exit) {
		real.quick_exit(status);
	}
	early__exit(status);
}

/* Second descriptors */

static int early_dup(int fd)
{
	return (int)CALL(SYS_dup, fd, 0, 0, 0, 0, 0);
}

static int early_dup3(int from, int to, int flags)
{
	return (int)CALL(SYS_dup3, from, to, flags, 0, 0, 0);
}

static int early_dup2(int from, int to)
{
	/* dup2 of a descriptor onto itself only checks it; dup3 refuses that. */
	if (from == to) {
		return CALL(SYS_fcntl, from, F_GETFD, 0, 0, 0, 0) < 0 ? -1 : to;
	}
	return early_dup3(from, to, 0);
}

static int early_fcntl(int fd, int command, ...)
{
	va_list rest;
	long argument;

	va_start(rest, command);
	argument = va_arg(rest, long);
	va_end(rest);
	return (int)CALL(SYS_fcntl, fd, command, argument, 0, 0, 0);
}

static int early_fcntl64(int fd, int command, ...)
{
	va_list rest;
	long argument;

	va_start(rest, command);
	argument = va_arg(rest, long);
	va_end(rest);
	return early_fcntl(fd, command, argument);
}

/* Acquiring */

static int early_socket(int domain, int type, int protocol)
{
	return (int)CALL(SYS_socket, domain, type, protocol, 0, 0, 0);
}

static int early_connect(int fd, const struct sockaddr *address, socklen_t length)
{
	return (int)CALL(SYS_connect, fd, address, length, 0, 0, 0);
}

static int early_listen(int fd, int backlog)
{
	return (int)CALL(SYS_listen, fd, backlog, 0, 0, 0, 0);
}

static int early_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
	return (int)CALL(SYS_accept4, fd, address, length, flags, 0, 0);
}

static int early_accept(int fd, struct sockaddr *address, socklen_t *length)
{
	return early_accept4(fd, address, length, 0);
}

/* Reading */

static ssize_t early_read(int fd, void *buffer, size_t count)
{
	return CALL(SYS_read, fd, buffer, count, 0, 0, 0);
}

static ssize_t early_readv(int fd, const struct iovec *parts, int count)
{
	return CALL(SYS_readv, fd, parts, count, 0, 0, 0);
}

static ssize_t early_recvfrom(int fd, void *buffer, size_t count, int flags,
			      struct sockaddr *address, socklen_t *length)
{
	return CALL(SYS_recvfrom, fd, buffer, count, flags, address, length);
}

static ssize_t early_recv(int fd, void *buffer, size_t count, int flags)
{
	return early_recvfrom(fd, buffer, count, flags, NULL, NULL);
}

static ssize_t early_recvmsg(int fd, struct msghdr *message, int flags)
{
	return CALL(SYS_recvmsg, fd, message, flags, 0, 0, 0);
}

static int early_recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags,
			  struct timespec *timeout)
{
	return (int)CALL(SYS_recvmmsg, fd, messages, count, flags, timeout, 0);
}

/* A libc without these has no program that calls them: the check is all that is lost. */
static ssize_t early___read_chk(int fd, void *buffer, size_t count, size_t size)
{
	return early_read(fd, buffer, count < size ? count : size);
}

static ssize_t early___recv_chk(int fd, void *buffer, size_t count, size_t size, int flags)
{
	return early_recv(fd, buffer, count < size ? count : size, flags);
}

static ssize_t early___recvfrom_chk(int fd, void *buffer, size_t count, size_t size, int flags,
				    struct sockaddr *address, socklen_t *length)
{
	return early_recvfrom(fd, buffer, count < size ? count : size, flags, address, length);
}

/* Writing */

static ssize_t early_write(int fd, const void *buffer, size_t count)
{
	return CALL(SYS_write, fd, buffer, count, 0, 0, 0);
}

static ssize_t early_writev(int fd, const struct iovec *parts, int count)
{
	return CALL(SYS_writev, fd, parts, count, 0, 0, 0);
}

static ssize_t early_sendto(int fd, const void *buffer, size_t count, int flags,
			    const struct sockaddr *address, socklen_t length)
{
	return CALL(SYS_sendto, fd, buffer, count, flags, address, length);
}

static ssize_t early_send(int fd, const void *buffer, size_t count, int flags)
{
	return early_sendto(fd, buffer, count, flags, NULL, 0);
}

static ssize_t early_sendmsg(int fd, const struct msghdr *message, int flags)
{
	return CALL(SYS_sendmsg, fd, message, flags, 0, 0, 0);
}

static int early_sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
	return (int)CALL(SYS_sendmmsg, fd, messages, count, flags, 0, 0);
}

static ssize_t early_sendfile64(int out, int in, off64_t *offset, size_t count)
{
	return CALL(SYS_sendfile, out, in, offset, count, 0, 0);
}

static ssize_t early_sendfile(int out, int in, off_t *offset, size_t count)
{
	return early_sendfile64(out, in, offset, count);
}

static ssize_t early_splice(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t count,
			    unsigned int flags)
{
	return CALL(SYS_splice, in, in_offset, out, out_offset, count, flags);
}

/* Waiting. The kernel writes back what is left of a timeout; callers of these do not see it. */

enum { KERNEL_SIGSET_BYTES = 8 };

static int early_ppoll(struct pollfd *set, nfds_t count, const struct timespec *timeout,
		       const sigset_t *mask)
{
	struct timespec copy = timeout != NULL ? *timeout : (struct timespec){0, 0};

	return (int)CALL(SYS_ppoll, set, count, timeout != NULL ? &copy : NULL, mask,
			 KERNEL_SIGSET_BYTES, 0);
}

static int early_poll(struct pollfd *set, nfds_t count, int timeout)
{
	struct timespec wait = {timeout / 1000, timeout % 1000 * 1000000L};

	return early_ppoll(set, count, timeout < 0 ? NULL : &wait, NULL);
}

static int early___poll_chk(struct pollfd *set, nfds_t count, int timeout, size_t size)
{
	(void)size;
	return early_poll(set, count, timeout);
}

static int early___ppoll_chk(struct pollfd *set, nfds_t count, const struct timespec *timeout,
			     const sigset_t *mask, size_t size)
{
	(void)size;
	return early_ppoll(set, count, timeout, mask);
}

static int early_pselect(int count, fd_set *readable, fd_set *writable, fd_set *exceptional,
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

static int early_select(int count, fd_set *readable, fd_set *writable, fd_set *exceptional,
			struct timeval *timeout)
{
	struct timespec wait;

	if (timeout == NULL) {
		return early_pselect(count, readable, writable, exceptional, NULL, NULL);
	}
	wait = (struct timespec){timeout->tv_sec, timeout->tv_usec * 1000};
	return early_pselect(count, readable, writable, exceptional, &wait, NULL);
}

static int early_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	return (int)CALL(SYS_epoll_ctl, epoll, operation, fd, event, 0, 0);
}

static int early_epoll_pwait(int epoll, struct epoll_event *events, int count, int timeout,
			     const sigset_t *mask)
{
	return (int)CALL(SYS_epoll_pwait, epoll, events, count, timeout, mask, KERNEL_SIGSET_BYTES);
}

static int early_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout)
{
	return early_epoll_pwait(epoll, events, count, timeout, NULL);
}

static int early_epoll_pwait2(int epoll, struct epoll_event *events, int count,
			      const struct timespec *timeout, const sigset_t *mask)
{
	return (int)CALL(SYS_epoll_pwait2, epoll, events, count, timeout, mask,
			 KERNEL_SIGSET_BYTES);
}

/* Children made inside libc: only libc can make them */

static int early_system(const char *command)
{
	real_resolve();
	if (real.system != early_system) {
		return real.system(command);
	}
	errno = ENOSYS;
	return -1;
}

static FILE *early_popen(const char *command, const char *mode)
{
	real_resolve();
	if (real.popen != early_popen) {
		return real.popen(command, mode);
	}
	errno = ENOSYS;
	return NULL;
}

static int early_posix_spawn(pid_t *pid, const char *path,
			     const posix_spawn_file_actions_t *actions,
			     const posix_spawnattr_t *attributes, char *const arguments[],
			     char *const environment[])
{
	real_resolve();
	if (real.posix_spawn != early_posix_spawn) {
		return real.posix_spawn(pid, path, actions, attributes, arguments, environment);
	}
	return ENOSYS;
}

static int early_posix_spawnp(pid_t *pid, const char *file,
			      const posix_spawn_file_actions_t *actions,
			      const posix_spawnattr_t *attributes, char *const arguments[],
			      char *const environment[])
{
	real_resolve();
	if (real.posix_spawnp != early_posix_spawnp) {
		return real.posix_spawnp(pid, file, actions, attributes, arguments, environment);
	}
	return ENOSYS;
}

static int early_posix_spawn_file_actions_init(posix_spawn_file_actions_t *actions)
{
	real_resolve();
	if (real.posix_spawn_file_actions_init != early_posix_spawn_file_actions_init) {
		return real.posix_spawn_file_actions_init(actions);
	}
	return ENOSYS;
}

static int early_posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *actions)
{
	real_resolve();
	if (real.posix_spawn_file_actions_destroy != early_posix_spawn_file_actions_destroy) {
		return real.posix_spawn_file_actions_destroy(actions);
	}
	return ENOSYS;
}

static int early_posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions, int from,
						  int to)
{
	real_resolve();
	if (real.posix_spawn_file_actions_adddup2 != early_posix_spawn_file_actions_adddup2) {
		return real.posix_spawn_file_actions_adddup2(actions, from, to);
	}
	return ENOSYS;
}

/* New program images */

static int early_execveat(int directory, const char *path, char *const arguments[],
			  char *const environment[], int flags)
{
	return (int)CALL(SYS_execveat, directory, path, arguments, environment, flags, 0);
}

static int early_execve(const char *path, char *const arguments[], char *const environment[])
{
	return (int)CALL(SYS_execve, path, arguments, environment, 0, 0, 0);
}

static int early_execvpe(const char *file, char *const arguments[], char *const environment[])
{
	real_resolve();
	if (real.execvpe != early_execvpe) {
		return real.execvpe(file, arguments, environment);
	}
	return early_execve(file, arguments, environment);
}

static int early_fexecve(int fd, char *const arguments[], char *const environment[])
{
	return early_execveat(fd, "", arguments, environment, AT_EMPTY_PATH);
}

/* Streams: no system call can stand in for them */

static FILE *early_fdopen(int fd, const char *mode)
{
	real_resolve();
	if (real.fdopen != early_fdopen) {
		return real.fdopen(fd, mode);
	}
	errno = ENOSYS;
	return NULL;
}

static int early_fclose(FILE *stream)
{
	real_resolve();
	if (real.fclose != early_fclose) {
		return real.fclose(stream);
	}
	errno = ENOSYS;
	return EOF;
}

static FILE *early_freopen(const char *path, const char *mode, FILE *stream)
{
	real_resolve();
	if (real.freopen != early_freopen) {
		return real.freopen(path, mode, stream);
	}
	errno = ENOSYS;
	return NULL;
}

static FILE *early_freopen64(const char *path, const char *mode, FILE *stream)
{
	real_resolve();
	if (real.freopen64 != early_freopen64) {
		return real.freopen64(path, mode, stream);
	}
	return early_freopen(path, mode, stream);
}

struct real real = {
#define HOOK(name)         .name = early_##name,
#define HOOK_AS(name, ...) .name = early_##name,
#include "shim/hooks.def"
#undef HOOK
#undef HOOK_AS
};
