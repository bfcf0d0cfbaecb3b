/* SPDX-License-Identifier: MIT */
/*
 * What kind of file is this, seen with the eyes of execve(2) and of the dynamic loader?
 *
 * The idea: read the few bytes that the kernel reads (magic, ELF header, program headers, or the
 * "#!" line) and nothing else: no sections, no symbols, so a stripped file answers as well.
 * The invariant: every offset and length comes from the file and is therefore a lie until it has
 * been bounded; a file that contradicts itself is FILE_DAMAGED, not a guess.
 * Never here: opinions about what may be run; that is program.c.
 */
#ifndef SENDFIN_CLI_ELFINFO_H
#define SENDFIN_CLI_ELFINFO_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* BINPRM_BUF_SIZE of the kernel: what of a "#!" line it looks at (fs/binfmt_script.c). */
#define ELFINFO_HEAD 256

enum file_kind {
	FILE_TEXT,    /* no magic, no NUL byte in its first line: execvp(3) gives it to /bin/sh */
	FILE_SCRIPT,  /* "#!" */
	FILE_ELF,     /* a program or a shared object */
	FILE_DAMAGED, /* begins like ELF, but is cut off, contradictory or only an object file */
	FILE_UNKNOWN, /* anything else */
};

struct elfinfo {
	enum file_kind kind;
	uint8_t elf_class;          /* ELFCLASS32, ELFCLASS64 */
	uint8_t byte_order;         /* ELFDATA2LSB, ELFDATA2MSB */
	uint16_t machine;           /* EM_* */
	uint16_t type;              /* ET_EXEC, ET_DYN */
	bool has_loader;            /* PT_INTERP is there: a dynamic loader will be at work */
	bool is_go;                 /* a note of the Go linker is there */
	char interpreter[PATH_MAX]; /* of a script, or PT_INTERP; else empty */
};

/*
 * Reads PATH into *INFO. 0, or -errno when the file cannot be opened or read; opens nothing but
 * regular files and leaves no descriptor open.  Of a file of the other byte order only the fields
 * down to type are filled: it is foreign whatever else it holds.
 */
int elfinfo_read(struct elfinfo *info, const char *path);

/* True when a process made from PROGRAM can load LIBRARY: same class, byte order and machine. */
bool elfinfo_matches(const struct elfinfo *program, const struct elfinfo *library);

/* The people's name of INFO's architecture ("x86-64", "i386", ...), written to NAME if need be. */
#define ELFINFO_NAME 32
const char *elfinfo_architecture(const struct elfinfo *info, char name[ELFINFO_NAME]);

#endif
