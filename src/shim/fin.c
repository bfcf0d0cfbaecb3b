/* SPDX-License-Identifier: MIT */
/* See fin.h. */
#include "shim/fin.h"

#include <sys/socket.h>

#include "sys/rawsys.h"

int fin_send(int fd)
{
	return (int)rawsys3(SYS_shutdown, fd, SHUT_RDWR, 0);
}
