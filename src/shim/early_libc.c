/* SPDX-License-Identifier: MIT */
/*
 * What only libc can do; see early.h. A libc that lacks a function has no program that
 * needs it, so there it fails as an unknown system call would.
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>

#include "shim/early.h"

static int missing(void)
{
	errno = ENOSYS;
	return -1;
}

/* Looks libc's function up and leaves to it, if there is one. */
#define FROM_LIBC(name, arguments)                                                                 \
	do {                                                                                       \
		real_resolve();                                                                    \
		if (real.name != early_##name) {                                                   \
			return real.name arguments;                                                \
		}                                                                                  \
	} while (0)

pid_t early_fork(void)
{
	FROM_LIBC(fork, ());
	return early__Fork();
}

int early_clone(int (*function)(void *), void *stack, int flags, void *argument, ...)
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
	FROM_LIBC(clone, (function, stack, flags, argument, parent_tid, tls, child_tid));
	return missing();
}

pid_t early_forkpty(int *terminal, char *name, const struct termios *settings,
		    const struct winsize *size)
{
	FROM_LIBC(forkpty, (terminal, name, settings, size));
	return missing();
}

int early_daemon(int keep_directory, int keep_standard)
{
	FROM_LIBC(daemon, (keep_directory, keep_standard));
	return missing();
}

int early_login_tty(int fd)
{
	FROM_LIBC(login_tty, (fd));
	return missing();
}

void early_quick_exit(int status)
{
	real_resolve();
	if (real.quick_exit != early_quick_exit) {
		real.quick_exit(status);
	}
	early__exit(status);
	__builtin_unreachable();
}

int early_system(const char *command)
{
	FROM_LIBC(system, (command));
	return missing();
}

FILE *early_popen(const char *command, const char *mode)
{
	FROM_LIBC(popen, (command, mode));
	missing();
	return NULL;
}

int early_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		      const posix_spawnattr_t *attributes, char *const arguments[],
		      char *const environment[])
{
	FROM_LIBC(posix_spawn, (pid, path, actions, attributes, arguments, environment));
	return ENOSYS;
}

int early_posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attributes, char *const arguments[],
		       char *const environment[])
{
	FROM_LIBC(posix_spawnp, (pid, file, actions, attributes, arguments, environment));
	return ENOSYS;
}

int early_posix_spawn_file_actions_init(posix_spawn_file_actions_t *actions)
{
	FROM_LIBC(posix_spawn_file_actions_init, (actions));
	return ENOSYS;
}

int early_posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *actions)
{
	FROM_LIBC(posix_spawn_file_actions_destroy, (actions));
	return ENOSYS;
}

int early_posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions, int from, int to)
{
	FROM_LIBC(posix_spawn_file_actions_adddup2, (actions, from, to));
	return ENOSYS;
}

int early_execvpe(const char *file, char *const arguments[], char *const environment[])
{
	FROM_LIBC(execvpe, (file, arguments, environment));
	return early_execve(file, arguments, environment);
}

FILE *early_fdopen(int fd, const char *mode)
{
	FROM_LIBC(fdopen, (fd, mode));
	missing();
	return NULL;
}

int early_fclose(FILE *stream)
{
	FROM_LIBC(fclose, (stream));
	return missing();
}

FILE *early_freopen(const char *path, const char *mode, FILE *stream)
{
	FROM_LIBC(freopen, (path, mode, stream));
	missing();
	return NULL;
}

FILE *early_freopen64(const char *path, const char *mode, FILE *stream)
{
	FROM_LIBC(freopen64, (path, mode, stream));
	return early_freopen(path, mode, stream);
}

int early_pclose(FILE *stream)
{
	FROM_LIBC(pclose, (stream));
	return missing();
}

int early_vdprintf(int fd, const char *format, va_list rest)
{
	FROM_LIBC(vdprintf, (fd, format, rest));
	return missing();
}

int early___vdprintf_chk(int fd, int level, const char *format, va_list rest)
{
	FROM_LIBC(__vdprintf_chk, (fd, level, format, rest));
	return early_vdprintf(fd, format, rest);
}
