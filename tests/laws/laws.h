/* SPDX-License-Identifier: MIT */
/*
 * What the programs of this folder share: a connection to play with, and a fork that shares it.
 *
 * Each program says on standard output everything that it saw. The runner plays it bare and under
 * the shim, and the two outputs must be equal: plain libc is the expectation, so none is written
 * down. So nothing may be printed that differs from run to run: no ports, no pids, no times.
 */
#ifndef LAWS_H
#define LAWS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct pair {
	int listener;
	int server; /* accepted: the one that is watched */
	int client;
};

/* Says what went wrong and ends; for what the tests need and do not test. */
static inline void die(const char *what)
{
	perror(what);
	exit(99);
}

static inline int listen_here(struct sockaddr_in *name)
{
	socklen_t length = sizeof(*name);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	*name = (struct sockaddr_in){.sin_family = AF_INET};
	name->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listener < 0 || bind(listener, (struct sockaddr *)name, length) < 0 ||
	    listen(listener, 64) < 0 ||
	    getsockname(listener, (struct sockaddr *)name, &length) < 0) {
		die("listen");
	}
	return listener;
}

/* A connection through this listener. */
static inline struct pair connect_through(int listener)
{
	struct sockaddr_in name;
	socklen_t length = sizeof(name);
	struct pair pair = {.listener = listener};

	pair.client = socket(AF_INET, SOCK_STREAM, 0);
	if (getsockname(listener, (struct sockaddr *)&name, &length) < 0 ||
	    connect(pair.client, (struct sockaddr *)&name, length) < 0) {
		die("connect");
	}
	pair.server = accept(listener, NULL, NULL);
	if (pair.server < 0) {
		die("accept");
	}
	return pair;
}

static inline struct pair connect_pair(void)
{
	struct sockaddr_in name;

	return connect_through(listen_here(&name));
}

/* A fork makes every connection a shared one; the child is over when this returns. */
static inline void share(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
		die("fork");
	}
}

/*
 * The leak, on a connection of its own: a child serves it to EOF, answers, closes, ends; the parent
 * keeps its copy. Says in a line that the runner judges by itself whether the client is stuck.
 */
static inline void say_cure(int listener)
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
		while (read(pair.server, &byte, 1) == 1 && write(pair.server, &byte, 1) == 1) {
		}
		close(pair.server);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	getsockopt(pair.server, IPPROTO_TCP, TCP_INFO, &info, &length);
	printf("! %s\n", info.tcpi_state == TCP_CLOSE_WAIT ? "stuck" : "cured");
	close(pair.client);
	close(pair.server);
}

#endif
