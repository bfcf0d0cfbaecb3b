/* SPDX-License-Identifier: MIT */
/*
 * What the compiler must know of names and branches in this library.
 */
#ifndef SHIM_ATTRIBUTES_H
#define SHIM_ATTRIBUTES_H

/* On data of this library used in more than one file: reached without a table of offsets. */
#define HIDDEN __attribute__((visibility("hidden")))

/*
 * Where variables lie. The first write to each page after a fork costs whoever writes, parent
 * or child, a page fault, and every mapping costs the fork: these are the dearest things that
 * we do. So what changes while a server works lies on one page, the home page, but for the
 * stamps of the descriptors:
 *
 *   .data, ONCE   what has a value, and what is large and set once: the constructor writes
 *                 it, and makes it read-only (init.c)
 *   .bss          everything else; its alignment, FAR's, makes it begin on a page
 *   FAR           arrays that are seldom touched
 *
 * What is larger, as the stamps, is no variable: the constructor maps it. The loader maps this
 * library before it maps libc, and under a limit (RLIMIT_AS, RLIMIT_DATA) that leaves no room
 * for both the program would not start. A mapping of ours that fails only retires us.
 *
 * The linker keeps this order because it sorts sections by name (--sort-section=name). One
 * that does not makes a library that is right, but slower; `make lint` tells.
 */
enum { HOME_ALIGNMENT = 4096 };

#define ONCE __attribute__((section(".data.once")))
#define FAR  __attribute__((section(".bss.far"), aligned(HOME_ALIGNMENT)))

/* On every function the program may find: all else in this library is hidden. */
#define EXPORT __attribute__((visibility("default")))

/* A second name of a function in the same file, with all its attributes. */
#if defined(__clang__)
#define SAME_AS(name) __attribute__((alias(#name)))
#else
#define SAME_AS(name) __attribute__((alias(#name), copy(name)))
#endif

#define likely(condition)   __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

#endif
