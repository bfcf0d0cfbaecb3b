/* SPDX-License-Identifier: MIT */
/*
 * usage: server SHAPE: a server on a free port of the loopback, which it prints first.
 *
 * The shapes that a leak report must tell apart. Each ends on SIGTERM by itself, with exit
 * status 0, so that handlers of exit run. It knows nothing of the shim.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CLIENTS_MAX = 64 };

static volatile sig_atomic_t is_over;

/* The child that serves each descriptor, where the parent closes its copy late. */
static volatile pid_t server_of[1024];

static void end(int number)
{
	(void)number;
	is_over = 1;
}

/* The correct server that closes its copy once the child is gone. */
static void reap_and_close(int number)
{
	(void)number;
	pid_t child;

	while ((child = waitpid(-1, NULL, WNOHANG)) > 0) {
		for (int fd = 0; fd < 1024; fd++) {
			if (server_of[fd] == child) {
				server_of[fd] = 0;
				close(fd);
			}
		}
	}
}

static void on(int number, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler};

	sigaction(number, &action, NULL);
}

static int listen_somewhere(void)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t length = sizeof(here);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	if (listener < 0 || bind(listener, (struct sockaddr *)&here, length) != 0 ||
	    listen(listener, 64) != 0 ||
	    getsockname(listener, (struct sockaddr *)&here, &length) != 0) {
		err(1, "listen");
	}
	printf("listening on 127.0.0.1:%d\n", ntohs(here.sin_port));
	fflush(stdout);
	return listener;
}

static void echo_to_the_end(int conn)
{
	char bytes[256];
	ssize_t got;

	while ((got = read(conn, bytes, sizeof(bytes))) > 0) {
		if (write(conn, bytes, (size_t)got) != got) {
			return;
		}
	}
}

static int accept_one(int listener)
{
	while (!is_over) {
		int conn = accept(listener, NULL, NULL);

		if (conn >= 0) {
			return conn;
		}
	}
	return -1;
}

/* The parent keeps its copy, closes it at once, or closes it late. */
static void fork_for_each(int listener, const char *shape)
{
	sigset_t set;
	int conn;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	while ((conn = accept_one(listener)) >= 0) {
		pid_t child;

		sigprocmask(SIG_BLOCK, &set, NULL);
		child = fork();
		if (child == 0) {
			on(SIGTERM, SIG_DFL);
			close(listener);
			echo_to_the_end(conn);
			if (strcmp(shape, "fork_exit") != 0) {
				close(conn);
			}
			exit(0);
		}
		if (strcmp(shape, "fork_late") == 0) {
			server_of[conn] = child;
		}
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		if (strcmp(shape, "fork_ok") == 0 || strcmp(shape, "fork_exit") == 0) {
			close(conn);
		}
	}
}

/* One process, many clients; what ended is closed, or forgotten. */
static void poll_for_all(int listener, bool closes)
{
	struct pollfd set[CLIENTS_MAX] = {{.fd = listener, .events = POLLIN}};
	nfds_t count = 1;
	char bytes[256];

	while (poll(set, count, -1) >= 0 || !is_over) {
		if (is_over) {
			return;
		}
		for (nfds_t i = 1; i < count; i++) {
			ssize_t got = set[i].revents != 0 ? read(set[i].fd, bytes, sizeof(bytes))
							  : 1;

			if (got <= 0) {
				if (write(set[i].fd, ".", 1) != 1) { /* the client may know */
					warn("write");
				}
				if (closes) {
					close(set[i].fd);
				}
				set[i] = set[--count];
			}
		}
		if ((set[0].revents & POLLIN) != 0 && count < CLIENTS_MAX) {
			set[count].revents = 0;
			set[count].events = POLLIN;
			set[count++].fd = accept(listener, NULL, NULL);
		}
	}
}

/* The parent serves; a helper that knows nothing inherited a copy and outlives it all. */
static void lend_to_a_helper(int listener)
{
	int conn = accept_one(listener);
	pid_t helper;

	if (conn < 0) {
		return;
	}
	helper = fork();
	if (helper == 0) {
		while (!is_over) {
			pause();
		}
		exit(0);
	}
	echo_to_the_end(conn);
	close(conn);
	accept_one(listener); /* until the end */
	kill(helper, SIGTERM);
	waitpid(helper, NULL, 0);
}

int main(int argc, char **argv)
{
	const char *shape = argc == 2 ? argv[1] : "";
	int listener = listen_somewhere();

	on(SIGTERM, end);
	on(SIGCHLD, reap_and_close);
	if (strncmp(shape, "fork_", 5) == 0) {
		fork_for_each(listener, shape);
	} else if (strncmp(shape, "poll_", 5) == 0) {
		poll_for_all(listener, strcmp(shape, "poll_ok") == 0);
	} else if (strcmp(shape, "once") == 0) {
		echo_to_the_end(accept_one(listener));
	} else if (strcmp(shape, "helper") == 0) {
		lend_to_a_helper(listener);
	} else {
		errx(2, "no such shape: %s", shape);
	}
	return 0;
}
