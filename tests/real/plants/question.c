/* SPDX-License-Identifier: MIT */
/*
 * Planted: one harmless question too many, of whatever is read. A sandbox kills for it.
 */
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t read(int fd, void *buffer, size_t count)
{
	int type;
	socklen_t length = sizeof(type);

	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length);
	return syscall(SYS_read, fd, buffer, count);
}
