/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the lines of /proc: whatever they hold, nothing behind their end is read, and a path
 * that is given lies inside the line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/proctext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = malloc(size + 1);
	struct proctext_tcp socket;
	struct proctext_map map;
	uint32_t pid;

	if (!line) {
		return 0;
	}
	memcpy(line, data, size);
	line[size] = '\0';
	proctext_tcp(line, &socket);
	proctext_nspid(line, &pid);
	if (proctext_map(line, &map) && (map.path < line || map.path > line + strlen(line))) {
		abort();
	}
	free(line);
	return 0;
}
