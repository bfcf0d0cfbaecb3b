/* SPDX-License-Identifier: MIT */
/*
 * A preload whose constructor makes a thread that forks at once, so that it is the thread that
 * looks libc's functions up; and one of them is an indirect function of this library, which takes
 * its time. The constructor of the shim runs in the midst of that.
 */
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile int is_slow;

static void nap(long ms)
{
	struct timespec time = {0, ms * 1000000};

	syscall(SYS_nanosleep, &time, NULL);
}

static int own_clock_gettime(clockid_t clock, struct timespec *now)
{
	return (int)syscall(SYS_clock_gettime, clock, now);
}

__attribute__((used)) static int (*resolve(void))(clockid_t, struct timespec *)
{
	if (is_slow) {
		is_slow = 0;
		nap(200);
	}
	return own_clock_gettime;
}

int clock_gettime(clockid_t clock, struct timespec *now) __attribute__((ifunc("resolve")));

static void *fork_once(void *unused)
{
	pid_t pid;

	is_slow = 1;
	pid = fork();
	if (pid == 0) {
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return unused;
}

__attribute__((constructor)) static void begin(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, fork_once, NULL) == 0) {
		pthread_detach(thread);
		nap(50);
	}
}

/* The thread is through before the program is. */
__attribute__((destructor)) static void end(void)
{
	nap(300);
}
