/* SPDX-License-Identifier: MIT */
/*
 * What the compiler must know of names and branches in this library.
 */
#ifndef SHIM_ATTRIBUTES_H
#define SHIM_ATTRIBUTES_H

/* On data of this library used in more than one file: reached without a table of offsets. */
#define HIDDEN __attribute__((visibility("hidden")))

/*
 * The home page: all that a forked child writes, side by side, because the first write to
 * each page of the parent's costs the child a page fault, and the parent another: the
 * dearest thing that either does here. The linker sorts sections by their names
 * (--sort-section=name), so that what stands here side by side lies so in memory:
 *
 *   .data         what has a value, and what is large and seldom written (IN_FILE)
 *   .data.self    OWN data, beginning on a page with the variable that is OWN_FIRST
 *   .bss          the few small things without a value
 *   .bss.stamps      the stamps of descriptors, two megabytes of address space: the first of
 *                 them share the page
 *   .bss.stamps.far  large arrays that are seldom touched (FAR)
 *
 * A linker that does not sort makes a library that is right, and slower; `make lint` tells.
 */
#define OWN       __attribute__((section(".data.self.more")))
#define OWN_FIRST __attribute__((section(".data.self"), aligned(4096)))
#define IN_FILE   __attribute__((section(".data.filed")))
#define STAMPS    __attribute__((section(".bss.stamps")))
#define FAR       __attribute__((section(".bss.stamps.far")))

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
