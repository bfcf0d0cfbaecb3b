/* SPDX-License-Identifier: MIT */
/*
 * The shim tests: small victims with real sockets and real forks, and a peer that watches.
 *
 * Each test is a script that is played twice, against a bare victim and against one under the shim.
 * Steps assert what the peer and the kernel see; and everything observable (answers, descriptor
 * numbers, bytes, exit statuses, standard error) goes into a log, and the two logs must be equal.
 * The one step that may end differently is `heal`: bare it must show the disease (CLOSE_WAIT stays,
 * no EOF), under the shim the cure (EOF).
 *
 * Nothing here waits for time to pass: a wait ends with its event, or fails after wait_limit_ms.
 */
#ifndef SHIM_TESTS_H
#define SHIM_TESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
	WAIT_MS = 20000, /* a wait this long is a failure, never a measurement (-w) */
	TEST_MS = 90000, /* and so is a test */
	PEERS = 2,
	PUPPETS = 3,
	LOG_SIZE = 65536,
	SKIPPED = 77, /* exit status of a test that could not be made here */
};

struct world;

extern int wait_limit_ms; /* WAIT_MS, or what -w said */

enum test_flag {
	IN_MUSL = 1, /* also run with the musl victim, as musl_NAME */
	NOISY = 2,   /* standard error need not be as in the bare run: `check` looks at it */
};

/* One test: a row of a table. Scripts are explained in play.c. */
struct test {
	const char *name;   /* the sentence it proves */
	const char *script; /* played twice; NULL if there is a story */
	const char *rows;   /* the PITFALLS rows it covers: "A9 D11"; NULL if none */
	const char *env;    /* "A=1 B=2": added to both victims' environment; NULL if none */
	int flags;
	/* played twice instead of the script */
	void (*story)(struct world *w);
	/* after both runs: the shimmed world, for what only the shim leaves behind */
	void (*check)(struct world *shimmed);
	const char *program; /* another victim in the build's tests/shim; NULL: victim */
};

struct peer {
	int fd;                /* -1: closed */
	int listener;          /* -1, or where the victim connects to */
	int my_port, its_port; /* as the kernel's table will show them, even after close */
	size_t sent, got;      /* pattern bytes so far */
};

/* One run of one test. */
struct world {
	const struct test *test;
	bool shimmed;
	pid_t victim;
	int report;              /* the victims' answers come from here */
	int ctl[PUPPETS];        /* and their commands go there: P, a, b */
	int errs;                /* memory file that is the victims' standard error */
	char log_path[64];       /* what %LOG% in env stands for */
	int port;                /* where the victim listens */
	const char *family;      /* "4", "6" or "46" */
	struct peer peer[PEERS]; /* c and e */
	char pending[4][4096];   /* answers that came before they were asked for: P a b t */
	char in[8192];           /* report bytes not yet cut into lines */
	size_t in_len;
	char log[LOG_SIZE];
	size_t log_len;
	const char *doing; /* the step in hand, for failures */
};

/* world.c: the life of a victim. All end the test by fail() when something goes wrong. */
void world_open(struct world *w, const struct test *t, bool shimmed, const char *const *args);
/* Send a line to puppet 0..2 (P, a, b). */
void world_tell(struct world *w, int puppet, const char *line);
/* The next answer of puppet 0..2, or of the thread (3), without the name; valid until the next. */
const char *world_answer(struct world *w, int puppet);
/* Wait for the victim and every orphan of it, log how the victim ended, close all. */
void world_close(struct world *w);
/* The text on the victims' standard error, and in the log file. Static buffers. */
const char *world_errs(struct world *w);
const char *world_log_file(struct world *w);
void world_log(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Report why on standard output, with the log, and end this test's process. */
void fail(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));
void skip(const char *why) __attribute__((noreturn));

/* peer.c: the other end of the connection. */
void peer_connect(struct world *w, struct peer *p);
void peer_listen(struct world *w, struct peer *p);
void peer_accept(struct world *w, struct peer *p);
void peer_send(struct world *w, struct peer *p, size_t n);
/* Receive exactly n bytes and check them against the pattern. */
void peer_recv(struct world *w, struct peer *p, size_t n);
void peer_half(struct world *w, struct peer *p);
void peer_close(struct world *w, struct peer *p);
void peer_reset(struct world *w, struct peer *p);
/* Wait until the peer reads EOF and the victim's side is not in CLOSE_WAIT: "" or what is wrong. */
const char *peer_await_end(struct peer *p);
/* The same without the look at the kernel's table. */
const char *peer_await_eof(struct peer *p);
void peer_await_state(struct world *w, struct peer *p, const char *state);
/* What the peer would read now: "open", "eof", "data", "reset". */
const char *peer_sees(struct peer *p);

/* procnet.c: the kernel's own tables. */
/* State of the TCP socket with these ports: "ESTABLISHED", "CLOSE_WAIT", ... or "-" for none. */
const char *procnet_state(int local_port, int remote_port);
/* How many sockets with this local port are in `state`. */
int procnet_count(int local_port, const char *state);

/* play.c: run a script. */
void play(struct world *w, const char *script);

/* list.c: the tests as a list, in the order of their tables. */
/* Test number i, musl twins included; false past the end. `name` is its full name. */
bool list_get(size_t i, struct test *out, char *name, size_t size);
/* The two lists that tests/README.md holds: tests, one a line; PITFALLS rows and their tests. */
char *list_tests(void);
char *list_rows(void);

/* run.c */
/* A file of this build: "libsendfin.so", "tests/shim/victim". Static buffer, absolute path. */
const char *build_path(const char *name);
const char *shim_path(void);

/* The tests, by theme; each table ends with a NULL name. */
extern const struct test receive_tests[], letgo_tests[], alias_tests[], write_tests[],
	birth_tests[], spare_tests[], net_tests[], mode_tests[], plain_tests[], signal_tests[],
	strange_tests[], other_tests[], load_tests[];

#endif
