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

static inline struct pair connect_pair(void)
{
	struct sockaddr_in name;
	struct pair pair = {.listener = listen_here(&name)};

	pair.client = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(pair.client, (struct sockaddr *)&name, sizeof(name)) < 0) {
		die("connect");
	}
	pair.server = accept(pair.listener, NULL, NULL);
	if (pair.server < 0) {
		die("accept");
	}
	return pair;
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

#endif
