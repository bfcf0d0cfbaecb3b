/* SPDX-License-Identifier: MIT */
/*
 * usage: ledger_stress threads OPERATIONS | processes OPERATIONS | kill KILLS | twins ROUNDS
 *
 * Four workers at one ledger: as threads (for the thread sanitizer), as processes, as
 * processes that are killed and replaced; and two threads of one process (twins).
 *
 * The idea: cookies of two buckets and a nearly full table of processes, so that
 * everybody meets everybody; afterwards the ledger must be as good as new.
 * Prints one line "ok" or "not ok" per claim; exit status 0 only if all hold.
 * Invariant: ends by itself; what lasts for minutes hangs, and is a failure.
 */
#include "stress.h"

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
	TWINS = 2,
};

const uint64_t stress_nobody = LEDGER_NOBODY;
struct stress_world *stress;

static const char *const claims[FAULTS] = {
	[FAULT_HIDDEN_SELF] = "who engaged finds itself until it disengages",
	[FAULT_HIDDEN_OTHER] = "who engaged is found by the others",
	[FAULT_HIDDEN_SLOT] = "a slot in use is met by every walk",
	[FAULT_WRONG_ORIGIN] = "a connection never has another one's origin",
	[FAULT_TWO_TAKERS] = "a mark has one taker",
	[FAULT_TAKEN_LOST] = "a taken mark stays its taker's",
	[FAULT_SLOT_TWICE] = "a process slot is claimed by one",
	[FAULT_SLOT_STOLEN] = "a living process keeps its slot, and walks see it",
	[FAULT_FAMILY] = "a child descends from who claimed its slot",
	[FAULT_DUE_COUNT] = "due marks are counted",
	[FAULT_LEAKED_CONNECTION] = "no connection slot is left over",
	[FAULT_USER_LEFT] = "who disengaged is nowhere engaged",
	[FAULT_LOST_CONNECTION] = "every connection slot can be used again",
	[FAULT_LOST_PROCESS] = "every process slot can be used again",
	[FAULT_HUNG] = "nobody hangs",
	[FAULT_TWIN_LEFT] = "two threads of one process disengage as one",
};

void stress_fault(enum stress_fault fault)
{
	__atomic_add_fetch(&stress->faults[fault], 1, __ATOMIC_SEQ_CST);
}

bool stress_is_dead(const struct ledger_process *process)
{
	uint32_t token = __atomic_load_n(&process->pid, __ATOMIC_SEQ_CST);

	return __atomic_load_n(&stress->is_dead[token % LIVES], __ATOMIC_SEQ_CST) != 0;
}

struct conns_origin stress_origin(uint64_t cookie)
{
	return (struct conns_origin){
		.acquirer = cookie << 16 | 1,
		.acquired = cookie << 16,
		.descriptor = (int)(cookie % 1000),
	};
}

void stress_bury(uint64_t by)
{
	for (uint32_t i = LEDGER_PROCESSES - ROOM; i < procs_high(&stress->ledger); i++) {
		uint64_t ref = procs_at(&stress->ledger, i);

		if (ref != LEDGER_NOBODY && stress_is_dead(&stress->ledger.processes[i])) {
			procs_bury(&stress->ledger, ref, by);
			conns_disengage_all(&stress->ledger, ref);
		}
	}
}

static uint32_t bucket_of(uint64_t cookie)
{
	struct ledger_connection *slot = conns_find(&stress->ledger, cookie, true);
	uint32_t index;

	if (slot == NULL) {
		abort();
	}
	index = (uint32_t)(slot - stress->ledger.connections);
	conns_tidy(&stress->ledger, slot);
	return index - index % LEDGER_BUCKET;
}

/* Cookies that meet: the first ones of two buckets. */
static void choose_cookies(void)
{
	uint32_t counts[BUCKETS] = {0};

	stress->first_slot[0] = bucket_of(1);
	stress->first_slot[1] = bucket_of(2);
	for (uint64_t cookie = 1; counts[0] < PER_BUCKET || counts[1] < PER_BUCKET; cookie++) {
		uint32_t first = bucket_of(cookie);

		for (uint32_t b = 0; b < BUCKETS; b++) {
			if (first == stress->first_slot[b] && counts[b] < PER_BUCKET) {
				stress->cookies[b * PER_BUCKET + counts[b]++] = cookie;
			}
		}
	}
}

static bool enlist(uint32_t self, uint32_t token)
{
	uint64_t ref = procs_claim(&stress->ledger, &stress_nobody, false, stress_is_dead);
	struct ledger_process *process = procs_get(&stress->ledger, ref);

	if (process == NULL) {
		return false;
	}
	__atomic_store_n(&process->pid, token, __ATOMIC_SEQ_CST);
	stress_store(&stress->refs[self], ref);
	return true;
}

static void make_world(void)
{
	stress = mmap(NULL, sizeof(*stress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (stress == MAP_FAILED) {
		perror("ledger_stress: mmap");
		exit(1);
	}
	choose_cookies();
	stress->is_dead[TOKEN_DEAD] = 1;
	for (uint32_t i = 0; i < LEDGER_PROCESSES - ROOM; i++) {
		procs_claim(&stress->ledger, &stress_nobody, false, NULL);
	}
	for (uint32_t self = 0; self < WORKERS; self++) {
		enlist(self, TOKEN_FIRST + self);
	}
}

/* Exit status: 0 when every claim holds. */
static int tell(const char *mode, uint32_t first, uint32_t end)
{
	int status = 0;

	for (uint32_t fault = first; fault < end; fault++) {
		uint64_t count = stress->faults[fault];

		printf("%s - %s: %s", count == 0 ? "ok" : "not ok", mode, claims[fault]);
		printf(count == 0 ? "\n" : " (%llu times not)\n", (unsigned long long)count);
		status |= count != 0;
	}
	printf("# %s: %llu times no room, %llu times no origin\n", mode,
	       (unsigned long long)stress->no_room, (unsigned long long)stress->origins_lost);
	return status;
}

static uint64_t thread_operations;

static void *thread_work(void *self)
{
	uint32_t number = (uint32_t)(uintptr_t)self;

	stress_work(number, TOKEN_FIRST + number, thread_operations);
	return NULL;
}

static int run_threads(uint64_t operations)
{
	pthread_t threads[WORKERS];

	thread_operations = operations;
	for (uintptr_t i = 0; i < WORKERS; i++) {
		if (pthread_create(&threads[i], NULL, thread_work, (void *)i) != 0) {
			abort();
		}
	}
	for (uint32_t i = 0; i < WORKERS; i++) {
		pthread_join(threads[i], NULL);
	}
	stress_settle(0);
	return tell("threads", 0, FAULT_TWIN_LEFT);
}

/* The workers hold the writing end; nobody writes. */
static int alive_pipe[2];

static pid_t start(uint32_t self, uint32_t token, uint64_t operations)
{
	pid_t parent = getpid();
	pid_t child = fork();

	if (child == 0) {
		/* Nobody outlives the test, however it ends. */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
			_exit(1);
		}
		close(alive_pipe[0]);
		conns_introduce(&stress->refs[self], stress_is_dead);
		stress_work(self, token, operations);
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

static void begin(pid_t *workers, uint64_t operations)
{
	if (pipe(alive_pipe) != 0) {
		perror("ledger_stress: pipe");
		exit(1);
	}
	for (uint32_t self = 0; self < WORKERS; self++) {
		workers[self] = start(self, TOKEN_FIRST + self, operations);
	}
}

static int run_processes(uint64_t operations)
{
	pid_t workers[WORKERS];

	begin(workers, operations);
	finish(workers);
	stress_settle(0);
	return tell("processes", 0, FAULT_TWIN_LEFT);
}

/* It is gone: first nobody may count on its engagements, then all may know that it is dead. */
static void declare_dead(uint32_t self, uint32_t token)
{
	for (uint32_t c = 0; c < COOKIES; c++) {
		stress->engaged[self][c] += stress->engaged[self][c] % 2;
	}
	__atomic_store_n(&stress->is_dead[token], 1, __ATOMIC_SEQ_CST);
}

/* What a taker was about to do; before its mark is another's to take. */
static void forget_taker(uint32_t self)
{
	for (uint32_t i = 0; i < BUCKETS * LEDGER_BUCKET; i++) {
		uint32_t *taker = &stress->taker[i / LEDGER_BUCKET][i % LEDGER_BUCKET];
		uint32_t own = self + 1;

		__atomic_compare_exchange_n(taker, &own, 0, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST);
	}
}

/* Marks that the dead had taken, as the sweep does. */
static void release_marks(uint64_t ref)
{
	uint64_t slot_index = (ref & 0xffff) - 1;

	for (uint32_t i = 0; i < LEDGER_CONNECTIONS; i++) {
		struct ledger_connection *slot = &stress->ledger.connections[i];
		uint64_t seen = conns_mark_of(slot);

		if ((seen & LEDGER_MARK_STATE) == LEDGER_MARK_TAKEN &&
		    seen >> LEDGER_MARK_REST_SHIFT == slot_index) {
			conns_drop(&stress->ledger, slot, seen);
			conns_tidy(&stress->ledger, slot);
		}
	}
}

static int run_kills(uint32_t kills)
{
	pid_t workers[WORKERS];
	uint32_t tokens[WORKERS];
	uint32_t next = TOKEN_FIRST + WORKERS;
	int status;

	for (uint32_t self = 0; self < WORKERS; self++) {
		tokens[self] = TOKEN_FIRST + self;
	}
	begin(workers, 0);
	for (uint32_t i = 0; i < kills; i++, next++) {
		uint32_t self = (uint32_t)random() % WORKERS;
		struct timespec moment = {.tv_nsec = random() % 40000000};

		nanosleep(&moment, NULL);
		kill(workers[self], SIGKILL);
		if (waitpid(workers[self], &status, 0) != workers[self] || !WIFSIGNALED(status)) {
			stress_fault(FAULT_HUNG);
		}
		forget_taker(self);
		release_marks(stress->refs[self]);
		declare_dead(self, tokens[self]);
		if (!enlist(self, next)) {
			stress_fault(FAULT_LOST_PROCESS);
			break;
		}
		tokens[self] = next;
		workers[self] = start(self, next, 0);
	}
	__atomic_store_n(&stress->is_stopped, 1, __ATOMIC_SEQ_CST);
	finish(workers);
	conns_introduce(&stress_nobody, stress_is_dead);
	stress_settle(kills);
	return tell("kill", 0, FAULT_TWIN_LEFT);
}

static pthread_barrier_t twin_barrier;

/* Both make their first use at once; the process lets go when both are through. */
static void *twin_work(void *number)
{
	uint64_t cookie = stress->cookies[0];
	struct conns_origin origin = stress_origin(cookie);

	for (uint64_t i = 0; i < thread_operations; i++) {
		uint32_t place = 0;

		pthread_barrier_wait(&twin_barrier);
		conns_engage(&stress->ledger, cookie, stress->refs[0], &origin);
		pthread_barrier_wait(&twin_barrier);
		if (number == NULL) {
			conns_disengage(&stress->ledger, cookie, stress->refs[0]);
			if (conns_next_user(&stress->ledger, cookie, &place) != LEDGER_NOBODY) {
				stress_fault(FAULT_TWIN_LEFT);
				conns_disengage_all(&stress->ledger, stress->refs[0]);
			}
		}
	}
	return NULL;
}

static int run_twins(uint64_t rounds)
{
	pthread_t threads[TWINS];

	thread_operations = rounds;
	pthread_barrier_init(&twin_barrier, NULL, TWINS);
	for (uintptr_t i = 0; i < TWINS; i++) {
		if (pthread_create(&threads[i], NULL, twin_work, (void *)i) != 0) {
			abort();
		}
	}
	for (uint32_t i = 0; i < TWINS; i++) {
		pthread_join(threads[i], NULL);
	}
	return tell("twins", FAULT_TWIN_LEFT, FAULTS);
}

int main(int argc, char **argv)
{
	uint64_t count = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;

	if (count == 0) {
		fprintf(stderr, "usage: ledger_stress threads|processes|kill|twins COUNT\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	make_world();
	if (strcmp(argv[1], "threads") == 0) {
		return run_threads(count);
	}
	if (strcmp(argv[1], "processes") == 0) {
		return run_processes(count);
	}
	if (strcmp(argv[1], "kill") == 0) {
		return run_kills((uint32_t)(count < LIVES - 16 ? count : LIVES - 16));
	}
	return run_twins(count);
}
