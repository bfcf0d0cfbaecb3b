/* SPDX-License-Identifier: MIT */
/*
 * Writers: every way in which a program can send, behind the prototype of write(2).
 *
 * sendfile and splice need a file or a pipe in between; it lives for one call only.
 */
#include "victim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef __GLIBC__
ssize_t __write(int fd, const void *buf, size_t n);
ssize_t __send(int fd, const void *buf, size_t n, int flags);

static ssize_t by_write_alias(int fd, const void *buf, size_t size)
{
	return __write(fd, buf, size);
}

static ssize_t by_send_alias(int fd, const void *buf, size_t size)
{
	return __send(fd, buf, size, 0);
}
#endif

static ssize_t by_write(int fd, const void *buf, size_t size)
{
	return write(fd, buf, size);
}

static ssize_t by_writev(int fd, const void *buf, size_t size)
{
	struct iovec v[2] = {
		{(void *)(uintptr_t)buf, 1},
		{(void *)((uintptr_t)buf + 1), size - 1},
	};

	return writev(fd, v, 2);
}

static ssize_t by_send(int fd, const void *buf, size_t size)
{
	return send(fd, buf, size, 0);
}

static ssize_t by_sendto(int fd, const void *buf, size_t size)
{
	return sendto(fd, buf, size, MSG_NOSIGNAL, NULL, 0);
}

static ssize_t by_sendmsg(int fd, const void *buf, size_t size)
{
	struct iovec v = {(void *)(uintptr_t)buf, size};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

	return sendmsg(fd, &m, 0);
}

static ssize_t by_sendmmsg(int fd, const void *buf, size_t size)
{
	struct iovec v[2] = {
		{(void *)(uintptr_t)buf, size / 2},
		{(void *)((uintptr_t)buf + size / 2), size - size / 2},
	};
	struct mmsghdr m[2];
	int n;

	memset(m, 0, sizeof(m));
	for (int i = 0; i < 2; i++) {
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	n = sendmmsg(fd, m, 2, 0);
	return n < 1 ? -1 : (ssize_t)(m[0].msg_len + (n == 2 ? m[1].msg_len : 0));
}

static ssize_t by_sendfile(int fd, const void *buf, size_t size)
{
	int file = memfd_create("answer", 0);
	off_t at = 0;
	ssize_t r;

	if (file < 0 || write(file, buf, size) != (ssize_t)size) {
		return -1;
	}
	r = sendfile(fd, file, &at, size);
	close(file);
	return r;
}

static ssize_t by_splice(int fd, const void *buf, size_t size)
{
	size_t part = size < 4096 ? size : 4096;
	int p[2];
	ssize_t r;

	if (pipe(p) < 0 || write(p[1], buf, part) != (ssize_t)part) {
		return -1;
	}
	r = splice(p[0], NULL, fd, NULL, part, 0);
	close(p[0]);
	close(p[1]);
	return r;
}

static ssize_t by_syscall(int fd, const void *buf, size_t size)
{
	return syscall(SYS_write, fd, buf, size);
}

/* Reads, but never answers: a discard server. */
static ssize_t by_nothing(int fd, const void *buf, size_t size)
{
	(void)fd;
	(void)buf;
	return (ssize_t)size;
}

writer_fn writer_find(const char *name)
{
	static const struct {
		const char *name;
		writer_fn fn;
	} table[] = {
		{"write", by_write},         {"writev", by_writev},     {"send", by_send},
		{"sendto", by_sendto},       {"sendmsg", by_sendmsg},   {"sendmmsg", by_sendmmsg},
		{"sendfile", by_sendfile},   {"splice", by_splice},     {"syscall", by_syscall},
		{"nothing", by_nothing},
#ifdef __GLIBC__
		{"__write", by_write_alias}, {"__send", by_send_alias},
#endif
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(table[i].name, name) == 0) {
			return table[i].fn;
		}
	}
	return NULL;
}

int write_all(writer_fn w, int fd, const void *buf, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t r = w(fd, (const char *)buf + done, size - done);

		if (r < 0 && errno == EAGAIN) {
			struct pollfd p = {fd, POLLOUT, 0};

			poll(&p, 1, -1);
		} else if (r < 0 && errno != EINTR) {
			return -1;
		} else if (r > 0) {
			done += (size_t)r;
		}
	}
	return 0;
}
