/* SPDX-License-Identifier: MIT */
/*
 * The order of the questions is the order in which the kernel and the loader would stumble: is it
 * there, what is it, who interprets it, whose rights does it get, is there a loader.
 */
#include "cli/program.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

/* exec_binprm() of the kernel gives up (ELOOP) after five rewrites. */
#define MAX_INTERPRETERS 5
/* What execvp(3) gives a file to that execve answers ENOEXEC for. */
#define SHELL "/bin/sh"
/* What execvp(3) searches without PATH in glibc: confstr(_CS_PATH). */
#define DEFAULT_PATH "/bin:/usr/bin"

#define FORCE   "or use --force to run it without the shim"
#define IGNORED "so the loader would ignore LD_PRELOAD"

static const struct {
	bool refused;
	const char *why;
	const char *remedy; /* NULL: there is none, and --force would not help either */
} answers[PROGRAM_VERDICTS] = {
	[PROGRAM_FITS] = {false, "", NULL},
	[PROGRAM_UNREADABLE] = {false, "cannot be read, so nobody can tell if it preloads", NULL},
	[PROGRAM_GO] = {false, "is a Go program: what its Go code does is not seen", NULL},
	[PROGRAM_STATIC] = {true, "is statically linked, so nothing can be preloaded into it",
			    "link it dynamically"},
	[PROGRAM_STATIC_GO] = {true, "is a static Go program, so nothing can be preloaded into it",
			       "close its connections in its source"},
	[PROGRAM_SETUID] = {true, "is set-user-ID, " IGNORED,
			    "run it as its owner, or run a copy without the bit (chmod u-s)"},
	[PROGRAM_SETGID] = {true, "is set-group-ID, " IGNORED,
			    "run it as its group, or run a copy without the bit (chmod g-s)"},
	[PROGRAM_CAPABLE] = {true, "has file capabilities, " IGNORED,
			     "run a copy without them (cp drops them)"},
	[PROGRAM_ELEVATED] = {true, "would not run as the real user or group, " IGNORED,
			      "become that user first"},
	[PROGRAM_NO_LOADER] = {true, NULL, NULL},
	[PROGRAM_FOREIGN] = {true, NULL, NULL},
	[PROGRAM_DAMAGED] = {true, "is an ELF file, but cut off or not a program", NULL},
	[PROGRAM_UNKNOWN] = {true, "is neither an ELF program nor a script",
			     "name the program that runs it"},
	[PROGRAM_TOO_DEEP] = {true, "is a script with too many interpreters of interpreters", NULL},
};

static int check_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		return -errno;
	}
	if (S_ISDIR(st.st_mode)) {
		return -EISDIR;
	}
	/* By effective identity, as execve asks; access(2) would ask for the real one. */
	if (!S_ISREG(st.st_mode) || eaccess(path, X_OK) != 0) {
		return -EACCES;
	}
	return 0;
}

static int set_path(char path[PATH_MAX], const char *dir, size_t dir_len, const char *name)
{
	/* An empty element of PATH is the current directory; "./" keeps exec from searching. */
	int len = dir_len == 0 ? snprintf(path, PATH_MAX, "./%s", name)
			       : snprintf(path, PATH_MAX, "%.*s/%s", (int)dir_len, dir, name);

	return len < 0 || len >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int program_find(char path[PATH_MAX], const char *name)
{
	const char *dirs = getenv("PATH");
	int result = -ENOENT;

	if (!*name) {
		return -ENOENT;
	}
	if (strchr(name, '/')) {
		if (strlen(name) >= PATH_MAX) {
			return -ENAMETOOLONG;
		}
		strcpy(path, name);
		return check_executable(path);
	}
	if (!dirs) {
		dirs = DEFAULT_PATH;
	}
	for (;;) {
		size_t len = strcspn(dirs, ":");
		int err = len < PATH_MAX ? set_path(path, dirs, len, name) : -ENAMETOOLONG;

		if (!err) {
			err = check_executable(path);
		}
		if (!err) {
			return 0;
		}
		/* Worth telling: a file without the x bit. Not: a directory we may not search. */
		if (err == -EACCES && access(path, F_OK) == 0) {
			result = err;
		}
		if (!dirs[len]) {
			return result;
		}
		dirs += len + 1;
	}
}

/* File capabilities that would be granted, or taken as granted by the kernel's "effective" flag. */
static bool has_capabilities(const char *path)
{
	struct vfs_ns_cap_data data;
	ssize_t size = getxattr(path, "security.capability", &data, sizeof(data));
	size_t i;

	if (size < (ssize_t)sizeof(data.magic_etc)) {
		return false;
	}
	if (le32toh(data.magic_etc) & VFS_CAP_FLAGS_EFFECTIVE) {
		return true;
	}
	for (i = 0; sizeof(data.magic_etc) + (i + 1) * sizeof(data.data[0]) <= (size_t)size; i++) {
		if (data.data[i].permitted) {
			return true;
		}
	}
	return false;
}

/*
 * When does the kernel set AT_SECURE?  security/commoncap.c, cap_bprm_creds_from_file(): the new
 * effective user or group is not the old real one, or a user other than root gets capabilities.
 * Hence set-user-ID to oneself is harmless, and so are capabilities for root.
 */
static enum program_verdict judge_rights(const char *path)
{
	struct statvfs fs;
	struct stat st;
	uid_t euid = geteuid();
	gid_t egid = getegid();
	bool honoured;

	if (stat(path, &st) != 0 || statvfs(path, &fs) != 0) {
		return PROGRAM_FITS;
	}
	honoured = !(fs.f_flag & ST_NOSUID);
	if (honoured && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) {
		if (st.st_mode & S_ISUID) {
			euid = st.st_uid;
		}
		/* Without the group's x bit the set-group-ID bit means mandatory locking. */
		if ((st.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP)) {
			egid = st.st_gid;
		}
	}
	if (euid != getuid()) {
		return euid == geteuid() ? PROGRAM_ELEVATED : PROGRAM_SETUID;
	}
	if (egid != getgid()) {
		return egid == getegid() ? PROGRAM_ELEVATED : PROGRAM_SETGID;
	}
	if (honoured && getuid() != 0 && has_capabilities(path)) {
		return PROGRAM_CAPABLE;
	}
	return PROGRAM_FITS;
}

static enum program_verdict judge_elf(struct program_report *report, const struct elfinfo *library)
{
	const struct elfinfo *elf = &report->elf;
	enum program_verdict rights;

	if (!elfinfo_matches(elf, library)) {
		return PROGRAM_FOREIGN;
	}
	if (!elf->has_loader) {
		return elf->is_go ? PROGRAM_STATIC_GO : PROGRAM_STATIC;
	}
	rights = judge_rights(report->file);
	if (rights != PROGRAM_FITS) {
		return rights;
	}
	if (access(elf->interpreter, F_OK) != 0) {
		strcpy(report->missing, elf->interpreter);
		return PROGRAM_NO_LOADER;
	}
	return elf->is_go ? PROGRAM_GO : PROGRAM_FITS;
}

/* Puts the interpreter in the place of the script; false when it cannot be run. */
static bool step_to(struct program_report *report, const char *interpreter)
{
	if (check_executable(interpreter) != 0) {
		snprintf(report->missing, sizeof(report->missing), "%s", interpreter);
		return false;
	}
	snprintf(report->file, sizeof(report->file), "%s", interpreter);
	return true;
}

static enum program_verdict judge(struct program_report *report, const struct elfinfo *library)
{
	int depth;

	for (depth = 0; depth <= MAX_INTERPRETERS; depth++) {
		char interpreter[PATH_MAX];

		if (elfinfo_read(&report->elf, report->file) != 0) {
			return judge_rights(report->file) ?: PROGRAM_UNREADABLE;
		}
		switch (report->elf.kind) {
		case FILE_ELF:
			return judge_elf(report, library);
		case FILE_DAMAGED:
			return PROGRAM_DAMAGED;
		case FILE_UNKNOWN:
			return PROGRAM_UNKNOWN;
		case FILE_TEXT:
			strcpy(interpreter, SHELL);
			break;
		case FILE_SCRIPT:
			strcpy(interpreter, report->elf.interpreter);
			break;
		}
		if (!step_to(report, interpreter)) {
			return PROGRAM_NO_LOADER;
		}
	}
	return PROGRAM_TOO_DEEP;
}

void program_examine(struct program_report *report, const char *path, const struct elfinfo *library)
{
	memset(report, 0, sizeof(*report));
	snprintf(report->file, sizeof(report->file), "%s", path);
	report->verdict = judge(report, library);
}

bool program_is_refused(enum program_verdict verdict)
{
	return answers[verdict].refused;
}

void program_explain(char text[PROGRAM_SENTENCE], const struct program_report *report,
		     const struct elfinfo *library)
{
	const char *why = answers[report->verdict].why;
	const char *remedy = answers[report->verdict].remedy;
	char ours[ELFINFO_NAME], theirs[ELFINFO_NAME];

	if (report->verdict == PROGRAM_NO_LOADER) {
		snprintf(text, PROGRAM_SENTENCE, "needs %s, which is not there or not executable",
			 report->missing);
	} else if (report->verdict == PROGRAM_FOREIGN) {
		snprintf(text, PROGRAM_SENTENCE,
			 "is for %s, but the library is for %s; name a library for it with "
			 "--library, " FORCE,
			 elfinfo_architecture(&report->elf, theirs),
			 elfinfo_architecture(library, ours));
	} else if (remedy) {
		snprintf(text, PROGRAM_SENTENCE, "%s; %s, " FORCE, why, remedy);
	} else {
		snprintf(text, PROGRAM_SENTENCE, "%s", why);
	}
}
