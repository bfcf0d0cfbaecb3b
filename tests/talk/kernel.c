/* SPDX-License-Identifier: MIT */
/*
 * Asks the kernel: the state of a TCP socket, where a process is blocked, what it has open.
 *
 * One socket is asked for by its four names over NETLINK_SOCK_DIAG, which does not slow down with
 * the thousands of TIME_WAIT sockets that a long run leaves; /proc/net/tcp is the same truth, read
 * from end to end. A request lives as long as its answer takes: no state.
 */
#include "talk.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const states[] = {
	"-",     "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",    "TIME_WAIT",
	"CLOSE", "CLOSE_WAIT",  "LAST_ACK", "LISTEN",   "CLOSING",   "NEW_SYN_RECV",
};

struct request {
	struct nlmsghdr head;
	struct inet_diag_req_v2 body;
};

static int ask(const struct request *q)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (fd < 0 || send(fd, q, sizeof(*q), 0) != (ssize_t)sizeof(*q)) {
		perror("sock_diag");
		_exit(1);
	}
	return fd;
}

static struct request request_for(int local_port, int remote_port)
{
	struct request q = {
		.head = {.nlmsg_len = sizeof(q),
			 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			 .nlmsg_flags = NLM_F_REQUEST},
		.body = {.sdiag_family = AF_INET,
			 .sdiag_protocol = IPPROTO_TCP,
			 .idiag_states = ~0U},
	};

	q.body.id.idiag_sport = htons((uint16_t)local_port);
	q.body.id.idiag_dport = htons((uint16_t)remote_port);
	q.body.id.idiag_src[0] = q.body.id.idiag_dst[0] = htonl(INADDR_LOOPBACK);
	q.body.id.idiag_cookie[0] = q.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	return q;
}

/* What the kernel says of the socket with these ports; false for none. */
static bool look_up(int local_port, int remote_port, struct inet_diag_msg *found)
{
	struct request q = request_for(local_port, remote_port);
	_Alignas(struct nlmsghdr) char answer[4096];
	const struct nlmsghdr *h = (const struct nlmsghdr *)answer;
	int fd = ask(&q);
	ssize_t n = recv(fd, answer, sizeof(answer), 0);

	close(fd);
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(*found)) || h->nlmsg_type != SOCK_DIAG_BY_FAMILY) {
		return false; /* ENOENT */
	}
	memcpy(found, NLMSG_DATA(h), sizeof(*found));
	/* Else the listener answered for it. */
	return found->id.idiag_dport == htons((uint16_t)remote_port);
}

const char *kernel_state(int local_port, int remote_port)
{
	struct inet_diag_msg m;

	return look_up(local_port, remote_port, &m) &&
			       m.idiag_state < sizeof(states) / sizeof(states[0])
		       ? states[m.idiag_state]
		       : states[0];
}

bool kernel_keeps_alive(int local_port, int remote_port)
{
	enum { TIMER_KEEPALIVE = 2 }; /* idiag_timer: sock_diag(7) */
	struct inet_diag_msg m;

	return look_up(local_port, remote_port, &m) && m.idiag_timer == TIMER_KEEPALIVE;
}

static bool count_part(const char *answer, ssize_t size, int local_port, int *count)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)answer;

	for (; NLMSG_OK(h, size); h = NLMSG_NEXT(h, size)) {
		const struct inet_diag_msg *m = NLMSG_DATA(h);

		if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY) {
			return false; /* done, or an error */
		}
		*count += m->id.idiag_sport == htons((uint16_t)local_port);
	}
	return true;
}

int kernel_count_close_wait(int local_port)
{
	struct request q = request_for(0, 0);
	_Alignas(struct nlmsghdr) char answer[32768];
	int count = 0, fd;
	ssize_t n;

	q.head.nlmsg_flags |= NLM_F_DUMP;
	q.body.idiag_states = 1U << TCP_CLOSE_WAIT;
	fd = ask(&q);
	do {
		n = recv(fd, answer, sizeof(answer), 0);
	} while (n > 0 && count_part(answer, n, local_port, &count));
	close(fd);
	return count;
}

bool kernel_blocked(pid_t pid, const char *in)
{
	static const struct {
		const char *name;
		long number;
	} calls[] = {
		{"accept", SYS_accept},   {"accept", SYS_accept4},    {"poll", SYS_ppoll},
		{"select", SYS_pselect6}, {"epoll", SYS_epoll_pwait}, {"wait", SYS_wait4},
		{"wait", SYS_waitid},     {"read", SYS_read},
#ifdef SYS_poll
		{"poll", SYS_poll},       {"select", SYS_select},     {"epoll", SYS_epoll_wait},
#endif
	};
	char path[64], line[256] = "";
	FILE *f;
	bool yes = false;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	f = fopen(path, "re");
	if (!f) {
		return false;
	}
	if (fgets(line, sizeof(line), f) && line[0] >= '0' && line[0] <= '9') {
		for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
			yes |= strcmp(calls[i].name, in) == 0 && calls[i].number == atol(line);
		}
	}
	fclose(f);
	return yes;
}

int kernel_descriptors(pid_t pid)
{
	char path[64];
	DIR *d;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	for (; d && readdir(d); n++) {
	}
	if (d) {
		closedir(d);
	}
	return n - 2;
}

/* A zombie has let go of everything; only its parent, who may be dead or careless, sees it go. */
static bool is_gone(pid_t pid)
{
	char path[64], line[512] = "", *after;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f) {
		return true;
	}
	if (!fgets(line, sizeof(line), f)) {
		line[0] = '\0';
	}
	fclose(f);
	after = strrchr(line, ')');
	return !after || after[2] == 'Z' || after[2] == 'X';
}

void kernel_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	for (int i = 0; i < WAIT_MS && !is_gone(pid); i++) {
		kernel_nap();
	}
}

void kernel_nap(void)
{
	poll(NULL, 0, 1);
}
