/* SPDX-License-Identifier: MIT */
/*
 * The life of a server: started with its pipes on fixed descriptors, heard, told, buried.
 *
 * A server gets exactly the descriptors 0 to 5. The test's process is the reaper of its orphans, so
 * nothing of a server outlives stage_end(): it returns when the last process is gone.
 */
#include "talk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAFE_FD = 100 }; /* where the runner keeps what dup2 must not overwrite */

void stage_log(struct stage *s, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(s->log + s->logged, sizeof(s->log) - s->logged, fmt, ap);
	va_end(ap);
	s->logged += n > 0 ? (size_t)n : 0;
	if (s->logged >= sizeof(s->log)) {
		s->logged = 0;
		fail(s, "the log is full");
	}
}

static int high(int fd)
{
	int r = fcntl(fd, F_DUPFD_CLOEXEC, SAFE_FD);

	close(fd);
	return r;
}

static void make_pipe(struct stage *s, int *reader, int *writer)
{
	int p[2];

	if (pipe(p) < 0) {
		fail(s, "pipe: %s", strerror(errno));
	}
	*reader = high(p[0]);
	*writer = high(p[1]);
}

static void set_environment(const struct stage *s)
{
	char copy[256], *save = NULL;

	unsetenv("LD_PRELOAD");
	if (!s->shimmed) {
		return;
	}
	setenv("LD_PRELOAD", build_path("libsendfin.so"), 1);
	if (s->run % 2 == 0) {
		/* Debug mode may change nothing; and the ledger is there from the beginning. */
		setenv("SENDFIN_DEBUG", "1", 1);
		setenv("SENDFIN_LOG", "/dev/null", 1);
	}
	snprintf(copy, sizeof(copy), "%s", s->talk->env ? s->talk->env : "");
	for (char *v = strtok_r(copy, " ", &save); v; v = strtok_r(NULL, " ", &save)) {
		char *eq = strchr(v, '=');

		*eq = '\0';
		setenv(v, eq + 1, 1);
	}
}

static void become_server(struct stage *s, const char *const *args, const int *fds)
{
	char *argv[MAX_ARGS + 1] = {NULL}, name[128], *path;
	int null = high(open("/dev/null", O_RDWR));

	for (int i = 0; i < MAX_ARGS && args[i]; i++) {
		argv[i] = (char *)(uintptr_t)args[i];
	}
	snprintf(name, sizeof(name), "tests/talk/server/%s", args[0]);
	path = strdup(build_path(name));
	set_environment(s);
	signal(SIGPIPE, SIG_DFL);
	dup2(null, 0);
	dup2(null, 1);
	dup2(s->errs, 2);
	dup2(fds[0], REPORT_FD);
	dup2(fds[1], CONTROL_FD);
	dup2(fds[2], KID_FD);
	execv(path, argv);
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	_exit(126);
}

void stage_start(struct stage *s, const char *const *args)
{
	int fds[3];

	make_pipe(s, &s->report, &fds[0]);
	make_pipe(s, &fds[1], &s->control);
	make_pipe(s, &fds[2], &s->kids);
	if (s->errs <= 0) {
		s->errs = high(memfd_create("stderr", 0));
		fcntl(s->errs, F_SETFL, O_APPEND);
	}
	s->server = fork();
	if (s->server == 0) {
		become_server(s, args, fds);
	}
	for (int i = 0; i < 3; i++) {
		close(fds[i]);
	}
	s->port = atoi(stage_hear_value(s, "port "));
}

/* Take the first queued line that begins so. */
static bool unqueue(struct stage *s, const char *prefix, char *line, size_t size)
{
	char *p = s->queue, *nl;

	while ((nl = memchr(p, '\n', s->queued - (size_t)(p - s->queue)))) {
		if (strncmp(p, prefix, strlen(prefix)) == 0) {
			snprintf(line, size, "%.*s", (int)(nl - p), p);
			s->queued -= (size_t)(nl + 1 - p);
			memmove(p, nl + 1, s->queued - (size_t)(p - s->queue));
			return true;
		}
		p = nl + 1;
	}
	return false;
}

const char *stage_hear_value(struct stage *s, const char *prefix)
{
	static char line[512];
	struct pollfd p = {s->report, POLLIN, 0};

	while (!unqueue(s, prefix, line, sizeof(line))) {
		ssize_t r;

		if (poll(&p, 1, WAIT_MS) != 1) {
			fail(s, "the server does not say '%s', but '%.*s'", prefix, (int)s->queued,
			     s->queue);
		}
		r = read(s->report, s->queue + s->queued, sizeof(s->queue) - s->queued);
		if (r <= 0) {
			fail(s, "the server died before it said '%s'", prefix);
		}
		s->queued += (size_t)r;
	}
	return line + strlen(prefix);
}

void stage_hear(struct stage *s, const char *line)
{
	const char *rest = stage_hear_value(s, line);

	if (*rest) {
		fail(s, "the server says '%s%s'", line, rest);
	}
	stage_log(s, "heard %s\n", line);
}

static void tell(struct stage *s, int fd, const char *line)
{
	char out[256];
	int n = snprintf(out, sizeof(out), "%s\n", line);

	if (write(fd, out, (size_t)n) != n) {
		fail(s, "nobody takes commands: %s", strerror(errno));
	}
}

void stage_tell(struct stage *s, const char *line)
{
	tell(s, s->control, line);
}

void stage_tell_kid(struct stage *s, const char *line)
{
	tell(s, s->kids, line);
}

void stage_blocked(struct stage *s, pid_t pid, const char *in)
{
	for (int i = 0; !kernel_blocked(pid, in); i++) {
		if (i == WAIT_MS) {
			fail(s, "process %d is not in %s", (int)pid, in);
		}
		kernel_nap();
	}
}

void stage_reap_orphan(struct stage *s)
{
	int status;
	pid_t pid = waitpid(-1, &status, 0);

	if (pid < 0 || pid == s->server) {
		fail(s, "the server itself is dead");
	}
	stage_log(s, "orphan ended: %d\n", status);
}

/* One client too many ends a server. It may have ended already: then nobody listens. */
void stage_goodbye(const struct stage *s)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)s->port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0) {
		connect(fd, (struct sockaddr *)&sa, sizeof(sa));
		close(fd);
	}
}

void stage_end(struct stage *s)
{
	int status = 0, one;
	pid_t pid;

	close(s->control);
	close(s->kids);
	stage_goodbye(s);
	while ((pid = waitpid(-1, &one, 0)) > 0 || errno == EINTR) {
		status = pid == s->server ? one : status;
	}
	if (s->queued) {
		fail(s, "it also said '%.*s'", (int)s->queued, s->queue);
	}
	stage_log(s, "ended: %s %d\n", WIFSIGNALED(status) ? "signal" : "exit",
		  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	close(s->report);
	if (s->upstream >= 0) {
		close(s->upstream);
	}
}

const char *stage_errs(struct stage *s)
{
	static char text[8192];
	ssize_t n = pread(s->errs, text, sizeof(text) - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

const char *stage_listen(struct stage *s)
{
	static char port[16];
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);

	s->upstream = high(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	if (s->upstream < 0 || bind(s->upstream, (struct sockaddr *)&sa, len) < 0 ||
	    listen(s->upstream, 16) < 0 ||
	    getsockname(s->upstream, (struct sockaddr *)&sa, &len) < 0) {
		fail(s, "cannot listen: %s", strerror(errno));
	}
	snprintf(port, sizeof(port), "%d", ntohs(sa.sin_port));
	return port;
}
