/* SPDX-License-Identifier: MIT */
/*
 * All that changes while a server works, side by side on one page.
 *
 * The idea: the first write to a page after a fork costs whoever writes, parent or child, a
 * page fault: the dearest thing that we do. So what several files of this library write
 * between two forks is not theirs alone: it lies here, in front of the stamps of the
 * descriptors, the first of which share the page. What is seldom written is an ordinary
 * variable of its file, on another page, which forks share.
 *
 * The constructor maps this memory, and sets `home` before anything else can happen. Until
 * then, and where the constructor fails, it is a place without stamps, and table_limit is 0.
 * Each member belongs to the file that is named; others ask that one.
 */
#ifndef SHIM_HOME_H
#define SHIM_HOME_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/attributes.h"

enum {
	HOME_PAGE = 4096,
	HOME_STAMPS = 128, /* at least so many on the page */
	/* Generations whose acquisitions can be told apart; deeper ones are "not known". */
	HOME_LINE = 32,
	/* What table_records.c keeps here. */
	HOME_RECORDS_BYTES = 896,
};

struct home {
	/* process.h; the first is read in every call on a connection */
	uint64_t epoch;
	uint64_t came_to_share;
	uint64_t birth;
	bool is_child_of_image;

	/* tree.c, tree_use.c; FORKER_MANY tells of the last */
	bool is_listening; /* this process has called accept */
	bool has_received; /* a connection, otherwise than by fork or exec */
	/*
	 * How often this process has said that it uses something, less what it took back; never
	 * too low. At 0 its end need not look through the connections.
	 */
	uint32_t engagements;
	uint64_t self;
	uint64_t introduced; /* who works on connections: self, and at the end who it was */
	uint64_t missed; /* epoch of a fork that another thread made while the ledger was made */
	uintptr_t forker;

	/* prepared.h */
	uintptr_t forking_thread; /* the address of its guard, 0 = nobody's */
	uint64_t forking_child;

	/* hook_wait.c: the epoch in which registered connections were last noted */
	uint64_t epoll_noted;

	/* reclaim.c */
	bool has_closed_shared;

	/* table.c */
	int highest;
	/* All that were used, or have a record, lie between: a hint that only ever grows. */
	int noted_low;
	int noted_high;
	/*
	 * The latest epoch in which a descriptor with a record was given up: the count of its
	 * connection is wrong since, and nobody knows which one that was.
	 */
	uint64_t lost_epoch;

	/* lineage.h: the last is this process; the oldest are overwritten */
	uint32_t length;
	struct home_ancestor {
		uint64_t ref;
		uint64_t born;
		uint32_t forked;
	} line[HOME_LINE];

	uint64_t records[HOME_RECORDS_BYTES / sizeof(uint64_t)];
};

/* Constant after the constructor. */
extern HIDDEN struct home *home;

#endif
