/* SPDX-License-Identifier: MIT */
/*
 * Conversation verbs: what a server does with a connection between getting it and letting it go.
 *
 * Each names its reader or writer: `echo recvmsg write` is the whole leaky echo child. What was
 * read is checked against the pattern, so a lost or doubled byte is seen by the victim itself.
 */
#include "victim.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

ssize_t echo_until_eof(reader_fn r, writer_fn w, int fd)
{
	char buf[4096];
	ssize_t total = 0, n;

	while ((n = r(fd, buf, sizeof(buf))) != 0) {
		if (n < 0 || write_all(w, fd, buf, (size_t)n) < 0) {
			return -1;
		}
		total += n;
	}
	return total;
}

/* echo READER WRITER: answer what comes, until EOF */
static void verb_echo(int argc, char **argv)
{
	reader_fn r = argc > 2 ? reader_find(argv[1]) : NULL;
	writer_fn w = argc > 2 ? writer_find(argv[2]) : NULL;
	ssize_t n;

	if (!r || !w) {
		say("skip not in this libc: %s", argv[1]);
		return;
	}
	n = echo_until_eof(r, w, cur_fd());
	me.out[me.cur] += n > 0 ? (size_t)n : 0;
	say_result(n);
}

/* read READER N: one call of at most N bytes; answers its result */
static void verb_read(int argc, char **argv)
{
	static char buf[65536];
	reader_fn r = argc > 2 ? reader_find(argv[1]) : NULL;
	size_t n = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;

	if (!r || n > sizeof(buf)) {
		say("err reader or size");
		return;
	}
	say_result(r(cur_fd(), buf, n));
}

/* readn READER N: exactly N bytes, and not one more, so that EOF is never read */
static void verb_readn(int argc, char **argv)
{
	static char buf[65536];
	reader_fn r = argc > 2 ? reader_find(argv[1]) : NULL;
	size_t want = argc > 2 ? strtoul(argv[2], NULL, 10) : 0, got = 0;

	if (!r || want > sizeof(buf)) {
		say("err reader or size");
		return;
	}
	while (got < want) {
		ssize_t n = r(cur_fd(), buf, want - got);

		if (n < 0) {
			say_result(n);
			return;
		}
		if (n == 0) {
			break;
		}
		got += (size_t)n;
	}
	say("ok %zu", got);
}

/* write WRITER N: the next N bytes of the pattern */
static void verb_write(int argc, char **argv)
{
	writer_fn w = argc > 2 ? writer_find(argv[1]) : NULL;
	size_t left = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	int slot = me.cur, fd = cur_fd();
	char buf[16384];

	if (!w) {
		say("err no writer");
		return;
	}
	while (left > 0) {
		size_t n = left < sizeof(buf) ? left : sizeof(buf);

		for (size_t i = 0; i < n; i++) {
			buf[i] = (char)pattern_byte(me.out[slot] + i);
		}
		if (write_all(w, fd, buf, n) < 0) {
			say_result(-1);
			return;
		}
		me.out[slot] += n;
		left -= n;
	}
	say("ok written");
}

/* shut rd|wr|rdwr */
static void verb_shut(int argc, char **argv)
{
	int how = argc > 1 && strcmp(argv[1], "rd") == 0   ? SHUT_RD
		  : argc > 1 && strcmp(argv[1], "wr") == 0 ? SHUT_WR
							   : SHUT_RDWR;

	say_result(shutdown(cur_fd(), how));
}

/* eof?: does the current descriptor show EOF right now? Takes nothing, waits for nothing. */
static void verb_is_eof(int argc, char **argv)
{
	struct pollfd p = {cur_fd(), POLLIN, 0};
	int ready = poll(&p, 1, 0);

	(void)argc;
	(void)argv;
	say("ok ready=%d hup=%d", ready, !!(p.revents & POLLHUP));
}

const struct verb talk_verbs[] = {
	{"echo", verb_echo}, {"read", verb_read},   {"readn", verb_readn}, {"write", verb_write},
	{"shut", verb_shut}, {"eof?", verb_is_eof}, {NULL, NULL},
};
