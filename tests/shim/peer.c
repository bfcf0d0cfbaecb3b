/* SPDX-License-Identifier: MIT */
/*
 * The peer: the client (or server) at the other end, which must, or must not, see the FIN.
 *
 * It remembers the two ports, so that the victim's side can be looked up in the kernel's table even
 * after the peer has gone. Bytes are checked against the pattern, position by position.
 */
#include "shim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The same arithmetic as the victim's, which is another program. */
static unsigned char expected_byte(size_t i)
{
	return (unsigned char)(i * 7 + i / 251);
}

static int socket_for(const char *family, int port, struct sockaddr_storage *sa, socklen_t *len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)sa;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)sa;

	memset(sa, 0, sizeof(*sa));
	if (strcmp(family, "6") == 0) {
		v6->sin6_family = AF_INET6;
		v6->sin6_addr = in6addr_loopback;
		v6->sin6_port = htons((uint16_t)port);
		*len = sizeof(*v6);
	} else { /* "46" is reached by IPv4: that is its point */
		v4->sin_family = AF_INET;
		v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		v4->sin_port = htons((uint16_t)port);
		*len = sizeof(*v4);
	}
	return socket(sa->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int own_port(int fd)
{
	struct sockaddr_in6 sa;
	socklen_t len = sizeof(sa);

	return getsockname(fd, (struct sockaddr *)&sa, &len) < 0 ? -1 : ntohs(sa.sin6_port);
}

void peer_connect(struct world *w, struct peer *p)
{
	struct sockaddr_storage sa;
	socklen_t len;

	p->fd = socket_for(w->family, w->port, &sa, &len);
	if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&sa, len) < 0) {
		fail(w, "cannot connect: %s", strerror(errno));
	}
	p->my_port = own_port(p->fd);
	p->its_port = w->port;
	p->sent = p->got = 0;
}

void peer_listen(struct world *w, struct peer *p)
{
	struct sockaddr_storage sa;
	socklen_t len;

	p->listener = socket_for(w->family, 0, &sa, &len);
	if (p->listener < 0 || bind(p->listener, (struct sockaddr *)&sa, len) < 0 ||
	    listen(p->listener, 16) < 0) {
		fail(w, "cannot listen: %s", strerror(errno));
	}
	w->port = own_port(p->listener);
}

void peer_accept(struct world *w, struct peer *p)
{
	struct sockaddr_in6 sa;
	socklen_t len = sizeof(sa);

	p->fd = accept4(p->listener, (struct sockaddr *)&sa, &len, SOCK_CLOEXEC);
	if (p->fd < 0) {
		fail(w, "cannot accept: %s", strerror(errno));
	}
	p->my_port = w->port;
	p->its_port = ntohs(sa.sin6_port);
	p->sent = p->got = 0;
}

void peer_send(struct world *w, struct peer *p, size_t n)
{
	char buf[4096] = {0};

	while (n > 0) {
		size_t part = n < sizeof(buf) ? n : sizeof(buf);
		ssize_t r;

		for (size_t i = 0; i < part; i++) {
			buf[i] = (char)expected_byte(p->sent + i);
		}
		r = send(p->fd, buf, part, MSG_NOSIGNAL);
		if (r < 0) {
			fail(w, "the peer cannot send: %s", strerror(errno));
		}
		p->sent += (size_t)r;
		n -= (size_t)r;
	}
}

void peer_recv(struct world *w, struct peer *p, size_t n)
{
	static unsigned char buf[65536];

	while (n > 0) {
		struct pollfd pfd = {p->fd, POLLIN, 0};
		ssize_t r;

		if (poll(&pfd, 1, wait_limit_ms) != 1) {
			fail(w, "the peer waits for %zu more bytes", n);
		}
		r = recv(p->fd, buf, n < sizeof(buf) ? n : sizeof(buf), 0);
		if (r <= 0) {
			fail(w, "%s, and %zu bytes are missing", r ? strerror(errno) : "EOF", n);
		}
		for (ssize_t i = 0; i < r; i++) {
			if (buf[i] != expected_byte(p->got + (size_t)i)) {
				fail(w, "byte %zu is wrong", p->got + (size_t)i);
			}
		}
		p->got += (size_t)r;
		n -= (size_t)r;
	}
	world_log(w, "peer has %zu right bytes\n", p->got);
}

static void wait_ms(int ms)
{
	poll(NULL, 0, ms); /* only between two looks at the kernel's table */
}

/* The FIN has arrived when the victim's side is not ESTABLISHED any more. */
static void await_fin_arrival(const struct peer *p)
{
	for (int i = 0; i < wait_limit_ms; i++) {
		if (strcmp(procnet_state(p->its_port, p->my_port), "ESTABLISHED") != 0) {
			return;
		}
		wait_ms(1);
	}
}

void peer_half(struct world *w, struct peer *p)
{
	if (shutdown(p->fd, SHUT_WR) < 0) {
		fail(w, "the peer cannot half-close: %s", strerror(errno));
	}
	await_fin_arrival(p);
}

void peer_close(struct world *w, struct peer *p)
{
	if (close(p->fd) < 0) {
		fail(w, "the peer cannot close: %s", strerror(errno));
	}
	p->fd = -1;
	await_fin_arrival(p);
}

void peer_reset(struct world *w, struct peer *p)
{
	struct linger l = {1, 0};

	setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	peer_close(w, p);
}

const char *peer_sees(struct peer *p)
{
	char b;
	ssize_t r = p->fd < 0 ? 0 : recv(p->fd, &b, 1, MSG_PEEK | MSG_DONTWAIT);

	if (p->fd < 0) {
		return "gone";
	}
	return r == 0 ? "eof" : r > 0 ? "data" : errno == EAGAIN ? "open" : "reset";
}

const char *peer_await_eof(struct peer *p)
{
	struct pollfd pfd = {p->fd, POLLIN, 0};

	poll(&pfd, 1, wait_limit_ms);
	return strcmp(peer_sees(p), "eof") == 0 ? "" : peer_sees(p);
}

const char *peer_await_end(struct peer *p)
{
	const char *wrong = p->fd < 0 ? "" : peer_await_eof(p);

	if (*wrong) {
		return wrong;
	}
	for (int i = 0; i < wait_limit_ms; i++) {
		if (strcmp(procnet_state(p->its_port, p->my_port), "CLOSE_WAIT") != 0) {
			return "";
		}
		wait_ms(1);
	}
	return "CLOSE_WAIT";
}

void peer_await_state(struct world *w, struct peer *p, const char *state)
{
	const char *is = "";

	for (int i = 0; i < wait_limit_ms; i++) {
		is = procnet_state(p->its_port, p->my_port);
		if (strcmp(is, state) == 0) {
			return;
		}
		wait_ms(1);
	}
	fail(w, "the victim's side is in %s", is);
}
