/* SPDX-License-Identifier: MIT */
/*
 * Signals, jumps and cancellation: the ways in which control leaves a blocked call sideways.
 *
 * Timers repeat until the thing has happened, so that no signal can come too early for good.
 */
#include "victim.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static sigjmp_buf way_out;
static volatile sig_atomic_t in_read, ticks;
static int handler_fd, handler_result;

static void tick(int on)
{
	struct itimerval it = {{0, on ? 500 : 0}, {0, on ? 500 : 0}};

	setitimer(ITIMER_REAL, &it, NULL);
}

static void handle(int sig, void (*fn)(int))
{
	struct sigaction sa = {.sa_handler = fn};

	sigemptyset(&sa.sa_mask);
	sigaction(sig, &sa, NULL);
}

static void on_tick(int sig)
{
	(void)sig;
	ticks = ticks + 1;
}

static void on_jump(int sig)
{
	(void)sig;
	if (in_read) {
		siglongjmp(way_out, 1);
	}
}

static void on_close(int sig)
{
	(void)sig;
	handler_result = close(handler_fd);
}

static void on_dup(int sig)
{
	int saved = errno, fd = dup(handler_fd);

	(void)sig;
	if (fd >= 0) {
		close(fd);
	}
	ticks = ticks + 1;
	errno = saved;
}

/* eintr READER: a blocked read that a signal interrupts */
static void verb_eintr(int argc, char **argv)
{
	reader_fn r = reader_find(argc > 1 ? argv[1] : "read");
	char buf[64];
	ssize_t n;

	handle(SIGALRM, on_tick);
	tick(1);
	n = r ? r(cur_fd(), buf, sizeof(buf)) : 0;
	tick(0);
	say("ok %zd eintr=%d", n, n < 0 && errno == EINTR);
}

/* longjmp N: jump out of a blocked read, N times */
static void verb_longjmp(int argc, char **argv)
{
	volatile int left = argc > 1 ? atoi(argv[1]) : 1;
	char buf[64];

	handle(SIGALRM, on_jump);
	tick(1);
	while (left > 0) {
		if (sigsetjmp(way_out, 1) == 0) {
			in_read = 1;
			if (read(cur_fd(), buf, sizeof(buf)) != -1) {
				break;
			}
		}
		in_read = 0;
		left = left - 1;
	}
	tick(0);
	say("ok left=%d", left);
}

/* sigclose: let go of the connection from inside a signal handler */
static void verb_sigclose(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	handler_fd = cur_fd();
	handle(SIGUSR1, on_close);
	raise(SIGUSR1);
	slot_forget(handler_fd);
	say("ok %d", handler_result);
}

/* storm READER WRITER: echo to EOF while a handler dups and closes the same connection */
static void verb_storm(int argc, char **argv)
{
	reader_fn r = argc > 2 ? reader_find(argv[1]) : NULL;
	writer_fn w = argc > 2 ? writer_find(argv[2]) : NULL;
	char buf[512];
	ssize_t n, total = 0;

	handler_fd = cur_fd();
	handle(SIGALRM, on_dup);
	tick(1);
	while (r && w && (n = r(cur_fd(), buf, sizeof(buf))) != 0) {
		if (n > 0 && write_all(w, cur_fd(), buf, (size_t)n) == 0) {
			total += n;
		} else if (errno != EINTR) {
			break;
		}
	}
	tick(0);
	say("ok %zd", total);
}

static void *block_in_read(void *arg)
{
	char buf[64];

	(void)arg;
	return (void *)(intptr_t)read(cur_fd(), buf, sizeof(buf));
}

/* cancel: a thread that is (or is about to be) blocked in read is cancelled and joined */
static void verb_cancel(int argc, char **argv)
{
	pthread_t tid;
	void *end = NULL;

	(void)argc;
	(void)argv;
	if (pthread_create(&tid, NULL, block_in_read, NULL) != 0) {
		say("err no thread");
		return;
	}
	pthread_cancel(tid);
	pthread_join(tid, &end);
	say("ok cancelled=%d", end == PTHREAD_CANCELED);
}

static void *close_cancelled(void *arg)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_cancel(pthread_self());
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	close(cur_fd()); /* a cancellation point: it gets no further, nothing is closed */
	return arg;
}

/* cancel-close: a thread with a pending cancellation enters close */
static void verb_cancel_close(int argc, char **argv)
{
	pthread_t tid;
	void *end = NULL;

	(void)argc;
	(void)argv;
	if (pthread_create(&tid, NULL, close_cancelled, NULL) != 0) {
		say("err no thread");
		return;
	}
	pthread_join(tid, &end);
	say("ok cancelled=%d", end == PTHREAD_CANCELED);
}

const struct verb signal_verbs[] = {
	{"eintr", verb_eintr}, {"longjmp", verb_longjmp}, {"sigclose", verb_sigclose},
	{"storm", verb_storm}, {"cancel", verb_cancel},   {"cancel-close", verb_cancel_close},
	{NULL, NULL},
};
