/* SPDX-License-Identifier: MIT */
/*
 * Programs and libraries in memory: which one an address lies in, its build-id, and the
 * names that it shows to others.
 *
 * The idea: _dl_find_object() finds a module without a lock; everything else is read from
 * the module's own headers, which are mapped with it.
 * Invariant: what a header says is only followed inside the module.
 * Never here: a file, or the loader's lock.
 */
#ifndef SHIM_TRACE_MODULE_H
#define SHIM_TRACE_MODULE_H

#include "shim/trace.h"

/* Remembers the program's own path. False when this libc cannot find modules. */
bool module_setup(void);

/* See struct trace_api. */
bool module_of(uintptr_t address, struct trace_module *module);
const char *module_name(const struct trace_module *module, uintptr_t address, uint64_t *into);

#endif
