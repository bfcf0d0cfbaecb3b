/* SPDX-License-Identifier: MIT */
/*
 * stepped again|jump|keep|vfork|leave [above]: a signal at every instruction of a call.
 *
 * A storm of signals finds a window of one instruction once in a hundred million closes. Here
 * the processor's trap flag finds it at once: each round takes the next instruction of one
 * dup and close, or of a vfork, for its signal. The handler does the same to the connection, then
 * serves a fresh one and copies it, so that bookkeeping which it spoiled is soon in use again.
 *  - again: there is one more signal soon after.
 *  - jump: there is another one inside the handler's own dup and close; it jumps out of them.
 *  - keep: the handler keeps its copy; the copy that it interrupted is used and closed.
 *  - vfork: the call is a vfork whose child closes the connection.
 *  - leave: the same, and the handler jumps out of the call.
 *  - above: the handler has a stack of its own, higher than the interrupted one; the kernel has
 *    disarmed it, so that it says of no stack that it is in use.
 * All clients have half-closed, and a child that went elsewhere holds everything: a close that is
 * taken for the last one by mistake cuts a client off, which is counted. At the end a leak must
 * still be cured.
 *
 * Where the processor has no such flag all rounds go undisturbed.
 */
#include "laws.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>

enum {
	SPARES = 2, /* connections for the handler */
	SOON = 40,  /* instructions within which the signal comes again */
	ABOVE = 64 * 1024,
	INSIDE = 97,    /* instructions of the handler's own call that it jumps out of */
	ROUNDS = 20000, /* more than there are instructions */
};

/* SS_AUTODISARM of the kernel, which not every libc has. */
#define AUTODISARM (1U << 31)

static const char *what;

static struct pair interrupted, spares[SPARES];
static int copies[SPARES];
static int spares_used;
static pid_t own;
static volatile int first, again, now;
static volatile int inside; /* instructions until the jump */
static sigjmp_buf way_out;
static int waiting; /* a listener that nobody connects to */
static long cuts;
static int kept = -1; /* the handler's own copy */
static stack_t above;

static void trap(int is_on)
{
#if defined(__x86_64__)
	if (is_on) {
		__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq" ::: "memory", "cc");
	} else {
		__asm__ volatile("pushfq; andq $~0x100, (%%rsp); popfq" ::: "memory", "cc");
	}
#endif
	(void)is_on;
}

/* In a vfork child perhaps, which has closed it. */
static void dup_and_close(int fd)
{
	int copy = dup(fd);

	if (copy >= 0) {
		close(copy);
	}
}

/* The number that was copied means another connection soon. */
static void dup_and_replace(int fd)
{
	int copy = dup(fd);
	char byte;

	trap(0);
	while (recv(copy, &byte, 1, 0) > 0) {
	}
	if (send(copy, "y", 1, 0) != 1 || dup2(spares[SPARES - 1].server, fd) != fd) {
		die("copy");
	}
	close(copy);
}

/* What a close-all loop does before it runs a program. */
static void vfork_and_close(int fd)
{
	pid_t pid = vfork();

	if (pid == 0) {
		close(fd);
		_exit(0);
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
	}
}

/* The client has said all it will say. */
static void half_close(struct pair *pair, int listener)
{
	char byte = 'x';

	*pair = connect_through(listener);
	if (send(pair->client, &byte, 1, 0) != 1 || shutdown(pair->client, SHUT_WR) < 0) {
		die("client");
	}
}

/* This process serves it now. */
static void serve(const struct pair *pair)
{
	char byte;

	while (recv(pair->server, &byte, 1, 0) > 0) {
	}
	if (send(pair->server, "y", 1, 0) != 1) {
		die("server");
	}
}

/*
 * A dup and close that are left in their middle, one time or another; deep in the stack, so that
 * whatever comes next can see that they were.
 */
static __attribute__((noinline)) void jump_out(void)
{
	volatile char depth[256];

	depth[0] = 0;
	inside = 0;
	if (sigsetjmp(way_out, 1) == 0) {
		inside = 1 + first % INSIDE;
		trap(1);
		dup_and_close(interrupted.server);
		trap(0);
		inside = 0;
	}
	(void)depth[0];
}

static void act(void)
{
	bool is_own = getpid() == own;

	if (strcmp(what, "jump") == 0) {
		jump_out();
	} else if (strcmp(what, "keep") == 0) {
		kept = dup(interrupted.server);
	} else {
		dup_and_close(interrupted.server);
	}
	if (spares_used < SPARES && is_own) {
		serve(&spares[spares_used]);
		copies[spares_used] = dup(spares[spares_used].server);
		spares_used++;
	}
	if (strcmp(what, "leave") == 0 && is_own) {
		siglongjmp(way_out, 1);
	}
}

static void on_trap(int sig)
{
	int saved = errno;

	(void)sig;
	if (inside > 0) {
		if (--inside == 0) {
			siglongjmp(way_out, 1);
		}
		return;
	}
	now++;
	if (now == first || now == again) {
		act();
	}
	errno = saved;
}

static void check(const struct pair *pair)
{
	char bytes[16];
	ssize_t got;

	while ((got = recv(pair->client, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
	}
	cuts += got == 0 || errno != EAGAIN;
}

static void end(const struct pair *pair)
{
	close(pair->client);
	close(pair->server);
}

/* A child that holds all connections there are, and waits for another. */
static pid_t go_elsewhere(void)
{
	int ready[2];
	pid_t parent = getpid(), child = -1;
	char byte;

	if (pipe(ready) < 0 || (child = fork()) < 0) {
		die("fork");
	}
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fcntl(waiting, F_SETFL, O_NONBLOCK);
		if (accept(waiting, NULL, NULL) < 0 && getppid() == parent &&
		    write(ready[1], "r", 1) == 1) {
			pause();
		}
		_exit(1);
	}
	if (read(ready[0], &byte, 1) != 1) {
		die("child");
	}
	close(ready[0]);
	close(ready[1]);
	return child;
}

/* One round; false when the call was over before its signal came. */
static int play(int listener, void (*call)(int fd))
{
	pid_t child;

	half_close(&interrupted, listener);
	for (int i = 0; i < SPARES; i++) {
		half_close(&spares[i], listener);
	}
	child = go_elsewhere();
	if (call != dup_and_replace) {
		serve(&interrupted);
	}
	now = spares_used = 0;
	again = strcmp(what, "again") == 0 ? first + 1 + first % SOON : 0;
	if (above.ss_sp != NULL) {
		sigaltstack(&above, NULL); /* once more: a handler may have jumped away */
	}
	if (sigsetjmp(way_out, 1) == 0) {
		trap(1);
		call(interrupted.server);
		trap(0);
	}
	while (waitpid(-1, NULL, WNOHANG) > 0) {
	}
	for (int i = 0; i < spares_used; i++) {
		close(copies[i]);
	}
	for (int i = 0; i < SPARES; i++) {
		if (i < spares_used) {
			dup_and_close(spares[i].server);
		}
		check(&spares[i]);
		end(&spares[i]);
	}
	if (call != dup_and_replace) {
		dup_and_close(interrupted.server);
	}
	if (call != dup_and_replace || kept >= 0) {
		check(&interrupted);
		close(kept);
		kept = -1;
	}
	end(&interrupted);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return now >= first;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_trap, .sa_flags = SA_NODEFER};
	char room[ABOVE]; /* main has the highest frame */
	struct sockaddr_in name;
	int listener = listen_here(&name);
	void (*call)(int fd) = dup_and_close;

	what = argc > 1 ? argv[1] : "again";
	if (strcmp(what, "vfork") == 0 || strcmp(what, "leave") == 0) {
		call = vfork_and_close;
	}
	if (strcmp(what, "keep") == 0) {
		call = dup_and_replace;
	}
	if (argc > 2) {
		above.ss_sp = room;
		above.ss_size = sizeof(room);
		above.ss_flags = (int)AUTODISARM;
		action.sa_flags |= SA_ONSTACK;
	}
	own = getpid();
	waiting = listen_here(&name);
	sigaction(SIGTRAP, &action, NULL);
	first = 1;
	while (first < ROUNDS && play(listener, call)) {
		first++;
	}
	printf("cuts %ld\n", cuts);
	/* What could not be noted speaks against all that was accepted before the next fork. */
	share();
	say_cure(listener);
	return 0;
}
