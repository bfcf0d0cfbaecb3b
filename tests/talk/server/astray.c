/* SPDX-License-Identifier: MIT */
/*
 * astray HOW [AHEAD]: a reader takes the request, a writer answers when the reader is gone, and
 * its copy is one that nobody seems to have. An idler, who has had a copy all the time, waits for
 * clients.
 *
 *   HOW  moved    an older connection had the same number, was moved to another and closed there
 *        own      ... and the first process is the writer itself
 *        crossed  ... and was closed by this process, which had got it in a message from another
 *                 worker, who had accepted it under that number and in the epoch of that name
 *        high     the writer's parent is a new program that has one more copy, under a high number
 *        crowded  the writer finds no place in the ledger
 *        sent     an older connection had the same number, and was sent away in a message
 *        taken    the writer's parent has taken the connection out of the reader (pidfd_getfd)
 *        called   ... by libc's function of that name, and is the writer itself
 *        vforked  the writer's parent is a program that a vfork child, made before the close,
 *                 became after it, while another thread went on to fork
 *        execed   the writer was born while another thread was in exec; the new program closes
 */
#include "server.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* libc's, where it is new enough. */
extern int pidfd_getfd(int process, int fd, unsigned int flags) __attribute__((weak));

static int first, listener, conn;
static bool is_silent; /* the reader: else the rule takes its parent for a mere accept loop */
static pid_t idler, reader, writer;

static void idle(void)
{
	idler = born();
	if (idler == 0) {
		struct pollfd set = {.fd = listener, .events = POLLIN};

		poll(&set, 1, 0);
		report("waiting");
		for (;;) {
			pause();
		}
	}
}

static void read_request(bool with_helper)
{
	reader = born();
	if (reader == 0) {
		slurp(conn);
		if (with_helper && system(":") != 0) {
			die("system");
		}
		hear(KID_FD);
		if (!is_silent) {
			say(conn, "first ");
		}
		close(conn);
		exit(0);
	}
}

static void answer_at_last(int fd)
{
	while (kill(reader, 0) == 0) {
		poll(NULL, 0, 1);
	}
	report("reader gone");
	hear(KID_FD);
	pour(fd, 0, 200000);
	exit(0);
}

static void write_answer(int fd)
{
	writer = born();
	if (writer == 0) {
		answer_at_last(fd);
	}
}

/* The connection has the number under which the first one was accepted. */
static void take_its_number(void)
{
	int elsewhere = fcntl(first, F_DUPFD, 20);

	close(first);
	conn = accept_one(listener);
	if (conn != first) {
		die("another number");
	}
	idle();
	close(elsewhere);
	read_request(false);
}

static void moved(void)
{
	take_its_number();
	write_answer(conn);
	close(conn);
}

static void own(void)
{
	take_its_number();
	report("handed on");
	bury(reader);
	report("child gone");
	report("reader gone");
	hear(KID_FD);
	pour(conn, 0, 200000);
	close(conn);
}

static void crowded(void)
{
	conn = first;
	idle();
	read_request(false);
	write_answer(conn);
	close(conn);
}

static int high_image(int fd, int high)
{
	close(fd);
	write_answer(high);
	close(high);
	report("handed on");
	bury(reader);
	report("child gone");
	bury(writer);
	hear(CONTROL_FD);
	kill(idler, SIGKILL);
	waitpid(idler, NULL, 0);
	return farewell(listener);
}

static void high(void)
{
	char number[5][16];
	int values[5];

	conn = first;
	idle();
	read_request(false);
	memcpy(values, (int[]){conn, fcntl(conn, F_DUPFD, 300), listener, reader, idler},
	       sizeof(values));
	for (int i = 0; i < 5; i++) {
		snprintf(number[i], sizeof(number[i]), "%d", values[i]);
	}
	execl("/proc/self/exe", "astray", "high_image", number[0], number[1], number[2], number[3],
	      number[4], (char *)NULL);
	die("exec");
}

static void nothing(void)
{
	pid_t pid = born();

	if (pid == 0) {
		_exit(0);
	}
	bury(pid);
}

/* Runs in the second worker, whose epoch is `ahead` forks before the first one's. */
static int crossed(int ahead)
{
	int pair[2], old;
	pid_t other;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0) {
		die("socketpair");
	}
	nothing(); /* there is a ledger from here on, if there is anything to share */
	other = born();
	if (other == 0) {
		for (int i = 0; i < ahead; i++) {
			nothing();
		}
		old = accept_one(listener);
		send_descriptor(pair[0], old);
		pause();
	}
	writer = born();
	if (writer == 0) {
		int place = open("/dev/null", O_RDONLY);

		old = receive_descriptor(pair[1]);
		close(place);
		conn = accept_one(listener);
		if (conn != place) {
			die("another number");
		}
		idle();
		read_request(false);
		close(old);
		report("handed on");
		bury(reader);
		report("child gone");
		report("reader gone");
		hear(KID_FD);
		pour(conn, 0, 200000);
		kill(idler, SIGKILL);
		waitpid(idler, NULL, 0);
		kill(other, SIGKILL);
		exit(0);
	}
	bury(writer);
	waitpid(other, NULL, 0);
	hear(CONTROL_FD);
	return farewell(listener);
}

static void sent(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0) {
		die("socketpair");
	}
	send_descriptor(pair[0], first);
	close(first);
	conn = accept_one(listener);
	if (conn != first) {
		die("another number");
	}
	idle();
	read_request(true);
	write_answer(conn);
	close(conn);
}

static int take(bool by_number)
{
	long pidfd = syscall(SYS_pidfd_open, reader, 0);
	if (!by_number) {
		return pidfd_getfd != NULL ? pidfd_getfd((int)pidfd, conn, 0)
					   : (int)syscall(SYS_pidfd_getfd, pidfd, conn, 0);
	}
	return (int)syscall(SYS_pidfd_getfd, pidfd, conn, 0);
}

static void taken(void)
{
	pid_t taker;

	conn = first;
	idle();
	read_request(false);
	close(conn);
	taker = born();
	if (taker == 0) {
		int fd = take(true);

		if (fd < 0) {
			die("pidfd_getfd");
		}
		write_answer(fd);
		close(fd);
		report("handed on");
		bury(writer);
		exit(0);
	}
	writer = taker;
}

static void called(void)
{
	conn = first;
	idle();
	read_request(false);
	close(conn);
	writer = born();
	if (writer == 0) {
		int fd = take(false);

		if (fd < 0) {
			die("pidfd_getfd");
		}
		report("handed on");
		answer_at_last(fd);
	}
}

static int go[2], begun[2];
static pid_t vforked_pid;

static void *vforker(void *unused)
{
	static char number[16], pid[16];
	char c;

	snprintf(number, sizeof(number), "%d", conn);
	snprintf(pid, sizeof(pid), "%d", (int)reader);
	vforked_pid = vfork();
	if (vforked_pid == 0) {
		if (write(begun[1], "b", 1) == 1 && read(go[0], &c, 1) == 1) {
			execl("/proc/self/exe", "astray", "image", number, pid, (char *)NULL);
		}
		_exit(98);
	}
	return unused;
}

static int image(int fd)
{
	write_answer(fd);
	close(fd);
	report("handed on");
	bury(writer);
	return 0;
}

static void vforked(void)
{
	pthread_t thread;
	char c;

	conn = first;
	idle();
	read_request(false);
	if (pipe(go) < 0 || pipe(begun) < 0 || pthread_create(&thread, NULL, vforker, NULL) != 0) {
		die("thread");
	}
	if (read(begun[0], &c, 1) != 1) {
		die("vfork");
	}
	close(conn);
	for (int i = 0; i < 3; i++) {
		pid_t pid = born();

		if (pid == 0) {
			exit(0);
		}
		bury(pid);
	}
	put(go[1], "g", 1);
	pthread_join(thread, NULL);
	writer = vforked_pid;
}

enum { CROWD = 200, ROOM = 100000, WORDS = 57 };

static int born_pipe[2], pick[2];

static void *forker(void *unused)
{
	for (int i = 0; i < CROWD; i++) {
		if (born() == 0) {
			pid_t me = getpid(), picked = 0;

			/* Whoever was born last is picked, and the others go. */
			put(born_pipe[1], &me, sizeof(me));
			if (read(pick[0], &picked, sizeof(picked)) == sizeof(picked)) {
				put(pick[1], &picked, sizeof(picked));
			}
			if (picked == me) {
				answer_at_last(conn);
			}
			_exit(0);
		}
	}
	pause();
	return unused;
}

static int execed_image(char **argv)
{
	pid_t pid, last = 0;
	int count = 0;
	int in = atoi(argv[4]), out = atoi(argv[5]);
	struct pollfd set = {.fd = in, .events = POLLIN};

	conn = atoi(argv[2]);
	listener = atoi(argv[3]);
	reader = atoi(argv[6]);
	idler = atoi(argv[7]);
	close(conn);
	for (; poll(&set, 1, 300) == 1 && read(in, &pid, sizeof(pid)) == sizeof(pid); count++) {
		last = pid > last ? pid : last;
	}
	put(out, &last, sizeof(last));
	while (--count > 0) {
		waitpid(-1, NULL, 0);
	}
	report("handed on");
	bury(reader);
	report("child gone");
	bury(last);
	hear(CONTROL_FD);
	kill(idler, SIGKILL);
	waitpid(idler, NULL, 0);
	return farewell(listener);
}

static void execed(void)
{
	static char word[ROOM], number[6][16];
	char *argv[WORDS + 16] = {"astray", "execed_image"};
	int values[6];
	pid_t first_born;
	pthread_t thread;
	int n = 2;

	conn = first;
	idle();
	read_request(false);
	if (pipe(born_pipe) < 0 || pipe(pick) < 0) {
		die("pipe");
	}
	memcpy(values, (int[]){conn, listener, born_pipe[0], pick[1], reader, idler},
	       sizeof(values));
	for (int i = 0; i < 6; i++) {
		snprintf(number[i], sizeof(number[i]), "%d", values[i]);
		argv[n++] = number[i];
	}
	setrlimit(RLIMIT_STACK, &(struct rlimit){64 << 20, RLIM_INFINITY});
	memset(word, 'x', sizeof(word) - 1);
	for (int i = 0; i < WORDS; i++) {
		argv[n++] = word;
	}
	argv[n] = NULL;
	if (pthread_create(&thread, NULL, forker, NULL) != 0) {
		die("thread");
	}
	if (read(born_pipe[0], &first_born, sizeof(first_born)) != sizeof(first_born)) {
		die("read");
	}
	put(born_pipe[1], &first_born, sizeof(first_born));
	execv("/proc/self/exe", argv);
	die("exec");
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	if (strcmp(how, "image") == 0) {
		reader = atoi(argv[3]);
		return image(atoi(argv[2]));
	}
	if (strcmp(how, "execed_image") == 0) {
		return execed_image(argv);
	}
	if (strcmp(how, "high_image") == 0) {
		listener = atoi(argv[4]);
		reader = atoi(argv[5]);
		idler = atoi(argv[6]);
		return high_image(atoi(argv[2]), atoi(argv[3]));
	}
	listener = listen_any();
	is_silent = strcmp(how, "own") == 0 || strcmp(how, "crossed") == 0;
	if (strcmp(how, "crossed") == 0) {
		return crossed(atoi(argv[2]));
	}
	first = accept_one(listener);
	if (strcmp(how, "moved") == 0) {
		moved();
		report("handed on");
	} else if (strcmp(how, "own") == 0) {
		own();
		kill(idler, SIGKILL);
		waitpid(idler, NULL, 0);
		hear(CONTROL_FD);
		return farewell(listener);
	} else if (strcmp(how, "crowded") == 0) {
		crowded();
		report("handed on");
	} else if (strcmp(how, "high") == 0) {
		high();
	} else if (strcmp(how, "sent") == 0) {
		sent();
		report("handed on");
	} else if (strcmp(how, "taken") == 0) {
		taken();
	} else if (strcmp(how, "called") == 0) {
		called();
	} else if (strcmp(how, "vforked") == 0) {
		vforked();
	} else {
		execed();
	}
	bury(reader);
	report("child gone");
	bury(writer);
	hear(CONTROL_FD);
	kill(idler, SIGKILL);
	waitpid(idler, NULL, 0);
	return farewell(listener);
}
