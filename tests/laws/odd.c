/* SPDX-License-Identifier: MIT */
/*
 * odd WHAT: the less known doors to a connection, and things that look like doors and are none.
 *
 * Streams without a descriptor must be closed as ever; second names of functions must be found and
 * work; a connection that is read, written or closed by an odd call is cured like any other; and
 * one that another process took a copy of, unasked, is not cut.
 */
#include "laws.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static int listener;

/* Streams of memory and of the program's own making have no descriptor. */
static ssize_t cookie_write(void *unused, const char *bytes, size_t count)
{
	(void)unused;
	(void)bytes;
	return (ssize_t)count;
}

static int cookie_close(void *closed)
{
	++*(int *)closed;
	return 0;
}

static void streams(void)
{
	cookie_io_functions_t own = {.write = cookie_write, .close = cookie_close};
	char room[16] = "", *text = NULL;
	size_t length = 0;
	int closed = 0;
	FILE *memory = fmemopen(room, sizeof(room), "w"), *grows = open_memstream(&text, &length);
	FILE *cookie = fopencookie(&closed, "w", own), *command = popen("exit 3", "r");

	fputs("memory", memory);
	fputs("grows", grows);
	fputs("cookie", cookie);
	printf("closed: %d %d %d", fclose(memory), fclose(grows), fclose(cookie));
	printf(" own %d, %s, %s, pclose %x\n", closed, room, text, (unsigned int)pclose(command));
	free(text);
	printf("fdopen: %d %d\n", fdopen(-1, "r") == NULL, errno);
	printf("fcloseall: %d\n", fcntl(listener, F_GETFD));
	say_cure(listener);
}

/* Every second name that a libc has. What it lacks and the shim has must work all the same. */
static void names(void)
{
	static const char *const aliases[] = {"close",   "__close",  "dup",    "__dup2",
					      "dup2",    "dup3",     "fcntl",  "__fcntl",
					      "fcntl64", "shutdown", "listen", "close_range"};

	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
		long (*function)(long, long, long) = (long (*)(long, long, long))dlsym(RTLD_DEFAULT,
										       aliases[i]);
		bool is_range = strcmp(aliases[i], "close_range") == 0;
		int result = -1;

		errno = is_range ? EINVAL : EBADF;
		if (function != NULL) {
			errno = 0;
			result = (int)(is_range ? function(9, 8, 0) : function(-1, 50, 0));
		}
		printf("%s: %d %d\n", aliases[i], result, errno);
	}
	say_cure(listener);
}

static void by_format(int fd, const char *format, ...)
{
	va_list rest;

	va_start(rest, format);
	vdprintf(fd, format, rest);
	va_end(rest);
}

/* One way to read, to write and to let go each; they are told apart by their number. */
static ssize_t odd_read(int way, int fd, char *byte)
{
	struct iovec part = {byte, 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct mmsghdr messages = {.msg_hdr = message};

	switch (way) {
	case 0:
		return syscall(SYS_preadv2, fd, &part, 1, -1L, -1L, 0);
#ifdef __GLIBC__
	case 1:
		return preadv2(fd, &part, 1, -1, 0);
#endif
	case 2:
		return syscall(SYS_recvmsg, fd, &message, 0);
	case 3:
		return recvmmsg(fd, &messages, 1, 0, NULL) == 1 ? (ssize_t)messages.msg_len : -1;
	default:
		return read(fd, byte, 1);
	}
}

static void odd_write(int way, int fd)
{
	struct iovec part = {"y", 1};
	struct mmsghdr messages = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};

	switch (way) {
	case 0:
		dprintf(fd, "%c", 'y');
		break;
	case 1:
		by_format(fd, "%s", "y");
		break;
	case 2:
		syscall(SYS_pwritev2, fd, &part, 1, -1L, -1L, 0);
		break;
	default:
		syscall(SYS_sendmmsg, fd, &messages, 1, 0);
		break;
	}
}

static void odd_close(int way, int fd)
{
	/* Not what pclose is for, but libc closes such a stream, too; and compilers complain. */
	int (*volatile close_stream)(FILE *) = pclose;

	switch (way) {
	case 0:
		close_stream(fdopen(fd, "r"));
		break;
	case 1:
		freopen("/dev/null", "r", fdopen(fd, "r"));
		break;
	default:
		close(fd);
		break;
	}
}

static void say_cure_by(int reading, int writing, int closing)
{
	struct pair pair = connect_through(listener);
	struct tcp_info info = {.tcpi_state = 0};
	socklen_t length = sizeof(info);
	char byte = 'x';
	pid_t pid;

	if (write(pair.client, &byte, 1) != 1 || shutdown(pair.client, SHUT_WR) < 0) {
		die("client");
	}
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		while (odd_read(reading, pair.server, &byte) > 0) {
			odd_write(writing, pair.server);
		}
		read(pair.server, &byte, 1); /* not every odd way may be believed to see the end */
		odd_close(closing, pair.server);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	byte = '?';
	recv(pair.client, &byte, 1, 0);
	getsockopt(pair.server, IPPROTO_TCP, TCP_INFO, &info, &length);
	printf("%d %d %d: answer %c\n", reading, writing, closing, byte);
	printf("! %s\n", info.tcpi_state == TCP_CLOSE_WAIT ? "stuck" : "cured");
}

static void doors(void)
{
	for (int way = 0; way < 4; way++) {
		say_cure_by(way, 9, 9);
		say_cure_by(9, way, 9);
		say_cure_by(9, 9, way);
	}
}

/* A ring works behind everybody's back: the process is left alone from then on. */
static void ring(void)
{
	long parameters[15] = {0}; /* struct io_uring_params; musl-gcc hides the kernel's headers */
	long fd = syscall(SYS_io_uring_setup, 4, parameters);

	if (fd < 0) {
		printf("no ring here\n! stuck\n");
		return;
	}
	say_cure(listener);
}

/* The child serves, closes and ends; the parent had taken a copy from it and goes on. */
static void taken(void)
{
	struct pair pair = connect_through(listener);
	int ready[2], go[2], copy;
	char byte = 'x';
	pid_t pid;

	if (pipe(ready) < 0 || pipe(go) < 0 || send(pair.client, "x", 1, 0) != 1 ||
	    shutdown(pair.client, SHUT_WR) < 0) {
		die("taken");
	}
	pid = fork();
	if (pid == 0) {
		while (read(pair.server, &byte, 1) > 0) {
		}
		if (write(pair.server, "1", 1) != 1 || write(ready[1], "r", 1) != 1 ||
		    read(go[0], &byte, 1) != 1) {
			_exit(1);
		}
		close(pair.server);
		_exit(0);
	}
	copy = pair.server;
	close(pair.server);
	read(ready[0], &byte, 1);
	copy = (int)syscall(SYS_pidfd_getfd, (int)syscall(SYS_pidfd_open, pid, 0), copy, 0);
	if (write(go[1], "g", 1) != 1) {
		die("go");
	}
	waitpid(pid, NULL, 0);
	printf("taken: %d, written %zd,", copy >= 0, send(copy, "2", 1, MSG_NOSIGNAL));
	printf(" %zd", recv(pair.client, &byte, 1, 0));
	printf(" %zd%c\n", recv(pair.client, &byte, 1, 0), byte);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*play)(void);
	} plays[] = {{"streams", streams},
		     {"names", names},
		     {"doors", doors},
		     {"ring", ring},
		     {"taken", taken}};
	struct sockaddr_in name;

	listener = listen_here(&name);
	share();
	for (size_t i = 0; argc > 1 && i < sizeof(plays) / sizeof(plays[0]); i++) {
		if (strcmp(plays[i].name, argv[1]) == 0) {
			plays[i].play();
			return 6;
		}
	}
	return 2;
}
