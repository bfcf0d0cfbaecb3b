/* SPDX-License-Identifier: MIT */
/*
 * A library that calls every kind of hook where nobody expects it: in its constructor and its
 * destructor, around fork on all three sides, when a thread's own data is destroyed, and in the
 * handlers of exit. It is preloaded in front of the shim and behind it, as a plain one and as one
 * that claims to be initialised first.
 *
 * It says what it saw at the end, in one line; alone and with the shim it must say the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned int seen = 2166136261u;
static int places;
static pthread_key_t key;

static void note(long result)
{
	seen = (seen ^ (unsigned int)(result < 0 ? -errno : result > 2 ? 3 : result)) * 16777619u;
}

static void play_with_descriptors(void)
{
	int two[2] = {-1, -1}, high;
	char byte = 'x';
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct pollfd set = {.events = POLLIN};

	note(socketpair(AF_UNIX, SOCK_STREAM, 0, two));
	note(write(two[0], &byte, 1));
	note(read(two[1], &byte, 1));
	note(writev(two[0], &part, 1));
	note(readv(two[1], &part, 1));
	note(sendmsg(two[0], &message, 0));
	note(recvmsg(two[1], &message, 0));
	note(send(two[0], &byte, 1, 0));
	note(recv(two[1], &byte, 1, 0));
	set.fd = two[1];
	note(poll(&set, 1, 0));
	note(dup2(two[0], two[1]));
	high = fcntl(two[0], F_DUPFD_CLOEXEC, 90);
	note(high);
	note(close(high));
	note(syscall(SYS_close, dup(two[0])));
	note(shutdown(two[0], SHUT_RDWR));
	note(close(two[0]));
	note(close(two[1]));
	note(close(-1));
}

static void play_with_sockets(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int events = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN};

	note(listen(fd, 1));
	note(accept(fd, NULL, NULL));
	note(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
	note(connect(fd, NULL, 0));
	note(epoll_ctl(events, EPOLL_CTL_ADD, fd, &event));
	note(epoll_wait(events, &event, 1, 0));
	note(close(events));
	note(close(fd));
}

static void play_with_streams(void)
{
	int two[2] = {-1, -1};
	FILE *stream;

	note(pipe(two));
	stream = fdopen(two[1], "w");
	note(stream != NULL && fputs("word", stream) >= 0);
	note(stream != NULL ? fclose(stream) : -1);
	note(close(two[0]));
}

static void play(void)
{
	int saved = errno;

	places++;
	play_with_descriptors();
	play_with_sockets();
	play_with_streams();
	errno = saved;
}

static void destroy(void *unused)
{
	(void)unused;
	play();
}

static void *thread(void *unused)
{
	pthread_setspecific(key, &key);
	play();
	return unused;
}

static void at_end(void)
{
	play();
}

__attribute__((constructor)) static void begin(void)
{
	pthread_t id;
	pid_t pid;
	int status = -1;

	play();
	pthread_key_create(&key, destroy);
	pthread_atfork(play, play, play);
	atexit(at_end);
	if (pthread_create(&id, NULL, thread, NULL) == 0) {
		pthread_join(id, NULL);
	}
	pid = fork();
	if (pid == 0) {
		play();
		_exit(places);
	}
	note(waitpid(pid, &status, 0) == pid);
	note(status);
}

__attribute__((destructor)) static void end(void)
{
	char line[64];
	int length;

	play();
	length = snprintf(line, sizeof(line), "everywhere: %d places, %08x\n", places, seen);
	if (write(1, line, (size_t)length) != length) {
		_exit(96);
	}
}
