/* SPDX-License-Identifier: MIT */
/*
 * Planted: the preload that everybody writes first. Every close of a connection shuts it
 * down, for all who hold it: the parent that closes its copy cuts its child's client off.
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
