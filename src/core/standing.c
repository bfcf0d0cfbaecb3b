/* SPDX-License-Identifier: MIT */
/* The first that fits, in the order of the manual. */
#include "core/standing.h"

enum standing standing_of(const struct standing_facts *facts)
{
	if (facts->is_engaged) {
		return STANDING_ENGAGED;
	}
	if (facts->is_leaving) {
		return STANDING_ELSEWHERE;
	}
	if (facts->is_retired) {
		return STANDING_PENDING;
	}
	/* An image that nobody sees might have been told a number above 2, and use it unseen. */
	if (facts->execed != 0 && !facts->is_sighted) {
		return STANDING_PENDING;
	}
	/* It entered accept, or a wait for clients, after its birth and its latest fork. */
	if (facts->away != 0 && facts->away >= facts->came_to_share) {
		return STANDING_ELSEWHERE;
	}
	if (facts->acquired == 0) {
		return STANDING_PENDING;
	}
	/* Exec'd with it above descriptor 2 (else it would be engaged): an accident. */
	if (facts->execed > facts->acquired) {
		return STANDING_ELSEWHERE;
	}
	/*
	 * A worker for a client that came after the connection had been shared. A relay's
	 * other half serves one that stood beside it at the fork.
	 */
	if (facts->newest_is_related && facts->shared != 0 && facts->newest >= facts->shared) {
		return STANDING_ELSEWHERE;
	}
	return STANDING_PENDING;
}
