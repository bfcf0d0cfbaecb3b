/* SPDX-License-Identifier: MIT */
/*
 * options PORT: what FD_CLOEXEC is on an accepted socket, a connected one, after dup2 to 0 and dup.
 */
#include "server.h"

#include <fcntl.h>

static int flag(int fd)
{
	return fcntl(fd, F_GETFD) & FD_CLOEXEC ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	int listener = listen_any(), conn = accept_one(listener);
	int up = dial(argc > 1 ? atoi(argv[1]) : 0);
	int conn4 = accept4(listener, (struct sockaddr *)&from, &len, 0);

	dup2(conn, 0);
	dprintf(REPORT_FD, "flags %d %d %d %d %d %d\n", flag(conn), flag(conn4), flag(up), flag(0),
		flag(dup(conn)), flag(listener));
	return farewell(listener);
}
