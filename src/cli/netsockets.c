/* SPDX-License-Identifier: MIT */
#include "cli/netsockets.h"

#include "cli/procfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct reading {
	struct netsockets *net;
	int err;
};

static bool take_line(void *context, const char *line)
{
	struct reading *reading = context;
	struct netsockets *net = reading->net;
	struct proctext_tcp socket;

	/* What nobody holds (inode 0) waits for nobody. */
	if (!proctext_tcp(line, &socket) || socket.inode == 0) {
		return true;
	}
	if (net->count == net->room) {
		size_t room = net->room ? net->room * 2 : 256;
		struct proctext_tcp *grown = realloc(net->sockets, room * sizeof(*grown));

		if (!grown) {
			reading->err = -ENOMEM;
			return false;
		}
		net->sockets = grown;
		net->room = room;
	}
	net->sockets[net->count++] = socket;
	return true;
}

static int by_inode(const void *a, const void *b)
{
	const struct proctext_tcp *left = a;
	const struct proctext_tcp *right = b;

	return (left->inode > right->inode) - (left->inode < right->inode);
}

int netsockets_read(struct netsockets *net, pid_t pid)
{
	struct reading reading = {.net = net};
	int err;

	memset(net, 0, sizeof(*net));
	err = procfile_lines(pid, "net/tcp", take_line, &reading);
	if (err == 0 && reading.err == 0) {
		err = procfile_lines(pid, "net/tcp6", take_line, &reading);
		err = err == -ESRCH ? 0 : err; /* a kernel without IPv6 */
	}
	if (net->count > 0) {
		qsort(net->sockets, net->count, sizeof(net->sockets[0]), by_inode);
	}
	return err != 0 ? err : reading.err;
}

const struct proctext_tcp *netsockets_find(const struct netsockets *net, uint64_t inode)
{
	struct proctext_tcp key = {.inode = inode};

	return net->count == 0 ? NULL
			       : bsearch(&key, net->sockets, net->count, sizeof(key), by_inode);
}

void netsockets_free(struct netsockets *net)
{
	free(net->sockets);
	memset(net, 0, sizeof(*net));
}
