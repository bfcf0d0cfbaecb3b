/* SPDX-License-Identifier: MIT */
/*
 * Streams: libc reads, writes and closes through them without a hook being called.
 *
 * Opening one for reading counts as reading the connection, for writing as writing.
 * fclose flushes and then closes, so our flush comes before the decision, as the
 * program's own would come before its close.
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "shim/capture.h"
#include "shim/letgo.h"
#include "shim/process.h"
#include "shim/real.h"
#include "shim/stream.h"
#include "shim/table.h"
#include "shim/use.h"

/* What _FORTIFY_SOURCE calls; no public header has them. */
EXPORT int __vdprintf_chk(int fd, int level, const char *format, va_list rest);
EXPORT int __dprintf_chk(int fd, int level, const char *format, ...);

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

/* A stream and its descriptor go, by fclose or pclose: `close` is libc's own. */
static inline __attribute__((always_inline)) int close_stream(__typeof__(fclose) *close,
							      FILE *stream)
{
	int fd = stream_descriptor(stream);
	int error = 0;
	int result;

	stream_closing(stream); /* also one whose descriptor went before it */
	if (unlikely(fd >= 0 && table_is_watched(fd))) {
		CAPTURE_ENTRY();
		error = leave_descriptor(stream, fd);
	}
	result = close(stream);
	if (unlikely(error != 0 && result == 0)) {
		errno = error; /* what its own flush would have said */
		return EOF;
	}
	return result;
}

EXPORT int fclose(FILE *stream)
{
	return close_stream(real.fclose, stream);
}

EXPORT int pclose(FILE *stream)
{
	return close_stream(real.pclose, stream);
}

static inline __attribute__((always_inline)) void reopening(FILE *stream)
{
	int fd = stream_descriptor(stream);

	stream_closing(stream);
	if (unlikely(fd >= 0 && table_is_watched(fd))) {
		CAPTURE_ENTRY();
		leave_descriptor(stream, fd);
	}
}

EXPORT FILE *freopen(const char *path, const char *mode, FILE *stream)
{
	reopening(stream);
	return real.freopen(path, mode, stream);
}

EXPORT FILE *freopen64(const char *path, const char *mode, FILE *stream)
{
	reopening(stream);
	return real.freopen64(path, mode, stream);
}

/* Formatted writing without a stream: libc's own write is invisible, so it is noted here. */
static inline void note_write(int fd)
{
	if (unlikely(table_is_watched(fd) && !use_is_warm(fd, STAMP_USE_WRITE))) {
		use_note(fd, STAMP_USE_WRITE);
	}
}

EXPORT int vdprintf(int fd, const char *format, va_list rest)
{
	note_write(fd);
	return real.vdprintf(fd, format, rest);
}

EXPORT int __vdprintf_chk(int fd, int level, const char *format, va_list rest)
{
	note_write(fd);
	return real.__vdprintf_chk(fd, level, format, rest);
}

EXPORT int dprintf(int fd, const char *format, ...)
{
	va_list rest;
	int result;

	note_write(fd);
	va_start(rest, format);
	result = real.vdprintf(fd, format, rest);
	va_end(rest);
	return result;
}

EXPORT int __dprintf_chk(int fd, int level, const char *format, ...)
{
	va_list rest;
	int result;

	note_write(fd);
	va_start(rest, format);
	result = real.__vdprintf_chk(fd, level, format, rest);
	va_end(rest);
	return result;
}

EXPORT __typeof__(fclose) _IO_fclose SAME_AS(fclose);
EXPORT __typeof__(fdopen) _IO_fdopen SAME_AS(fdopen);
