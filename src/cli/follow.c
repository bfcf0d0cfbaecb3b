/* SPDX-License-Identifier: MIT */
/*
 * Signals are blocked and read from a signalfd, so that everything happens in one loop; the
 * program gets mask and dispositions as we got them.
 *
 * A signal of the terminal reaches the whole group, the program too: it is not sent again. A
 * signal that somebody sent to us alone is.
 *
 * As a "child subreaper" (prctl(2)) we become the parent of those whose parents have ended:
 * a program that goes to the background does not get out of sight.
 */
#include "cli/follow.h"

#include "cli/fail.h"
#include "cli/farewell.h"
#include "cli/findings.h"
#include "cli/narrate.h"
#include "core/stamp.h"
#include "ledger/procs.h"
#include "ledger/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	/* The ring holds LEDGER_EVENTS; a look is cheap when nothing is there. */
	LOOK_MS = 20,
	/* Looks at a tree that outlives its first process before that is said. */
	PATIENCE = 25,
	SIGNAL_STATUS = 128,
	VARIABLE_BYTES = 64,
};

static const int forwarded[] = {SIGINT,  SIGTERM,  SIGHUP,  SIGQUIT, SIGUSR1,
				SIGUSR2, SIGWINCH, SIGCONT, SIGTSTP};

enum { FORWARDED = sizeof(forwarded) / sizeof(forwarded[0]) };

struct following {
	const struct follow *follow;
	struct ledger *ledger;
	int id;
	uint64_t ref; /* the program's slot */
	struct narrator narrator;
	int signals; /* signalfd */
	sigset_t mask_before;
	struct sigaction chld_before;
	pid_t program;
	int status;       /* exit status, once has_ended */
	bool has_ended;   /* the program itself */
	bool was_told_to; /* we passed a signal on that asks it to end */
	bool held_leak;   /* when it was told so */
	bool is_done;     /* nobody is left, or nobody wants to know */
	uint32_t looks;   /* since it ended */
};

static long call(long number, long a, long b, long c)
{
	long result = syscall(number, a, b, c);

	return result == -1 ? -errno : result;
}

/* What the first process of a tree would have written, had it made the ledger itself. */
static int create_ledger(struct following *f)
{
	const uint64_t nobody = LEDGER_NOBODY;
	struct ledger_process *slot;
	int err = segment_create(call, &f->ledger, &f->id);

	if (err != 0) {
		return fail(EXIT_NOT_RUNNABLE, "the ledger", "%s; without --debug it would run",
			    strerror(-err));
	}
	f->ref = procs_claim(f->ledger, &nobody, false, NULL);
	slot = procs_get(f->ledger, f->ref);
	/* It begins in the epoch behind that of its exec; what it inherits is older than it. */
	slot->execed = STAMP_EPOCH_ONE;
	slot->born = 2 * STAMP_EPOCH_ONE;
	return EXIT_DONE;
}

static int block_signals(struct following *f)
{
	struct sigaction normal = {.sa_handler = SIG_DFL};
	sigset_t ours;

	sigemptyset(&ours);
	for (int i = 0; i < FORWARDED; i++) {
		sigaddset(&ours, forwarded[i]);
	}
	sigaddset(&ours, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ours, &f->mask_before);
	/* Ignored, it would take the status of our children away. */
	sigaction(SIGCHLD, &normal, &f->chld_before);
	f->signals = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
	return f->signals < 0 ? fail_errno(EXIT_NOT_RUNNABLE, "signalfd", errno) : EXIT_DONE;
}

/* In the child: never returns; what it could not become it has said. */
static void be_the_program(struct following *f, int report)
{
	char value[VARIABLE_BYTES];
	int status = EXIT_NOT_RUNNABLE;
	ssize_t told;

	procs_get(f->ledger, f->ref)->pid = (uint32_t)getpid();
	snprintf(value, sizeof(value), "%d:%" PRIx64, f->id, f->ref);
	sigaction(SIGCHLD, &f->chld_before, NULL);
	sigprocmask(SIG_SETMASK, &f->mask_before, NULL);
	/* Two strings: the shim takes them out, and the vector stays aligned behind its end. */
	if (setenv(LEDGER_VARIABLE, value, 1) == 0 && setenv(LEDGER_VARIABLE "_", "", 1) == 0) {
		status = f->follow->become(f->follow->context);
	}
	do {
		told = write(report, &status, sizeof(status));
	} while (told < 0 && errno == EINTR);
	_exit(status);
}

/* EXIT_DONE when it runs; else the status of a program that could not be become. */
static int start(struct following *f)
{
	int report[2];
	int status = EXIT_DONE;
	ssize_t got;

	if (pipe2(report, O_CLOEXEC) != 0) {
		return fail_errno(EXIT_NOT_RUNNABLE, "pipe", errno);
	}
	f->program = fork();
	if (f->program == 0) {
		be_the_program(f, report[1]);
	}
	close(report[1]);
	if (f->program < 0) {
		close(report[0]);
		return fail_errno(EXIT_NOT_RUNNABLE, "fork", errno);
	}
	do {
		got = read(report[0], &status, sizeof(status));
	} while (got < 0 && errno == EINTR);
	close(report[0]);
	return got == sizeof(status) ? status : EXIT_DONE;
}

/* To a daemon that has no terminal, SIGHUP says something else. */
static bool asks_to_end(uint32_t signal, bool is_of_terminal)
{
	return signal == SIGINT || signal == SIGTERM || signal == SIGQUIT ||
	       (signal == SIGHUP && is_of_terminal);
}

/* Once: who is told twice to end has been looked at. */
static void look_before_the_end(struct following *f)
{
	if (!f->was_told_to && !f->has_ended) {
		narrate_news(&f->narrator);
		f->held_leak = farewell_tell(&f->narrator, f->program, f->id);
	}
	f->was_told_to = true;
}

static void pass_on(struct following *f, const struct signalfd_siginfo *info)
{
	bool is_of_terminal = info->ssi_code == SI_KERNEL;

	if (asks_to_end(info->ssi_signo, is_of_terminal)) {
		look_before_the_end(f);
		f->is_done = f->has_ended;
	}
	if (!is_of_terminal && !f->has_ended) {
		kill(f->program, (int)info->ssi_signo);
	}
	if (info->ssi_signo == SIGTSTP) {
		raise(SIGSTOP);
	}
}

static void reap(struct following *f)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == f->program) {
			f->has_ended = true;
			f->status = WIFSIGNALED(status) ? SIGNAL_STATUS + WTERMSIG(status)
							: WEXITSTATUS(status);
		}
	}
	f->is_done |= f->has_ended && (f->was_told_to || (pid < 0 && errno == ECHILD));
}

static void pass_signals_on(struct following *f)
{
	struct signalfd_siginfo info;

	while (read(f->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGCHLD) {
			pass_on(f, &info);
		}
	}
}

static void say_that_we_follow(struct following *f)
{
	if (f->has_ended && !f->is_done && ++f->looks == PATIENCE) {
		warn_that(f->follow->name,
			  "has ended with status %d, but processes of it go on; they are "
			  "followed until the last one ends, and ^C ends only that",
			  f->status);
	}
}

static void follow_until_the_end(struct following *f)
{
	struct pollfd wait = {.fd = f->signals, .events = POLLIN};

	while (!f->is_done) {
		poll(&wait, 1, LOOK_MS);
		pass_signals_on(f);
		/* Before its writer is reaped, and nameless. */
		narrate_news(&f->narrator);
		reap(f);
		say_that_we_follow(f);
	}
	narrate_news(&f->narrator);
}

/* The library sights the slot when it starts in the program's image. */
static bool was_at_work(const struct following *f)
{
	const struct ledger_process *slot = procs_recall(f->ledger, f->ref);

	return f->ledger->header.generation > 1 ||
	       (slot && (slot->flags & LEDGER_PROCESS_SIGHTED) != 0);
}

static int finish(struct following *f)
{
	bool has_leak = f->held_leak || findings_have_leak(f->ledger);

	if (narrate_lost(&f->narrator) > 0) {
		warn_that(f->follow->name, "%" PRIu64 " events came too fast to be told",
			  narrate_lost(&f->narrator));
	}
	if (!was_at_work(f)) {
		warn_that(f->follow->name,
			  "the library never started in it, or is switched off: nothing was seen");
	} else {
		narrate_summary(&f->narrator);
	}
	if (f->follow->fail_on_leak == 0 || !has_leak) {
		return f->status;
	}
	fail(EXIT_FOUND, f->follow->name, "leaks connections; exit status %d instead of %d",
	     f->follow->fail_on_leak, f->status);
	return f->follow->fail_on_leak;
}

int follow_run(const struct follow *follow)
{
	struct following f = {.follow = follow, .signals = -1};
	int status = create_ledger(&f);

	if (status == EXIT_DONE) {
		status = block_signals(&f);
	}
	if (status != EXIT_DONE) {
		return status;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	fflush(stdout);
	status = start(&f);
	if (status != EXIT_DONE) {
		return status;
	}
	/* A reader of ours that has gone must not end the watching. */
	signal(SIGPIPE, SIG_IGN);
	f.narrator.ledger = f.ledger;
	f.narrator.format = follow->format;
	sink_open(&f.narrator.sink, follow->where);
	follow_until_the_end(&f);
	status = finish(&f);
	narrate_end(&f.narrator);
	close(f.signals);
	return status;
}
