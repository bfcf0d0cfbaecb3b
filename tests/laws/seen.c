/* SPDX-License-Identifier: MIT */
/*
 * seen [STEP...]: everything that a program can see of itself, at main and after each step.
 *
 * A step is a way of going on: fork, vfork, and every way to a new image, which is this program
 * again with the steps that are left. There is a shared connection all the while, so that under the
 * shim each new image is handed something; none of it may be seen.
 */
#include "laws.h"

#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

extern char **environ;

static char **kernels_environment;
static char *self_path;
static char **arguments;

/* What is meant for the shim may be seen; what the shim tells itself may not. */
static bool is_for_the_shim(const char *entry)
{
	return strncmp(entry, "LD_PRELOAD=", 11) == 0 ||
	       (strncmp(entry, "SENDFIN_", 8) == 0 && strncmp(entry, "SENDFIN_LEDGER", 14) != 0);
}

static void say_environment(const char *name, char **entry)
{
	printf("%s:", name);
	for (; *entry != NULL; entry++) {
		if (!is_for_the_shim(*entry)) {
			printf(" [%s]", *entry);
		}
	}
	printf("\n");
}

/* Values that are addresses differ from run to run; that they are the kernel's is checked. */
static void say_auxiliary_vector(void)
{
	static const unsigned long types[] = {
		AT_SYSINFO_EHDR, AT_HWCAP, AT_PAGESZ, AT_CLKTCK, AT_PHDR,   AT_PHENT,
		AT_PHNUM,        AT_BASE,  AT_ENTRY,  AT_UID,    AT_SECURE, AT_RANDOM,
	};
	unsigned long value[64] = {0};
	unsigned long *word;
	char **end = kernels_environment;
	int found = 0;

	while (*end != NULL) {
		end++;
	}
	for (word = (unsigned long *)(void *)(end + 1); word[0] != AT_NULL && found < 64;
	     word += 2) {
		if (word[0] < 64) {
			value[word[0]] = word[1];
		}
		found++;
	}
	printf("auxiliary vector:");
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		printf(" %lu%c", types[i], value[types[i]] == getauxval(types[i]) ? '=' : '!');
	}
	printf(" page=%lu phent=%lu %s\n", value[AT_PAGESZ], value[AT_PHENT],
	       found > 15 && found < 64 ? "whole" : "broken");
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void say_descriptors(void)
{
	int all[64] = {0};
	size_t count = 0;
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;

	if (folder == NULL) {
		die("/proc/self/fd");
	}
	while ((entry = readdir(folder)) != NULL && count < 64) {
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(folder)) {
			all[count++] = atoi(entry->d_name);
		}
	}
	closedir(folder);
	qsort(all, count, sizeof(all[0]), by_number);
	printf("descriptors:");
	for (size_t i = 0; i < count; i++) {
		printf(" %d/%x", all[i], (unsigned int)fcntl(all[i], F_GETFD));
	}
	printf("\n");
}

/* Lines of a /proc file that tell of signals, threads, rights and the stack's protection. */
static void say_lines(const char *path, const char *const *wanted)
{
	FILE *file = fopen(path, "re");
	char line[512];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		for (const char *const *want = wanted; *want != NULL; want++) {
			if (strstr(line, *want) != NULL) {
				printf("%s", line);
			}
		}
	}
	if (file != NULL) {
		fclose(file);
	}
}

static void say_protection_of_stack(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	char line[512];

	if (file == NULL) {
		die("/proc/self/maps");
	}
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strstr(line, "[stack]") != NULL) {
			printf("stack: %.4s\n", strchr(line, ' ') + 1);
		} else if (strncmp(strchr(line, ' ') + 1, "rwx", 3) == 0) {
			printf("a mapping that is writable and executable\n");
		}
	}
	fclose(file);
}

static void say_the_rest(void)
{
	static const char *const status[] = {
		"Umask:",  "Threads:",    "SigPnd:",  "ShdPnd:", "SigBlk:",    "SigIgn:", "SigCgt:",
		"CapEff:", "NoNewPrivs:", "Seccomp:", "Uid:",    "TracerPid:", NULL};
	struct itimerval timer = {{0, 0}, {0, 0}};
	struct rlimit files = {0, 0}, core = {0, 0};
	char name[32] = "";
	int death = -1;

	say_lines("/proc/self/status", status);
	say_protection_of_stack();
	getitimer(ITIMER_REAL, &timer);
	getrlimit(RLIMIT_NOFILE, &files);
	getrlimit(RLIMIT_CORE, &core);
	prctl(PR_GET_NAME, name);
	prctl(PR_GET_PDEATHSIG, &death);
	printf("timer %ld, files %ld, core %ld, name %s, dumpable %d, death %d, dlerror %s\n",
	       (long)timer.it_value.tv_sec, (long)files.rlim_cur, (long)core.rlim_cur, name,
	       prctl(PR_GET_DUMPABLE), death, dlerror() == NULL ? "none" : "one");
}

static void see(const char *when)
{
	printf("-- %s\n", when);
	say_environment("environ", environ);
	say_environment("main's", kernels_environment);
	say_auxiliary_vector();
	say_descriptors();
	say_the_rest();
	fflush(stdout);
}

static void in_child(pid_t pid)
{
	int status = -1;

	if (pid > 0) {
		waitpid(pid, &status, 0);
		printf("child: %x\n", (unsigned int)status);
		fflush(stdout);
		exit(0);
	}
}

static void new_image(const char *how)
{
	static char *given[] = {"PATH=/usr/bin:/bin", "GIVEN=yes", NULL};
	pid_t pid;

	if (strcmp(how, "execve") == 0) {
		execve(self_path, arguments, environ);
	} else if (strcmp(how, "execv") == 0) {
		execv(self_path, arguments);
	} else if (strcmp(how, "execl") == 0) {
		execl(self_path, "seen", arguments[1], arguments[1] ? arguments[2] : NULL, NULL);
	} else if (strcmp(how, "scrubbed") == 0) {
		execve(self_path, arguments, given);
	} else if (strcmp(how, "empty") == 0) {
		execve(self_path, arguments, given + 2);
	} else if (strcmp(how, "fexecve") == 0) {
		fexecve(open(self_path, O_RDONLY | O_CLOEXEC), arguments, environ);
	} else if (strcmp(how, "vforkexec") == 0) {
		pid = vfork();
		if (pid == 0) {
			execve(self_path, arguments, environ);
			_exit(98);
		}
		in_child(pid);
	} else if (strcmp(how, "spawn") == 0) {
		if (posix_spawn(&pid, self_path, NULL, NULL, arguments, environ) == 0) {
			in_child(pid);
		}
	} else if (strcmp(how, "shell") == 0) {
		char command[512];

		snprintf(command, sizeof(command), "%s %s", self_path,
			 arguments[1] ? arguments[1] : "");
		printf("system: %x\n", (unsigned int)system(command));
		exit(0);
	}
	printf("no such step: %s (%s)\n", how, strerror(errno));
	exit(97);
}

int main(int argc, char **argv, char **environment)
{
	int errno_at_main = errno;

	kernels_environment = environment;
	self_path = argv[0];
	see("main");
	printf("errno %d, arguments %d\n", errno_at_main, argc);
	if (fcntl(20, F_GETFD) < 0 && argc > 1) {
		struct pair pair = connect_pair();

		dup2(pair.server, 20);
		share();
	}
	for (int i = 1; i < argc; i++) {
		char *step = argv[i];

		arguments = &argv[i];
		arguments[0] = self_path;
		if (strcmp(step, "fork") == 0) {
			in_child(fork());
			see("fork");
		} else {
			fflush(stdout);
			new_image(step);
		}
	}
	return 0;
}
