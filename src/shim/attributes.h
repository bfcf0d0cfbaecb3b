/* SPDX-License-Identifier: MIT */
/*
 * What the compiler must know of names and branches in this library.
 */
#ifndef SHIM_ATTRIBUTES_H
#define SHIM_ATTRIBUTES_H

/* On data of this library used in more than one file: reached without a table of offsets. */
#define HIDDEN __attribute__((visibility("hidden")))

/*
 * On data that every forked child writes: side by side on one page, because the first write
 * to each page of the parent's costs the child a page fault, the dearest thing it does here.
 * The linker puts it with the other data that has a value, which begins on a page and ends on it.
 */
#define OWN __attribute__((section(".data.own")))

/*
 * On large data without a value: in the file, so that what is left needs no page of zeroes, a
 * mapping of its own that every exec would make and every fork copy.
 */
#define IN_FILE __attribute__((section("filed")))

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
