/* SPDX-License-Identifier: MIT */
/*
 * The runner: `run [-lv] [NAME...]`, from the project's root, with BUILD=build, RUNS=3 and JOBS=6.
 *
 * Every conversation is a process of its own, the leader of its own group: it plays the bare run
 * and all the shimmed ones. Some run at once, and one busy neighbour spins and naps at random. When
 * a conversation is over, what is left of its group is killed before the leader is reaped, so the
 * group's number cannot be somebody else's by then. Each has a network of its own, if that is
 * allowed.
 */
#include "talk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { JOBS_MAX = 32, TALK_MS = 120000, RUN_MS = 4000 };

struct job {
	pid_t pid; /* 0: free */
	int output;
	long long started_ms;
	const struct talk *talk;
};

struct runner {
	struct job job[JOBS_MAX];
	int jobs, runs;
	int passed, failed;
	bool verbose;
};

static const struct talk *const tables[] = {
	cgi_talks,   relay_talks,   handover_talks, closeall_talks, shell_talks,   answer_talks,
	chat_talks,  discard_talks, owner_talks,    sibling_talks,  trap_talks,    trigger_talks,
	tight_talks, option_talks,  chaos_talks,    odd_talks,      workers_talks, leaving_talks,
};

static char build_root[PATH_MAX];

const char *build_path(const char *name)
{
	static char path[PATH_MAX + 128];

	snprintf(path, sizeof(path), "%s/%s", build_root, name);
	return path;
}

void fail(struct stage *s, const char *fmt, ...)
{
	va_list ap;

	if (s->shimmed) {
		printf("#   shimmed run %d of %d: ", s->run, s->runs);
	} else {
		printf("#   bare run: ");
	}
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n%.*s%s", (int)s->logged, s->log, s->errs > 0 ? stage_errs(s) : "");
	fflush(stdout);
	_exit(1);
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void play_once(struct stage *s, const struct talk *t, int run, int runs)
{
	memset(s, 0, sizeof(*s));
	s->talk = t;
	s->shimmed = run > 0;
	s->run = run;
	s->runs = runs;
	s->seed = (unsigned)run * 7919 + (unsigned)getpid();
	s->upstream = -1;
	if (t->args[0]) {
		stage_start(s, t->args);
	}
	t->play(s);
	stage_end(s);
}

static void play_all(const struct talk *t, int runs)
{
	static struct stage bare, shimmed;

	play_once(&bare, t, 0, runs);
	for (int run = 1; run <= runs; run++) {
		play_once(&shimmed, t, run, runs);
		if (strcmp(bare.log, shimmed.log) != 0) {
			printf("--- bare\n%s--- shimmed\n", bare.log);
			fail(&shimmed, "the two runs differ");
		}
		if (*stage_errs(&bare) || *stage_errs(&shimmed)) {
			fail(&shimmed, "unexpected words on standard error");
		}
		close(shimmed.errs);
	}
}

static void write_setting(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		dprintf(fd, "%s\n", value);
		close(fd);
	}
}

/*
 * A network of its own, where we may make one: thousands of runs use up the ports, and a goodbye
 * that comes late would be another server's first client.
 */
static void make_network(void)
{
	struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd;

	if (unshare(CLONE_NEWNET) < 0) {
		return;
	}
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &loopback) < 0) {
		perror("loopback");
		_exit(1);
	}
	close(fd);
	write_setting("/proc/sys/net/ipv4/ip_local_port_range", "1024 65535");
	write_setting("/proc/sys/net/ipv4/tcp_max_tw_buckets", "1000");
}

static void job_start(struct runner *r, struct job *j, const struct talk *t)
{
	j->talk = t;
	j->output = memfd_create("output", MFD_CLOEXEC);
	j->started_ms = now_ms();
	fflush(stdout);
	j->pid = fork();
	if (j->pid == 0) {
		setpgid(0, 0);
		prctl(PR_SET_CHILD_SUBREAPER, 1);
		signal(SIGPIPE, SIG_IGN);
		dup2(j->output, 1);
		close_range(3, ~0U, 0); /* whatever our own parent left open */
		make_network();
		play_all(t, r->runs);
		fflush(stdout);
		_exit(0);
	}
	setpgid(j->pid, j->pid);
}

static void job_finish(struct runner *r, struct job *j, bool late)
{
	char text[4096];
	int status;
	ssize_t n;

	kill(-j->pid, SIGKILL);
	waitpid(j->pid, &status, 0);
	late |= status != 0;
	r->failed += late;
	r->passed += !late;
	if (late || r->verbose) {
		printf("%s - %s (%lld ms)\n", late ? "not ok" : "ok", j->talk->name,
		       now_ms() - j->started_ms);
		for (off_t at = 0; (n = pread(j->output, text, sizeof(text), at)) > 0; at += n) {
			fwrite(text, 1, (size_t)n, stdout);
		}
		fflush(stdout);
	}
	close(j->output);
	j->pid = 0;
}

/* Wait until a job is free; with `all`, until every one is. */
static struct job *job_wait(struct runner *r, bool all)
{
	for (;;) {
		struct job *idle = NULL;
		int busy = 0;

		for (int i = 0; i < r->jobs; i++) {
			struct job *j = &r->job[i];
			siginfo_t si = {0};

			if (j->pid) {
				waitid(P_PID, (id_t)j->pid, &si, WEXITED | WNOHANG | WNOWAIT);
			}
			if (j->pid && si.si_pid == j->pid) {
				job_finish(r, j, false);
			} else if (j->pid && now_ms() - j->started_ms >
						     TALK_MS + (long long)RUN_MS * r->runs) {
				printf("# took too long\n");
				job_finish(r, j, true);
			}
			idle = j->pid ? idle : j;
			busy += j->pid != 0;
		}
		if (all ? busy == 0 : idle != NULL) {
			return idle;
		}
		usleep(5000);
	}
}

/* The neighbour: it dies with the runner. */
static pid_t make_noise(void)
{
	pid_t runner = getpid(), pid = fork();
	unsigned seed = (unsigned)runner;

	if (pid != 0) {
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == runner) {
		for (volatile int i = rand_r(&seed) % 300000; i > 0; i--) {
		}
		usleep((useconds_t)(rand_r(&seed) % 1000));
	}
	_exit(0);
}

static bool wanted(const char *name, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], name) == 0) {
			return true;
		}
	}
	return argc == 0;
}

static int run_all(struct runner *r, int argc, char **argv)
{
	pid_t noise = make_noise();
	int found = 0;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct talk *t = tables[i]; t->name; t++) {
			if (wanted(t->name, argc, argv)) {
				job_start(r, job_wait(r, false), t);
				found++;
			}
		}
	}
	job_wait(r, true);
	kill(noise, SIGKILL);
	waitpid(noise, NULL, 0);
	if (found < argc) {
		printf("not ok - %d of the named conversations do not exist\n", argc - found);
		r->failed += argc - found;
	}
	printf("%d passed, %d failed\n", r->passed, r->failed);
	return r->failed ? 1 : 0;
}

static int number_from(const char *name, int otherwise, int limit)
{
	const char *text = getenv(name);
	int n = text ? atoi(text) : otherwise;

	return n < 1 ? otherwise : n > limit ? limit : n;
}

static void list_all(void)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct talk *t = tables[i]; t->name; t++) {
			puts(t->name);
		}
	}
}

int main(int argc, char **argv)
{
	struct runner r = {.jobs = number_from("JOBS", 6, JOBS_MAX),
			   .runs = number_from("RUNS", 3, 1000000)};
	const char *build = getenv("BUILD");
	int opt;

	while ((opt = getopt(argc, argv, "lv")) != -1) {
		if (opt == 'l') {
			list_all();
			return 0;
		}
		if (opt != 'v') {
			fprintf(stderr, "usage: run [-lv] [NAME...]\n");
			return 2;
		}
		r.verbose = true;
	}
	if (!realpath(build ? build : "build", build_root) ||
	    access(build_path("libsendfin.so"), R_OK) < 0) {
		printf("not ok - there is no libsendfin.so to run under\n0 passed, 1 failed\n");
		return 1;
	}
	return run_all(&r, argc - optind, argv + optind);
}
