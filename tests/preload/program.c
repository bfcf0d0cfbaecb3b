/* SPDX-License-Identifier: MIT */
/* Reads three bytes of standard input, one by one, and says them. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	char bytes[4] = "";

	for (int i = 0; i < 3; i++) {
		if (read(STDIN_FILENO, &bytes[i], 1) != 1) {
			return 1;
		}
	}
	puts(bytes);
	return 0;
}
