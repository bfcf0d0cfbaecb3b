/* SPDX-License-Identifier: MIT */
/*
 * Asks the kernel about TCP sockets by /proc/net/tcp and tcp6.
 *
 * Loopback only, so a pair of ports names one end of one connection; v4-mapped sockets stand in the
 * tcp6 table and are found the same way. The answer is the kernel's truth of this moment: on
 * loopback a shutdown has changed the state before it returned.
 */
#include "shim.h"

#include <stdio.h>
#include <string.h>

static const char *const states[] = {
	"-",     "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",    "TIME_WAIT",
	"CLOSE", "CLOSE_WAIT",  "LAST_ACK", "LISTEN",   "CLOSING",   "NEW_SYN_RECV",
};

struct query {
	int local, remote; /* remote < 0: any */
	const char *state; /* NULL: any */
	const char *found; /* the last one's state */
	int count;
};

static void ask_table(const char *path, struct query *q)
{
	char line[512];
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f)) {
		unsigned local, remote, state;

		if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%x %x", &local, &remote,
			   &state) != 3 ||
		    (int)local != q->local || (q->remote >= 0 && (int)remote != q->remote) ||
		    state >= sizeof(states) / sizeof(states[0])) {
			continue;
		}
		if (!q->state || strcmp(q->state, states[state]) == 0) {
			q->found = states[state];
			q->count++;
		}
	}
	if (f) {
		fclose(f);
	}
}

const char *procnet_state(int local_port, int remote_port)
{
	struct query q = {local_port, remote_port, NULL, states[0], 0};

	ask_table("/proc/net/tcp", &q);
	ask_table("/proc/net/tcp6", &q);
	return q.found;
}

int procnet_count(int local_port, const char *state)
{
	struct query q = {local_port, -1, state, states[0], 0};

	ask_table("/proc/net/tcp", &q);
	ask_table("/proc/net/tcp6", &q);
	return q.count;
}
