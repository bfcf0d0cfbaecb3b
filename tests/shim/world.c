/* SPDX-License-Identifier: MIT */
/*
 * The life of a victim: started with its strings on fixed descriptors, told, asked, buried.
 *
 * The victim gets exactly descriptors 0 to 6: /dev/null twice, a memory file as standard error, the
 * report pipe and three command pipes. Whatever else it has open is its own doing, or the shim's.
 * The test's process is the reaper of every orphan, so nothing of a victim outlives world_close().
 */
#include "shim.h"
#include "victim/victim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAFE_FD = 100 }; /* where the runner keeps what dup2 must not overwrite */

static const char puppet_names[] = "Pabt";

void world_log(struct world *w, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(w->log + w->log_len, sizeof(w->log) - w->log_len, fmt, ap);
	va_end(ap);
	if (n > 0) {
		w->log_len += (size_t)n;
	}
	if (w->log_len >= sizeof(w->log)) {
		w->log_len = 0;
		fail(w, "the log is full");
	}
}

void fail(struct world *w, const char *fmt, ...)
{
	va_list ap;

	printf("  %s run, at `%s`: ", w->shimmed ? "shimmed" : "bare", w->doing ? w->doing : "");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n%.*s", (int)w->log_len, w->log);
	if (w->errs > 0) {
		printf("%s", world_errs(w));
	}
	fflush(stdout);
	_exit(1);
}

void skip(const char *why)
{
	printf("  skipped: %s\n", why);
	fflush(stdout);
	_exit(SKIPPED);
}

static int high(int fd)
{
	int r = fcntl(fd, F_DUPFD_CLOEXEC, SAFE_FD);

	close(fd);
	return r;
}

/* env is "A=1 B=2"; %LOG% in it stands for this world's log file. */
static void set_environment(struct world *w)
{
	char copy[512], value[256], *save = NULL;

	setenv("VICTIM_MARK", "a value with spaces", 1);
	if (w->shimmed) {
		setenv("LD_PRELOAD", shim_path(), 1);
	} else {
		unsetenv("LD_PRELOAD");
	}
	snprintf(copy, sizeof(copy), "%s", w->test->env ? w->test->env : "");
	for (char *s = strtok_r(copy, " ", &save); s; s = strtok_r(NULL, " ", &save)) {
		char *eq = strchr(s, '=');

		*eq = '\0';
		snprintf(value, sizeof(value), "%s",
			 strcmp(eq + 1, "%LOG%") == 0 ? w->log_path : eq + 1);
		setenv(s, value, 1);
	}
}

static void child_exec(struct world *w, const char *path, const char *const *args, int report,
		       const int *ctl)
{
	int null = high(open("/dev/null", O_RDWR));
	char *argv[8] = {(char *)(uintptr_t)path};

	for (int i = 0; i < 6 && args[i]; i++) {
		argv[i + 1] = (char *)(uintptr_t)args[i];
	}
	path = strdup(path);
	argv[0] = (char *)(uintptr_t)path;
	set_environment(w);
	signal(SIGPIPE, SIG_DFL);
	dup2(null, 0);
	dup2(null, 1);
	dup2(w->errs, 2);
	dup2(report, REPORT_FD);
	for (int i = 0; i < PUPPETS; i++) {
		dup2(ctl[i], FIRST_CTL_FD + i);
	}
	execv(path, argv);
	_exit(126);
}

static const char *program_path(const struct test *t)
{
	char name[128];

	snprintf(name, sizeof(name), "tests/shim/%s", t->program ? t->program : "victim");
	return build_path(name);
}

static void make_strings(struct world *w, int *report, int *ctl)
{
	int p[2];

	if (pipe(p) < 0) {
		fail(w, "pipe: %s", strerror(errno));
	}
	w->report = high(p[0]);
	*report = high(p[1]);
	for (int i = 0; i < PUPPETS; i++) {
		if (pipe(p) < 0) {
			fail(w, "pipe: %s", strerror(errno));
		}
		ctl[i] = high(p[0]);
		w->ctl[i] = high(p[1]);
	}
	w->errs = high(memfd_create("stderr", 0));
	fcntl(w->errs, F_SETFL, O_APPEND);
}

void world_open(struct world *w, const struct test *t, bool shimmed, const char *const *args)
{
	const char *path = program_path(t);
	int report, ctl[PUPPETS], fd;

	memset(w, 0, sizeof(*w));
	w->test = t;
	w->shimmed = shimmed;
	w->family = "4";
	w->doing = "start";
	for (int i = 0; i < PEERS; i++) {
		w->peer[i].fd = w->peer[i].listener = -1;
	}
	strcpy(w->log_path, "/tmp/shim-test-XXXXXX");
	fd = mkstemp(w->log_path);
	close(fd);
	unlink(w->log_path);
	make_strings(w, &report, ctl);
	w->victim = fork();
	if (w->victim == 0) {
		child_exec(w, path, args, report, ctl);
	}
	close(report);
	for (int i = 0; i < PUPPETS; i++) {
		close(ctl[i]);
	}
	if (strncmp(world_answer(w, 0), "ok started", 10) != 0) {
		fail(w, "the victim did not start");
	}
}

void world_tell(struct world *w, int puppet, const char *line)
{
	char out[MAX_LINE];
	int n = snprintf(out, sizeof(out), "%s\n", line);

	if (write(w->ctl[puppet], out, (size_t)n) != n) {
		fail(w, "nobody takes commands: %s", strerror(errno));
	}
}

/* Take the first line out of w->in; it belongs to the puppet that it begins with. */
static bool sort_one_line(struct world *w)
{
	char *nl = memchr(w->in, '\n', w->in_len);
	const char *who = strchr(puppet_names, w->in[0]);
	size_t len = nl ? (size_t)(nl - w->in) : 0;

	if (!nl) {
		return false;
	}
	if (!who || len < 2) {
		fail(w, "a strange answer: %.*s", (int)len, w->in);
	}
	if (w->pending[who - puppet_names][0]) {
		return false; /* its last one has not been asked for yet: wait */
	}
	snprintf(w->pending[who - puppet_names], sizeof(w->pending[0]), "%.*s", (int)len - 2,
		 w->in + 2);
	w->in_len -= len + 1;
	memmove(w->in, nl + 1, w->in_len);
	return true;
}

const char *world_answer(struct world *w, int puppet)
{
	static char answer[sizeof(w->pending[0])];

	for (;;) {
		struct pollfd p = {w->report, POLLIN, 0};
		ssize_t r;

		while (sort_one_line(w)) {
		}
		if (w->pending[puppet][0]) {
			strcpy(answer, w->pending[puppet]);
			w->pending[puppet][0] = '\0';
			return answer;
		}
		if (w->in_len == sizeof(w->in)) {
			fail(w, "unasked answers pile up: %.80s", w->in);
		}
		if (poll(&p, 1, wait_limit_ms) != 1) {
			fail(w, "no answer from %c", puppet_names[puppet]);
		}
		r = read(w->report, w->in + w->in_len, sizeof(w->in) - w->in_len);
		if (r <= 0) {
			fail(w, "%c died without an answer", puppet_names[puppet]);
		}
		w->in_len += (size_t)r;
	}
}

void world_close(struct world *w)
{
	int status = 0, s;
	pid_t pid;

	w->doing = "the end";
	for (int i = 0; i < PUPPETS; i++) {
		close(w->ctl[i]);
	}
	while ((pid = waitpid(-1, &s, 0)) > 0) {
		status = pid == w->victim ? s : status;
	}
	world_log(w, "victim ended: %s %d\n", WIFSIGNALED(status) ? "signal" : "exit",
		  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	close(w->report);
	for (int i = 0; i < PEERS; i++) {
		if (w->peer[i].fd >= 0) {
			close(w->peer[i].fd);
		}
		if (w->peer[i].listener >= 0) {
			close(w->peer[i].listener);
		}
	}
}

static const char *slurp(int fd)
{
	static char text[16384];
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

const char *world_errs(struct world *w)
{
	return slurp(w->errs);
}

const char *world_log_file(struct world *w)
{
	int fd = open(w->log_path, O_RDONLY | O_CLOEXEC);
	const char *text = slurp(fd);

	if (fd >= 0) {
		close(fd);
	}
	return text;
}
