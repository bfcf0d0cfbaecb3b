/* SPDX-License-Identifier: MIT */
/*
 * The TCP sockets of a network namespace, by inode.
 *
 * The idea: /proc/PID/net/tcp and tcp6 are read once for a namespace and sorted; then every
 * descriptor is a binary search.
 * The invariant: what was there before the reading began and is still there is in it.
 * Never here: who holds a socket.
 */
#ifndef SENDFIN_CLI_NETSOCKETS_H
#define SENDFIN_CLI_NETSOCKETS_H

#include "core/proctext.h"

#include <stddef.h>
#include <sys/types.h>

struct netsockets {
	struct proctext_tcp *sockets;
	size_t count;
	size_t room;
};

/* Reads those that PID sees. 0 or -errno; netsockets_free() in any case. */
int netsockets_read(struct netsockets *net, pid_t pid);

/* The socket, or NULL: it is none of TCP, or closed. */
const struct proctext_tcp *netsockets_find(const struct netsockets *net, uint64_t inode);

void netsockets_free(struct netsockets *net);

#endif
