/* SPDX-License-Identifier: MIT */
/*
 * A process that ends while its file is read gives ESRCH, or an early end; of a zombie the
 * files are empty.
 */
#include "cli/procfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	PATH_BYTES = 64,
	COMM_BYTES = 256,
};

static FILE *open_file(pid_t pid, const char *name)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return fopen(path, "re");
}

int procfile_lines(pid_t pid, const char *name, procfile_line *call, void *context)
{
	FILE *file = open_file(pid, name);
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	int err = 0;

	if (!file) {
		return errno == ENOENT ? -ESRCH : -errno;
	}
	errno = 0;
	while ((length = getline(&line, &room, file)) > 0) {
		if (line[length - 1] == '\n') {
			line[length - 1] = '\0';
		}
		if (!call(context, line)) {
			break;
		}
		errno = 0;
	}
	err = length < 0 && !feof(file) ? -errno : 0;
	free(line);
	fclose(file);
	return err;
}

int procfile_memory(pid_t pid, uint64_t address, void *buffer, size_t size)
{
	struct iovec here = {.iov_base = buffer, .iov_len = size};
	struct iovec there = {.iov_base = (void *)(uintptr_t)address, .iov_len = size};
	ssize_t got = process_vm_readv(pid, &here, 1, &there, 1, 0);

	if (got < 0) {
		return -errno;
	}
	return (size_t)got == size ? 0 : -EFAULT;
}

void procfile_name(pid_t pid, char name[PROCFILE_NAME])
{
	FILE *file = open_file(pid, "comm");
	char comm[COMM_BYTES] = "";
	size_t length = 0;

	if (file) {
		length = fread(comm, 1, sizeof(comm) - 1, file);
		fclose(file);
	}
	if (length > 0 && comm[length - 1] == '\n') {
		length--;
	}
	if (length == 0) {
		memcpy(comm, "?", 1);
		length = 1;
	}
	length = length < PROCFILE_NAME ? length : PROCFILE_NAME - 1;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)comm[i];

		name[i] = c < ' ' || c > '~' ? '?' : (char)c;
	}
	name[length] = '\0';
}

bool procfile_environment(pid_t pid, const char *variable, char *value, size_t size)
{
	FILE *file = open_file(pid, "environ");
	size_t length = strlen(variable);
	char *entry = NULL;
	size_t room = 0;
	bool is_found = false;

	while (file && !is_found && getdelim(&entry, &room, '\0', file) > 0) {
		is_found = strncmp(entry, variable, length) == 0 && entry[length] == '=';
	}
	if (is_found) {
		snprintf(value, size, "%s", entry + length + 1);
	}
	free(entry);
	if (file) {
		fclose(file);
	}
	return is_found;
}

bool procfile_same_namespace(pid_t a, pid_t b, const char *kind)
{
	char path[PATH_BYTES];
	struct stat of_a;
	struct stat of_b;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)a, kind);
	if (stat(path, &of_a) != 0) {
		return false;
	}
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)b, kind);
	return stat(path, &of_b) == 0 && of_a.st_ino == of_b.st_ino && of_a.st_dev == of_b.st_dev;
}
