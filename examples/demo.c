/* SPDX-License-Identifier: MIT */
/*
 * demo [--clients N] SHIM SERVER: a leaky server without the shim and with it, side by side.
 *
 * The idea: drive N real clients through SERVER, and when its last session process is gone, so that
 * nothing can change any more, read the kernel's socket table while SERVER is still alive.
 * The invariant: what is printed was counted in /proc or read from a socket by a client; the exit
 * status is 0 only if the disease was there without the shim and is not there with it.
 * Never: wait for a time to pass. A time limit here means failure, not measurement.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glob.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CLIENTS = 300,
	CLIENTS_MIN = 2,     /* their descriptors are what two accepts get at the limit */
	CLIENTS_MAX = 10000, /* two runs per family leave this many ports in TIME_WAIT each */
	AT_ONCE = 50,        /* clients in conversation at once */
	SPARE_FDS = 32,      /* beside the clients: libraries, /proc, the pipe from the server */
	MESSAGE = 512,
	LIMIT_S = 60,
};

/* The states of /proc/net/tcp, include/net/tcp_states.h */
enum { STATE_FIN_WAIT_2 = 5, STATE_CLOSE_WAIT = 8 };

struct client {
	int fd; /* open until the tables have been read: an orphan may not stay FIN_WAIT_2 */
	bool identical; /* the whole echo came back, byte for byte, and not a byte more */
	bool waits;     /* half-closed, and nothing has come since */
	bool saw_eof;
};

struct server {
	pid_t pid;
	int out; /* what it says, read end: open, so that it can never get SIGPIPE */
	unsigned port;
	const char *table; /* where the kernel lists its sockets */
	struct addrinfo *at;
};

/* The rows of the table: what is counted in each run. */
enum result { IDENTICAL, SAW_EOF, CLOSE_WAIT, FIN_WAIT_2, HELD, SERVED, HELD_THEN, RESULTS };

static const char *const result_names[RESULTS] = {
	[IDENTICAL] = "echo came back byte for byte",
	[SAW_EOF] = "clients that read EOF",
	[CLOSE_WAIT] = "server sockets in CLOSE_WAIT",
	[FIN_WAIT_2] = "client sockets in FIN_WAIT_2",
	[HELD] = "descriptors the parent holds",
	[SERVED] = "limit reached: one more served",
	[HELD_THEN] = "... and descriptors held then",
};

static void server_exec(const char *path, const char *shim, bool six, int out)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	unsetenv("LD_PRELOAD");
	if (shim != NULL) {
		setenv("LD_PRELOAD", shim, 1);
	}
	execl(path, path, six ? "-6" : "0", six ? "0" : NULL, NULL);
	err(127, "%s", path);
}

static struct server server_start(const char *path, const char *shim, bool six)
{
	struct server server = {.table = six ? "/proc/net/tcp6" : "/proc/net/tcp"};
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
	const char *form = six ? "listening on [::1]:%5[0-9]" : "listening on 127.0.0.1:%5[0-9]";
	char line[128] = "", port[8];
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0 || (server.pid = fork()) < 0) {
		err(1, "start the server");
	}
	if (server.pid == 0) {
		server_exec(path, shim, six, ends[1]);
	}
	close(ends[1]);
	server.out = ends[0];
	struct pollfd wait = {.fd = server.out, .events = POLLIN};

	if (poll(&wait, 1, LIMIT_S * 1000) <= 0 || read(server.out, line, sizeof(line) - 1) <= 0 ||
	    sscanf(line, form, port) != 1 ||
	    getaddrinfo(six ? "::1" : "127.0.0.1", port, &hints, &server.at) != 0) {
		errx(1, "%s did not say where it listens, but '%s'", path, line);
	}
	server.port = (unsigned)strtoul(port, NULL, 10);
	return server;
}

/*
 * Counts sockets in `state`: of the server in CLOSE_WAIT, of its clients in FIN_WAIT_2. When other
 * sockets come and go, the kernel may list a row twice, or skip it until the next time.
 */
static int server_sockets(const struct server *server, unsigned state)
{
	FILE *file = fopen(server->table, "re");
	bool seen[65536] = {false}; /* by the port of the client */
	char row[512];
	int count = 0;

	while (file != NULL && fgets(row, sizeof(row), file) != NULL) {
		unsigned port[2], is;
		int client = state == STATE_CLOSE_WAIT;

		if (sscanf(row, " %*d: %*[^:]:%4x %*[^:]:%4x %x", &port[0], &port[1], &is) == 3 &&
		    is == state && port[!client] == server->port && !seen[port[client]]) {
			seen[port[client]] = true;
			count++;
		}
	}
	if (file == NULL || fclose(file) != 0) {
		err(1, "%s", server->table);
	}
	return count;
}

/* Sockets that `pid` holds above the standard descriptors, without its listener. */
static int held_count(pid_t pid)
{
	char pattern[64];
	struct stat at;
	int count = 0;
	glob_t held;

	snprintf(pattern, sizeof(pattern), "/proc/%d/fd/*", (int)pid);
	if (glob(pattern, GLOB_NOSORT, NULL, &held) != 0) {
		errx(1, "%s cannot be read", pattern);
	}
	for (size_t i = 0; i < held.gl_pathc; i++) {
		count += atoi(strrchr(held.gl_pathv[i], '/') + 1) > 2 &&
			 stat(held.gl_pathv[i], &at) == 0 && S_ISSOCK(at.st_mode);
	}
	globfree(&held);
	return count - 1;
}

/* Is a child of `pid` running? Not from /proc/PID/task: kernels may lack `children` there. */
static bool has_children(pid_t pid)
{
	bool found = false;
	glob_t all;

	if (glob("/proc/[0-9]*/stat", GLOB_NOSORT, NULL, &all) != 0) {
		errx(1, "/proc cannot be read");
	}
	for (size_t i = 0; !found && i < all.gl_pathc; i++) {
		FILE *file = fopen(all.gl_pathv[i], "re");
		char state;
		int parent;

		if (file != NULL) {
			found = fscanf(file, "%*d (%*[^)]) %c %d", &state, &parent) == 2 &&
				parent == pid && state != 'Z';
			fclose(file);
		}
	}
	globfree(&all);
	return found;
}

static void message_for(int number, char message[MESSAGE])
{
	for (int i = 0; i < MESSAGE; i++) {
		message[i] = (char)(number * 131 + i * 7 + i / 256);
	}
}

static void client_send(struct client *client, int number, const struct addrinfo *at)
{
	struct timeval limit = {.tv_sec = LIMIT_S};
	char message[MESSAGE];

	*client = (struct client){.fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(client->fd, at->ai_addr, at->ai_addrlen) != 0) {
		err(1, "connect client %d", number);
	}
	message_for(number, message);
	send(client->fd, message, MESSAGE, MSG_NOSIGNAL);
}

static void client_read_echo(struct client *client, int number)
{
	char message[MESSAGE], echo[MESSAGE];

	message_for(number, message);
	client->identical = recv(client->fd, echo, MESSAGE, MSG_WAITALL) == MESSAGE &&
			    memcmp(echo, message, MESSAGE) == 0;
	client->waits = shutdown(client->fd, SHUT_WR) == 0;
}

/* Looks, without waiting, whether EOF has come. */
static void client_look(struct client *client)
{
	char byte;
	ssize_t got = client->waits ? recv(client->fd, &byte, 1, MSG_DONTWAIT) : -1;

	if (client->waits && (got >= 0 || errno != EAGAIN)) {
		client->waits = false;
		client->saw_eof = got == 0;
		client->identical = client->identical && got <= 0;
	}
}

/* Lets all clients talk, AT_ONCE of them together, up to their half-close. */
static void clients_talk(struct client *clients, int count, const struct addrinfo *at)
{
	for (int first = 0; first < count; first += AT_ONCE) {
		int end = first + AT_ONCE < count ? first + AT_ONCE : count;

		for (int i = first; i < end; i++) {
			client_send(&clients[i], i, at);
		}
		for (int i = first; i < end; i++) {
			client_read_echo(&clients[i], i);
		}
	}
}

/*
 * Lets the clients wait for EOF, until each has got it or can no longer get it: its server side is
 * in CLOSE_WAIT, the kernel has told it so, and no session process is left to close it. What the
 * kernel says at that moment are the results.
 */
static void clients_wait(struct client *clients, int count, const struct server *server,
			 int results[RESULTS])
{
	int rounds = LIMIT_S * 50 + count; /* each waits 20 ms, or sees an EOF */
	bool settled = false;

	while (!settled && rounds-- > 0) {
		bool quiet = !has_children(server->pid);
		struct pollfd next = {.fd = -1, .events = POLLIN};
		int waiting = 0;

		results[CLOSE_WAIT] = server_sockets(server, STATE_CLOSE_WAIT);
		results[FIN_WAIT_2] = server_sockets(server, STATE_FIN_WAIT_2);
		for (int i = 0; i < count; i++) {
			client_look(&clients[i]);
			if (clients[i].waits) {
				next.fd = clients[i].fd;
				waiting++;
			}
		}
		settled = quiet && waiting == results[CLOSE_WAIT] && waiting == results[FIN_WAIT_2];
		if (!settled) {
			poll(&next, 1, 20);
		}
	}
}

/*
 * Leaves the server no number beyond those in use. The accept in which it waits has got one already
 * and serves the first client; what comes to the second is told: an echo, or what the server says.
 */
static bool serves_at_limit(const struct server *server, int held)
{
	rlim_t in_use = (rlim_t)held + 4; /* standard descriptors, and the listener */
	struct rlimit limit = {in_use, in_use};
	struct client client = {0};

	prlimit(server->pid, RLIMIT_NOFILE, &limit, NULL);
	for (int i = 0; i < 2; i++) {
		client_send(&client, i, server->at);
		struct pollfd wait[] = {{.fd = client.fd, .events = POLLIN},
					{.fd = server->out, .events = POLLIN}};

		if (poll(wait, 2, LIMIT_S * 1000) > 0 && wait[0].revents != 0) {
			client_read_echo(&client, i);
		}
		close(client.fd);
	}
	return client.identical;
}

static void measure(const char *path, const char *shim, bool six, int count, int results[RESULTS])
{
	static struct client clients[CLIENTS_MAX];
	struct server server = server_start(path, shim, six);

	clients_talk(clients, count, server.at);
	clients_wait(clients, count, &server, results);
	results[HELD] = held_count(server.pid);
	results[SERVED] = serves_at_limit(&server, results[HELD]);
	results[HELD_THEN] = held_count(server.pid);
	for (int i = 0; i < count; i++) {
		results[IDENTICAL] += clients[i].identical;
		results[SAW_EOF] += clients[i].saw_eof;
		close(clients[i].fd);
	}
	kill(server.pid, SIGTERM);
	waitpid(server.pid, NULL, 0);
	close(server.out);
	freeaddrinfo(server.at);
}

static bool has_ipv6(void)
{
	struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool has = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0;

	close(fd);
	return has;
}

/* Server and clients need a descriptor per client: raises the limit, or lowers the number. */
static int clients_that_fit(int count)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < SPARE_FDS + CLIENTS_MIN) {
		errx(1, "%d descriptors are too few: ulimit -n", (int)limit.rlim_max);
	}
	if (limit.rlim_max - SPARE_FDS < (rlim_t)count) {
		count = (int)(limit.rlim_max - SPARE_FDS);
		printf("only %d clients: no more descriptors here (ulimit -Hn)\n\n", count);
	}
	return count;
}

/* The runs: IPv4 bare, IPv4 under the shim, and perhaps the same for IPv6. */
static void print_table(int (*runs)[RESULTS], int count)
{
	printf("%46s%24s\n", "IPv4", count > 2 ? "IPv6" : "");
	printf("%40s%10s%s", "bare", "shim", count > 2 ? "          bare      shim" : "");
	for (int row = 0; row < RESULTS; row++) {
		printf("\n%-30s", result_names[row]);
		for (int i = 0; i < count; i++) {
			printf("%s%10d", i == 2 ? "    " : "", runs[i][row]);
		}
	}
	printf("\n\n");
}

/* Exit status: 0 if the disease was shown and healed, for each family. */
static int verdict(int (*runs)[RESULTS], int count, int clients)
{
	bool ill = true, healed = true;

	for (int i = 0; i < count; i += 2) {
		const int *bare = runs[i], *shim = runs[i + 1];

		ill = ill && bare[IDENTICAL] == clients && bare[CLOSE_WAIT] == clients &&
		      bare[SAW_EOF] == 0;
		healed = healed && shim[IDENTICAL] == clients && shim[CLOSE_WAIT] == 0 &&
			 shim[SAW_EOF] == clients && shim[SERVED] == 1;
	}
	puts(!ill      ? "verdict: NOT SHOWN: bare, every client of this server should be stuck"
	     : !healed ? "verdict: NOT HEALED: under the shim, all should read EOF and be served"
		       : "verdict: healed: bare, every client is stuck; under the shim, none is");
	return ill && healed ? 0 : 1;
}

static int usage(const char *why, const char *what)
{
	warnx("%s%s\nusage: demo [--clients N] SHIM SERVER   (N: %d to %d)", why, what, CLIENTS_MIN,
	      CLIENTS_MAX);
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"clients", required_argument, NULL, 'n'}, {0}};
	long clients = CLIENTS;
	int runs[4][RESULTS] = {0};
	char *end = NULL;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		clients = option == 'n' ? strtol(optarg, &end, 10) : 0;
		if (clients < CLIENTS_MIN || clients > CLIENTS_MAX || *end != '\0') {
			return usage("bad option or number: ", argv[optind - 1]);
		}
	}
	if (argc - optind != 2 || strchr(argv[optind], '/') == NULL) {
		return usage("two arguments are needed, and a slash in SHIM", "");
	}
	const char *shim = realpath(argv[optind], NULL), *server = argv[optind + 1];

	if (shim == NULL || access(shim, R_OK) != 0) {
		err(1, "%s", argv[optind]);
	}
	int count = has_ipv6() ? 4 : 2;

	clients = clients_that_fit((int)clients);
	printf("%s: %ld clients a run\nEach sends %d bytes, reads them back, half-closes and waits"
	       " for EOF. Counted while\nthe server is alive and its children are gone.\n\n",
	       server, clients, MESSAGE);
	fflush(stdout);
	for (int i = 0; i < count; i++) {
		measure(server, i % 2 == 0 ? NULL : shim, i >= 2, (int)clients, runs[i]);
	}
	print_table(runs, count);
	fputs(count == 2 ? "IPv6 left out: this machine has no ::1.\n\n" : "", stdout);
	return verdict(runs, count, (int)clients);
}
