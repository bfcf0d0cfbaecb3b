/* SPDX-License-Identifier: MIT */
/*
 * From an offset in a program or library to function, file and line.
 *
 * The idea: libdw reads the file, and its separate debug file where there is one on this
 * machine (by build-id or debuglink), as debuggers look for them.
 * The invariant: what is said of a module was read from a file with the same build-id; of
 * another build of it nothing is said but that it is another.
 * Never here: the network. Nobody is asked for debug files (debuginfod).
 */
#ifndef SENDFIN_CLI_SYMBOLS_H
#define SENDFIN_CLI_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

struct symbols;

/* A module as the ledger knows it. */
struct symbols_module {
	const char *path;
	const char *root; /* put before the path: "/proc/PID/root", or "" */
	const uint8_t *build_id;
	uint32_t build_id_length; /* 0: it has none */
};

/* What is known of a place; the strings live as long as the symbols. */
struct symbols_place {
	const char *function; /* the innermost: an inlined one too. NULL = not known */
	uint64_t into;        /* bytes from the function's beginning */
	const char *file;     /* NULL = not known */
	uint32_t line;        /* 0 = not known */
	bool is_other_build;  /* the file that is there now is not the one that was loaded */
};

/*
 * Makes an empty set of modules; each is read when it is first asked for. NULL without memory.
 * Takes DEBUGINFOD_URLS out of our environment: call it after a program was started with it.
 */
struct symbols *symbols_open(void);

void symbols_close(struct symbols *symbols);

/* Looks up OFFSET, an address in the module as it is linked. Fills *PLACE with what is known. */
void symbols_find(struct symbols *symbols, const struct symbols_module *module, uint64_t offset,
		  struct symbols_place *place);

#endif
