/* SPDX-License-Identifier: MIT */
/*
 * What every server of the conversations needs: each is one plain C file and knows of no shim.
 *
 * A server is born with a report pipe (3), a control pipe (4) and a control pipe for its children
 * (5). It reports its port first. It serves as many clients as its story has, and the next one is
 * the goodbye: the server exits. What it does not report it has not done.
 * Functions with bodies stand here against the house's custom, because a server is one file.
 */
#ifndef TALK_SERVER_H
#define TALK_SERVER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REPORT_FD = 3, CONTROL_FD = 4, KID_FD = 5, CHUNK = 16384 };

__attribute__((noreturn)) static inline void die(const char *what)
{
	dprintf(2, "%s: %s\n", what, strerror(errno));
	_exit(99);
}

static inline void report(const char *line)
{
	dprintf(REPORT_FD, "%s\n", line);
}

/* The first letter of the next line on a control pipe; 0 when nobody will ever write again. */
static inline char hear(int control)
{
	char first = 0, c;

	while (read(control, &c, 1) == 1) {
		if (c == '\n') {
			return first;
		}
		first = first ? first : c;
	}
	return 0;
}

/*
 * TALK_CROWD=N: so many children that do nothing, older than every client. They end when
 * the server and all its other children have.
 */
static inline void gather_crowd(int listener)
{
	const char *count = getenv("TALK_CROWD");
	int ends[2];
	char none;

	if (count == NULL || pipe(ends) < 0) {
		return;
	}
	for (int i = atoi(count); i > 0; i--) {
		if (fork() == 0) {
			close(listener);
			close(ends[1]);
			for (int fd = REPORT_FD; fd <= KID_FD; fd++) {
				close(fd);
			}
			_exit(read(ends[0], &none, 1) == 0 ? 0 : 99);
		}
	}
	close(ends[0]);
}

static inline int listen_any(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, len) < 0 || listen(fd, 1024) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &len) < 0) {
		die("listen");
	}
	gather_crowd(fd);
	dprintf(REPORT_FD, "port %d\n", ntohs(sa.sin_port));
	return fd;
}

static inline int accept_one(int listener)
{
	int fd;

	do {
		fd = accept(listener, NULL, NULL);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0) {
		die("accept");
	}
	return fd;
}

/* Wait for the goodbye, and go. */
static inline int farewell(int listener)
{
	accept_one(listener);
	return 0;
}

static inline int dial(int port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
				 .sin_port = htons((unsigned short)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		die("connect");
	}
	return fd;
}

static inline void put(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t r = write(fd, p, n);

		if (r < 0 && errno != EINTR) {
			die("write");
		}
		p += r > 0 ? r : 0;
		n -= r > 0 ? (size_t)r : 0;
	}
}

static inline void say(int fd, const char *text)
{
	put(fd, text, strlen(text));
}

/* Read to EOF; how much it was. */
static inline size_t slurp(int fd)
{
	char buf[CHUNK];
	size_t n = 0;
	ssize_t r;

	while ((r = read(fd, buf, sizeof(buf))) != 0) {
		if (r < 0 && errno != EINTR) {
			die("read");
		}
		n += r > 0 ? (size_t)r : 0;
	}
	return n;
}

/* Copy until EOF. */
static inline void copy(int from, int to)
{
	char buf[CHUNK];
	ssize_t r;

	while ((r = read(from, buf, sizeof(buf))) > 0) {
		put(to, buf, (size_t)r);
	}
	if (r < 0) {
		die("read");
	}
}

/* Write bytes `from` to `to` of the pattern that the clients know. */
static inline void pour(int fd, size_t from, size_t to)
{
	unsigned char buf[CHUNK];

	while (from < to) {
		size_t part = to - from < sizeof(buf) ? to - from : sizeof(buf);

		for (size_t i = 0; i < part; i++) {
			buf[i] = (unsigned char)((from + i) * 7 + (from + i) / 251);
		}
		put(fd, buf, part);
		from += part;
	}
}

/* In a message (SCM_RIGHTS). */
static inline void send_descriptor(int via, int fd)
{
	char byte = 'd', room[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = room,
			   .msg_controllen = sizeof(room)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(via, &m, 0) != 1) {
		die("sendmsg");
	}
}

static inline int receive_descriptor(int via)
{
	char byte, room[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = room,
			   .msg_controllen = sizeof(room)};
	int fd = -1;

	if (recvmsg(via, &m, 0) != 1 || !CMSG_FIRSTHDR(&m)) {
		die("recvmsg");
	}
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

static inline pid_t born(void)
{
	pid_t pid = fork();

	if (pid < 0) {
		die("fork");
	}
	return pid;
}

static inline void bury(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
	}
	if (status != 0) {
		dprintf(2, "a child ended with %d\n", status);
	}
}

#endif
