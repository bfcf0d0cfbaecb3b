/* SPDX-License-Identifier: MIT */
/*
 * What daemons do: close every descriptor, and then have sockets on the lowest numbers.
 * Captures while data is under way; each byte must arrive, and none that was not sent.
 */
#include "victim.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAIRS = 32, ROUNDS = 16, BYTES = 256 };

static int ends[PAIRS][2];

static void fill(char *bytes, int pair, int round)
{
	for (int i = 0; i < BYTES; i++) {
		bytes[i] = (char)(pair * 7 + round * 13 + i);
	}
}

OWN static void capture_at(int depth)
{
	if (depth > 0) {
		capture_at(depth - 1);
	} else {
		SITE();
	}
	STAY();
}

static int one_round(int round)
{
	char sent[BYTES];
	char got[BYTES];
	char more;
	int wrong = 0;

	for (int i = 0; i < PAIRS; i++) {
		fill(sent, i, round);
		wrong += write(ends[i][0], sent, BYTES) != BYTES;
		capture_at(round);
	}
	for (int i = 0; i < PAIRS; i++) {
		capture_at(ROUNDS + round);
		fill(sent, i, round);
		wrong += read(ends[i][1], got, BYTES) != BYTES || memcmp(sent, got, BYTES) != 0;
		wrong += recv(ends[i][1], &more, 1, MSG_DONTWAIT) != -1;
		wrong += recv(ends[i][0], &more, 1, MSG_DONTWAIT) != -1;
	}
	return wrong;
}

int main(void)
{
	int out = dup(1);
	int wrong = 0;
	char line[64];

	out = fcntl(out, F_DUPFD, 500);
	closefrom(501);
	close_range(0, 499, 0);
	for (int i = 0; i < PAIRS; i++) {
		wrong += socketpair(AF_UNIX, SOCK_STREAM, 0, ends[i]) != 0;
	}
	for (int round = 0; round < ROUNDS; round++) {
		wrong += one_round(round);
	}
	snprintf(line, sizeof(line), "first %d last %d wrong %d\n", ends[0][0], ends[PAIRS - 1][1],
		 wrong);
	return write(out, line, strlen(line)) < 0 || wrong != 0;
}
