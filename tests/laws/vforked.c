/* SPDX-License-Identifier: MIT */
/*
 * vforked: a vfork child forks, and what it forked serves a connection.
 *
 * The vfork child has copied the connection first, which is noted nowhere: its memory is its
 * parent's. The server reads to EOF and answers under the one number, closes it, and answers
 * again under the other; all other holders have gone elsewhere.
 */
#include "laws.h"

#include <fcntl.h>

static void answer(int fd, const char *word)
{
	printf("%s %s\n", word, send(fd, word, strlen(word), MSG_NOSIGNAL) > 0 ? "sent" : "lost");
	fflush(stdout);
}

static void serve(int fd, int copy)
{
	char byte;

	while (recv(fd, &byte, 1, 0) > 0) {
	}
	answer(fd, "first");
	close(fd);
	usleep(50 * 1000); /* until the client's RST is here, if there was a FIN */
	answer(copy, "second");
	answer(copy, "third");
	_exit(0);
}

/* The pipe is at its end when the server is. */
int main(void)
{
	struct sockaddr_in name;
	int listener = listen_here(&name);
	struct pair pair = connect_through(listener);
	int done[2];
	char byte = 'x';
	pid_t pid;

	if (send(pair.client, &byte, 1, 0) != 1 || shutdown(pair.client, SHUT_WR) < 0 ||
	    pipe(done) < 0) {
		die("client");
	}
	share();
	pid = vfork();
	if (pid == 0) {
		int copy = dup(pair.server);

		if (fork() == 0) {
			serve(pair.server, copy);
		}
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	close(done[1]);
	fcntl(listener, F_SETFL, O_NONBLOCK);
	accept(listener, NULL, NULL);
	if (read(done[0], &byte, 1) != 0) {
		die("server");
	}
	fcntl(listener, F_SETFL, 0);
	say_cure(listener);
	return 0;
}
