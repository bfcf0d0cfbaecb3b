/* SPDX-License-Identifier: MIT */
/*
 * The client: it says, it wants, and it must or must not see the FIN.
 *
 * It knows both ports, so the server's side is found in the kernel's table. Every claim that must
 * hold in both runs goes into the log.
 */
#include "talk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* False when it has been reset already. */
static bool learn_ports(struct client *c)
{
	struct sockaddr_in me, it;
	socklen_t len = sizeof(me);

	if (getsockname(c->fd, (struct sockaddr *)&me, &len) < 0 ||
	    getpeername(c->fd, (struct sockaddr *)&it, &len) < 0) {
		return false;
	}
	c->port = ntohs(me.sin_port);
	c->server_port = ntohs(it.sin_port);
	c->sent = c->got = 0;
	return true;
}

bool client_try_open(struct stage *s, struct client *c)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)s->port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return c->fd >= 0 && connect(c->fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 &&
	       learn_ports(c);
}

void client_open(struct stage *s, struct client *c)
{
	if (!client_try_open(s, c)) {
		fail(s, "cannot connect: %s", strerror(errno));
	}
}

static bool wait_readable(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};
	int r;

	do {
		r = poll(&p, 1, WAIT_MS);
	} while (r < 0 && errno == EINTR);
	return r == 1;
}

void client_accept(struct stage *s, struct client *c)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);

	c->fd = -1;
	if (wait_readable(s->upstream)) {
		c->fd = accept4(s->upstream, (struct sockaddr *)&from, &len, SOCK_CLOEXEC);
	}
	if (c->fd < 0 || !learn_ports(c)) {
		fail(s, "the server does not connect");
	}
}

static void send_all(struct stage *s, struct client *c, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t r = send(c->fd, p, n, MSG_NOSIGNAL);

		if (r < 0) {
			fail(s, "the client cannot send: %s", strerror(errno));
		}
		p += r;
		n -= (size_t)r;
	}
}

void client_say(struct stage *s, struct client *c, const char *text)
{
	send_all(s, c, text, strlen(text));
}

void client_pour(struct stage *s, struct client *c, size_t n)
{
	unsigned char buf[16384];

	while (n > 0) {
		size_t part = n < sizeof(buf) ? n : sizeof(buf);

		for (size_t i = 0; i < part; i++) {
			buf[i] = pattern_byte(c->sent + i);
		}
		send_all(s, c, buf, part);
		c->sent += part;
		n -= part;
	}
}

static size_t take(struct stage *s, struct client *c, void *buf, size_t n, size_t missing)
{
	ssize_t r = wait_readable(c->fd) ? recv(c->fd, buf, n, 0) : -2;

	if (r <= 0) {
		fail(s, "%s, and %zu bytes are missing; the server's side is in %s",
		     r == 0    ? "EOF"
		     : r == -2 ? "nothing comes"
			       : strerror(errno),
		     missing, kernel_state(c->server_port, c->port));
	}
	return (size_t)r;
}

void client_want(struct stage *s, struct client *c, const char *text)
{
	char buf[1024] = "";
	size_t n = strlen(text), have = 0;

	while (have < n) {
		have += take(s, c, buf + have, n - have, n - have);
	}
	if (memcmp(buf, text, n) != 0) {
		fail(s, "wanted '%s', got '%.*s'", text, (int)n, buf);
	}
	stage_log(s, "got %s\n", text);
}

void client_drain(struct stage *s, struct client *c, size_t n)
{
	static unsigned char buf[65536];
	size_t end = c->got + n;

	while (c->got < end) {
		size_t missing = end - c->got;
		size_t r = take(s, c, buf, missing < sizeof(buf) ? missing : sizeof(buf), missing);

		for (size_t i = 0; i < r; i++) {
			if (buf[i] != pattern_byte(c->got + i)) {
				fail(s, "byte %zu is wrong", c->got + i);
			}
		}
		c->got += r;
	}
	stage_log(s, "got %zu right bytes\n", n);
}

static bool past_established(const struct client *c)
{
	return strcmp(kernel_state(c->server_port, c->port), "ESTABLISHED") != 0;
}

void client_half(struct stage *s, struct client *c)
{
	if (shutdown(c->fd, SHUT_WR) < 0) {
		fail(s, "the client cannot half-close: %s", strerror(errno));
	}
	for (int i = 0; i < WAIT_MS && !past_established(c); i++) {
		kernel_nap(); /* the FIN is on its way to the other end of loopback */
	}
}

void client_close(struct stage *s, struct client *c)
{
	if (close(c->fd) < 0) {
		fail(s, "the client cannot close: %s", strerror(errno));
	}
	c->fd = -1;
}

void client_reset(struct stage *s, struct client *c)
{
	struct linger l = {1, 0};

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	client_close(s, c);
}

size_t client_take(struct client *c, void *buf, size_t n)
{
	size_t have = 0;

	while (have < n && wait_readable(c->fd)) {
		ssize_t r = recv(c->fd, (char *)buf + have, n - have, 0);

		if (r <= 0) {
			break;
		}
		have += (size_t)r;
	}
	return have;
}

bool client_readable(struct client *c)
{
	struct pollfd p = {c->fd, POLLIN, 0};

	return poll(&p, 1, 0) != 0;
}

void client_must_end(struct stage *s, struct client *c)
{
	char b;
	ssize_t r = wait_readable(c->fd) ? recv(c->fd, &b, 1, 0) : -2;

	if (r != 0) {
		fail(s, "no EOF but %s; the server's side is in %s",
		     r == -2 ? "nothing"
		     : r > 0 ? "data"
			     : strerror(errno),
		     kernel_state(c->server_port, c->port));
	}
	for (int i = 0; strcmp(kernel_state(c->server_port, c->port), "CLOSE_WAIT") == 0; i++) {
		if (i == WAIT_MS) {
			fail(s, "EOF, but the server's side is in CLOSE_WAIT");
		}
		kernel_nap();
	}
}

void client_eof(struct stage *s, struct client *c)
{
	client_must_end(s, c);
	stage_log(s, "EOF\n");
}

void client_must_wait(struct stage *s, struct client *c, const char *state)
{
	const char *is = kernel_state(c->server_port, c->port);
	char b;
	ssize_t r = recv(c->fd, &b, 1, MSG_PEEK | MSG_DONTWAIT);

	if (strcmp(state, is) != 0 || r >= 0 || errno != EAGAIN) {
		fail(s, "the server's side is in %s instead of %s, and the client reads %s", is,
		     state,
		     r == 0  ? "EOF"
		     : r > 0 ? "data"
			     : strerror(errno));
	}
}

void client_held(struct stage *s, struct client *c)
{
	client_must_wait(s, c, "CLOSE_WAIT");
	stage_log(s, "held\n");
}

void client_live(struct stage *s, struct client *c)
{
	client_must_wait(s, c, "ESTABLISHED");
	stage_log(s, "live\n");
}

void client_heal(struct stage *s, struct client *c)
{
	if (s->shimmed) {
		client_must_end(s, c);
	} else {
		client_must_wait(s, c, "CLOSE_WAIT");
	}
}
