/* SPDX-License-Identifier: MIT */
/*
 * Where is libsendfin.so, and how is it put into LD_PRELOAD?
 *
 * The idea: beside the command itself (a build tree, an unpacked archive), then in ../lib next to
 * it (a moved installation), then where it was installed.
 * The invariant: what ends up in LD_PRELOAD is absolute, because the program may change its
 * directory before it execs, and free of blanks and colons, because ld.so(8) splits there and knows
 * no quoting.
 * Never here: opinions about the program that is run.
 */
#ifndef SENDFIN_CLI_LIBPATH_H
#define SENDFIN_CLI_LIBPATH_H

#include "cli/elfinfo.h"

/*
 * Finds the library, or takes GIVEN (from --library) when it is not NULL, makes the path absolute
 * (links are kept: a link is the remedy for a path with a blank) and reads its facts.
 * EXIT_DONE, or EXIT_FOUND after a complaint.
 */
int libpath_find(char path[PATH_MAX], struct elfinfo *library, const char *given);

/*
 * The value for LD_PRELOAD: LIBRARY first, then what EXISTING (may be NULL) holds, in its order,
 * separated by ':', without any other libsendfin.so.  Sanitizer runtimes stay in front of LIBRARY:
 * they abort the program when they are not first.  The caller frees it; NULL without memory.
 */
char *libpath_join(const char *library, const char *existing);

#endif
