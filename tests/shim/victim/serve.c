/* SPDX-License-Identifier: MIT */
/*
 * The leaky server of the story, for load: `victim serve LOOP FAMILY`.
 *
 * The parent accepts, forks, and forgets to close its copy; the child echoes until EOF and exits.
 * Every child that was reaped is reported with one line. It ends when its command pipe ends or,
 * for the blocking LOOP "accept", by SIGTERM.
 */
#include "victim.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void on_child(int sig)
{
	static const char line[] = "P ok reaped\n";
	int saved = errno;

	(void)sig;
	while (waitpid(-1, NULL, WNOHANG) > 0) {
		if (write(REPORT_FD, line, sizeof(line) - 1) < 0) {
			_exit(121);
		}
	}
	errno = saved;
}

enum ready { READY_NONE, READY_LISTENER, READY_END };

static enum ready wait_poll(int listener)
{
	struct pollfd p[2] = {{listener, POLLIN, 0}, {FIRST_CTL_FD, POLLIN, 0}};

	if (poll(p, 2, -1) < 0) {
		return READY_NONE;
	}
	return p[1].revents ? READY_END : p[0].revents ? READY_LISTENER : READY_NONE;
}

static enum ready wait_select(int listener)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(listener, &set);
	FD_SET(FIRST_CTL_FD, &set);
	if (select(listener + 1, &set, NULL, NULL, NULL) < 0) {
		return READY_NONE;
	}
	return FD_ISSET(FIRST_CTL_FD, &set) ? READY_END : READY_LISTENER;
}

static enum ready wait_epoll(int listener)
{
	static int ep = -1;
	struct epoll_event ev = {.events = EPOLLIN};

	if (ep < 0) {
		ep = epoll_create1(EPOLL_CLOEXEC);
		ev.data.fd = listener;
		epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev);
		ev.data.fd = FIRST_CTL_FD;
		epoll_ctl(ep, EPOLL_CTL_ADD, FIRST_CTL_FD, &ev);
	}
	if (epoll_wait(ep, &ev, 1, -1) < 1) {
		return READY_NONE;
	}
	return ev.data.fd == listener ? READY_LISTENER : READY_END;
}

static enum ready wait_in_accept(int listener)
{
	(void)listener;
	return READY_LISTENER;
}

static int child(int fd)
{
	return echo_until_eof(reader_find("read"), writer_find("write"), fd) < 0 ? 1 : 0;
}

static int serve_loop(int listener, enum ready (*wait_for)(int))
{
	for (;;) {
		enum ready r = wait_for(listener);
		int fd;

		if (r == READY_END) {
			return 0;
		}
		if (r == READY_NONE) {
			continue;
		}
		fd = accept(listener, NULL, NULL);
		if (fd < 0) {
			continue;
		}
		switch (fork()) {
		case -1:
			return 1;
		case 0:
			_exit(child(fd));
		default:
			break; /* and here it forgets to close fd */
		}
	}
}

int serve_main(int argc, char **argv)
{
	static const struct {
		const char *name;
		enum ready (*fn)(int);
	} loops[] = {
		{"poll", wait_poll},
		{"select", wait_select},
		{"epoll", wait_epoll},
		{"accept", wait_in_accept},
	};
	int listener = listen_on(argc > 3 ? argv[3] : "4");
	struct sigaction sa = {.sa_handler = on_child};

	sigaction(SIGCHLD, &sa, NULL);
	if (listener < 0) {
		say("skip cannot listen");
		return 0;
	}
	say("ok started");
	say("ok port=%d", port_of(listener));
	for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++) {
		if (strcmp(loops[i].name, argv[2]) == 0) {
			return serve_loop(listener, loops[i].fn);
		}
	}
	return 2;
}
