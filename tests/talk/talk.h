/* SPDX-License-Identifier: MIT */
/*
 * Conversations: real servers, real forks, real clients, and not one byte may be missing.
 *
 * Each conversation is a function that is played against a bare server, and then RUNS times against
 * the same server under the shim, with busy neighbours to disturb the scheduler. What the clients
 * got, what the server reported and how everything ended goes into a log, and each log must be
 * equal to the bare one. `heal` is the one claim that ends differently: bare it must show the
 * disease (CLOSE_WAIT stays, no EOF), under the shim the cure (EOF).
 *
 * Nothing waits for time to pass. "No FIN yet" is proved by order: the server has reported, or the
 * kernel says where it is blocked, and then the kernel's own table says CLOSE_WAIT and the client
 * can read nothing. A shutdown changes that table before it returns.
 */
#ifndef TALK_H
#define TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	WAIT_MS = 30000, /* a wait this long is a failure, never a measurement */
	LOG_SIZE = 16384,
	QUEUE_SIZE = 8192,
	MAX_ARGS = 8,
	REPORT_FD = 3,  /* of a server: its words for the runner */
	CONTROL_FD = 4, /* the runner's words for it */
	KID_FD = 5,     /* the runner's words for its children */
};

struct stage;

struct talk {
	const char *name; /* the sentence it proves */
	void (*play)(struct stage *s);
	const char *env;            /* "A=1 B=2" for the shimmed server; NULL if none */
	const char *args[MAX_ARGS]; /* server and its arguments; NULL: play() starts it */
};

/* One run of one conversation. */
struct stage {
	const struct talk *talk;
	bool shimmed;
	int run, runs; /* number 1, 2... of how many shimmed ones; 0 is the bare one */
	unsigned seed; /* for play that is random */
	pid_t server;
	int report, control, kids; /* our ends of the pipes */
	int errs;                  /* memory file that is the server's standard error */
	int port;
	int upstream;           /* the runner as a server: its listener, or -1 */
	char queue[QUEUE_SIZE]; /* reported lines nobody has asked for yet */
	size_t queued;
	char log[LOG_SIZE];
	size_t logged;
};

struct client {
	int fd;
	int port, server_port; /* of both ends, as seen from the client */
	size_t sent, got;
};

/* run.c */
void fail(struct stage *s, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));
/* A file of this build, absolute; static buffer. */
const char *build_path(const char *name);

/* stage.c: the life of a server. Everything here ends the test by fail() if it goes wrong. */
void stage_start(struct stage *s, const char *const *args);
/* Wait for this line of the server's; others stay in the queue. It goes into the log. */
void stage_hear(struct stage *s, const char *line);
/* Wait for a line that begins so; the rest of it, in a static buffer. Not logged. */
const char *stage_hear_value(struct stage *s, const char *prefix);
/* One line to the server, or to whichever child of it reads its pipe. */
void stage_tell(struct stage *s, const char *line);
void stage_tell_kid(struct stage *s, const char *line);
/* Wait until the process is blocked in "accept", "poll", "select", "epoll", "wait" or "read". */
void stage_blocked(struct stage *s, pid_t pid, const char *in);
/* Collect one process that the server's death or carelessness has left to us. */
void stage_reap_orphan(struct stage *s);
void stage_log(struct stage *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Say goodbye (one more client, see server.h), wait for all to end, log how, close all. */
void stage_end(struct stage *s);
/* The goodbye alone, for a server that has more to say after it. */
void stage_goodbye(const struct stage *s);
/* The server's standard error; static buffer. */
const char *stage_errs(struct stage *s);
/* Listen for a server that will connect to us; returns the port as text, static buffer. */
const char *stage_listen(struct stage *s);

/* client.c: the other end. */
void client_open(struct stage *s, struct client *c);
/* False when the server does not let anybody in; the client is still to be closed. */
bool client_try_open(struct stage *s, struct client *c);
/* The server connects to us: the next client on s->upstream. */
void client_accept(struct stage *s, struct client *c);
/* "word", to a server that may be dead already: false then. */
bool client_try_say(struct client *c);
void client_say(struct stage *s, struct client *c, const char *text);
void client_pour(struct stage *s, struct client *c, size_t n);
/* Exactly this text, or n bytes of the pattern, must come. */
void client_want(struct stage *s, struct client *c, const char *text);
void client_drain(struct stage *s, struct client *c, size_t n);
void client_half(struct stage *s, struct client *c);
void client_close(struct stage *s, struct client *c);
/* EOF must come, with nothing before it; then the server's side must leave CLOSE_WAIT. */
void client_eof(struct stage *s, struct client *c);
/* Right now there is no FIN and nothing to read, and the server's side is in CLOSE_WAIT... */
void client_held(struct stage *s, struct client *c);
/* ... or ESTABLISHED. */
void client_live(struct stage *s, struct client *c);
/* Bare: held. Under the shim: EOF. Not logged. */
void client_heal(struct stage *s, struct client *c);
/* The same claims, not logged: for what must differ from the bare run. */
void client_must_end(struct stage *s, struct client *c);
void client_must_wait(struct stage *s, struct client *c, const char *state);
/* How many of n bytes come before EOF, an error or the limit of waiting. */
size_t client_take(struct client *c, void *buf, size_t n);
/* Die without a word: RST. */
void client_reset(struct stage *s, struct client *c);
/* Whether EOF or bytes can be read now. */
bool client_readable(struct client *c);

/* kernel.c: the kernel's own tables. */
/* State of the TCP socket with these ports on 127.0.0.1: "ESTABLISHED" ..., "-" for none. */
const char *kernel_state(int local_port, int remote_port);
/* Whether its keepalive timer runs. */
bool kernel_keeps_alive(int local_port, int remote_port);
/* How many sockets with this local port are in CLOSE_WAIT. */
int kernel_count_close_wait(int local_port);
/* Whether the process is blocked in one of the calls that `in` stands for. */
bool kernel_blocked(pid_t pid, const char *in);
/* How many descriptors the process has open. */
int kernel_descriptors(pid_t pid);
/* SIGKILL, and wait until the process holds nothing any more. */
void kernel_kill(pid_t pid);
/* A moment between two looks at the kernel's tables. */
void kernel_nap(void);

/* ledger.c: how many processes of the tree have had no place in its ledger; -1: none is found. */
int ledger_unseen(const struct stage *s);

/* The pattern: the same arithmetic is in the servers, which are other programs. */
static inline unsigned char pattern_byte(size_t i)
{
	return (unsigned char)(i * 7 + i / 251);
}

/* The conversations, by theme; each table ends with a NULL name. */
extern const struct talk cgi_talks[], relay_talks[], handover_talks[], closeall_talks[],
	shell_talks[], answer_talks[], chat_talks[], discard_talks[], owner_talks[], trap_talks[],
	sibling_talks[], trigger_talks[], tight_talks[], option_talks[], chaos_talks[], odd_talks[],
	workers_talks[], leaving_talks[];

#endif
