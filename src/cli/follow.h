/* SPDX-License-Identifier: MIT */
/*
 * Starts a program and stays: tells its tree's events as they come, and how it ended.
 *
 * The idea: the ledger is made beforehand and handed to the program as one image hands it to
 * the next, so that nothing has to be searched for and no event is missed.
 * The invariant: the program is in our process group, with our descriptors; what the terminal
 * sends it gets from the terminal, what others send to us it gets from us.
 * Never here: what an event means.
 */
#ifndef SENDFIN_CLI_FOLLOW_H
#define SENDFIN_CLI_FOLLOW_H

#include "core/settings.h"

#include <stdbool.h>

struct follow {
	const char *name; /* of the program, for messages */
	/* Becomes the program, in the child; an exit status after a complaint when it cannot. */
	int (*become)(void *context);
	void *context;
	const char *where; /* as SENDFIN_LOG has it, or NULL: where events are told */
	enum settings_format format;
	int fail_on_leak; /* the exit status when the tree has leaked; 0: the program's own */
};

/* The exit status: the program's, 128 + n for a signal, or that of a leak. */
int follow_run(const struct follow *follow);

#endif
