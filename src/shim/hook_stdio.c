/* SPDX-License-Identifier: MIT */
/*
 * Streams: libc reads, writes and closes through them without a hook being called.
 *
 * Opening one for reading counts as reading the connection, for writing as writing.
 * fclose flushes and then closes, so our flush comes before the decision, as the
 * program's own would come before its close.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "shim/letgo.h"
#include "shim/process.h"
#include "shim/real.h"
#include "shim/stream.h"
#include "shim/table.h"
#include "shim/use.h"

static uint64_t use_of_mode(const char *mode)
{
	bool both = strchr(mode, '+') != NULL;

	if (both) {
		return STAMP_USE_ALL;
	}
	return mode[0] == 'r' ? STAMP_USE_READ : STAMP_USE_WRITE;
}

EXPORT FILE *fdopen(int fd, const char *mode)
{
	FILE *stream = real.fdopen(fd, mode);

	if (stream != NULL && table_is_watched(fd) && process_may_act()) {
		stream_opened(stream);
		table_flag(fd, STAMP_STDIO);
		use_note(fd, use_of_mode(mode));
	}
	return stream;
}

/* The stream leaves its descriptor, which will be closed. */
static __attribute__((noinline, cold)) void leave_descriptor(FILE *stream, int fd)
{
	if (!process_may_act()) {
		return;
	}
	if (stream_flush(stream)) {
		letgo(fd);
	} else {
		/* Bytes for the peer are still in there: the real fclose deals with them. */
		struct table_gone gone;

		table_remove(fd, &gone);
	}
}

EXPORT int fclose(FILE *stream)
{
	int fd = stream_descriptor(stream);

	stream_closing(stream); /* also one whose descriptor went before it */
	if (unlikely(fd >= 0 && table_is_watched(fd))) {
		leave_descriptor(stream, fd);
	}
	return real.fclose(stream);
}

EXPORT FILE *freopen(const char *path, const char *mode, FILE *stream)
{
	int fd = stream_descriptor(stream);

	stream_closing(stream); /* also one whose descriptor went before it */
	if (unlikely(fd >= 0 && table_is_watched(fd))) {
		leave_descriptor(stream, fd);
	}
	return real.freopen(path, mode, stream);
}

EXPORT FILE *freopen64(const char *path, const char *mode, FILE *stream)
{
	int fd = stream_descriptor(stream);

	stream_closing(stream); /* also one whose descriptor went before it */
	if (unlikely(fd >= 0 && table_is_watched(fd))) {
		leave_descriptor(stream, fd);
	}
	return real.freopen64(path, mode, stream);
}

EXPORT __typeof__(fclose) _IO_fclose SAME_AS(fclose);
EXPORT __typeof__(fdopen) _IO_fdopen SAME_AS(fdopen);
