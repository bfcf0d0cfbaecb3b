/* SPDX-License-Identifier: MIT */
/*
 * Verbs that get descriptors: listen, accept, connect, and the pairs that are not TCP.
 *
 * Every new descriptor goes into the next free slot and its number is answered: the runner compares
 * numbers with the bare run, so a descriptor of somebody else's would be noticed at once.
 */
#include "victim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static socklen_t loopback(const char *family, int port, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (strcmp(family, "4") == 0) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)port);
	v6->sin6_addr = strcmp(family, "6") == 0 ? in6addr_loopback : in6addr_any;
	return sizeof(*v6);
}

int listen_on(const char *family)
{
	struct sockaddr_storage sa;
	socklen_t len = loopback(family, 0, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM, 0), only = strcmp(family, "6") == 0;

	if (fd < 0) {
		return -1;
	}
	if (sa.ss_family == AF_INET6) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
	}
	if (bind(fd, (struct sockaddr *)&sa, len) < 0 || listen(fd, 128) < 0) {
		return -1;
	}
	return fd;
}

int port_of(int fd)
{
	struct sockaddr_in6 sa;
	socklen_t len = sizeof(sa);

	/* the port stands at the same place in both families */
	return getsockname(fd, (struct sockaddr *)&sa, &len) < 0 ? -1 : ntohs(sa.sin6_port);
}

static void verb_listen(int argc, char **argv)
{
	me.listener = listen_on(argc > 1 ? argv[1] : "4");
	if (me.listener < 0) {
		say("skip cannot listen on family %s", argc > 1 ? argv[1] : "4");
	} else {
		say("ok port=%d", port_of(me.listener));
	}
}

static void add_and_say(int fd)
{
	if (fd >= 0) {
		me.cur = slot_add(fd);
	}
	say_result(fd);
}

/* accept [accept4]: accept4 asks for a non-blocking, close-on-exec descriptor */
static void verb_accept(int argc, char **argv)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);

	if (argc > 1 && strcmp(argv[1], "accept4") == 0) {
		add_and_say(accept4(me.listener, (struct sockaddr *)&from, &len,
				    SOCK_NONBLOCK | SOCK_CLOEXEC));
	} else {
		add_and_say(accept(me.listener, NULL, NULL));
	}
}

/* connect FAMILY PORT */
static void verb_connect(int argc, char **argv)
{
	struct sockaddr_storage sa;
	socklen_t len = loopback(argv[1], argc > 2 ? atoi(argv[2]) : 0, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, len) < 0) {
		say_result(-1);
		return;
	}
	add_and_say(fd);
}

static int pair_make(const char *kind, int fd[2])
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	if (strcmp(kind, "pipe") == 0) {
		return pipe(fd);
	}
	if (strcmp(kind, "tty") == 0) {
		return openpty(&fd[0], &fd[1], NULL, NULL, NULL);
	}
	if (strcmp(kind, "file") == 0) {
		fd[0] = memfd_create("file", 0);
		fd[1] = dup(fd[0]);
		return fd[1] < 0 ? -1 : 0;
	}
	if (strcmp(kind, "udp") != 0) {
		return socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	}
	fd[0] = socket(AF_INET, SOCK_DGRAM, 0);
	fd[1] = socket(AF_INET, SOCK_DGRAM, 0);
	for (int i = 0; i < 2; i++) {
		len = loopback("4", 0, &sa);
		if (bind(fd[i], (struct sockaddr *)&sa, len) < 0) {
			return -1;
		}
	}
	for (int i = 0; i < 2; i++) {
		len = sizeof(sa);
		getsockname(fd[!i], (struct sockaddr *)&sa, &len);
		if (connect(fd[i], (struct sockaddr *)&sa, len) < 0) {
			return -1;
		}
	}
	return 0;
}

/* pair unix|pipe|tty|file|udp: two descriptors in two slots; the first becomes the current one */
static void verb_pair(int argc, char **argv)
{
	int fd[2] = {-1, -1};

	if (pair_make(argc > 1 ? argv[1] : "unix", fd) < 0) {
		say_result(-1);
		return;
	}
	me.cur = slot_add(fd[0]);
	slot_add(fd[1]);
	say("ok %d %d", fd[0], fd[1]);
}

/* sel SLOT: act on this slot from now on */
static void verb_sel(int argc, char **argv)
{
	me.cur = argc > 1 ? atoi(argv[1]) % MAX_SLOTS : 0;
	say("ok");
}

/* unlisten: close the listening socket */
static void verb_unlisten(int argc, char **argv)
{
	int fd = me.listener;

	(void)argc;
	(void)argv;
	me.listener = -1;
	say_result(close(fd));
}

/* nofile N|hard: raise both limits to N, or the soft one to the hard one */
static void verb_nofile(int argc, char **argv)
{
	rlim_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	struct rlimit want = {n, n};

	if (argc > 1 && strcmp(argv[1], "hard") == 0) {
		getrlimit(RLIMIT_NOFILE, &want);
		want.rlim_cur = want.rlim_max;
	}
	if (setrlimit(RLIMIT_NOFILE, &want) < 0) {
		say("skip RLIMIT_NOFILE may not be raised");
	} else {
		say("ok");
	}
}

/* move N: let the current connection live on descriptor N from now on */
static void verb_move(int argc, char **argv)
{
	int to = argc > 1 ? atoi(argv[1]) : -1, from = cur_fd();
	int r = dup2(from, to);

	if (r == to) {
		close(from);
		me.slot[me.cur] = to;
	}
	say_result(r);
}

const struct verb net_verbs[] = {
	{"listen", verb_listen},   {"unlisten", verb_unlisten}, {"accept", verb_accept},
	{"connect", verb_connect}, {"pair", verb_pair},         {"sel", verb_sel},
	{"nofile", verb_nofile},   {"move", verb_move},         {NULL, NULL},
};
