/* SPDX-License-Identifier: MIT */
/*
 * A small table of stream pointers, claimed and given back by compare-and-swap.
 * Once it was full, nobody can say any more that all streams are flushed.
 */
#include "shim/stream.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/real.h"
#include "shim/table.h"

enum {
	/* Streams on connections open at a time: inetd handlers have one or two. */
	STREAM_MAX = 64,
};

static FILE *streams[STREAM_MAX];
static uint32_t stream_count; /* of them in use: fclose looks only when there are any */
static bool has_overflowed;

void stream_opened(FILE *stream)
{
	for (int i = 0; i < STREAM_MAX; i++) {
		FILE *empty = NULL;

		if (__atomic_compare_exchange_n(&streams[i], &empty, stream, false,
						__ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
			__atomic_fetch_add(&stream_count, 1, __ATOMIC_RELAXED);
			return;
		}
	}
	has_overflowed = true;
}

void stream_closing(FILE *stream)
{
	if (likely(__atomic_load_n(&stream_count, __ATOMIC_RELAXED) == 0)) {
		return;
	}
	for (int i = 0; i < STREAM_MAX; i++) {
		FILE *found = stream;

		if (__atomic_compare_exchange_n(&streams[i], &found, NULL, false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED)) {
			return;
		}
	}
}

int stream_descriptor(FILE *stream)
{
	int saved = errno;
	int fd = stream != NULL && borrowed.fileno != NULL ? borrowed.fileno(stream) : -1;

	errno = saved;
	return fd;
}

int stream_flush(FILE *stream)
{
	int saved = errno;
	int error = EAGAIN; /* somebody else holds it */

	if (borrowed.fflush != NULL && borrowed.ftrylockfile != NULL &&
	    borrowed.funlockfile != NULL && borrowed.ftrylockfile(stream) == 0) {
		error = borrowed.fflush(stream) == 0 ? 0 : errno;
		borrowed.funlockfile(stream);
	}
	errno = saved;
	return error;
}

static bool flush_standard(FILE **standard)
{
	int fd = standard != NULL ? stream_descriptor(*standard) : -1;

	return fd < 0 || !table_is_watched(fd) || stream_flush(*standard) == 0;
}

bool stream_flush_all(void)
{
	bool is_clean = !has_overflowed;

	for (int i = 0; i < STREAM_MAX; i++) {
		FILE *stream = __atomic_load_n(&streams[i], __ATOMIC_RELAXED);

		if (stream != NULL && stream_flush(stream) != 0) {
			is_clean = false;
		}
	}
	if (!flush_standard(borrowed.stdout) || !flush_standard(borrowed.stderr)) {
		is_clean = false;
	}
	return is_clean;
}
