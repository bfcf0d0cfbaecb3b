/* SPDX-License-Identifier: MIT */
/*
 * The whole leaky server with real clients: one by one, many at once, with each kind of loop. Bare,
 * every connection must stay behind in CLOSE_WAIT; under the shim, none. The kernel's table is read
 * once at the end and not for each client: it is long where much is going on.
 */
#include "shim.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MANY = 500, AT_ONCE = 50, SOME = 20, BYTES = 200 };

static void converse(struct world *w, struct peer *p)
{
	peer_send(w, p, BYTES);
	shutdown(p->fd, SHUT_WR);
	peer_recv(w, p, BYTES);
}

static void claim_end(struct world *w, struct peer *p)
{
	if (w->shimmed) {
		const char *wrong = peer_await_eof(p);

		if (*wrong) {
			fail(w, "no end: %s", wrong);
		}
	} else if (strcmp(peer_sees(p), "open") != 0) {
		fail(w, "no disease: the peer sees %s", peer_sees(p));
	}
	close(p->fd);
}

static void claim_left(struct world *w, int want)
{
	int left = -1;

	for (int i = 0; i < wait_limit_ms / 10 && left != want; i++) {
		left = procnet_count(w->port, "CLOSE_WAIT");
		poll(NULL, 0, left != want ? 10 : 0);
	}
	if (left != want) {
		fail(w, "%d sockets in CLOSE_WAIT, not %d", left, want);
	}
}

static void open_server(struct world *w, const char *loop, const char *family)
{
	const char *const args[] = {"serve", loop, family, NULL};

	world_open(w, w->test, w->shimmed, args);
	w->family = family;
	if (sscanf(world_answer(w, 0), "ok port=%d", &w->port) != 1) {
		fail(w, "no port");
	}
}

static void close_server(struct world *w, const char *loop, int served)
{
	claim_left(w, w->shimmed ? 0 : served);
	if (strcmp(loop, "accept") == 0) {
		kill(w->victim, SIGTERM);
	}
	world_close(w);
}

static void one_by_one(struct world *w, const char *loop, const char *family, int clients)
{
	open_server(w, loop, family);
	for (int i = 0; i < clients; i++) {
		struct peer p = {.fd = -1};

		w->doing = "a client";
		w->log_len = 0;
		peer_connect(w, &p);
		converse(w, &p);
		world_answer(w, 0); /* its child has been reaped */
		claim_end(w, &p);
	}
	close_server(w, loop, clients);
}

static void all_at_once(struct world *w, const char *loop, const char *family, int clients)
{
	static struct peer p[AT_ONCE];

	open_server(w, loop, family);
	w->doing = "clients";
	for (int i = 0; i < clients; i++) {
		peer_connect(w, &p[i]);
	}
	for (int i = 0; i < clients; i++) {
		converse(w, &p[i]);
	}
	for (int i = 0; i < clients; i++) {
		world_answer(w, 0);
	}
	for (int i = 0; i < clients; i++) {
		claim_end(w, &p[i]);
	}
	close_server(w, loop, clients);
}

static void poll_loop(struct world *w)
{
	one_by_one(w, "poll", "4", SOME);
}

static void select_loop(struct world *w)
{
	one_by_one(w, "select", "4", SOME);
}

static void epoll_loop(struct world *w)
{
	one_by_one(w, "epoll", "4", SOME);
}

static void accept_loop(struct world *w)
{
	one_by_one(w, "accept", "4", SOME);
}

static void ipv6_loop(struct world *w)
{
	one_by_one(w, "poll", "6", SOME);
}

static void dual_loop(struct world *w)
{
	one_by_one(w, "epoll", "46", SOME);
}

static void five_hundred(struct world *w)
{
	one_by_one(w, "accept", "4", MANY);
}

static void fifty_at_once(struct world *w)
{
	all_at_once(w, "poll", "4", AT_ONCE);
}

static void fifty_at_once_ipv6(struct world *w)
{
	all_at_once(w, "accept", "6", AT_ONCE);
}

/* A row is a story, and breaks where it breathes. */
/* clang-format off */
const struct test load_tests[] = {
	{ .name = "a_poll_loop_server_is_healed", .story = poll_loop, .flags = IN_MUSL },
	{ .name = "a_select_loop_server_is_healed", .story = select_loop },
	{ .name = "an_epoll_loop_server_is_healed", .story = epoll_loop },
	{ .name = "a_blocking_accept_server_is_healed", .story = accept_loop },
	{ .name = "an_ipv6_server_is_healed", .story = ipv6_loop },
	{ .name = "a_dual_stack_server_is_healed", .story = dual_loop },
	{ .name = "five_hundred_connections_in_a_row_leave_nothing", .story = five_hundred },
	{ .name = "fifty_connections_at_once_leave_nothing", .story = fifty_at_once,
	  .env = "SENDFIN_POLICY=eager", .flags = IN_MUSL },
	{ .name = "fifty_ipv6_connections_at_once_leave_nothing", .story = fifty_at_once_ipv6 },
	{ .name = NULL },
};
/* clang-format on */
