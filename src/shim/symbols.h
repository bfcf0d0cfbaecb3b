/* SPDX-License-Identifier: MIT */
/*
 * The names that the libraries behind this one define, looked up all at once.
 *
 * The idea: dlsym(RTLD_NEXT) goes through all of them anew for each name, with much that is
 * of use only to others; a hundred names were half of what the library added to the start of
 * a program. Here each library's own hash table (DT_GNU_HASH) is asked for all names in one
 * go, in the order in which the loader searches.
 *
 * Invariant: what is found is what dlsym(RTLD_NEXT, name) would find: the first definition
 * behind this library, of the version that new programs bind to. Where that is not sure (a
 * library without such a table, an indirect function) nothing is said of the name, nor of
 * any library behind, and the caller asks dlsym().
 * Never here: an allocation, or a look-up for anybody but the constructor.
 */
#ifndef SHIM_SYMBOLS_H
#define SHIM_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

/*
 * `names` are `count` strings, one behind the other; entries[i] is set to the address of the
 * i-th when it was found, and left alone else.
 */
void symbols_find(const char *names, size_t count, void **entries);

#endif
