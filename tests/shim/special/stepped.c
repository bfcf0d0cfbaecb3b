/* SPDX-License-Identifier: MIT */
/*
 * A signal at every instruction of a fork.
 *
 * The hooks around fork leave a child's slot from one process to the other, and a signal handler may
 * come in at any moment of it. Handlers that forked there made two processes share one slot, or left
 * a slot for a child that never came; handlers that ran in the first instructions of a child acted
 * in its parent's name. So a tracer single-steps the fork of a server, in the parent or in the
 * child, and delivers the signal after one step more each time. When all are dead but the server,
 * the ledger must know one process: the server.
 *
 * The tracer speaks the puppets' report protocol. Without a shim there is no ledger, and nothing to
 * be found wrong in it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sendfin/ledger.h"

enum { REPORT_FD = 3, CTL_FD = 4, STRIDE = 5, BLIND_ROUNDS = 4, STEPS_MAX = 200000 };

/* What the server's handler does. */
enum act {
	ACT_FORKS,   /* forks a child that exits */
	ACT_DOUBLES, /* forks a child that returns from the handler, too */
	ACT_EXITS,
};

static struct shared {
	volatile enum act act;
	volatile int in_fork; /* the server or its child has not come back from fork */
	volatile int wrong;   /* rounds after which the ledger was not as it must be */
} * shared;

static pid_t server;

static void die(const char *what)
{
	dprintf(REPORT_FD, "P %s: errno %d\n", what, errno);
	_exit(99);
}

static void on_signal(int sig)
{
	int saved = errno;
	pid_t pid;

	(void)sig;
	if (shared->act == ACT_EXITS) {
		_exit(0);
	}
	pid = fork();
	if (pid == 0 && shared->act == ACT_FORKS) {
		_exit(0);
	}
	while (pid != 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
	}
	errno = saved;
}

/* One living process, and it is this one. What is left over is counted once. */
static bool ledger_is_right(void)
{
	static unsigned int left_over;
	const struct sendfin_anchor *anchor = dlsym(RTLD_DEFAULT, "sendfin_anchor");
	const struct ledger *ledger;
	unsigned int others = 0, own = 0;

	if (anchor == NULL) {
		return true;
	}
	ledger = (const struct ledger *)(uintptr_t)anchor->ledger;
	for (uint32_t i = 0; ledger != NULL && i < ledger->header.process_high; i++) {
		const struct ledger_process *process = &ledger->processes[i];

		if (process->ref != LEDGER_NOBODY && (process->ref & LEDGER_REF_ENDED) == 0) {
			bool is_own = process->pid == (uint32_t)getpid() && process->pid_space == 0;

			own += is_own;
			others += !is_own;
		}
	}
	if (others > left_over) {
		left_over = others;
		return false;
	}
	return own == 1;
}

/* A connection, so that there is something to share. */
static void connect_to_self(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(listener, (struct sockaddr *)&sa, len) < 0 || listen(listener, 5) < 0 ||
	    getsockname(listener, (struct sockaddr *)&sa, &len) < 0 ||
	    connect(fd, (struct sockaddr *)&sa, len) < 0 || accept(listener, NULL, NULL) < 0) {
		die("connect");
	}
}

static void fork_once(void)
{
	pid_t pid = fork();

	shared->in_fork = 0;
	if (pid == 0) {
		_exit(0);
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
	}
	if (getpid() != server) {
		_exit(0); /* made by the handler */
	}
}

/* Each round: stop for the tracer, fork under its eyes, look at the ledger. */
static void serve(void)
{
	server = getpid();
	signal(SIGUSR1, on_signal);
	connect_to_self();
	fork_once();
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	for (;;) {
		raise(SIGSTOP);
		shared->in_fork = 1;
		fork_once();
		shared->wrong += !ledger_is_right();
	}
}

/* Waits for a stop of `pid`; all others that stop are sent on their way. Its signal. */
static int await_stop(pid_t pid)
{
	int status;

	for (;;) {
		pid_t who = waitpid(-1, &status, __WALL);

		if (who < 0) {
			die("wait");
		}
		if (WIFSTOPPED(status) && who != pid && who != server) {
			ptrace(PTRACE_DETACH, who, 0, 0);
		} else if (WIFSTOPPED(status) && who == pid) {
			return status >> 8;
		} else if (WIFSTOPPED(status)) {
			int sig = WSTOPSIG(status);

			ptrace(PTRACE_CONT, who, 0, sig == SIGTRAP || sig == SIGSTOP ? 0 : sig);
		} else if (who == server) {
			die("the server is dead");
		}
	}
}

static bool is_fork(int stop)
{
	return stop == (SIGTRAP | PTRACE_EVENT_FORK << 8);
}

/* Steps the server, or with `child` only its next child; how far they came. */
static int step(pid_t *target, bool child, int steps)
{
	int done = 0, stop;

	while (child) {
		unsigned long born;

		ptrace(PTRACE_CONT, server, 0, 0);
		stop = await_stop(server);
		if (is_fork(stop)) {
			ptrace(PTRACE_GETEVENTMSG, server, 0, &born);
			*target = (pid_t)born;
			await_stop(*target);
			break;
		}
	}
	while (done < steps && shared->in_fork) {
		int sig;

		ptrace(PTRACE_SINGLESTEP, *target, 0, 0);
		stop = await_stop(*target);
		sig = stop & 0xff;
		done++;
		if (sig != SIGTRAP && sig != SIGSTOP) {
			ptrace(PTRACE_SINGLESTEP, *target, 0, sig);
			await_stop(*target);
		}
	}
	return done;
}

/* One round; false when the fork was over before the steps were. */
static bool play_round(bool child, int steps)
{
	pid_t target = server;
	bool is_inside;

	shared->in_fork = 1;
	step(&target, child, steps);
	is_inside = shared->in_fork != 0;
	if (child) {
		ptrace(PTRACE_DETACH, target, 0, is_inside ? SIGUSR1 : 0);
		ptrace(PTRACE_CONT, server, 0, 0);
	} else {
		ptrace(PTRACE_CONT, server, 0, is_inside ? SIGUSR1 : 0);
	}
	for (;;) {
		int stop = await_stop(server);

		if (stop == SIGSTOP) {
			return is_inside;
		}
		ptrace(PTRACE_CONT, server, 0, (stop & 0xff) == SIGTRAP ? 0 : stop & 0xff);
	}
}

static void play(const char *name, bool child, enum act act)
{
	int steps = 0;

	shared->wrong = 0;
	shared->act = act;
	while (play_round(child, steps) && steps < STEPS_MAX) {
		steps += STRIDE;
	}
	/*
	 * In the few instructions between the look who it is and the claim in that name, a
	 * double takes a slot that nobody will have; else all would go wrong.
	 */
	if (act == ACT_DOUBLES && shared->wrong <= BLIND_ROUNDS) {
		shared->wrong = 0;
	}
	dprintf(REPORT_FD, "P ok %s: %d rounds went wrong\n", name, shared->wrong);
}

int main(void)
{
	char c;

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	dprintf(REPORT_FD, "P ok started\n");
	server = fork();
	if (server == 0) {
		serve();
	}
	await_stop(server);
	if (ptrace(PTRACE_SETOPTIONS, server, 0, PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL) < 0) {
		dprintf(REPORT_FD, "P skip ptrace is not allowed here\n");
		kill(server, SIGKILL);
		return 0;
	}
	play("forks in the parent", false, ACT_FORKS);
	play("forks in the child", true, ACT_FORKS);
	play("doubles in the parent", false, ACT_DOUBLES);
	play("doubles in the child", true, ACT_DOUBLES);
	play("exits in the child", true, ACT_EXITS);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	return read(CTL_FD, &c, 1) == 0 ? 0 : 1;
}
