/* SPDX-License-Identifier: MIT */
/* A program that no preload can be in: it says its environment, but for what is not its own. */
#include <stdio.h>
#include <string.h>

extern char **environ;

int main(void)
{
	for (char **entry = environ; *entry != NULL; entry++) {
		if (strncmp(*entry, "LD_PRELOAD=", 11) != 0 &&
		    strncmp(*entry, "SENDFIN_", 8) != 0) {
			puts(*entry);
		}
	}
	return 4;
}
