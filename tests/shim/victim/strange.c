/* SPDX-License-Identifier: MIT */
/*
 * Strange but legal: handlers around fork, forks in signal handlers, descriptors sent over sockets,
 * threads that race, tiny stacks, sandboxes. Each verb does one of them and answers what it saw.
 */
#include "victim.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if __has_include(<linux/filter.h>) /* musl's wrapper hides the kernel's headers */
#include <linux/filter.h>
#include <linux/seccomp.h>
#endif

enum { RACERS = 3, RACE_ROUNDS = 2000, RACE_FORKS = 30, CHAIN = 50, GROUPS_MAX = 2000 };

union fd_message {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

/* sendfd SLOT: send the current descriptor over the socket in SLOT */
static void verb_sendfd(int argc, char **argv)
{
	union fd_message u = {.head = {.cmsg_len = CMSG_LEN(sizeof(int))}};
	struct iovec v = {(char[]){"x"}, 1};
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = sizeof(u)};
	int fd = cur_fd();

	u.head.cmsg_level = SOL_SOCKET;
	u.head.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&u.head), &fd, sizeof(fd));
	say_result(sendmsg(me.slot[argc > 1 ? atoi(argv[1]) : 0], &m, 0));
}

/* recvfd SLOT: receive one; it becomes the current descriptor */
static void verb_recvfd(int argc, char **argv)
{
	union fd_message u;
	char x;
	struct iovec v = {&x, 1};
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = sizeof(u)};
	int fd = -1;

	if (recvmsg(me.slot[argc > 1 ? atoi(argv[1]) : 0], &m, 0) != 1) {
		say_result(-1);
		return;
	}
	memcpy(&fd, CMSG_DATA(&u.head), sizeof(fd));
	me.cur = slot_add(fd);
	say_result(fd);
}

static int atfork_fd, atfork_calls;

static void dup_and_close(void)
{
	int fd = dup(atfork_fd);

	close(fd);
	atfork_calls++;
}

/* atfork: handlers that dup and close the connection before and after every fork, on both sides */
static void verb_atfork(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	atfork_fd = cur_fd();
	say_result(pthread_atfork(dup_and_close, dup_and_close, dup_and_close));
}

static volatile sig_atomic_t forked_well;

static void fork_in_handler(int sig)
{
	int status, saved = errno;
	pid_t pid = fork();

	(void)sig;
	if (pid == 0) {
		_exit(6);
	}
	if (waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 6) {
		forked_well = forked_well + 1;
	}
	errno = saved;
}

/* sigfork N: fork N times from a signal handler */
static void verb_sigfork(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = fork_in_handler};

	sigaction(SIGUSR2, &sa, NULL);
	for (int i = argc > 1 ? atoi(argv[1]) : 1; i > 0; i--) {
		raise(SIGUSR2);
	}
	say("ok %d", (int)forked_well);
}

/* chain: a child of a child of a child ...; each ends with its own child's status plus one */
static void verb_chain(int argc, char **argv)
{
	int status = 0, depth = 0;
	pid_t pid = -1;

	(void)argc;
	(void)argv;
	while (depth < CHAIN && (pid = fork()) == 0) {
		depth++;
	}
	if (depth == CHAIN) {
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (depth > 0) {
		_exit(WEXITSTATUS(status) + 1);
	}
	say("ok %d", WEXITSTATUS(status) + 1);
}

/* range HOW: a close_range that closes nothing, over the current connection */
static void verb_range(int argc, char **argv)
{
#ifdef SYS_close_range
	unsigned fd = (unsigned)cur_fd();
	const char *how = argc > 1 ? argv[1] : "";

	if (strcmp(how, "cloexec") == 0) {
		say_result(syscall(SYS_close_range, fd, fd, 4L));
#ifdef __GLIBC__
	} else if (strcmp(how, "libc_cloexec") == 0) {
		say_result(close_range(fd, ~0U, 4));
	} else if (strcmp(how, "reversed") == 0) {
		say_result(close_range(fd + 1, fd, 0));
	} else if (strcmp(how, "flags") == 0) {
		say_result(close_range(fd, fd, 1 << 20));
	} else if (strcmp(how, "beside") == 0) {
		say_result(close_range(fd + 1, ~0U, 0));
#endif
	} else {
		say("skip not in this libc: %s", how);
	}
#else
	(void)argc;
	(void)argv;
	say("skip no close_range here");
#endif
}

/* fcntls: commands whose argument is a pointer, a number or nothing */
static void verb_fcntls(int argc, char **argv)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct f_owner_ex own = {F_OWNER_PID, getpid()}, back = {0, 0};
	int fd = cur_fd(), p[2] = {-1, -1}, size, set, get;

	(void)argc;
	(void)argv;
	if (pipe(p) < 0) {
		say_result(-1);
		return;
	}
	size = fcntl(p[0], F_SETPIPE_SZ, 8192);
	set = fcntl(fd, F_SETOWN_EX, &own);
	get = fcntl(fd, F_GETOWN_EX, &back);
	fcntl(fd, F_GETLK, &l);
	say("ok %d %d %d %d %d %d %d", size, fcntl(p[1], F_GETPIPE_SZ), set, get,
	    back.type == own.type && back.pid == own.pid, l.l_type == F_UNLCK,
	    fcntl(fd, F_GETFL) & O_ACCMODE);
	fcntl(fd, F_SETOWN, 0);
	close(p[0]);
	close(p[1]);
}

static void *race(void *arg)
{
	intptr_t bad = 0;

	(void)arg;
	for (int i = 0; i < RACE_ROUNDS; i++) {
		int fd = dup(cur_fd()), pair[2];

		bad += fd < 0 || close(fd) < 0;
		bad += socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0;
		bad += close(pair[0]) < 0 || close(pair[1]) < 0;
	}
	return (void *)bad;
}

/* race N: N threads dup and close the connection while this one forks */
static void verb_race(int argc, char **argv)
{
	pthread_t tid[RACERS];
	intptr_t bad = 0;
	int racers = argc > 1 ? atoi(argv[1]) % (RACERS + 1) : RACERS;

	for (int i = 0; i < racers; i++) {
		bad += pthread_create(&tid[i], NULL, race, NULL) != 0;
	}
	for (int i = 0; i < RACE_FORKS; i++) {
		int status = -1;
		pid_t pid = fork();

		if (pid == 0) {
			close(dup(cur_fd()));
			_exit(8);
		}
		waitpid(pid, &status, 0);
		bad += WEXITSTATUS(status) != 8;
	}
	for (int i = 0; i < racers; i++) {
		void *end;

		pthread_join(tid[i], &end);
		bad += (intptr_t)end;
	}
	say("ok bad=%d", (int)bad);
}

static void *close_on_small_stack(void *arg)
{
	return (void *)(intptr_t)close(*(int *)arg);
}

/* smallclose: let go in a thread with the smallest stack that there is */
static void verb_smallclose(int argc, char **argv)
{
	pthread_attr_t attr;
	pthread_t tid;
	void *end = NULL;
	int fd = cur_fd();

	(void)argc;
	(void)argv;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN);
	if (pthread_create(&tid, &attr, close_on_small_stack, &fd) != 0) {
		say("err no thread");
		return;
	}
	pthread_join(tid, &end);
	slot_forget(fd);
	say("ok %d", (int)(intptr_t)end);
}

/* groups N: that many supplementary groups: /proc/self/status is longer than anybody's buffer */
static void verb_groups(int argc, char **argv)
{
	static gid_t groups[GROUPS_MAX];
	int n = argc > 1 ? atoi(argv[1]) : 0;

	for (int i = 0; i < n && i < GROUPS_MAX; i++) {
		groups[i] = (gid_t)(1000000 + i);
	}
	if (setgroups((size_t)(n < GROUPS_MAX ? n : GROUPS_MAX), groups) < 0) {
		say("skip groups may not be set here: errno %d", errno);
	} else {
		say("ok");
	}
}

#ifdef SECCOMP_RET_KILL
#define KILL_IF(nr)                                                                                \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL)

/* seccomp prctl|syscall: a sandbox that kills for what only a shim would do here */
static void verb_seccomp(int argc, char **argv)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), /* the number of the call */
		KILL_IF(SYS_getsockopt),
		KILL_IF(SYS_getsockname),
		KILL_IF(SYS_getpeername),
		KILL_IF(SYS_shutdown),
		KILL_IF(SYS_sched_yield),
		KILL_IF(SYS_shmget),
		KILL_IF(SYS_sendmsg),
		KILL_IF(SYS_gettid),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof(code) / sizeof(code[0]), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		say("skip no seccomp here");
	} else if (argc > 1 && strcmp(argv[1], "syscall") == 0) {
		say_result(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog));
	} else {
		say_result(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0));
	}
}

#else
static void verb_seccomp(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	say("skip no kernel headers here");
}
#endif

const struct verb strange_verbs[] = {
	{"sendfd", verb_sendfd},   {"recvfd", verb_recvfd},   {"atfork", verb_atfork},
	{"sigfork", verb_sigfork}, {"chain", verb_chain},     {"range", verb_range},
	{"fcntls", verb_fcntls},   {"race", verb_race},       {"smallclose", verb_smallclose},
	{"groups", verb_groups},   {"seccomp", verb_seccomp}, {NULL, NULL},
};
