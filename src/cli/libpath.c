/* SPDX-License-Identifier: MIT */
/*
 * Two copies of the shim in one process would both act on one close, so a libsendfin.so that
 * LD_PRELOAD holds already is dropped, whatever directory it comes from.
 */
#include "cli/libpath.h"

#include "cli/fail.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef SENDFIN_LIBDIR
#define SENDFIN_LIBDIR "/usr/local/lib/sendfin"
#endif

#define LIBRARY_NAME "libsendfin.so"
/* What ld.so and musl split LD_PRELOAD at: blanks (musl: any white space) and colons. */
#define SEPARATORS " :\t\n\v\f\r"

/* Looked at in this order; a relative one is seen from the directory of the command. */
static const char *const places[] = {
	".", "../lib/sendfin", "../lib", SENDFIN_LIBDIR, SENDFIN_LIBDIR "/sendfin",
};

/* Cuts "/a/b/sendfin" to "/a/b". */
static int own_directory(char dir[PATH_MAX])
{
	ssize_t len = readlink("/proc/self/exe", dir, PATH_MAX - 1);
	char *slash;

	if (len < 0) {
		return -errno;
	}
	dir[len] = '\0';
	slash = strrchr(dir, '/');
	if (!slash) {
		return -ENOENT;
	}
	*slash = '\0';
	return 0;
}

/* False when there is no such file, or its path is too long to be one. */
static bool try_place(char path[PATH_MAX], const char *dir, const char *place)
{
	char raw[2 * PATH_MAX];

	if (place[0] == '/') {
		snprintf(raw, sizeof(raw), "%s/" LIBRARY_NAME, place);
	} else if (dir[0]) {
		snprintf(raw, sizeof(raw), "%s/%s/" LIBRARY_NAME, dir, place);
	} else {
		return false;
	}
	/* Resolved, so that LD_PRELOAD reads well in /proc/PID/environ: no "bin/../lib". */
	return realpath(raw, path) != NULL;
}

static int search(char path[PATH_MAX])
{
	char dir[PATH_MAX];
	size_t i;

	if (own_directory(dir) != 0) {
		dir[0] = '\0';
	}
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (try_place(path, dir, places[i])) {
			return EXIT_DONE;
		}
	}
	return fail(EXIT_FOUND, LIBRARY_NAME,
		    "neither beside this command nor in " SENDFIN_LIBDIR
		    "; install it there or name it with --library");
}

static int make_absolute(char path[PATH_MAX], const char *given)
{
	char here[PATH_MAX];
	int len;

	if (given[0] == '/') {
		len = snprintf(path, PATH_MAX, "%s", given);
	} else if (!getcwd(here, sizeof(here))) {
		return fail_errno(EXIT_FOUND, "the current directory", errno);
	} else {
		len = snprintf(path, PATH_MAX, "%s/%s", here, given);
	}
	if (len < 0 || len >= PATH_MAX) {
		return fail_errno(EXIT_FOUND, given, ENAMETOOLONG);
	}
	return EXIT_DONE;
}

int libpath_find(char path[PATH_MAX], struct elfinfo *library, const char *given)
{
	int status = given ? make_absolute(path, given) : search(path);
	int err;

	if (status != EXIT_DONE) {
		return status;
	}
	err = elfinfo_read(library, path);
	if (err) {
		return fail(EXIT_FOUND, path, "%s; --library takes the path of " LIBRARY_NAME,
			    strerror(-err));
	}
	if (library->kind != FILE_ELF || library->type != ET_DYN) {
		return fail(EXIT_FOUND, path,
			    "not a shared library; --library takes the path of " LIBRARY_NAME);
	}
	if (path[strcspn(path, SEPARATORS)]) {
		return fail(
			EXIT_FOUND, path,
			"LD_PRELOAD cannot hold a path with a blank or a colon; make a symbolic "
			"link to it elsewhere and name that with --library");
	}
	return EXIT_DONE;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_sanitizer(const char *path)
{
	static const char *const names[] = {"libasan.so", "libtsan.so", "liblsan.so",
					    "libhwasan.so", "libclang_rt."};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strncmp(base_name(path), names[i], strlen(names[i])) == 0) {
			return true;
		}
	}
	return false;
}

static bool is_shim(const char *path, const char *library)
{
	return strcmp(path, library) == 0 || strcmp(base_name(path), LIBRARY_NAME) == 0;
}

static void append(char *list, const char *path)
{
	if (*list) {
		strcat(list, ":");
	}
	strcat(list, path);
}

/* Appends those of COPY that are (or are not) sanitizers, less the shim; splits COPY. */
static void append_kept(char *list, char *copy, const char *library, bool sanitizers)
{
	char *path;

	while ((path = strsep(&copy, SEPARATORS))) {
		if (*path && !is_shim(path, library) && is_sanitizer(path) == sanitizers) {
			append(list, path);
		}
	}
}

char *libpath_join(const char *library, const char *existing)
{
	char *list, *first, *second;

	existing = existing ? existing : "";
	first = strdup(existing);
	second = strdup(existing);
	/* Nothing gets longer: every separator of ours replaces one, but for the library's own. */
	list = calloc(1, strlen(library) + strlen(existing) + 2);
	if (list && first && second) {
		append_kept(list, first, library, true);
		append(list, library);
		append_kept(list, second, library, false);
	} else {
		free(list);
		list = NULL;
	}
	free(first);
	free(second);
	return list;
}
