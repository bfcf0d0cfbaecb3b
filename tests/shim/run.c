/* SPDX-License-Identifier: MIT */
/*
 * The runner: `run [-lpv] [-j N] [-s SHIM] [-w MS] [NAME...]`, from the project's root.
 * BUILD names the build's folder (build).
 *
 * Every test is a process of its own, the leader of its own group, and its output is a memory file.
 * Some run at once, for most of them wait. When one is over, whatever is left of its group is
 * killed before the leader is reaped, so the group number cannot be somebody else's by then.
 */
#include "shim.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { JOBS = 6, JOBS_MAX = 32, TICK_MS = 5 };

struct job {
	pid_t pid; /* 0: free */
	int output;
	long long started_ms;
	char name[128];
};

struct run {
	struct job job[JOBS_MAX];
	int jobs;
	int passed, failed, skipped;
	bool verbose;
};

int wait_limit_ms = WAIT_MS;

static const char *shim_option;

const char *build_path(const char *name)
{
	static char path[PATH_MAX + 128];
	char root[PATH_MAX];
	const char *build = getenv("BUILD");

	if (!realpath(build ? build : "build", root)) {
		strcpy(root, ".");
	}
	snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

const char *shim_path(void)
{
	/* Its own buffer: callers hold another path of build_path() at the same time. */
	static char path[PATH_MAX];

	if (!path[0]) {
		snprintf(path, sizeof(path), "%s",
			 shim_option ? shim_option : build_path("libsendfin.so"));
	}
	return path;
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void run_once(struct world *w, const struct test *t, bool shimmed)
{
	static const char *const args[] = {"puppet", "P", NULL};

	if (t->story) {
		w->test = t;
		w->shimmed = shimmed;
		t->story(w);
		return;
	}
	world_open(w, t, shimmed, args);
	play(w, t->script);
	world_close(w);
}

/* Both runs of one test, in the test's own process. */
static void run_test(const struct test *t)
{
	static struct world bare, shimmed;

	if (!t->script && !t->story) {
		t->check(&bare);
		return;
	}
	if (t->program && access(build_path("tests/shim/victim"), X_OK) == 0) {
		char name[128];

		snprintf(name, sizeof(name), "tests/shim/%s", t->program);
		if (access(build_path(name), X_OK) < 0) {
			skip("this victim was not built");
		}
	}
	if (access(shim_path(), R_OK) < 0) {
		printf("  no shim: %s\n", shim_path());
		_exit(1);
	}
	run_once(&bare, t, false);
	run_once(&shimmed, t, true);
	if (strcmp(bare.log, shimmed.log) != 0) {
		printf("  the two runs differ\n--- bare\n%s--- shimmed\n%s%s", bare.log,
		       shimmed.log, world_errs(&shimmed));
		_exit(1);
	}
	if (*world_errs(&bare) || (!(t->flags & NOISY) && *world_errs(&shimmed))) {
		printf("  unexpected words on standard error:\n%s", world_errs(&shimmed));
		_exit(1);
	}
	if (t->check) {
		shimmed.doing = "the check";
		t->check(&shimmed);
	}
	unlink(bare.log_path);
	unlink(shimmed.log_path);
}

static void job_start(struct job *j, const struct test *t, const char *name)
{
	snprintf(j->name, sizeof(j->name), "%s", name);
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
		run_test(t);
		fflush(stdout);
		_exit(0);
	}
	setpgid(j->pid, j->pid);
}

static void job_print(const struct job *j)
{
	char text[4096];
	ssize_t n;
	off_t at = 0;

	while ((n = pread(j->output, text, sizeof(text), at)) > 0) {
		fwrite(text, 1, (size_t)n, stdout);
		at += n;
	}
}

static void job_finish(struct run *r, struct job *j, bool late)
{
	int status;
	const char *word;

	kill(-j->pid, SIGKILL);
	waitpid(j->pid, &status, 0);
	if (late) {
		word = "not ok (took too long)";
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) {
		word = "skip";
	} else {
		word = status == 0 ? "ok" : "not ok";
	}
	r->skipped += word[0] == 's';
	r->passed += word[0] == 'o';
	r->failed += word[0] == 'n';
	if (word[0] != 'o' || r->verbose) {
		printf("%s %s %lld ms\n", word, j->name, now_ms() - j->started_ms);
		job_print(j);
	}
	close(j->output);
	j->pid = 0;
}

/* Wait until a job is free; with `all`, until every one is. */
static struct job *job_wait(struct run *r, bool all)
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
			} else if (j->pid && now_ms() - j->started_ms > TEST_MS) {
				job_finish(r, j, true);
			}
			idle = j->pid ? idle : j;
			busy += j->pid != 0;
		}
		if (all ? busy == 0 : idle != NULL) {
			return idle;
		}
		usleep(TICK_MS * 1000);
	}
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

static int run_all(struct run *r, int argc, char **argv)
{
	struct test t;
	char name[128];
	int found = 0;

	for (size_t i = 0; list_get(i, &t, name, sizeof(name)); i++) {
		if (wanted(name, argc, argv)) {
			job_start(job_wait(r, false), &t, name);
			found++;
		}
	}
	job_wait(r, true);
	if (found < argc) {
		printf("not ok: %d of the named tests do not exist\n", argc - found);
		r->failed += argc - found;
	}
	printf("%d skipped\n", r->skipped);
	printf("%d passed, %d failed\n", r->passed, r->failed);
	return r->failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct run r = {.jobs = JOBS};
	int opt;

	setvbuf(stdout, NULL, _IOLBF, 0); /* tests end by _exit */
	while ((opt = getopt(argc, argv, "lpvj:s:w:")) != -1) {
		switch (opt) {
		case 'l':
			fputs(list_tests(), stdout);
			return 0;
		case 'p':
			fputs(list_rows(), stdout);
			return 0;
		case 'v':
			r.verbose = true;
			break;
		case 'j':
			r.jobs = atoi(optarg);
			break;
		case 'w':
			wait_limit_ms = atoi(optarg);
			break;
		case 's':
			shim_option = optarg;
			break;
		default:
			fprintf(stderr, "usage: run [-lpv] [-j N] [-s SHIM] [-w MS] [NAME...]\n");
			return 2;
		}
	}
	if (r.jobs < 1 || r.jobs > JOBS_MAX) {
		r.jobs = JOBS;
	}
	return run_all(&r, argc - optind, argv + optind);
}
