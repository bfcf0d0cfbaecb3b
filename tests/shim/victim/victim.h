/* SPDX-License-Identifier: MIT */
/*
 * The victim: a plain program that knows nothing of the shim.
 *
 * It is a puppet. The first process is `P`; the processes it gives birth to are `a` and `b`. Each
 * reads one-line commands ("echo recvmsg write", "letgo dup2") from its own pipe and answers each
 * with one line on the shared report pipe. So the runner decides who does what in which order, and
 * every order of events is deterministic. What the verbs do is chosen by tables of named
 * strategies (readers, writers, births, ways of letting go), never by copies of the loop.
 *
 * Never here: sleeping, printing on descriptors 0 to 2, or anything that would differ from run to
 * run (pids, ports but for the one that `listen` answers, addresses).
 */
#ifndef VICTIM_H
#define VICTIM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
	REPORT_FD = 3,     /* answers go here */
	FIRST_CTL_FD = 4,  /* P reads its commands here, a and b on the next two */
	FIRST_FREE_FD = 7, /* close-all loops start here: the puppet strings stay */
	MAX_SLOTS = 16,
	MAX_ARGS = 12,
	MAX_LINE = 2048,
};

/* One process's state; a fork copies it, as it would in any server. */
struct puppet {
	const char *name;
	int ctl;               /* where its commands come from */
	int listener;          /* -1, or the listening socket */
	int slot[MAX_SLOTS];   /* descriptors it talks about; -1 is free */
	size_t out[MAX_SLOTS]; /* pattern bytes written to each so far */
	int cur;               /* the slot that verbs act on */
	pid_t kid[2];          /* the children that play a and b */
	const char *wait;      /* how it waits for commands: read, poll, select, epoll */
	int epoll;             /* for wait == epoll, else -1 */
	bool leaving;          /* unwind to main and return `code` from there */
	int code;
};

extern struct puppet me;

struct verb {
	const char *name;
	void (*run)(int argc, char **argv);
};

/* Answer the command in hand with one line: "ok ..." or "err ..." or "skip why". Atomic. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Answer "ok RESULT" or "ok -1 ERRNAME", with the errno of now. */
void say_result(long result);
/* In a child that was just born: become the puppet `name`, obey until told to go. */
void puppet_live(const char *name);
/* Run one command given as words; answers by itself. */
void puppet_obey(int argc, char **argv);
/* The descriptor in the current slot; slot_add puts one in a free slot and returns the slot. */
int cur_fd(void);
int slot_add(int fd);
void slot_forget(int fd);

/* The pattern both sides send: byte number i of a stream. */
unsigned char pattern_byte(size_t i);

/* Strategies, found by name; a missing name is a mistake of the script: they answer "err". */
typedef ssize_t (*reader_fn)(int fd, void *buf, size_t size);
typedef ssize_t (*writer_fn)(int fd, const void *buf, size_t size);
reader_fn reader_find(const char *name);
writer_fn writer_find(const char *name);
/* Write it all by `w`, waiting with poll where a non-blocking socket is full; 0 or -1. */
int write_all(writer_fn w, int fd, const void *buf, size_t size);
/* Echo until EOF; bytes echoed, or -1 with errno. */
ssize_t echo_until_eof(reader_fn r, writer_fn w, int fd);

/* A listening socket on a port of the kernel's choice; family is "4", "6" or "46". -1 on error. */
int listen_on(const char *family);
int port_of(int fd);

/* The verbs, by theme; each table ends with a NULL name. */
extern const struct verb net_verbs[], talk_verbs[], letgo_verbs[], birth_verbs[], plain_verbs[],
	signal_verbs[], helper_verbs[], strange_verbs[], image_verbs[];

/* The one story that is not a puppet's: a real forking server, for load. Returns for main. */
int serve_main(int argc, char **argv);

#endif
