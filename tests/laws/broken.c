/* SPDX-License-Identifier: MIT */
/*
 * A preload that breaks one law: -DBREAK_ERRNO and so on. `run` puts it in front of the shim and
 * demands that the test of that law turns red; a test that does not proves nothing.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

extern char **environ;

#ifdef BREAK_ERRNO /* a success changes errno */
int dup2(int from, int to)
{
	int result = NEXT(dup2)(from, to);

	errno = 0;
	return result;
}
#endif

#ifdef BREAK_RESULT /* another error than the real one */
int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
	int result = NEXT(accept4)(fd, address, length, flags);

	if (result < 0 && errno == EINVAL) {
		errno = EBADF;
	}
	return result;
}
#endif

#ifdef BREAK_TOUCH /* the set is looked at before the kernel has */
int pselect(int count, fd_set *to_read, fd_set *to_write, fd_set *exceptional,
	    const struct timespec *timeout, const sigset_t *mask)
{
	volatile int first = count > 0 && to_read != NULL && FD_ISSET(0, to_read);

	(void)first;
	return NEXT(pselect)(count, to_read, to_write, exceptional, timeout, mask);
}
#endif

#ifdef BREAK_NO_POINT /* read is no cancellation point any more */
ssize_t read(int fd, void *buffer, size_t count)
{
	return syscall(SYS_read, fd, buffer, count);
}
#endif

#ifdef BREAK_A_POINT /* and dup is one */
int dup(int fd)
{
	pthread_testcancel();
	return NEXT(dup)(fd);
}
#endif

#ifdef BREAK_STATE /* a depth that is counted across a call that blocks */
static __thread int depth;

ssize_t read(int fd, void *buffer, size_t count)
{
	ssize_t result;

	depth++;
	result = NEXT(read)(fd, buffer, count);
	depth--;
	return result;
}

int close(int fd)
{
	long result = SYS_close;

	if (depth > 0) { /* "unknown", so past all hooks */
#if defined(__x86_64__)
		__asm__ volatile("syscall" : "+a"(result) : "D"((long)fd) : "rcx", "r11", "memory");
#endif
		return (int)result;
	}
	return NEXT(close)(fd);
}
#endif

#ifdef BREAK_SANDBOX /* one system call of our own */
ssize_t read(int fd, void *buffer, size_t count)
{
	static ssize_t (*real)(int, void *, size_t);

	if (real == NULL) {
		real = NEXT(read);
	}
	syscall(SYS_getppid);
	return real(fd, buffer, count);
}
#endif

#ifdef BREAK_FIRST_DESCRIPTORS /* a descriptor of ours that the program closes */
int socket(int domain, int type, int protocol)
{
	static int mine;
	int fd = NEXT(socket)(domain, type, protocol);

	if (mine == 0) {
		mine = 6;
	}
	if (fd > mine && write(mine, "x", 1) != 1) {
		errno = 0;
	}
	return fd;
}
#endif

#ifdef BREAK_STREAM /* a stream without a descriptor is not closed */
int fclose(FILE *stream)
{
	return fileno(stream) < 0 ? -1 : NEXT(fclose)(stream);
}
#endif

#ifdef BREAK_CUT                  /* one close in a thousand is taken for the last one */
static int (*next_close)(int fd); /* found at the start: a forked child may not ask the loader */

int close(int fd)
{
	static int count;

	if (__atomic_add_fetch(&count, 1, __ATOMIC_RELAXED) % 1000 == 0) {
		shutdown(fd, SHUT_RDWR);
	}
	return next_close(fd);
}
#endif

__attribute__((unused)) static void *sleep_for_ever(void *unused)
{
	pause();
	return unused;
}

__attribute__((constructor)) static void begin(void)
{
	int saved = errno;
	__attribute__((unused)) pthread_t thread;
	__attribute__((unused)) sigset_t set;

#ifdef BREAK_CUT
	next_close = NEXT(close);
#endif
#ifdef BREAK_DESCRIPTOR
	open("/dev/null", O_RDONLY);
#endif
#ifdef BREAK_ENVIRONMENT
	setenv("SENDFIN_LEDGER", "1", 1);
#endif
#ifdef BREAK_VECTOR
	{
		char **last = environ;

		while (last[1] != NULL) {
			last++;
		}
		*last = NULL;
	}
#endif
#ifdef BREAK_STDERR
	if (write(2, "x", 1) != 1) {
		errno = 0;
	}
#endif
#ifdef BREAK_THREAD
	pthread_create(&thread, NULL, sleep_for_ever, NULL);
#endif
#ifdef BREAK_MASK
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
#endif
#ifdef BREAK_ERRNO_AT_MAIN
	saved = EBADF;
#endif
	errno = saved;
}

#ifdef BREAK_STATUS
__attribute__((destructor)) static void end(void)
{
	_exit(0);
}
#endif
