/* SPDX-License-Identifier: MIT */
/*
 * Planted: a descriptor of its own, and a variable that it forgets in the environment.
 */
#include <fcntl.h>
#include <stdlib.h>

__attribute__((constructor)) static void keep(void)
{
	open("/dev/null", O_RDONLY);
	setenv("PLANTED", "yes", 1);
}
