/* SPDX-License-Identifier: MIT */
/*
 * Another process, read through /proc and process_vm_readv(2).
 *
 * The idea: a file is read line by line, a piece of memory as a whole; both may fail at any
 * moment, because the process may end, and then they say so.
 * The invariant: reading changes nothing, and needs what ptrace(2) reading needs.
 * Never here: what the text means; that is core/proctext.h.
 */
#ifndef SENDFIN_CLI_PROCFILE_H
#define SENDFIN_CLI_PROCFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One line, without its newline. False ends the reading. */
typedef bool procfile_line(void *context, const char *line);

/* Gives every line of /proc/PID/NAME to CALL. 0, or -errno (-ESRCH: there is no such process). */
int procfile_lines(pid_t pid, const char *name, procfile_line *call, void *context);

/* SIZE bytes at ADDRESS of the process. 0, or -errno; -EFAULT also when only a part is there. */
int procfile_memory(pid_t pid, uint64_t address, void *buffer, size_t size);

/* The name of the process for people, without control characters; "?" when it is gone. */
#define PROCFILE_NAME 64
void procfile_name(pid_t pid, char name[PROCFILE_NAME]);

/* The value of a variable that the process was started with. False: unset, or not to be read. */
bool procfile_environment(pid_t pid, const char *variable, char *value, size_t size);

/* True when both live in the same namespace of that kind ("ipc", "net", "mnt", "pid"). */
bool procfile_same_namespace(pid_t a, pid_t b, const char *kind);

#endif
