/* SPDX-License-Identifier: MIT */
/*
 * Lines of the kernel's text files under /proc, taken apart.
 *
 * The idea: one function for each kind of line; the caller reads the file and says what it
 * wants to know.
 * Invariant: false leaves *out unspecified, true has filled it from this line alone; a line
 * is NUL-terminated, with or without its newline, and may hold anything.
 * Never here: a path, or an open file.
 */
#ifndef CORE_PROCTEXT_H
#define CORE_PROCTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "sendfin/ledger.h"

/* States of a TCP socket, as the kernel numbers them (include/net/tcp_states.h). */
enum proctext_state {
	PROCTEXT_ESTABLISHED = 1,
	PROCTEXT_CLOSE = 7,
	PROCTEXT_CLOSE_WAIT = 8,
	PROCTEXT_LISTEN = 10,
};

/* A line of /proc/PID/net/tcp or tcp6; proc(5), net/ipv4/tcp_ipv4.c get_tcp4_sock(). */
struct proctext_tcp {
	struct ledger_ends ends;
	uint32_t state;
	/* Sent and not acknowledged; received and not read, a FIN counting as one byte. */
	uint32_t unsent;
	uint32_t unread;
	uint64_t inode; /* 0: no process holds it any more */
};

bool proctext_tcp(const char *line, struct proctext_tcp *out);

/* A line of /proc/PID/maps. */
struct proctext_map {
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	uint64_t inode;   /* of System V memory: the segment's id */
	const char *path; /* inside the line, up to its end; "" = none */
};

bool proctext_map(const char *line, struct proctext_map *out);

/*
 * The last number of the line "NSpid:" of /proc/PID/status: the pid in the innermost of the
 * process's pid namespaces.
 */
bool proctext_nspid(const char *line, uint32_t *pid);

#endif
