/* SPDX-License-Identifier: MIT */
/*
 * getsockopt and its kin as plain answers. TCP_INFO is asked for one byte, the
 * state: the kernel copies no more than the caller has room for.
 */
#include "sys/sockprobe.h"

#include <asm/ioctls.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "sys/rawsys.h"

enum {
	/* include/net/tcp_states.h; the user's header that has them clashes with linux/tcp.h. */
	TCP_STATE_ESTABLISHED = 1,
	TCP_STATE_CLOSE = 7,
	TCP_STATE_CLOSE_WAIT = 8,
	TCP_STATE_UNKNOWN = 0,
};

static int get_int_option(int fd, int level, int name)
{
	int value = -1;
	int length = sizeof(value);
	long rc = rawsys6(SYS_getsockopt, fd, level, name, (long)&value, (long)&length, 0);

	return rc == 0 ? value : -1;
}

static int tcp_state(int fd)
{
	uint8_t state = TCP_STATE_UNKNOWN;
	int length = sizeof(state);
	long rc = rawsys6(SYS_getsockopt, fd, IPPROTO_TCP, TCP_INFO, (long)&state, (long)&length,
			  0);

	return rc == 0 ? state : TCP_STATE_UNKNOWN;
}

bool sockprobe_is_tcp(int fd)
{
	return get_int_option(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP;
}

bool sockprobe_is_listening(int fd)
{
	return get_int_option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1;
}

static enum verdict_state as_verdict_state(int state)
{
	switch (state) {
	case TCP_STATE_CLOSE_WAIT:
		return VERDICT_STATE_CLOSE_WAIT;
	case TCP_STATE_ESTABLISHED:
		return VERDICT_STATE_ESTABLISHED;
	default:
		return VERDICT_STATE_OTHER;
	}
}

enum verdict_state sockprobe_state(int fd)
{
	return as_verdict_state(tcp_state(fd));
}

bool sockprobe_is_dead(int fd)
{
	return tcp_state(fd) == TCP_STATE_CLOSE;
}

uint64_t sockprobe_cookie(int fd)
{
	uint64_t cookie = 0;
	int length = sizeof(cookie);
	long rc = rawsys6(SYS_getsockopt, fd, SOL_SOCKET, SO_COOKIE, (long)&cookie, (long)&length,
			  0);

	return rc == 0 ? cookie : 0;
}

bool sockprobe_is_drained(int fd)
{
	int unread = -1;

	return rawsys3(SYS_ioctl, fd, FIONREAD, (long)&unread) == 0 && unread == 0;
}

static bool tcp_info(int fd, struct tcp_info *info)
{
	int length = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return rawsys6(SYS_getsockopt, fd, IPPROTO_TCP, TCP_INFO, (long)info, (long)&length, 0) ==
	       0;
}

uint32_t sockprobe_quiet_ms(int fd)
{
	struct tcp_info info;

	return tcp_info(fd, &info) ? info.tcpi_last_ack_recv : 0;
}

enum verdict_state sockprobe_state_and_written(int fd, uint64_t *written)
{
	struct tcp_info info;

	if (!tcp_info(fd, &info)) {
		*written = ~(uint64_t)0;
		return VERDICT_STATE_OTHER;
	}
	/* One answer, under the socket's lock: two would see an ACK between them. */
	*written = info.tcpi_bytes_sent - info.tcpi_bytes_retrans + info.tcpi_notsent_bytes;
	return as_verdict_state(info.tcpi_state);
}

uint64_t sockprobe_written(int fd)
{
	uint64_t written;

	sockprobe_state_and_written(fd, &written);
	return written;
}

static void set_int_option(int fd, int level, int name, int value)
{
	rawsys6(SYS_setsockopt, fd, level, name, (long)&value, sizeof(value), 0);
}

void sockprobe_arm_keepalive(int fd, int seconds)
{
	if (get_int_option(fd, SOL_SOCKET, SO_KEEPALIVE) != 0) {
		return;
	}
	set_int_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
	set_int_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds);
	set_int_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

static void endpoint_from(struct text_endpoint *endpoint, const struct sockaddr_storage *name)
{
	memset(endpoint, 0, sizeof(*endpoint));
	if (name->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)name;

		memcpy(endpoint->address, &in->sin_addr, sizeof(in->sin_addr));
		endpoint->port = __builtin_bswap16(in->sin_port);
		endpoint->is_known = true;
	} else if (name->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)name;

		memcpy(endpoint->address, &in6->sin6_addr, sizeof(in6->sin6_addr));
		endpoint->port = __builtin_bswap16(in6->sin6_port);
		endpoint->is_ipv6 = true;
		endpoint->is_known = true;
	}
}

static void endpoint_ask(int fd, long call, struct text_endpoint *endpoint)
{
	struct sockaddr_storage name;
	int length = sizeof(name);

	memset(&name, 0, sizeof(name));
	if (rawsys3(call, fd, (long)&name, (long)&length) != 0) {
		name.ss_family = AF_UNSPEC;
	}
	endpoint_from(endpoint, &name);
}

void sockprobe_names(int fd, struct text_endpoint *local, struct text_endpoint *peer)
{
	endpoint_ask(fd, SYS_getsockname, local);
	endpoint_ask(fd, SYS_getpeername, peer);
}
