/* SPDX-License-Identifier: MIT */
/*
 * Which calls are cancellation points? A thread with a cancellation pending makes each of them,
 * on the watched connection, on something else, and on nothing; it is cancelled in there or not.
 *
 * The cleanup handler must run, once. Made by number, through syscall(), none is a point; as a
 * function, each is one exactly where libc's own is. Whatever was cancelled must not have happened:
 * at the end the connection is still there and can be let go as ever.
 */
#include "laws.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

static int epoll_fd, cleaned_up;
static char room[64];
static struct iovec part = {room, 1};
static const struct timespec no_time = {0, 0};
static struct epoll_event event;

static struct msghdr *message(void)
{
	static struct msghdr it;

	it = (struct msghdr){.msg_iov = &part, .msg_iovlen = 1};
	return &it;
}

static struct mmsghdr *messages(void)
{
	static struct mmsghdr them;

	them.msg_hdr = *message();
	return &them;
}

static struct pollfd *poll_set(int fd)
{
	static struct pollfd set;

	set = (struct pollfd){.fd = fd, .events = POLLIN};
	return &set;
}

static int select_one(int fd, int is_pselect)
{
	fd_set set;
	struct timeval none = {0, 0};

	FD_ZERO(&set);
	if (fd >= 0 && fd < FD_SETSIZE) {
		FD_SET(fd, &set);
	}
	return is_pselect ? pselect(FD_SETSIZE, &set, NULL, NULL, &no_time, NULL)
			  : select(FD_SETSIZE, &set, NULL, NULL, &none);
}

#define CALLS(X)                                                                                   \
	X(read, read(fd, room, 1))                                                                 \
	X(readv, readv(fd, &part, 1))                                                              \
	X(recv, recv(fd, room, 1, MSG_DONTWAIT))                                                   \
	X(recvfrom, recvfrom(fd, room, 1, MSG_DONTWAIT, NULL, NULL))                               \
	X(recvmsg, recvmsg(fd, message(), MSG_DONTWAIT))                                           \
	X(recvmmsg, recvmmsg(fd, messages(), 1, MSG_DONTWAIT, NULL))                               \
	X(write, write(fd, room, 0))                                                               \
	X(writev, writev(fd, &part, 0))                                                            \
	X(send, send(fd, room, 0, MSG_DONTWAIT))                                                   \
	X(sendto, sendto(fd, room, 0, MSG_DONTWAIT, NULL, 0))                                      \
	X(sendmsg, sendmsg(fd, message(), MSG_OOB | MSG_DONTWAIT | MSG_NOSIGNAL))                  \
	X(sendmmsg, sendmmsg(fd, messages(), 0, MSG_DONTWAIT))                                     \
	X(sendfile, sendfile(fd, -1, NULL, 1))                                                     \
	X(splice, splice(fd, NULL, -1, NULL, 1, 0))                                                \
	X(poll, poll(poll_set(fd), 1, 0))                                                          \
	X(ppoll, ppoll(poll_set(fd), 1, &no_time, NULL))                                           \
	X(select, select_one(fd, 0))                                                               \
	X(pselect, select_one(fd, 1))                                                              \
	X(epoll_ctl, epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &event))                               \
	X(epoll_wait, epoll_wait(epoll_fd, &event, 1, 0))                                          \
	X(epoll_pwait, epoll_pwait(epoll_fd, &event, 1, 0, NULL))                                  \
	X(socket, close(socket(AF_UNIX, SOCK_STREAM, 0)))                                          \
	X(connect, connect(fd, NULL, 0))                                                           \
	X(listen, listen(-1, 1))                                                                   \
	X(accept, accept(fd, NULL, NULL))                                                          \
	X(accept4, accept4(fd, NULL, NULL, 0))                                                     \
	X(shutdown, shutdown(fd, 7))                                                               \
	X(dup, syscall(SYS_close, dup(fd)))                                                        \
	X(dup2, dup2(fd, fd))                                                                      \
	X(dup3, dup3(fd, fd, 0))                                                                   \
	X(fcntl, fcntl(fd, F_GETFD))                                                               \
	X(fcntl_dup, syscall(SYS_close, fcntl(fd, F_DUPFD, 90)))                                   \
	X(fcntl_lock, fcntl(fd, F_SETLKW, NULL))                                                   \
	X(execve, execve("/nowhere", (char *[]){NULL}, (char *[]){NULL}))                          \
	X(execl, execl("/nowhere", "", (char *)NULL))                                              \
	X(fork, fork_and_wait(fork()))                                                             \
	X(_Fork, fork_and_wait(_Fork()))                                                           \
	X(system, system(NULL))                                                                    \
	X(by_number_read, syscall(SYS_read, fd, room, 1))                                          \
	X(by_number_recvmsg, syscall(SYS_recvmsg, fd, message(), MSG_DONTWAIT))                    \
	X(by_number_write, syscall(SYS_write, fd, room, 0))                                        \
	X(by_number_ppoll, syscall(SYS_ppoll, poll_set(fd), 1, &no_time, NULL, 8))                 \
	X(by_number_accept, syscall(SYS_accept4, fd, NULL, NULL, 0))                               \
	X(by_number_connect, syscall(SYS_connect, fd, NULL, 0))                                    \
	X(by_number_close, syscall(SYS_close, fd == 1 ? -1 : syscall(SYS_dup, fd)))                \
	X(by_number_dup, syscall(SYS_close, syscall(SYS_dup, fd)))                                 \
	X(by_number_fcntl, syscall(SYS_fcntl, fd, F_GETFD))                                        \
	X(by_number_shutdown, syscall(SYS_shutdown, fd, 7))

static long fork_and_wait(pid_t pid)
{
	int state, status;

	if (pid == 0) {
		_exit(0);
	}
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	waitpid(pid, &status, 0);
	pthread_setcancelstate(state, NULL);
	return status;
}

static const char *const names[] = {
#define NAME(name, call) #name,
	CALLS(NAME)
#undef NAME
		"close",
};

enum { COUNT = sizeof(names) / sizeof(names[0]) };

static long make(size_t which, int fd)
{
	size_t i = 0;

#define CASE(name, call)                                                                           \
	if (which == i++) {                                                                        \
		return (long)(call);                                                               \
	}
	CALLS(CASE)
#undef CASE
	return close(fd); /* the last: it is a point, and does not get there */
}

struct job {
	size_t which;
	int fd;
};

static void clean_up(void *unused)
{
	(void)unused;
	cleaned_up++;
}

static void *with_cancellation_pending(void *argument)
{
	const struct job *job = argument;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_cancel(pthread_self());
	pthread_cleanup_push(clean_up, NULL);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	make(job->which, job->fd);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_cleanup_pop(0);
	return NULL;
}

static void say(size_t which, const char *what, int fd)
{
	struct job job = {which, fd};
	pthread_t thread;
	void *end = NULL;

	cleaned_up = 0;
	if (pthread_create(&thread, NULL, with_cancellation_pending, &job) != 0) {
		die("pthread_create");
	}
	pthread_join(thread, &end);
	printf(" %s=%d/%d", what, end == PTHREAD_CANCELED, cleaned_up);
}

int main(void)
{
	struct pair pair = connect_pair();
	int two[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, two) < 0) {
		die("socketpair");
	}
	fcntl(pair.server, F_SETFL, O_NONBLOCK);
	fcntl(pair.listener, F_SETFL, O_NONBLOCK);
	epoll_fd = epoll_create1(0);
	event.events = EPOLLIN;
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pair.server, &event);
	signal(SIGPIPE, SIG_IGN);
	share();
	for (size_t which = 0; which < COUNT; which++) {
		printf("%s:", names[which]);
		say(which, "watched", pair.server);
		say(which, "other", two[0]);
		say(which, "listener", pair.listener);
		say(which, "none", -1);
		printf(" open=%d%d\n", fcntl(pair.server, F_GETFD), fcntl(two[0], F_GETFD));
	}
	fcntl(pair.listener, F_SETFL, 0);
	say_cure(pair.listener);
	return 0;
}
