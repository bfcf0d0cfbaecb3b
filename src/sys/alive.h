/* SPDX-License-Identifier: MIT */
/*
 * Does a process still run? One to three system calls, no descriptor; safe in signal handlers.
 */
#ifndef SYS_ALIVE_H
#define SYS_ALIVE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * True when no process of this pid runs in our pid namespace: it is gone, or a zombie
 * that has released everything. In doubt false; so also when the pid was given again.
 */
bool alive_is_dead(uint32_t pid);

#endif
