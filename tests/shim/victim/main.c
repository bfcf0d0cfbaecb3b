/* SPDX-License-Identifier: MIT */
/*
 * Where the victim starts: `victim puppet NAME FD` obeys commands, `victim serve ...` is a server.
 *
 * A command is one line; a puppet answers it before it reads the next one. When its command pipe
 * ends, the puppet goes home: P returns from main, the others _exit. So nothing outlives a test.
 */
#include "victim.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <unistd.h>

struct puppet me = {.listener = -1, .epoll = -1, .wait = "read"};

/* In a thread made by the `thread` verb the answers carry the name "t". */
static __thread const char *thread_name;

void say(const char *fmt, ...)
{
	char line[MAX_LINE];
	int n = snprintf(line, sizeof(line), "%s ", thread_name ? thread_name : me.name);
	va_list ap;

	va_start(ap, fmt);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 2) {
		n = sizeof(line) - 2;
	}
	line[n++] = '\n';
	if (write(REPORT_FD, line, (size_t)n) != n) {
		_exit(120);
	}
}

void say_result(long result)
{
	if (result < 0) {
		say("ok %ld errno=%d", result, errno);
	} else {
		say("ok %ld", result);
	}
}

int cur_fd(void)
{
	return me.slot[me.cur];
}

int slot_add(int fd)
{
	for (int i = 0; i < MAX_SLOTS; i++) {
		if (me.slot[i] < 0) {
			me.slot[i] = fd;
			me.out[i] = 0;
			return i;
		}
	}
	return -1;
}

void slot_forget(int fd)
{
	for (int i = 0; i < MAX_SLOTS; i++) {
		if (me.slot[i] == fd) {
			me.slot[i] = -1;
		}
	}
}

unsigned char pattern_byte(size_t i)
{
	return (unsigned char)(i * 7 + i / 251);
}

struct thread_job {
	int argc;
	char *argv[MAX_ARGS];
	char words[MAX_LINE];
};

static void *thread_main(void *arg)
{
	struct thread_job *job = arg;

	thread_name = "t";
	puppet_obey(job->argc, job->argv);
	free(job);
	return NULL;
}

/* thread VERB...: obey in a new thread, which answers as "t"; this puppet itself does not answer */
static void verb_thread(int argc, char **argv)
{
	struct thread_job *job = calloc(1, sizeof(*job));
	pthread_t tid;
	size_t at = 0;

	for (int i = 1; i < argc; i++) {
		job->argv[job->argc++] = strcpy(job->words + at, argv[i]);
		at += strlen(argv[i]) + 1;
	}
	if (pthread_create(&tid, NULL, thread_main, job) != 0) {
		say("err no thread");
		return;
	}
	pthread_detach(tid);
}

/* wait HOW: from now on, wait for commands by HOW, with the listening socket in the set */
static void verb_wait(int argc, char **argv)
{
	static char how[16];

	if (argc < 2) {
		say("err how");
		return;
	}
	snprintf(how, sizeof(how), "%s", argv[1]);
	me.wait = how;
	say("ok");
}

static const struct verb main_verbs[] = {
	{"thread", verb_thread},
	{"wait", verb_wait},
	{NULL, NULL},
};

void puppet_obey(int argc, char **argv)
{
	static const struct verb *const themes[] = {
		main_verbs,  net_verbs,    talk_verbs,   letgo_verbs,   birth_verbs,
		plain_verbs, signal_verbs, helper_verbs, strange_verbs, image_verbs,
	};

	for (size_t t = 0; t < sizeof(themes) / sizeof(themes[0]); t++) {
		for (const struct verb *v = themes[t]; v->name; v++) {
			if (strcmp(v->name, argv[0]) == 0) {
				v->run(argc, argv);
				return;
			}
		}
	}
	say("err no verb %s", argv[0]);
}

static void await_by_poll(void)
{
	struct pollfd p[2] = {{me.ctl, POLLIN, 0}, {me.listener, POLLIN, 0}};

	while (poll(p, 2, -1) < 0 || !p[0].revents) {
	}
}

static void await_by_select(void)
{
	fd_set set;

	do {
		FD_ZERO(&set);
		FD_SET(me.ctl, &set);
		FD_SET(me.listener, &set);
	} while (select(64, &set, NULL, NULL, NULL) < 0 || !FD_ISSET(me.ctl, &set));
}

static void await_by_epoll(void)
{
	struct epoll_event ev = {.events = EPOLLIN};

	if (me.epoll < 0) {
		me.epoll = epoll_create1(EPOLL_CLOEXEC);
		ev.data.fd = me.ctl;
		epoll_ctl(me.epoll, EPOLL_CTL_ADD, me.ctl, &ev);
		ev.data.fd = me.listener;
		epoll_ctl(me.epoll, EPOLL_CTL_ADD, me.listener, &ev);
	}
	do {
		ev.data.fd = -1;
	} while (epoll_wait(me.epoll, &ev, 1, -1) < 1 || ev.data.fd != me.ctl);
}

/* Read one line without reading a byte of the next: a child may be the one who wants it. */
static bool next_line(char *line, size_t size)
{
	size_t n = 0;

	if (me.listener >= 0 && strcmp(me.wait, "poll") == 0) {
		await_by_poll();
	} else if (me.listener >= 0 && strcmp(me.wait, "select") == 0) {
		await_by_select();
	} else if (me.listener >= 0 && strcmp(me.wait, "epoll") == 0) {
		await_by_epoll();
	}
	while (n < size - 1) {
		ssize_t r = read(me.ctl, line + n, 1);

		if (r < 0 && errno == EINTR) {
			continue;
		}
		if (r <= 0) {
			return false;
		}
		if (line[n] == '\n') {
			break;
		}
		n++;
	}
	line[n] = '\0';
	return true;
}

static void puppet_loop(void)
{
	char line[MAX_LINE];

	while (!me.leaving && next_line(line, sizeof(line))) {
		char *argv[MAX_ARGS], *save = NULL;
		int argc = 0;

		for (char *w = strtok_r(line, " ", &save); w && argc < MAX_ARGS;
		     w = strtok_r(NULL, " ", &save)) {
			argv[argc++] = w;
		}
		if (argc > 0) {
			puppet_obey(argc, argv);
		}
	}
}

static void puppet_take_name(const char *name)
{
	static const char *const names[] = {"P", "a", "b"};

	for (int i = 0; i < 3; i++) {
		if (strcmp(names[i], name) == 0) {
			me.name = names[i];
			me.ctl = FIRST_CTL_FD + i;
		}
	}
	thread_name = NULL;
}

void puppet_live(const char *name)
{
	puppet_take_name(name);
	me.wait = "read";
	puppet_loop();
	if (!me.leaving) {
		_exit(0);
	}
}

int main(int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "serve") == 0) {
		me.name = "P";
		return serve_main(argc, argv);
	}
	if (argc < 3 || strcmp(argv[1], "puppet") != 0) {
		return 2;
	}
	for (int i = 0; i < MAX_SLOTS; i++) {
		me.slot[i] = -1;
	}
	puppet_take_name(argv[2]);
	if (!me.name) {
		return 2;
	}
	if (argc > 3) { /* exec'd with a connection */
		slot_add(atoi(argv[3]));
	}
	say("ok started");
	puppet_loop();
	return me.code;
}
