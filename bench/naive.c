/* SPDX-License-Identifier: MIT */
/*
 * The preload that everybody writes first: every close of a connected socket shuts it down.
 * It asks the kernel at every close, and cuts conversations that others still have.
 */
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int close(int fd)
{
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);

	if (getpeername(fd, (struct sockaddr *)&peer, &length) == 0) {
		shutdown(fd, SHUT_RDWR);
	}
	return (int)syscall(SYS_close, fd);
}
