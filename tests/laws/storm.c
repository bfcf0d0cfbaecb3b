/* SPDX-License-Identifier: MIT */
/*
 * storm CLOSES [OFFSET]: threads, signals and forks fight for the bookkeeping of connections.
 *
 * Four threads dup and close connections whose clients have half-closed: a close that is taken for
 * the last one by mistake sends a FIN and cuts a client off, which is counted. Every 200 us a
 * signal interrupts one of them, dups, closes, and now and then forks; the first thread forks and
 * vforks all the while. When somebody cannot have the bookkeeping in a few tries it is done
 * without: OFFSET is where in the library that is counted (records_refused), and such give-ups
 * must be rare and must not cut either. That it comes to its end is what else is claimed.
 */
#include "laws.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/time.h>

enum {
	THREADS = 4,
	BATCH = 100, /* closes of one connection; after a give-up its rest is not tracked */
	TICK_US = 200,
	FORK_EVERY = 25,
	RARE = 1000, /* one give-up in so many closes is allowed */
};

static int shared = -1;
static long wanted;
static long closes, cuts, errors;

static void count(long *what, long by)
{
	__atomic_fetch_add(what, by, __ATOMIC_RELAXED);
}

static void dup_and_close(int fd)
{
	int copy = dup(fd);

	if (copy < 0 || close(copy) < 0) {
		count(&errors, 1);
	}
	count(&closes, 1);
}

static void on_tick(int sig)
{
	static int ticks;
	int saved = errno;
	int now = __atomic_add_fetch(&ticks, 1, __ATOMIC_RELAXED);

	(void)sig;
	dup_and_close(shared);
	if (now % FORK_EVERY == 0 && _Fork() == 0) {
		close(dup(shared));
		_exit(0);
	}
	errno = saved;
}

/* The client has said all it will say, and the server has seen that. */
static struct pair half_closed(int listener)
{
	struct pair pair = connect_through(listener);
	char byte = 'x';

	if (send(pair.client, &byte, 1, 0) != 1 || shutdown(pair.client, SHUT_WR) < 0) {
		die("client");
	}
	while (recv(pair.server, &byte, 1, 0) > 0) {
	}
	return pair;
}

static void check_client(int client)
{
	char bytes[256];
	ssize_t got;

	while ((got = recv(client, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
	}
	if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
		count(&cuts, 1);
	}
}

static void *fight(void *unused)
{
	struct sockaddr_in name;
	int listener = listen_here(&name); /* its own, or threads accept each other's clients */

	while (__atomic_load_n(&closes, __ATOMIC_RELAXED) < wanted) {
		struct pair pair = half_closed(listener);
		char byte;

		for (int i = 0; i < BATCH; i++) {
			if (i % 10 == 0) {
				recv(pair.server, &byte, 1, 0);
				send(pair.server, "y", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
			}
			dup_and_close(pair.server);
		}
		check_client(pair.client);
		close(pair.client);
		close(pair.server);
	}
	return unused;
}

static void fork_and_vfork(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		close(dup(shared));
		_exit(0);
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
	}
	pid = vfork();
	if (pid == 0) {
		close(999);
		_exit(0);
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
	}
}

/* The counter in the library, or one of our own that stays 0. */
static const uint64_t *give_ups(const char *offset)
{
	static const uint64_t none;
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	unsigned long start = 0;

	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
		if (strstr(line, "/libsendfin.so") != NULL) {
			start = strtoul(line, NULL, 16);
			break;
		}
	}
	if (maps != NULL) {
		fclose(maps);
	}
	return start != 0 && offset != NULL ? (const uint64_t *)(start + strtoul(offset, NULL, 16))
					    : &none;
}

static void tick(int is_on)
{
	struct itimerval timer = {{0, is_on ? TICK_US : 0}, {0, is_on ? TICK_US : 0}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

int main(int argc, char **argv)
{
	const uint64_t *given_up = give_ups(argc > 2 ? argv[2] : NULL);
	struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
	struct sigaction ignore = {.sa_handler = SIG_IGN, .sa_flags = SA_NOCLDWAIT};
	struct sockaddr_in name;
	pthread_t threads[THREADS];
	struct pair pair;

	wanted = argc > 1 ? atol(argv[1]) : 100000;
	pair = half_closed(listen_here(&name));
	shared = pair.server;
	share();
	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGCHLD, &ignore, NULL);
	for (int i = 0; i < THREADS; i++) {
		if (pthread_create(&threads[i], NULL, fight, NULL) != 0) {
			die("pthread_create");
		}
	}
	tick(1);
	while (__atomic_load_n(&closes, __ATOMIC_RELAXED) < wanted) {
		fork_and_vfork();
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
	}
	tick(0);
	check_client(pair.client);
	printf("# %ld closes, %lu give-ups\n", closes, (unsigned long)*given_up);
	printf("cuts %ld, errors %ld, give-ups %s\n", cuts, errors,
	       *given_up <= (uint64_t)closes / RARE ? "few" : "many");
	return 0;
}
