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

#include "shim/capture.h"
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

/* The stream leaves its descriptor, which will be closed. Returns its flush's error number. */
static __attribute__((noinline, cold)) int leave_descriptor(FILE *stream, int fd)
{
	struct table_gone gone;
	int error;

	if (!process_may_act()) {
		return 0;
	}
	error = stream_flush(stream);
	if (error == 0) {
		letgo(fd);
	} else {
		table_remove(fd, &gone); /* bytes for the peer are lost, or still in there */
	}
	return error;
}

EXPORT int fclose(FILE *stream)
{
	int fd = stream_descriptor(stream);
	int error = 0;
	int result;

	stream_closing(stream); /* also one whose descriptor went before it */
	if (unlikely(fd >= 0 && table_is_watched(fd))) {
		CAPTURE_ENTRY();
		error = leave_descriptor(stream, fd);
	}
	result = real.fclose(stream);
	if (unlikely(error != 0 && result == 0)) {
		errno = error; /* what fclose's own flush would have said */
		return EOF;
	}
	return result;
}

EXPORT FILE *freopen(const char *path, const char *mode, FILE *stream)
{
	int fd = stream_descriptor(stream);

	stream_closing(stream); /* also one whose descriptor went before it */
	if (unlikely(fd >= 0 && table_is_watched(fd))) {
		CAPTURE_ENTRY();
		leave_descriptor(stream, fd);
	}
	return real.freopen(path, mode, stream);
}

EXPORT FILE *freopen64(const char *path, const char *mode, FILE *stream)
{
	int fd = stream_descriptor(stream);

	stream_closing(stream); /* also one whose descriptor went before it */
	if (unlikely(fd >= 0 && table_is_watched(fd))) {
		CAPTURE_ENTRY();
		leave_descriptor(stream, fd);
	}
	return real.freopen64(path, mode, stream);
}

EXPORT __typeof__(fclose) _IO_fclose SAME_AS(fclose);
EXPORT __typeof__(fdopen) _IO_fdopen SAME_AS(fdopen);
