/* SPDX-License-Identifier: MIT */
/*
 * stdio streams that stand on connections: libc reads, writes and closes through
 * them without calling any hook, so what is in their buffers must be known of
 * before a FIN is sent.
 *
 * The idea: fdopen enters the stream here, fclose and freopen take it out; the
 * standard streams are known from the start.
 * Invariant: a FIN for a connection with a stream is sent only after the streams
 * were flushed without an error.
 * Never here: a wait for a stream's lock. A stream that another thread holds is
 * not flushed, and then nothing is sent.
 */
#ifndef SHIM_STREAM_H
#define SHIM_STREAM_H

#include <stdbool.h>
#include <stdio.h>

/* A stream was opened on a connection. Safe in threads and signal handlers. */
void stream_opened(FILE *stream);

/* The stream is about to be closed or to get another file. */
void stream_closing(FILE *stream);

/* The stream's descriptor, or -1; errno is kept. Streams on no descriptor have none. */
int stream_descriptor(FILE *stream);

/* Flushes one stream as fclose would. Returns 0, or the error number. errno is kept. */
int stream_flush(FILE *stream);

/*
 * At the end of the process, once its own handlers have run: flushes every stream
 * that stands on a connection. True when nothing is left in any. errno is kept.
 */
bool stream_flush_all(void);

#endif
