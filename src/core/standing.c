/* SPDX-License-Identifier: MIT */
/* The first that fits, in the order of the manual. */
#include "core/standing.h"

enum standing standing_of(const struct standing_facts *facts)
{
	if (facts->is_engaged) {
		return STANDING_ENGAGED;
	}
	if (facts->is_retired) {
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
	/* A worker for a client that came after the connection had been shared. */
	if (facts->newest_is_related && facts->newest > facts->acquired) {
		return STANDING_ELSEWHERE;
	}
	return STANDING_PENDING;
}
