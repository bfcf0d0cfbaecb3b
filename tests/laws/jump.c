/* SPDX-License-Identifier: MIT */
/*
 * jump [TIMES]: a signal handler jumps out of every blocking call, a thousand times each.
 *
 * No state may be kept across a call that blocks: nobody would come back for it. Afterwards the
 * connection is let go as ever, and no call may have got slower of mind.
 */
#include "laws.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/uio.h>

enum { TIMES = 1000, TICK_US = 150 };

static sigjmp_buf way_out;
static volatile sig_atomic_t is_inside;
static struct pair pair;
static int epoll_fd, pipe_in;
static char room[64 * 1024];
static struct iovec part = {room, sizeof(room)};
static struct msghdr message;
static struct mmsghdr messages;

static void on_tick(int sig)
{
	(void)sig;
	if (is_inside) {
		siglongjmp(way_out, 1);
	}
}

static void tick(int is_on)
{
	struct itimerval timer = {{0, is_on ? TICK_US : 0}, {0, is_on ? TICK_US : 0}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static int by_poll(int with_mask)
{
	struct pollfd set[2] = {{pair.server, POLLIN, 0}, {pair.listener, POLLIN, 0}};

	return with_mask ? ppoll(set, 2, NULL, NULL) : poll(set, 2, -1);
}

static int by_select(int with_mask)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(pair.server, &set);
	FD_SET(pair.listener, &set);
	return with_mask ? pselect(64, &set, NULL, NULL, NULL, NULL)
			 : select(64, &set, NULL, NULL, NULL);
}

static int wait_for_child(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		close(99);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return pause();
}

#define CALLS(X)                                                                                   \
	X(read, read(pair.server, room, 1))                                                        \
	X(readv, readv(pair.server, &part, 1))                                                     \
	X(recv, recv(pair.server, room, 1, 0))                                                     \
	X(recvfrom, recvfrom(pair.server, room, 1, 0, NULL, NULL))                                 \
	X(recvmsg, recvmsg(pair.server, &message, 0))                                              \
	X(recvmmsg, recvmmsg(pair.server, &messages, 1, 0, NULL))                                  \
	X(accept, accept(pair.listener, NULL, NULL))                                               \
	X(accept4, accept4(pair.listener, NULL, NULL, SOCK_CLOEXEC))                               \
	X(poll, by_poll(0))                                                                        \
	X(ppoll, by_poll(1))                                                                       \
	X(select, by_select(0))                                                                    \
	X(pselect, by_select(1))                                                                   \
	X(epoll_wait, epoll_wait(epoll_fd, (struct epoll_event[1]){{0}}, 1, -1))                   \
	X(epoll_pwait, epoll_pwait(epoll_fd, (struct epoll_event[1]){{0}}, 1, -1, NULL))           \
	X(splice, splice(pair.server, NULL, pipe_in, NULL, 1, 0))                                  \
	X(write, write(pipe_in, room, sizeof(room)))                                               \
	X(writev, writev(pipe_in, &part, 1))                                                       \
	X(vfork, wait_for_child())                                                                 \
	X(nanosleep, usleep(999999))

static long make(int which)
{
	int i = 0;

#define CASE(name, call)                                                                           \
	if (which == i++) {                                                                        \
		return (long)(call);                                                               \
	}
	CALLS(CASE)
#undef CASE
	return -2;
}

static const char *const names[] = {
#define NAME(name, call) #name,
	CALLS(NAME)
#undef NAME
};

static void set_up(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_NODEFER};
	int two[2];

	pair = connect_pair();
	if (pipe(two) < 0) {
		die("pipe");
	}
	pipe_in = two[1];
	epoll_fd = epoll_create1(0);
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pair.server, &event);
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pair.listener, &event);
	message.msg_iov = messages.msg_hdr.msg_iov = &part;
	message.msg_iovlen = messages.msg_hdr.msg_iovlen = 1;
	sigaction(SIGALRM, &action, NULL);
	share();
}

int main(int argc, char **argv)
{
	volatile int times = argc > 1 ? atoi(argv[1]) : TIMES;

	set_up();
	for (volatile int which = 0; which < (int)(sizeof(names) / sizeof(names[0])); which++) {
		volatile int jumped = 0, came_back = 0;

		tick(1);
		while (jumped < times && came_back < 3) {
			if (sigsetjmp(way_out, 1) == 0) {
				is_inside = 1;
				make(which);
				is_inside = 0;
				came_back++;
			} else {
				is_inside = 0;
				jumped++;
			}
		}
		tick(0);
		printf("%s: %d jumps\n", names[which], jumped >= times ? times : jumped);
	}
	say_cure(pair.listener);
	return 0;
}
