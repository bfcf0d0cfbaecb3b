/* SPDX-License-Identifier: MIT */
/*
 * Planted: a byte on descriptor 2 from every new image. It lands in the daemon's log, or on the
 * client's own connection.
 */
#include <unistd.h>

__attribute__((constructor)) static void say(void)
{
	if (write(2, "!", 1) != 1) {
		_exit(1);
	}
}
