/* SPDX-License-Identifier: MIT */
/*
 * The time, as libc reads it without a system call.
 */
#ifndef SHIM_CLOCK_H
#define SHIM_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC, in nanoseconds; 0 when it cannot be read. Safe in signal handlers. */
uint64_t clock_now_ns(void);

#endif
