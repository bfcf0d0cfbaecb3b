/* SPDX-License-Identifier: MIT */
/*
 * clients PORT COUNT: the other ends of COUNT connections, until standard input ends.
 *
 * Each sends one byte. They end with a reset, not with a FIN: nothing is left in
 * TIME_WAIT, so that a bench may open tens of thousands and do it again at once.
 */
#include <err.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* One address has ports for less than 28,000. */
enum { EACH_ADDRESS = 20000 };

/* The descriptor stays open until the process ends. */
static void stay_connected(int port, int number)
{
	struct sockaddr_in own = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(number / EACH_ADDRESS))};
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct linger reset = {.l_onoff = 1, .l_linger = 0};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	int late = 1; /* the port is chosen at connect: unique for the pair, not for the address */

	if (fd < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof(late)) != 0 ||
	    bind(fd, (struct sockaddr *)&own, sizeof(own)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) != 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    write(fd, "x", 1) != 1) {
		err(2, "connect to port %d", port);
	}
}

int main(int argc, char **argv)
{
	char none;

	if (argc != 3) {
		errx(2, "usage: clients PORT COUNT");
	}
	for (int i = atoi(argv[2]); i > 0; i--) {
		stay_connected(atoi(argv[1]), i);
	}
	return read(STDIN_FILENO, &none, 1) == 0 ? 0 : 2;
}
