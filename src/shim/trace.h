/* SPDX-License-Identifier: MIT */
/*
 * libsendfin-trace.so, as libsendfin.so sees it: the one place that knows libunwind.
 *
 * The idea: a second library, because the first one must need no library at all. It has
 * one exported name, sendfin_trace(), which gives a table of functions; whoever asks with
 * another version gets nothing.
 * A walk tells two things of a stack: where the calls are, and the words of memory that
 * prove it. Whoever finds the same frame at the same place later, and the same value in
 * each of these words, in this order, looks at the same stack: each word's place follows
 * from the values before it.
 * Never here: a wait, an allocation or a descriptor after sendfin_trace() has returned; a
 * system call but those that ask whether memory is readable, and libunwind's own blocking
 * and unblocking of signals.
 */
#ifndef SHIM_TRACE_H
#define SHIM_TRACE_H

#define TRACE_VERSION 1
#define TRACE_LIBRARY "libsendfin-trace.so"
#define TRACE_ENTRY   "sendfin_trace"

/* The registers of struct trace_registers, for capture_enter.S. */
#if defined(__x86_64__)
#define TRACE_SAVED 5 /* rbx, r12 to r15 */
#elif defined(__aarch64__)
#define TRACE_SAVED 10 /* x19 to x28 */
#endif
#define TRACE_OFFSET_FP (8 * TRACE_SAVED)
#define TRACE_OFFSET_SP (TRACE_OFFSET_FP + 8)
#define TRACE_OFFSET_PC (TRACE_OFFSET_FP + 16)

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sendfin/ledger.h"

enum {
	TRACE_FRAMES = LEDGER_FRAMES + 1, /* one more: then it is known that there were more */
	/* One for each return address, and one for each frame that needs its frame pointer. */
	TRACE_WORDS = 64,
};

/* What a function must find as it was when it returns: enough to begin a walk. */
struct trace_registers {
	uintptr_t saved[TRACE_SAVED];
	uintptr_t fp;
	uintptr_t sp;
	uintptr_t pc;
};

_Static_assert(offsetof(struct trace_registers, fp) == TRACE_OFFSET_FP, "capture_enter.S");
_Static_assert(offsetof(struct trace_registers, sp) == TRACE_OFFSET_SP, "capture_enter.S");
_Static_assert(offsetof(struct trace_registers, pc) == TRACE_OFFSET_PC, "capture_enter.S");

struct trace_range {
	uintptr_t start;
	uintptr_t end; /* first address behind it */
};

struct trace_word {
	uintptr_t where;
	uintptr_t value;
};

struct trace_walk {
	/* Set by who asks: */
	struct trace_registers from;
	uintptr_t base;             /* stack pointer of the frame to begin with */
	struct trace_range skipped; /* frames in here are not told, but proven */
	struct trace_range libc;    /* frames in here are not told where they are outermost */
	/* Told: */
	uint32_t frame_count;           /* 0: nothing is known */
	uint32_t word_count;            /* 0: there is no proof */
	bool needs_fp;                  /* the frame pointer of `base` is part of the proof */
	uintptr_t frames[TRACE_FRAMES]; /* addresses in the calls, innermost first */
	struct trace_word words[TRACE_WORDS];
};

/* A program or library in memory. Strings live as long as it is loaded. */
struct trace_module {
	struct trace_range range;
	uintptr_t bias; /* address less offset in the file as it is linked */
	const char *path;
	const uint8_t *build_id;
	uint32_t build_id_length; /* 0 = none */
	const void *dynamic;
	const void *unwind_table; /* .eh_frame_hdr, or NULL */
};

struct trace_api {
	/*
	 * Walks the stack that walk->from is in. Must not run twice at a time, nor be
	 * interrupted by a signal; needs a stack of 16 KiB. Garbage on the stack ends the
	 * walk; nothing that is not readable is read.
	 */
	void (*walk)(struct trace_walk *walk);

	/* The module that an address lies in. Safe anywhere. */
	bool (*module)(uintptr_t address, struct trace_module *module);

	/*
	 * The function around an address, among those that the module shows to others, and
	 * how far into it the address is; or NULL. Safe anywhere.
	 */
	const char *(*name)(const struct trace_module *module, uintptr_t address, uint64_t *into);
};

/*
 * Makes everything ready and leaves no descriptor behind. NULL when it cannot be had:
 * then *why says why. Constructor only.
 */
typedef const struct trace_api *trace_entry(uint32_t version, const char **why);

#endif
#endif
