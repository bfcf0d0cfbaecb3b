/* SPDX-License-Identifier: MIT */
/*
 * Asks the kernel about TCP sockets: one by sock_diag, many by /proc/net/tcp and tcp6.
 *
 * Loopback only, so a pair of ports names one end of one connection; v4-mapped sockets answer to
 * their IPv4 names and stand in the tcp6 table. The answer is the kernel's truth of this moment: on
 * loopback a shutdown has changed the state before it returned.
 */
#include "shim.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const states[] = {
	"-",     "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",    "TIME_WAIT",
	"CLOSE", "CLOSE_WAIT",  "LAST_ACK", "LISTEN",   "CLOSING",   "NEW_SYN_RECV",
};

struct query {
	int local_port;
	const char *state;
	int count;
};

static void ask_table(const char *path, struct query *q)
{
	char line[512];
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f)) {
		unsigned local, state;

		if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x", &local, &state) ==
			    2 &&
		    (int)local == q->local_port && state < sizeof(states) / sizeof(states[0])) {
			q->count += strcmp(q->state, states[state]) == 0;
		}
	}
	if (f) {
		fclose(f);
	}
}

/* Ask for exactly one socket; reading the whole table costs the kernel a walk over every bucket. */
static int ask_one(int family, int local_port, int remote_port)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 req;
	} ask = {
		.head = {sizeof(ask), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 1, 0},
		.req = {.sdiag_family = (uint8_t)family,
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_states = ~0U,
			.id = {.idiag_sport = htons((uint16_t)local_port),
			       .idiag_dport = htons((uint16_t)remote_port),
			       .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
	};
	union {
		struct nlmsghdr head;
		char room[8192];
	} answer;
	const struct inet_diag_msg *msg = NLMSG_DATA(&answer.head);
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	ssize_t n;

	if (family == AF_INET) {
		ask.req.id.idiag_src[0] = ask.req.id.idiag_dst[0] = htonl(INADDR_LOOPBACK);
	} else {
		ask.req.id.idiag_src[3] = ask.req.id.idiag_dst[3] = htonl(1);
	}
	n = send(fd, &ask, sizeof(ask), 0) < 0 ? -1 : recv(fd, &answer, sizeof(answer), 0);
	close(fd);
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(*msg)) ||
	    answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    msg->id.idiag_dport != ask.req.id.idiag_dport) {
		return 0; /* none, or the listening socket that the kernel offers instead */
	}
	return msg->idiag_state;
}

const char *procnet_state(int local_port, int remote_port)
{
	int state = ask_one(AF_INET, local_port, remote_port);

	state = state ? state : ask_one(AF_INET6, local_port, remote_port);
	return states[(size_t)state < sizeof(states) / sizeof(states[0]) ? state : 0];
}

int procnet_count(int local_port, const char *state)
{
	struct query q = {local_port, state, 0};

	ask_table("/proc/net/tcp", &q);
	ask_table("/proc/net/tcp6", &q);
	return q.count;
}
