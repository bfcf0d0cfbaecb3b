/* SPDX-License-Identifier: MIT */
/*
 * How one other process stands towards a connection: using it, done with it, or
 * neither. A pure function of what the ledger says of that process.
 *
 * Invariant: "elsewhere" needs proof of something the holder did after it came to
 * share the connection; without proof it is pending. Never here: whether it lives.
 */
#ifndef CORE_STANDING_H
#define CORE_STANDING_H

#include <stdbool.h>
#include <stdint.h>

enum standing {
	STANDING_ENGAGED,   /* it uses the connection, or got it on descriptors 0 to 2 */
	STANDING_ELSEWHERE, /* it went on with its own work without it */
	STANDING_PENDING,   /* anything else */
};

/* Epochs as in core/stamp.h, comparable along one line of descent. */
struct standing_facts {
	bool is_engaged;        /* among the connection's users, or using unknown ones */
	bool is_retired;        /* notes nothing any more: what it did is unknown */
	bool is_leaving;        /* exits: it will use nothing any more */
	bool is_sighted;        /* the shim runs in its present program image */
	bool newest_is_related; /* `newest` was accepted by the connection's acquirer */
	uint64_t acquired;      /* the connection's epoch of acquisition; 0 = not known */
	uint64_t shared;        /* when its first user was forked with it; 0 = not known */
	uint64_t came_to_share; /* the holder's birth, or its own latest fork */
	uint64_t away;          /* its latest entry into accept or a wait for clients */
	uint64_t execed;        /* its latest exec; 0 = none */
	uint64_t newest;        /* acquisition of the newest connection it is active with */
};

enum standing standing_of(const struct standing_facts *facts);

#endif
