/* SPDX-License-Identifier: MIT */
/*
 * usage: record_stress threads|processes|kill OPERATIONS
 *
 * Four workers write and read what debug mode records: as threads (for the thread
 * sanitizer), as processes, and as processes that are killed and replaced until there were
 * so many operations.
 * Prints one line "ok" or "not ok" per claim; exit status 0 only if all hold.
 * Invariant: ends by itself; what lasts for minutes hangs, and is a failure.
 */
#include "records.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	LIMIT_MS = 120 * 1000,
	KILLS_MAX = 100 * 1000,
	NAP_NS = 1000 * 1000, /* at most, between two kills */
};

struct world *world;

static const char *const claims[FAULTS] = {
	[FAULT_TWO_NUMBERS] = "a backtrace has one number",
	[FAULT_WRONG_FRAMES] = "a site has the frames it was made of",
	[FAULT_NEW_TWICE] = "a site is new once",
	[FAULT_SITE_COUNT] = "sites are counted",
	[FAULT_WRONG_MODULE] = "a module is what it was made of",
	[FAULT_MODULE_MANY] = "a module is made in one moment only",
	[FAULT_TORN] = "an event that is read was written by one",
	[FAULT_BACKWARDS] = "a reader goes forward",
	[FAULT_RING_LOST] = "the ring is as good as new",
	[FAULT_WRONG_EXAMPLE] = "the example of a finding is one event",
	[FAULT_FINDING_COUNT] = "findings are counted",
	[FAULT_FINDING_MANY] = "a finding is made in one moment only",
	[FAULT_NO_ROOM] = "there is room for all",
	[FAULT_HUNG] = "nobody hangs",
};

void stress_fault(enum fault fault)
{
	__atomic_add_fetch(&world->faults[fault], 1, __ATOMIC_SEQ_CST);
}

/* Exit status: 0 when every claim holds. */
static int tell(const char *mode, uint32_t kills)
{
	int status = 0;

	for (uint32_t fault = 0; fault < FAULTS; fault++) {
		uint64_t count = world->faults[fault];

		printf("%s - %s: %s", count == 0 ? "ok" : "not ok", mode, claims[fault]);
		printf(count == 0 ? "\n" : " (%llu times not)\n", (unsigned long long)count);
		status |= count != 0;
	}
	printf("# %s: %llu operations, %u kills, %llu events read, %llu missed\n", mode,
	       (unsigned long long)world->operations, kills, (unsigned long long)world->read,
	       (unsigned long long)world->missed);
	return status;
}

static uint64_t operations;

static void *thread_work(void *number)
{
	records_work((uintptr_t)number, operations);
	return NULL;
}

static void run_threads(void)
{
	pthread_t threads[WORKERS];

	for (uintptr_t i = 0; i < WORKERS; i++) {
		if (pthread_create(&threads[i], NULL, thread_work, (void *)i) != 0) {
			abort();
		}
	}
	for (uint32_t i = 0; i < WORKERS; i++) {
		pthread_join(threads[i], NULL);
	}
}

/* The workers hold the writing end; nobody writes. */
static int alive_pipe[2];

static pid_t start(uint64_t seed)
{
	pid_t parent = getpid();
	pid_t child = fork();

	if (child == 0) {
		/* Nobody outlives the test, however it ends. */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
			_exit(1);
		}
		close(alive_pipe[0]);
		records_work(seed, operations);
		_exit(0);
	}
	return child;
}

/* Waits until all are gone; kills those that do not come to an end. */
static void finish(const pid_t *workers)
{
	struct pollfd end = {.fd = alive_pipe[0], .events = POLLIN};
	int status;

	close(alive_pipe[1]);
	if (poll(&end, 1, LIMIT_MS) != 1) {
		stress_fault(FAULT_HUNG);
		for (uint32_t i = 0; i < WORKERS; i++) {
			kill(workers[i], SIGKILL);
		}
	}
	for (uint32_t i = 0; i < WORKERS; i++) {
		if (waitpid(workers[i], &status, 0) != workers[i] || status != 0) {
			stress_fault(FAULT_HUNG);
		}
	}
}

static bool is_done(void)
{
	return __atomic_load_n(&world->operations, __ATOMIC_RELAXED) >= operations;
}

/* A worker that came to its end by itself was only too fast for us. */
static uint32_t kill_some(pid_t *workers)
{
	uint32_t kills = 0;
	int status;

	while (!is_done() && kills < KILLS_MAX) {
		uint32_t victim = (uint32_t)random() % WORKERS;
		struct timespec moment = {.tv_nsec = random() % NAP_NS};

		nanosleep(&moment, NULL);
		kill(workers[victim], SIGKILL);
		if (waitpid(workers[victim], &status, 0) != workers[victim] ||
		    (!WIFSIGNALED(status) && !is_done())) {
			stress_fault(FAULT_HUNG);
		}
		kills++;
		workers[victim] = start(1000 + kills);
	}
	return kills;
}

static uint32_t run_processes(bool with_kills)
{
	pid_t workers[WORKERS];
	uint32_t kills;

	if (pipe(alive_pipe) != 0) {
		perror("record_stress: pipe");
		exit(1);
	}
	for (uint32_t i = 0; i < WORKERS; i++) {
		workers[i] = start(i);
	}
	kills = with_kills ? kill_some(workers) : 0;
	__atomic_store_n(&world->is_stopped, with_kills, __ATOMIC_SEQ_CST);
	finish(workers);
	return kills;
}

int main(int argc, char **argv)
{
	uint32_t kills = 0;

	operations = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
	if (operations == 0) {
		fprintf(stderr, "usage: record_stress threads|processes|kill OPERATIONS\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (world == MAP_FAILED) {
		perror("record_stress: mmap");
		return 1;
	}
	if (strcmp(argv[1], "threads") == 0) {
		run_threads();
	} else {
		kills = run_processes(strcmp(argv[1], "kill") == 0);
	}
	records_settle(kills);
	return tell(argv[1], kills);
}
