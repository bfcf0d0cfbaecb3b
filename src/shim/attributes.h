/* SPDX-License-Identifier: MIT */
/*
 * What the compiler must know of names and branches in this library.
 */
#ifndef SHIM_ATTRIBUTES_H
#define SHIM_ATTRIBUTES_H

/* On data of this library used in more than one file: reached without a table of offsets. */
#define HIDDEN __attribute__((visibility("hidden")))

/*
 * On what is set once and has no value before: it lies with what has one. The constructor
 * writes it all, and makes it read-only (init.c). What changes has no value to begin with, or
 * gets it from the constructor: else a write would be fatal; `make lint` tells.
 */
#define ONCE __attribute__((section(".data.once")))

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
