/* SPDX-License-Identifier: MIT */
/*
 * Which of our descriptors is a connection that the ledger names by its cookie.
 *
 * The idea: what is known of a descriptor mostly tells that it is another one; the kernel is
 * only asked about what may be it.
 * Invariant: a number that is returned was the connection's when the kernel was asked.
 *
 * Safe in threads and signal handlers; errno is left alone.
 */
#ifndef SHIM_COPY_H
#define SHIM_COPY_H

#include <stdint.h>

#include "ledger/conns.h"

/* One of them, or -1. */
int copy_find(uint64_t cookie, const struct conns_origin *origin);

#endif
