/* SPDX-License-Identifier: MIT */
/*
 * confined HOW [then [NEXT]]: a server in a corner: limits, sandboxes, other roots, users and
 * namespaces; or what becomes of it there after exec.
 *
 * What a corner does to a process is done first; where it must be there before the shim is, the
 * program is exec'd once more in it (`then`). In each the leak is played: the program must work as
 * it does bare, and where the kernel still lets us, it is cured.
 */
#include "laws.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { CONNECTIONS = 64, CLOSERS = 3000 };

static int listener = -1;

/* A macro, for the two libcs do not agree on the type of `what`. */
#define LIMIT(what, value) printf("limit: %d\n", setrlimit(what, (struct rlimit[]){{value, value}}))

/* As many descriptors as the machine gives, and the highest of them used. */
static void most_descriptors(void)
{
	static const rlim_t some[] = {1000000000, 1 << 20};
	struct rlimit files;
	struct pair pair;
	int high;

	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		files = (struct rlimit){some[i], some[i]};
		if (setrlimit(RLIMIT_NOFILE, &files) == 0) {
			break;
		}
	}
	getrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){files.rlim_max, files.rlim_max});
	getrlimit(RLIMIT_NOFILE, &files);
	printf("files: %lu\n", (unsigned long)files.rlim_cur);
	pair = connect_through(listener);
	high = (int)(files.rlim_cur < 900000000 ? files.rlim_cur : 900000000) - 1;
	for (int i = 0; i < 3; i++) {
		int fd = i == 2 ? 262143 : high - i;

		if (fd < high + 1) {
			printf("high: %d %d\n", dup2(pair.server, fd) == fd, close(fd));
		}
	}
}

static void little_memory(void)
{
	LIMIT(RLIMIT_AS, 64 << 20);
}

/* Less than the large tables of the shim take: it must not get into the way of libc. */
static void little_data(void)
{
	LIMIT(RLIMIT_DATA, 1 << 20);
}

static void hardly_any_memory(void)
{
	LIMIT(RLIMIT_AS, 4 << 20);
}

static void no_memory_to_lock(void)
{
	LIMIT(RLIMIT_MEMLOCK, 64 << 10);
}

static void no_file_may_grow(void)
{
	signal(SIGXFSZ, SIG_DFL);
	LIMIT(RLIMIT_FSIZE, 0);
}

static void all_locked(void)
{
	printf("mlockall: %d\n", mlockall(MCL_CURRENT | MCL_FUTURE));
}

static void other_root(void)
{
	char place[] = "/tmp/laws-root-XXXXXX";

	if (mkdtemp(place) == NULL || chroot(place) < 0 || chdir("/") < 0 || rmdir("/") == 0) {
		die("chroot");
	}
}

static void fewer_rights(void)
{
	printf("rights: %d %d %d\n", setgroups(0, NULL), setgid(65534), setuid(65534));
}

static void other_namespaces(void)
{
	printf("unshare: %d\n", unshare(CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWNS));
}

/* read, write, _exit and sigreturn are all that is left: one call more is the end. */
static void strict_sandbox(void)
{
	struct pair pair = connect_through(listener);
	int status = -1;
	pid_t pid;

	if (write(pair.client, "sand", 4) != 4 || shutdown(pair.client, SHUT_WR) < 0) {
		die("client");
	}
	pid = fork();
	if (pid == 0) {
		char bytes[8];

		if (prctl(PR_SET_SECCOMP, 1) < 0) {
			_exit(1);
		}
		while (read(pair.server, bytes, sizeof(bytes)) > 0) {
		}
		if (write(pair.server, "box", 3) != 3) {
			syscall(SYS_exit, 2);
		}
		syscall(SYS_exit, 3);
	}
	waitpid(pid, &status, 0);
	printf("strict: %x\n", (unsigned int)status);
}

/* What every daemon does first, and then its sockets have the lowest numbers. */
static void nothing_open(void)
{
	static const char word[] = "the same bytes";
	struct pair pairs[CONNECTIONS];
	char got[sizeof(word)];
	int good = 0;
	int out = dup(1);

	fcntl(out, F_DUPFD, 200);
	for (int fd = 0; fd < 200; fd++) {
		close(fd);
	}
	listener = -1;
	for (int i = 0; i < CONNECTIONS; i++) {
		pairs[i] = i == 0 ? connect_pair() : connect_through(pairs[0].listener);
	}
	share();
	for (int i = 0; i < CONNECTIONS; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			while (read(pairs[i].server, got, sizeof(got)) > 0 &&
			       write(pairs[i].server, got, sizeof(got)) > 0) {
			}
			close(pairs[i].server);
			_exit(0);
		}
		memset(got, 0, sizeof(got));
		if (write(pairs[i].client, word, sizeof(word)) == sizeof(word) &&
		    shutdown(pairs[i].client, SHUT_WR) == 0 &&
		    recv(pairs[i].client, got, sizeof(got), MSG_WAITALL) == sizeof(got)) {
			good += memcmp(got, word, sizeof(word)) == 0;
		}
		waitpid(pid, NULL, 0);
		good += recv(pairs[i].client, got, 1, MSG_DONTWAIT) <= 0;
	}
	listener = pairs[0].listener;
	dup2(200, 1);
	printf("sockets: %d good, first %d\n", good, pairs[0].listener);
}

static void *close_and_dup(void *unused)
{
	int fd = listener;

	(void)unused;
	for (int i = 0; i < CLOSERS; i++) {
		close(dup(fd));
	}
	return NULL;
}

/* setuid must stop every thread: one that masks signals holds it up. */
static void rights_and_closes(void)
{
	pthread_t threads[2];
	int failed = 0;

	for (int i = 0; i < 2; i++) {
		pthread_create(&threads[i], NULL, close_and_dup, NULL);
	}
	for (int i = 0; i < 50; i++) {
		failed += seteuid(65534) != 0;
		failed += seteuid(0) != 0;
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
	}
	printf("setuid: %d failed\n", failed);
}

/* Real-time threads on one processor: who spins, spins for ever. */
static void one_processor(void)
{
	struct sched_param first = {.sched_priority = 1};
	pthread_t threads[2];
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	for (int i = 0; i < 2; i++) {
		pthread_create(&threads[i], NULL, close_and_dup, NULL);
		pthread_setschedparam(threads[i], SCHED_FIFO, &first);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
	}
}

static int in_clone(void *argument)
{
	int fd = *(int *)argument;

	close(dup(fd));
	return 7;
}

/* Every mixture of shared memory, descriptors and waiting. */
static void every_clone(void)
{
	static const int flags[] = {
		0,
		CLONE_FILES,
		CLONE_VFORK,
		CLONE_VM | CLONE_VFORK,
		CLONE_FS | CLONE_SIGHAND | CLONE_VM,
		CLONE_VM | CLONE_FILES | CLONE_VFORK,
	};
	static char stack[64 * 1024] __attribute__((aligned(16)));

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		int status = -1;
		int pid = clone(in_clone, stack + sizeof(stack), flags[i] | SIGCHLD, &listener);

		waitpid(pid, &status, 0);
		printf("clone %x: %x\n", (unsigned int)flags[i], (unsigned int)status);
	}
}

/* Whatever malloc has to give can be written to. */
static void all_sizes(void)
{
	for (int i = 0; i < 20; i++) {
		for (size_t size = 1; size < 4096; size += 16) {
			char *memory = malloc(size);

			if (memory == NULL) {
				die("malloc");
			}
			memset(memory, i, size);
		}
	}
	printf("all sizes\n");
}

static void nothing(void)
{
}

static const struct {
	const char *name;
	void (*confine)(void);
} corners[] = {
	{"nowhere", nothing},
	{"most_descriptors", most_descriptors},
	{"little_memory", little_memory},
	{"little_data", little_data},
	{"hardly_any_memory", hardly_any_memory},
	{"no_memory_to_lock", no_memory_to_lock},
	{"no_file_may_grow", no_file_may_grow},
	{"all_locked", all_locked},
	{"other_root", other_root},
	{"fewer_rights", fewer_rights},
	{"other_namespaces", other_namespaces},
	{"strict_sandbox", strict_sandbox},
	{"nothing_open", nothing_open},
	{"rights_and_closes", rights_and_closes},
	{"one_processor", one_processor},
	{"every_clone", every_clone},
	{"all_sizes", all_sizes},
};

int main(int argc, char **argv)
{
	struct sockaddr_in name;
	const char *how = argc > 1 ? argv[1] : "nowhere";

	listener = listen_here(&name);
	share();
	for (size_t i = 0; i < sizeof(corners) / sizeof(corners[0]); i++) {
		if (strcmp(corners[i].name, how) == 0) {
			corners[i].confine();
			fflush(stdout);
			if (argc > 2) {
				execl(argv[0], argv[0], argc > 3 ? argv[3] : "nowhere",
				      (char *)NULL);
				die("exec");
			}
			say_cure(listener);
			return 5;
		}
	}
	return 2;
}
