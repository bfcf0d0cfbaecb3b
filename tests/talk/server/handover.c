/* SPDX-License-Identifier: MIT */
/*
 * handover WHO HOW: the connection changes hands after its request has been read to the end.
 *
 *   WHO  correct: the first process closes its copy; leaky: it never does
 *   HOW  fork   a child reads, a grandchild answers when it is told to; the child is dead by then
 *        exec   the child becomes another program, which gets the descriptor's number as argument
 *        late   ... a grandchild does, it says half of the answer, the child reads EOF and goes,
 *               and then it says the rest
 *        scm    the child sends the connection to a worker that has been running for long
 *        direct the first process itself reads, sends it there, and closes
 *        back   the child sends it back to the first process, which had closed it, and which hands
 *               it on by fork; another child has had a copy all the time, and waits for clients
 *        chain  three writers, each forks the next one and goes; they write in that order
 *        rush   ... without a look at whether the one before is gone
 */
#include "server.h"

#include <poll.h>

static int worker_socket = -1;

/* `handover answer FD`: the program of exec and late. */
static int answerer(int fd)
{
	if (fd < 0) {
		return 98;
	}
	say(fd, "first ");
	report("half said");
	hear(KID_FD);
	pour(fd, 0, 200000);
	close(fd);
	return 0;
}

static void exec_answerer(int conn)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", conn);
	execl("/proc/self/exe", "handover", "answer", number, (char *)NULL);
	die("exec");
}

static pid_t start_worker(int listener)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0) {
		die("socketpair");
	}
	worker_socket = pair[0];
	pid = born();
	if (pid == 0) {
		int conn;

		close(listener);
		close(pair[0]);
		hear(KID_FD);
		conn = receive_descriptor(pair[1]);
		report("received");
		hear(KID_FD);
		pour(conn, 0, 200000);
		close(conn);
		exit(0);
	}
	close(pair[1]);
	return pid;
}

/* Each turn of the loop is another process. */
static void chain(int conn, bool rush)
{
	static const char *const texts[] = {"writer 1\n", "writer 2\n", "writer 3\n"};

	for (int i = 0; i < 3; i++) {
		int p[2];

		say(conn, texts[i]);
		if (i == 2) {
			break;
		}
		if (pipe(p) < 0) {
			die("pipe");
		}
		if (born() != 0) {
			break;
		}
		close(p[1]);
		if (!rush) {
			slurp(p[0]); /* EOF: the one before is gone */
		}
	}
	close(conn);
	exit(0);
}

static void child(const char *how, int conn)
{
	if (strcmp(how, "late") == 0) {
		if (born() == 0) {
			exec_answerer(conn);
		}
		slurp(conn);
		hear(KID_FD);
		exit(0);
	}
	slurp(conn);
	if (strcmp(how, "fork") == 0 && born() == 0) {
		hear(KID_FD);
		pour(conn, 0, 200000);
		exit(0);
	}
	if (strcmp(how, "exec") == 0) {
		exec_answerer(conn);
	}
	if (strcmp(how, "scm") == 0) {
		send_descriptor(worker_socket, conn);
	}
	if (strcmp(how, "chain") == 0 || strcmp(how, "rush") == 0) {
		chain(conn, strcmp(how, "rush") == 0);
	}
	exit(0);
}

static void wait_for_clients(int listener)
{
	struct pollfd set = {.fd = listener, .events = POLLIN};

	poll(&set, 1, 0);
	report("waiting");
	for (;;) {
		pause();
	}
}

static void answer_at_last(int conn)
{
	hear(KID_FD);
	pour(conn, 0, 200000);
	exit(0);
}

static int there_and_back(int listener)
{
	int conn = accept_one(listener), pair[2];
	pid_t idle, reader, writer;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0) {
		die("socketpair");
	}
	idle = born();
	if (idle == 0) {
		wait_for_clients(listener);
	}
	reader = born();
	if (reader == 0) {
		slurp(conn);
		send_descriptor(pair[1], conn);
		hear(KID_FD);
		say(conn, "first ");
		close(conn);
		exit(0);
	}
	close(conn);
	conn = receive_descriptor(pair[0]);
	writer = born();
	if (writer == 0) {
		/* The reader is told first. */
		while (kill(reader, 0) == 0) {
			poll(NULL, 0, 1);
		}
		answer_at_last(conn);
	}
	close(conn);
	report("handed on");
	bury(reader);
	report("child gone");
	bury(writer);
	hear(CONTROL_FD);
	kill(idle, SIGKILL);
	waitpid(idle, NULL, 0);
	return farewell(listener);
}

int main(int argc, char **argv)
{
	const char *how = argc > 2 ? argv[2] : "";
	bool direct = strcmp(how, "direct") == 0;
	int listener, conn;
	pid_t worker = 0, pid;

	if (argc > 2 && strcmp(argv[1], "answer") == 0) {
		return answerer(atoi(argv[2]));
	}
	listener = listen_any();
	if (strcmp(how, "back") == 0) {
		return there_and_back(listener);
	}
	if (direct || strcmp(how, "scm") == 0) {
		worker = start_worker(listener);
	}
	conn = accept_one(listener);
	if (direct) {
		slurp(conn);
		send_descriptor(worker_socket, conn);
		close(conn);
		report("child gone");
	} else {
		pid = born();
		if (pid == 0) {
			child(how, conn);
		}
		if (strcmp(argv[1], "correct") == 0) {
			close(conn);
		}
		bury(pid);
		report("child gone");
	}
	if (worker) {
		signal(SIGCHLD, SIG_IGN);
	}
	return farewell(listener);
}
