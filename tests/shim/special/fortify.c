/* SPDX-License-Identifier: MIT */
/*
 * A leaky server as distributions build it: with _FORTIFY_SOURCE and a length that the compiler
 * cannot know, `read` is compiled to __read_chk and `recv` to __recv_chk, which no hook of `read`
 * sees. The child must still be seen to read EOF.
 *
 * It speaks the puppets' report protocol: started, the port, how the child ended.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REPORT_FD = 3, CTL_FD = 4 };

static int listener;

static void echo(int fd, size_t size)
{
	char buf[4096];
	ssize_t n;

	while ((n = size & 1 ? read(fd, buf, size) : recv(fd, buf, size, 0)) > 0) {
		if (write(fd, buf, (size_t)n) != n) {
			break;
		}
		size ^= 1;
	}
	close(fd);
}

int main(int argc, char **argv)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	socklen_t len = sizeof(sa);
	int fd, status;
	char c;

	listener = socket(AF_INET, SOCK_STREAM, 0);
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&sa, len) < 0 || listen(listener, 5) < 0) {
		return 1;
	}
	getsockname(listener, (struct sockaddr *)&sa, &len);
	dprintf(REPORT_FD, "P ok started\n");
	dprintf(REPORT_FD, "P ok port=%d\n", ntohs(sa.sin_port));
	fd = accept(listener, NULL, NULL);
	if (fork() == 0) {
		echo(fd, (size_t)(argc * 100) + (argv[0] ? 1 : 0));
		_exit(5);
	}
	wait(&status);
	dprintf(REPORT_FD, "P ok exit=%d\n", WEXITSTATUS(status));
	return read(CTL_FD, &c, 1) == 0 ? 0 : 1;
}
