/* SPDX-License-Identifier: MIT */
/*
 * Readers: every way in which a program can receive, behind one prototype.
 *
 * All return what read(2) would: bytes, 0 at EOF, -1 with errno. Those that wait first (poll,
 * select, epoll) switch the socket to non-blocking, as event-driven children do.
 */
#include "victim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef __GLIBC__
/* What a fortified program is compiled to; no header declares them. */
ssize_t __read(int fd, void *buf, size_t n);
ssize_t __read_chk(int fd, void *buf, size_t n, size_t buflen);
ssize_t __recv_chk(int fd, void *buf, size_t n, size_t buflen, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t n, size_t buflen, int flags, struct sockaddr *from,
		       socklen_t *len);

static ssize_t by_read_alias(int fd, void *buf, size_t size)
{
	return __read(fd, buf, size);
}

static ssize_t by_read_chk(int fd, void *buf, size_t size)
{
	return __read_chk(fd, buf, size, size);
}

static ssize_t by_recv_chk(int fd, void *buf, size_t size)
{
	return __recv_chk(fd, buf, size, size, 0);
}

static ssize_t by_recvfrom_chk(int fd, void *buf, size_t size)
{
	return __recvfrom_chk(fd, buf, size, size, 0, NULL, NULL);
}
#endif

static ssize_t by_read(int fd, void *buf, size_t size)
{
	return read(fd, buf, size);
}

static ssize_t by_readv(int fd, void *buf, size_t size)
{
	struct iovec v[2] = {{buf, 1}, {(char *)buf + 1, size - 1}};

	return readv(fd, v, 2);
}

static ssize_t by_recv(int fd, void *buf, size_t size)
{
	return recv(fd, buf, size, 0);
}

static ssize_t by_recv_waitall(int fd, void *buf, size_t size)
{
	return recv(fd, buf, size, MSG_WAITALL);
}

static ssize_t by_recvfrom(int fd, void *buf, size_t size)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);

	return recvfrom(fd, buf, size, 0, (struct sockaddr *)&from, &len);
}

static ssize_t by_recvmsg(int fd, void *buf, size_t size)
{
	struct iovec v = {buf, size};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

	return recvmsg(fd, &m, 0);
}

/* Two messages a call: the second may be the EOF, which recvmmsg counts as a message of 0 bytes. */
static ssize_t by_recvmmsg(int fd, void *buf, size_t size)
{
	struct iovec v[2] = {{buf, size / 2}, {NULL, size - size / 2}};
	struct mmsghdr m[2];
	char second[4096];
	int n;

	memset(m, 0, sizeof(m));
	v[1].iov_base = second;
	v[1].iov_len = v[1].iov_len < sizeof(second) ? v[1].iov_len : sizeof(second);
	for (int i = 0; i < 2; i++) {
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	n = recvmmsg(fd, m, 2, MSG_WAITFORONE, NULL);
	if (n < 0) {
		return -1;
	}
	if (n == 2) {
		memcpy((char *)buf + m[0].msg_len, second, m[1].msg_len);
	}
	return n == 0 ? 0 : (ssize_t)(m[0].msg_len + (n == 2 ? m[1].msg_len : 0));
}

static ssize_t by_syscall(int fd, void *buf, size_t size)
{
	return syscall(SYS_read, fd, buf, size);
}

static void make_nonblocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static ssize_t by_poll(int fd, void *buf, size_t size)
{
	struct pollfd p = {fd, POLLIN, 0};
	ssize_t r;

	make_nonblocking(fd);
	while ((r = read(fd, buf, size)) < 0 && errno == EAGAIN) {
		poll(&p, 1, -1);
	}
	return r;
}

static ssize_t by_select(int fd, void *buf, size_t size)
{
	fd_set set;

	make_nonblocking(fd);
	FD_ZERO(&set);
	FD_SET(fd, &set);
	if (select(fd + 1, &set, NULL, NULL, NULL) < 0) {
		return -1;
	}
	return recv(fd, buf, size, 0);
}

static ssize_t by_epoll(int fd, void *buf, size_t size)
{
	int ep = epoll_create1(0);
	struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP};
	ssize_t r;

	make_nonblocking(fd);
	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	epoll_wait(ep, &ev, 1, -1);
	r = read(fd, buf, size);
	close(ep);
	return r;
}

/* Looks before it reads, and reads nothing at first: neither may count as the EOF. */
static ssize_t by_peek_then_read(int fd, void *buf, size_t size)
{
	if (recv(fd, buf, size, MSG_PEEK) < 0 || read(fd, buf, 0) != 0) {
		return -1;
	}
	return read(fd, buf, size);
}

/* The four that return 0 without having seen the peer's FIN (or without consuming it). */
static ssize_t zero_by_read(int fd, void *buf, size_t size)
{
	(void)size;
	return read(fd, buf, 0);
}

static ssize_t zero_by_readv(int fd, void *buf, size_t size)
{
	struct iovec v[2] = {{buf, 0}, {buf, 0}};

	(void)size;
	return readv(fd, v, 2);
}

static ssize_t zero_by_recv(int fd, void *buf, size_t size)
{
	(void)size;
	return recv(fd, buf, 0, 0);
}

static ssize_t zero_by_recvmsg(int fd, void *buf, size_t size)
{
	struct iovec v = {buf, 0};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

	(void)size;
	return recvmsg(fd, &m, MSG_DONTWAIT);
}

static ssize_t zero_by_peek(int fd, void *buf, size_t size)
{
	return recv(fd, buf, size, MSG_PEEK);
}

static ssize_t by_recv_dontwait(int fd, void *buf, size_t size)
{
	return recv(fd, buf, size, MSG_DONTWAIT);
}

reader_fn reader_find(const char *name)
{
	static const struct {
		const char *name;
		reader_fn fn;
	} table[] = {
		{"read", by_read},
		{"readv", by_readv},
		{"recv", by_recv},
		{"recv_waitall", by_recv_waitall},
		{"recv_dontwait", by_recv_dontwait},
		{"recvfrom", by_recvfrom},
		{"recvmsg", by_recvmsg},
		{"recvmmsg", by_recvmmsg},
		{"syscall", by_syscall},
		{"poll", by_poll},
		{"select", by_select},
		{"epoll", by_epoll},
		{"peek_then_read", by_peek_then_read},
		{"zero_read", zero_by_read},
		{"zero_readv", zero_by_readv},
		{"zero_recv", zero_by_recv},
		{"zero_recvmsg", zero_by_recvmsg},
		{"zero_peek", zero_by_peek},
#ifdef __GLIBC__
		{"__read", by_read_alias},
		{"__read_chk", by_read_chk},
		{"__recv_chk", by_recv_chk},
		{"__recvfrom_chk", by_recvfrom_chk},
#endif
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(table[i].name, name) == 0) {
			return table[i].fn;
		}
	}
	return NULL;
}
