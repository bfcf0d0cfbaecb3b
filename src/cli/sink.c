/* SPDX-License-Identifier: MIT */
#include "cli/sink.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

void sink_open(struct sink *sink, const char *where)
{
	const char *no_color = getenv("NO_COLOR");

	*sink = (struct sink){.where = SETTINGS_LOG_STDERR};
	if (where && where[0] == '/') {
		sink->where = SETTINGS_LOG_FILE;
		sink->path = where;
	} else if (where && strcmp(where, "syslog") == 0) {
		sink->where = SETTINGS_LOG_SYSLOG;
	} else if (where && strcmp(where, "none") == 0) {
		sink->where = SETTINGS_LOG_NONE;
	}
	sink->has_color = sink->where == SETTINGS_LOG_STDERR && isatty(STDERR_FILENO) &&
			  !(no_color && *no_color);
}

static void write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, bytes, length);

		if (written <= 0) {
			return;
		}
		bytes += written;
		length -= (size_t)written;
	}
}

static void write_file(const char *path, const char *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		      0644);

	if (fd >= 0) {
		write_all(fd, bytes, length);
		close(fd);
	}
}

static void write_syslog(const char *bytes, size_t length)
{
	while (length > 0) {
		const char *end = memchr(bytes, '\n', length);
		size_t line = end ? (size_t)(end - bytes) : length;

		syslog(LOG_DAEMON | LOG_INFO, "%.*s", (int)line, bytes);
		line += end != NULL;
		bytes += line;
		length -= line;
	}
}

void sink_write(const struct sink *sink, const char *lines, size_t length)
{
	switch (sink->where) {
	case SETTINGS_LOG_FILE:
		write_file(sink->path, lines, length);
		break;
	case SETTINGS_LOG_SYSLOG:
		write_syslog(lines, length);
		break;
	case SETTINGS_LOG_NONE:
		break;
	default:
		write_all(STDERR_FILENO, lines, length);
	}
}
