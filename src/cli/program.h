/* SPDX-License-Identifier: MIT */
/*
 * Will the program that the user named really run under the shim?
 *
 * The idea: do beforehand what execvp(3), the kernel and the dynamic loader will do (search PATH,
 * follow "#!", look at the set-user-ID bit, look for a loader) and stop at the first thing that
 * makes them drop LD_PRELOAD.  They drop it in silence, so somebody has to say it.
 * The invariant: a verdict other than PROGRAM_FITS names the file it is about, which for a script
 * is its interpreter.
 * Never here: printing, and changing anything.
 */
#ifndef SENDFIN_CLI_PROGRAM_H
#define SENDFIN_CLI_PROGRAM_H

#include "cli/elfinfo.h"

enum program_verdict {
	PROGRAM_FITS,
	PROGRAM_UNREADABLE, /* may be executed but not read (mode 0711): nobody can tell */
	PROGRAM_GO,         /* dynamic, but its system calls do not go through libc */
	PROGRAM_STATIC,     /* no dynamic loader, so nothing that could preload */
	PROGRAM_STATIC_GO,
	PROGRAM_SETUID, /* AT_SECURE would be set: ld.so(8) ignores paths in LD_PRELOAD */
	PROGRAM_SETGID,
	PROGRAM_CAPABLE,
	PROGRAM_ELEVATED,  /* AT_SECURE too: our own real and effective user or group differ */
	PROGRAM_FOREIGN,   /* another architecture than the library's */
	PROGRAM_NO_LOADER, /* the dynamic loader or "#!" interpreter it names is not there */
	PROGRAM_DAMAGED,
	PROGRAM_UNKNOWN,  /* neither ELF nor script nor text */
	PROGRAM_TOO_DEEP, /* scripts whose interpreters are scripts, deeper than the kernel goes */
	PROGRAM_VERDICTS,
};

struct program_report {
	enum program_verdict verdict;
	char file[PATH_MAX];    /* the file the verdict is about */
	char missing[PATH_MAX]; /* PROGRAM_NO_LOADER: the interpreter that is not there */
	struct elfinfo elf;     /* of file, as far as it could be read */
};

/*
 * Finds NAME as execvp(3) does and writes a path that holds a slash.  0, or -ENOENT when there is
 * none, -EACCES when there is one that may not be executed, -EISDIR, or another -errno.
 */
int program_find(char path[PATH_MAX], const char *name);

/* Judges the executable at PATH against LIBRARY, the facts of the library to be preloaded. */
void program_examine(struct program_report *report, const char *path,
		     const struct elfinfo *library);

/* True for verdicts under which the program would run, but without the shim or not at all. */
bool program_is_refused(enum program_verdict verdict);

/*
 * Writes why REPORT's verdict is what it is and what to do next, as one sentence without an end.
 * Needs LIBRARY for the architecture.  Empty for PROGRAM_FITS.
 */
#define PROGRAM_SENTENCE (2 * PATH_MAX)
void program_explain(char text[PROGRAM_SENTENCE], const struct program_report *report,
		     const struct elfinfo *library);

#endif
