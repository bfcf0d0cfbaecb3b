/* SPDX-License-Identifier: MIT */
/* See home.h. */
#include "shim/home.h"

/* Aligned, so that what has no value begins on a page: what is in front becomes read-only. */
static struct home before __attribute__((aligned(HOME_PAGE)));

struct home *home = &before;

_Static_assert(sizeof(struct home) % sizeof(uint64_t) == 0, "stamps are words");
_Static_assert(sizeof(struct home) + HOME_STAMPS * sizeof(uint64_t) <= HOME_PAGE,
	       "it leaves room for the first stamps on its page");
