/* SPDX-License-Identifier: MIT */
/*
 * calls: makes each call a fixed number of times, on each kind of descriptor.
 *
 * The idea: measure() makes the same call `count` times and nothing else. It runs
 * with a small count and then with a larger one on descriptors of the same history;
 * the difference of the two is what the calls cost, and all else cancels out. Run
 * under callgrind it is told in instructions (one dump per measure()), run plainly
 * in nanoseconds, which it prints: CALL KIND COUNT NANOSECONDS.
 * The invariant: what a fixture prepares does not depend on the count.
 * Never here: a decision about good or bad; calls.py makes it.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	FEW = 50,
	MANY = 150,
	ALL = FEW + MANY,
	/* A fork takes a thousand times as long as a read. */
	FORKS_FEW = 5,
	FORKS_MANY = 15,
	/* Each call that reads takes one byte. */
	STOCK = 4 * ALL,
};

enum kind {
	UNWATCHED, /* no TCP connection: a pair of Unix sockets, /dev/null, a Unix listener */
	PRIVATE,   /* a TCP connection that nobody else holds, used: warm */
	SHARED,    /* one that a forked process holds too, used since */
	ENDED,     /* as SHARED, and the end of the peer's data was read */
	KINDS,
};

static const char *const kind_names[] = {"unwatched", "private", "shared", "ended"};

/* What a call needs to be made on. */
enum need {
	ONE,      /* one descriptor with data to read and room to write */
	EACH,     /* one such descriptor for each call */
	LISTENER, /* a listener with connections waiting */
	NOTHING,
};

struct call {
	const char *name;
	void (*make)(int fd);
	enum need need;
	unsigned kinds; /* bits */
	int few;
	int many;
};

/* What a measurement stands on; everything in it is closed when it is over. */
struct fixture {
	int target[ALL]; /* what the calls are made on, in order */
	int peer[ALL];   /* the other ends, or -1 */
	int holder_pipe; /* closed to end the holder, or -1 */
	pid_t holder;
};

static int made[ALL]; /* descriptors that the measured calls brought */
static int made_count;

static int checked(int result, const char *what)
{
	if (result < 0) {
		err(2, "%s", what);
	}
	return result;
}

/* The calls: each makes one and looks at nothing but its success. */

static char byte[1];
static struct iovec part = {.iov_base = byte, .iov_len = 1};

static void must(bool success)
{
	if (!success) {
		err(2, "a measured call");
	}
}

#define MAKE(name, success)                                                                        \
	static void make_##name(int fd)                                                            \
	{                                                                                          \
		must(success);                                                                     \
	}

MAKE(read, read(fd, byte, 1) == 1)
MAKE(readv, readv(fd, &part, 1) == 1)
MAKE(recv, recv(fd, byte, 1, 0) == 1)
MAKE(recvfrom, recvfrom(fd, byte, 1, 0, NULL, NULL) == 1)
MAKE(recvmsg, recvmsg(fd, &(struct msghdr){.msg_iov = &part, .msg_iovlen = 1}, 0) == 1)
MAKE(write, write(fd, byte, 1) == 1)
MAKE(writev, writev(fd, &part, 1) == 1)
MAKE(send, send(fd, byte, 1, 0) == 1)
MAKE(sendto, sendto(fd, byte, 1, 0, NULL, 0) == 1)
MAKE(sendmsg, sendmsg(fd, &(struct msghdr){.msg_iov = &part, .msg_iovlen = 1}, 0) == 1)
MAKE(poll, poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0) == 1)
MAKE(fcntl, fcntl(fd, F_GETFD) >= 0)
MAKE(close, close(fd) == 0)
#ifdef __GLIBC__
extern ssize_t __read_chk(int fd, void *buffer, size_t count, size_t size);
MAKE(read_chk, __read_chk(fd, byte, 1, sizeof(byte)) == 1)
#endif

static void make_dup(int fd)
{
	made[made_count] = dup(fd);
	must(made[made_count++] >= 0);
}

static void make_accept(int fd)
{
	made[made_count] = accept(fd, NULL, NULL);
	must(made[made_count++] >= 0);
}

static void make_fork(int fd)
{
	pid_t pid = fork();

	(void)fd;
	if (pid == 0) {
		_exit(0);
	}
	must(waitpid(pid, NULL, 0) == pid);
}

#define ON_ANY (1U << UNWATCHED | 1U << PRIVATE | 1U << SHARED)

static const struct call calls[] = {
	{"read", make_read, ONE, ON_ANY, FEW, MANY},
	{"readv", make_readv, ONE, ON_ANY, FEW, MANY},
	{"recv", make_recv, ONE, ON_ANY, FEW, MANY},
	{"recvfrom", make_recvfrom, ONE, ON_ANY, FEW, MANY},
	{"recvmsg", make_recvmsg, ONE, ON_ANY, FEW, MANY},
#ifdef __GLIBC__
	{"__read_chk", make_read_chk, ONE, ON_ANY, FEW, MANY},
#endif
	{"write", make_write, ONE, ON_ANY, FEW, MANY},
	{"writev", make_writev, ONE, ON_ANY, FEW, MANY},
	{"send", make_send, ONE, ON_ANY, FEW, MANY},
	{"sendto", make_sendto, ONE, ON_ANY, FEW, MANY},
	{"sendmsg", make_sendmsg, ONE, ON_ANY, FEW, MANY},
	{"poll", make_poll, ONE, ON_ANY, FEW, MANY},
	{"fcntl", make_fcntl, ONE, ON_ANY, FEW, MANY},
	{"dup", make_dup, ONE, ON_ANY, FEW, MANY},
	{"accept", make_accept, LISTENER, 1U << UNWATCHED | 1U << PRIVATE, FEW, MANY},
	{"close", make_close, EACH, ON_ANY | 1U << ENDED, FEW, MANY},
	{"fork", make_fork, NOTHING, 1U << PRIVATE, FORKS_FEW, FORKS_MANY},
};

/* Fixtures. */

static int listen_on(const struct sockaddr *address, socklen_t length)
{
	int fd = checked(socket(address->sa_family, SOCK_STREAM, 0), "socket");

	checked(bind(fd, address, length), "bind");
	checked(listen(fd, 2 * ALL), "listen");
	return fd;
}

static int tcp_listener(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	return listen_on((struct sockaddr *)&address, sizeof(address));
}

/* A listener with a name that the kernel makes up: unix(7), autobind. */
static int unix_listener(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	return listen_on((struct sockaddr *)&address, sizeof(address.sun_family));
}

static int connect_to(int listener)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	checked(getsockname(listener, (struct sockaddr *)&address, &length), "getsockname");
	int fd = checked(socket(address.ss_family, SOCK_STREAM, 0), "socket");

	checked(connect(fd, (struct sockaddr *)&address, length), "connect");
	return fd;
}

static void stock(int peer)
{
	static const char bytes[STOCK];

	must(write(peer, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes));
}

/* One descriptor of the kind, except for what share() does. */
static int open_target(enum kind kind, int listener, int *peer)
{
	int ends[2];

	if (kind == UNWATCHED) {
		checked(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
		*peer = ends[1];
	} else {
		*peer = connect_to(listener);
		ends[0] = checked(accept(listener, NULL, NULL), "accept");
	}
	stock(*peer);
	return ends[0];
}

/* Has another process hold all of it, until holder_pipe is closed. */
static void share(struct fixture *fixture)
{
	int ends[2];
	char none;

	checked(pipe(ends), "pipe");
	fixture->holder = checked(fork(), "fork");
	if (fixture->holder == 0) {
		close(ends[1]);
		while (read(ends[0], &none, 1) < 0 && errno == EINTR) {
		}
		_exit(0);
	}
	close(ends[0]);
	fixture->holder_pipe = ends[1];
}

/* The first use of a connection in its epoch; for ENDED also all there is to read, and its end. */
static void warm(enum kind kind, int fd, int peer)
{
	char bytes[STOCK];

	make_write(fd);
	make_read(fd);
	if (kind == ENDED) {
		checked(shutdown(peer, SHUT_WR), "shutdown");
		while (checked((int)read(fd, bytes, sizeof(bytes)), "read") > 0) {
		}
	}
}

static void set_up(struct fixture *fixture, const struct call *call, enum kind kind)
{
	int listener = kind == UNWATCHED ? unix_listener() : tcp_listener();
	int different = call->need == EACH ? ALL : 1;

	memset(fixture, -1, sizeof(*fixture));
	for (int i = 0; i < ALL; i++) {
		if (call->need == LISTENER) {
			fixture->target[i] = listener;
			fixture->peer[i] = connect_to(listener);
		} else if (i < different) {
			fixture->target[i] = open_target(kind, listener, &fixture->peer[i]);
		} else {
			fixture->target[i] = fixture->target[0];
		}
	}
	if (call->need != LISTENER) {
		close(listener);
	}
	if (kind == SHARED || kind == ENDED) {
		share(fixture);
	}
	for (int i = 0; i < different && kind != UNWATCHED && call->need != LISTENER; i++) {
		warm(kind, fixture->target[i], fixture->peer[i]);
	}
	made_count = 0;
}

static void tear_down(struct fixture *fixture, const struct call *call)
{
	if (call->need != EACH) {
		close(fixture->target[0]);
	}
	for (int i = 0; i < ALL; i++) {
		if (fixture->peer[i] >= 0) {
			close(fixture->peer[i]);
		}
	}
	for (int i = 0; i < made_count; i++) {
		close(made[i]);
	}
	if (fixture->holder_pipe >= 0) {
		close(fixture->holder_pipe);
		must(waitpid(fixture->holder, NULL, 0) == fixture->holder);
	}
}

/* What is counted: callgrind is told this name. */
static __attribute__((noinline)) void measure(void (*make)(int), const int *targets, int count)
{
	for (int i = 0; i < count; i++) {
		make(targets[i]);
	}
}

static int64_t now(void)
{
	struct timespec at;

	checked(clock_gettime(CLOCK_MONOTONIC, &at), "clock_gettime");
	return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static void report(const struct call *call, enum kind kind, const int *targets, int count)
{
	int64_t start = now();

	measure(call->make, targets, count);

	int64_t end = now();

	printf("%s %s %d %lld\n", call->name, kind_names[kind], count, (long long)(end - start));
}

int main(int argc, char **argv)
{
	struct fixture fixture;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const struct call *call = &calls[i];

		if (argc > 1 && strcmp(argv[1], call->name) != 0) {
			continue;
		}
		for (int kind = 0; kind < KINDS; kind++) {
			if ((call->kinds & 1U << kind) == 0) {
				continue;
			}
			set_up(&fixture, call, (enum kind)kind);
			fflush(stdout); /* the buffer is not for the children */
			report(call, (enum kind)kind, fixture.target, call->few);
			fflush(stdout);
			report(call, (enum kind)kind, fixture.target + call->few, call->many);
			tear_down(&fixture, call);
		}
	}
	fflush(stdout);
	return 0;
}
